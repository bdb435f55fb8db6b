"""A plan: one operation, for one kind of caller, ready to run.

For: `documents`, which keeps plans, and `execute`, which runs them.
Owns: which parts of an answer generated code completes. Never: sees a request.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from graphql import FragmentDefinitionNode, OperationDefinitionNode, OperationType, SelectionSetNode, print_ast

from syncline.graphql.codegen import PROJECT, SERIALIZE, compile_arguments, compile_shape
from syncline.graphql.fragments import Kept
from syncline.graphql.publish import HIDDEN_TYPENAME, compile_publication
from syncline.graphql.schema import Schema
from syncline.graphql.selection import FieldPlan, Resolves, Selector, innermost


class Settled:
    """What of an API's configuration a plan depends on. A new one whenever it changes: its plans are forgotten."""

    __slots__ = ("default_mode", "depth_max", "kept", "resolvers", "schema")

    def __init__(
        self,
        schema: Schema,
        resolvers: Mapping[tuple[str, str], Resolves],
        *,
        default_mode: str,
        depth_max: int,
        kept: Kept | None = None,
    ) -> None:
        self.schema, self.resolvers = schema, resolvers
        self.default_mode, self.depth_max = default_mode, depth_max
        self.kept = kept


class Plan:
    """Root fields in order; whether they run one after the other; what of them is published."""

    __slots__ = ("fields", "mutation", "parallel", "publications")

    def __init__(self, operation: OperationDefinitionNode, fields: list[FieldPlan], schema: Schema) -> None:
        self.fields = fields
        self.mutation = operation.operation is OperationType.MUTATION
        self.parallel = not self.mutation and runs(fields) > 1
        self.publications: dict[str, Callable[[Any], Any] | None] = {}
        if self.mutation:
            for field in fields:
                if field.name in schema.topics:
                    self.publications[field.key] = compile_publication(field.shape)


def compile_plan(
    settled: Settled,
    operation: OperationDefinitionNode,
    fragments: Mapping[str, FragmentDefinitionNode],
    *,
    conditions: Mapping[str, bool],
    grants: Any,
    mode: str = SERIALIZE,
) -> Plan:
    """The plan for callers of these `grants` and these values of @skip/@include variables. Raises PlanTooLarge."""
    published = operation.operation is OperationType.MUTATION and bool(settled.schema.topics)
    selector = Selector(
        settled.schema,
        fragments,
        conditions,
        resolvers=settled.resolvers,
        grants=grants,
        default_mode=settled.default_mode,
        depth_max=settled.depth_max,
        hidden_typename=HIDDEN_TYPENAME if published else None,
    )
    fields = selector.root(operation)
    equip(fields, mode, settled.kept if operation.operation is OperationType.QUERY else None)
    if mode == PROJECT:
        for field in fields:
            field.arguments = compile_arguments(field)  # they filter, whether or not a resolver sees them
    return Plan(operation, fields, settled.schema)


def equip(fields: list[FieldPlan], mode: str, kept: Kept | None) -> None:
    """Generate the code of each resolver's arguments and of each value inside which no resolver runs.

    With `kept` values may be rows where a resolver gives them. What a mutation publishes is never rows.
    """
    for field in fields:
        if field.resolver is not None:
            field.arguments = compile_arguments(field)
        if field.shape.pure:
            field.rows = kept is not None and field.resolver is not None and field.resolver.gives_rows
            field.shape.fast = compile_shape(field.shape, mode, kept if field.rows else None)
            continue
        for selected in innermost(field.shape).selections.values():
            equip(selected, mode, kept)


def runs(fields: list[FieldPlan]) -> int:
    """How many of these fields may have to wait for a resolver."""
    return sum(not field.plain for field in fields)


def selection_paths(field: FieldPlan) -> list[str]:
    """`ctx.info.selectionSetList`: slash paths by response key; of an abstract type only what is selected directly."""
    found: list[str] = []

    def note(prefix: str, owner: FieldPlan) -> None:
        shape = innermost(owner.shape)
        direct = _direct_keys(owner) if shape.kind == "abstract" else None
        for inner in next(iter(shape.selections.values()), []):
            if inner.key == HIDDEN_TYPENAME or (direct is not None and inner.key not in direct):
                continue
            found.append(prefix + inner.key)
            note(f"{prefix}{inner.key}/", inner)

    note("", field)
    return found


def _direct_keys(field: FieldPlan) -> set[str]:
    sets = [node.selection_set for node in field.nodes if node.selection_set]
    direct = [each for selected in sets for each in selected.selections if each.kind == "field"]
    return {(node.alias or node.name).value for node in direct}  # type: ignore[attr-defined]


def selection_text(field: FieldPlan) -> str:
    """`ctx.info.selectionSetGraphQL`: what the field selects, printed again."""
    sets = [node.selection_set for node in field.nodes if node.selection_set]
    if not sets:
        return ""
    return print_ast(SelectionSetNode(selections=tuple(each for selected in sets for each in selected.selections)))
