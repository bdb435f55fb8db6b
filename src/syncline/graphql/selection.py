"""What an operation selects, resolved against the schema: a tree of fields and of the shapes of their values.

For: `codegen` and `execute`. Owns: the tree of one operation, for one kind of caller and one set of @skip/@include
values.
Never: sees a value; runs anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

from graphql import (
    BooleanValueNode,
    DirectiveNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLAbstractType,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLString,
    GraphQLUnionType,
    InlineFragmentNode,
    NamedTypeNode,
    NameNode,
    OperationDefinitionNode,
    SelectionSetNode,
    TypeNameMetaFieldDef,
    VariableNode,
    is_leaf_type,
)

from syncline.graphql.errors import FieldFailed, denied
from syncline.graphql.schema import Schema, admitted

FIELDS_MAX = 20_000
"""Fields of one plan, fragments unfolded: a few nested fragments can multiply into billions."""
DEPTH_MAX = 75
"""Levels of one plan. AppSync's own limit can be set no higher; ours keeps recursion far from the interpreter's."""

Completer = Callable[[Any], Any]


class PlanTooLarge(Exception):
    """The operation has more fields or levels, with its fragments unfolded, than a plan may have."""


class Resolves(Protocol):
    """What gives a field its value: a compiled resolver."""

    @property
    def gives_rows(self) -> bool: ...

    async def resolve(self, context: Any, /) -> Any: ...


class Shape:
    """The shape of a value: leaf, list, object or abstract. `pure`: no resolver runs anywhere inside it."""

    __slots__ = ("fast", "item", "kind", "leaf", "name", "non_null", "pure", "selections")

    def __init__(self, kind: str, name: str, non_null: bool) -> None:
        self.kind, self.name, self.non_null = kind, name, non_null
        self.leaf: Any = None
        self.item: Shape | None = None
        self.selections: dict[str, list[FieldPlan]] = {}
        self.pure = True
        self.fast: Completer | None = None


class FieldPlan:
    """One field of a selection: its key in the answer, its resolver if it has one, the shape of its value."""

    __slots__ = (
        "arguments",
        "blocked",
        "definition",
        "key",
        "lacking",
        "looked",
        "name",
        "nodes",
        "parent",
        "resolver",
        "rows",
        "shape",
    )

    def __init__(self, key: str, parent: str, nodes: list[FieldNode], definition: GraphQLField, shape: Shape) -> None:
        self.key, self.name, self.parent, self.nodes = key, nodes[0].name.value, parent, nodes
        self.definition, self.shape = definition, shape
        self.resolver: Resolves | None = None
        self.arguments: Callable[[Mapping[str, Any]], dict[str, Any]] | None = None
        self.blocked: FieldFailed | None = None
        self.rows = False
        """Whether the field's code completes rows of a table, too."""
        self.looked = 0
        """Of a mutation's field: the generation of needs that it was compared with."""
        self.lacking: set[tuple[str, str]] = set()
        """Of a mutation's field: the subscriptions' fields that it does not select, each with its path."""

    @property
    def plain(self) -> bool:
        """Whether the field is a property of its parent's value, as is all that it selects."""
        return self.resolver is None and self.blocked is None and self.shape.pure


class Selector:
    """Unfolds an operation's selections. One use, for one plan."""

    def __init__(
        self,
        schema: Schema,
        fragments: Mapping[str, FragmentDefinitionNode],
        conditions: Mapping[str, bool],
        *,
        resolvers: Mapping[tuple[str, str], Resolves],
        grants: Any,
        default_mode: str,
        depth_max: int,
        hidden_typename: str | None = None,
    ) -> None:
        self._schema, self._fragments, self._conditions = schema, fragments, conditions
        self._resolvers, self._grants, self._default_mode = resolvers, grants, default_mode
        self._depth_max = depth_max
        self._hidden_typename = hidden_typename
        self._count = 0

    def root(self, operation: OperationDefinitionNode) -> list[FieldPlan]:
        """The operation's root fields, and all that hangs from them."""
        kind = self._schema.core.get_root_type(operation.operation)
        assert kind is not None, "a validated operation has a root type"
        return self._fields(kind, [operation.selection_set], 1)

    def field(self, parent: GraphQLObjectType, key: Any, nodes: list[FieldNode]) -> FieldPlan:
        """One field of the operation, and what hangs from it."""
        return self._field(parent, str(key), nodes, 1)

    def _fields(self, parent: GraphQLObjectType, sets: list[SelectionSetNode], depth: int) -> list[FieldPlan]:
        found: dict[str, list[FieldNode]] = {}
        for selected in sets:
            self._collect(parent, selected, found)
        return [self._field(parent, key, nodes, depth) for key, nodes in found.items()]

    def _collect(self, parent: GraphQLObjectType, selected: SelectionSetNode, into: dict[str, list[FieldNode]]) -> None:
        for node in selected.selections:
            if not included(node.directives or (), self._conditions):
                continue
            if isinstance(node, FieldNode):
                into.setdefault((node.alias or node.name).value, []).append(node)
                continue
            condition: NamedTypeNode | None
            if isinstance(node, FragmentSpreadNode):
                fragment = self._fragments[node.name.value]
                condition, inner = fragment.type_condition, fragment.selection_set
            else:
                assert isinstance(node, InlineFragmentNode), "a selection is a field or a fragment"
                condition, inner = node.type_condition, node.selection_set
            if condition is None or self._applies(condition.name.value, parent):
                self._collect(parent, inner, into)

    def _applies(self, condition: str, parent: GraphQLObjectType) -> bool:
        named = self._schema.core.type_map[condition]
        if isinstance(named, (GraphQLInterfaceType, GraphQLUnionType)):
            return self._schema.core.is_sub_type(named, parent)
        return named is parent

    def _field(self, parent: GraphQLObjectType, key: str, nodes: list[FieldNode], depth: int) -> FieldPlan:
        self._count += 1
        if self._count > FIELDS_MAX:
            raise PlanTooLarge(f"The operation unfolds into more than {FIELDS_MAX} fields.")
        if depth > DEPTH_MAX:
            raise PlanTooLarge(f"The operation is nested deeper than {DEPTH_MAX} levels.")
        name = nodes[0].name.value
        definition = self._schema.core.get_field(parent, name)
        assert definition is not None, "a validated document selects only fields that are there"
        field = FieldPlan(key, parent.name, nodes, definition, self._shape(definition.type, nodes, depth))
        field.resolver = self._resolvers.get((parent.name, name))
        if name != "__typename":
            field.blocked = self._blocked(parent.name, name, depth)
        return field

    def _blocked(self, parent: str, name: str, depth: int) -> FieldFailed | None:
        access = self._schema.access.get((parent, name))
        if not admitted(self._grants, access, self._default_mode, parent=parent, name=name):
            return denied(name, parent)
        if self._depth_max and depth > self._depth_max:
            return FieldFailed("Query depth limit reached.", "QueryDepthLimitReached")
        return None

    def _shape(self, kind: Any, nodes: list[FieldNode], depth: int) -> Shape:
        non_null = isinstance(kind, GraphQLNonNull)
        if non_null:
            kind = kind.of_type
        if isinstance(kind, GraphQLList):
            shape = Shape("list", "", non_null)
            shape.item = self._shape(kind.of_type, nodes, depth)
            shape.name, shape.pure = shape.item.name, shape.item.pure
            return shape
        if is_leaf_type(kind):
            shape = Shape("leaf", kind.name, non_null)
            shape.leaf = kind
            return shape
        possible = [kind] if isinstance(kind, GraphQLObjectType) else self._possible(kind)
        shape = Shape("object" if isinstance(kind, GraphQLObjectType) else "abstract", kind.name, non_null)
        sets = [node.selection_set for node in nodes if node.selection_set]
        shape.selections = {each.name: self._fields(each, sets, depth + 1) for each in possible}
        if shape.kind == "abstract" and self._hidden_typename:
            for name, fields in shape.selections.items():
                fields.append(self._type_name(name))
        shape.pure = all(field.plain for fields in shape.selections.values() for field in fields)
        return shape

    def _type_name(self, parent: str) -> FieldPlan:
        assert self._hidden_typename, "only where it was asked for"
        shape = Shape("leaf", "String", non_null=True)
        shape.leaf = GraphQLString
        node = FieldNode(name=NameNode(value="__typename"))
        return FieldPlan(self._hidden_typename, parent, [node], TypeNameMetaFieldDef, shape)

    def _possible(self, kind: GraphQLAbstractType) -> list[GraphQLObjectType]:
        return list(self._schema.core.get_possible_types(kind))


def included(directives: tuple[DirectiveNode, ...], conditions: Mapping[str, bool]) -> bool:
    """Whether @skip and @include leave a selection in, with these values of the variables that they name."""
    for directive in directives:
        if directive.name.value not in ("skip", "include"):
            continue
        value = (directive.arguments or ())[0].value
        truth = conditions[value.name.value] if isinstance(value, VariableNode) else _literal(value)
        if truth is (directive.name.value == "skip"):
            return False
    return True


def _literal(value: Any) -> bool:
    return isinstance(value, BooleanValueNode) and value.value


def walk(fields: list[FieldPlan]) -> Iterator[FieldPlan]:
    """Every field of a tree, parents first."""
    for field in fields:
        yield field
        for inner in innermost(field.shape).selections.values():
            yield from walk(inner)


def innermost(shape: Shape) -> Shape:
    """The shape inside all lists."""
    while shape.item is not None:
        shape = shape.item
    return shape
