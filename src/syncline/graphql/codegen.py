"""Generated Python: how a value becomes its part of the answer, and how arguments are put together.

For: `plan` (answers, mode SERIALIZE) and `subscribe` (what mutations published, mode PROJECT).
The code is optimistic: whatever is not plainly right raises one of ANOMALIES, and the caller completes the same
value again the careful way, which knows paths, nulls and errors. Both ways read only, so nothing happens twice.
Owns: the generated source. Never: runs a resolver; puts text of a document into the source other than by `repr`.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLError,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    ListValueNode,
    NullValueNode,
    ObjectValueNode,
    Undefined,
    ValueNode,
    VariableNode,
)
from graphql.utilities.coerce_input_value import coerce_default_value, coerce_input_literal

from syncline.datasources import PAGE_MEMBER, Rows
from syncline.graphql.fragments import Fragments, Kept
from syncline.graphql.selection import FieldPlan, Shape

SERIALIZE = "serialize"
"""Leaves are a resolver's raw values."""
PROJECT = "project"
"""Leaves were serialised already; a field that is not there is an anomaly."""


class Anomaly(Exception):
    """Not plainly right: to be looked at the careful way."""


ANOMALIES = (Anomaly, GraphQLError, AttributeError, KeyError, TypeError, ValueError, OverflowError)

LEAF_TESTS = {
    "String": "type({v}) is str",
    "ID": "type({v}) is str",
    "Boolean": "({v} is True or {v} is False)",
    "Int": "type({v}) is int and -2147483648 <= {v} <= 2147483647",
    "Float": "type({v}) is float and {v} - {v} == 0.0",
    "AWSTimestamp": "type({v}) is int and -9223372036854775808 <= {v} <= 9223372036854775807",
}
"""What passes as it is, without a call."""


def _anomaly(*_: Any) -> Any:
    raise Anomaly


class Source:
    """Python source under construction, and the constants it names."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.constants: dict[str, Any] = {"_anomaly": _anomaly}
        self._names = 0

    def name(self, prefix: str) -> str:
        """A name not used yet."""
        self._names += 1
        return f"{prefix}{self._names}"

    def constant(self, value: Any) -> str:
        """The name under which the code finds `value`."""
        name = self.name("k")
        self.constants[name] = value
        return name

    def function(self, name: str) -> Callable[..., Any]:
        """Compile everything and give the function `name`."""
        exec(compile("\n".join(self.lines), "<plan>", "exec"), self.constants)
        found: Callable[..., Any] = self.constants[name]
        return found


def compile_shape(shape: Shape, mode: str = SERIALIZE, kept: Kept | None = None) -> Callable[[Any], Any]:
    """A function from a value to its part of the answer; raises one of ANOMALIES when in doubt. `shape` is pure.

    With `kept` the value may be rows, or a page with rows, and their fragments are kept.
    """
    assert shape.pure, "generated code awaits nothing"
    source = Source()
    expression = _Completion(source, mode).value("v", shape, kept)
    source.lines.append(f"def complete(v):\n    return {expression}")
    return source.function("complete")


class _Completion:
    def __init__(self, source: Source, mode: str) -> None:
        self._source, self._mode = source, mode

    def value(self, v: str, shape: Shape, kept: Kept | None = None) -> str:
        """An expression that completes the local variable `v`."""
        if shape.kind == "leaf":
            return self._leaf(v, v, shape)
        return f"({self._null(shape)} if {v} is None else {self._present(v, shape, kept)})"

    def _present(self, v: str, shape: Shape, kept: Kept | None = None) -> str:
        """An expression that completes `v`, no leaf and known not to be None. With `kept` it may be rows or a page."""
        item = shape.item or shape
        if kept is None or item.kind not in ("object", "abstract"):
            return self._plain(v, shape)
        one, fragments = self._source.name("c"), self._source.name("r")
        self._source.constants.update(Rows=Rows, Fragments=Fragments)
        self._source.lines.append(f"def {one}(v):\n    return {self._plain('v', item)}")
        self._source.lines.append(f"{fragments} = Fragments({self._source.constant(kept)}, {one})")
        of_rows = f"{fragments}.{'of_each' if shape.item else 'of_one'}({v})"
        return f"({of_rows} if type({v}) is Rows else {self._plain(v, shape, kept)})"

    def _plain(self, v: str, shape: Shape, kept: Kept | None = None) -> str:
        """The same for `v` as plain JSON; with `kept` its page's items may be rows."""
        if shape.kind == "list":
            assert shape.item is not None, "a list has items"
            item = self._source.name("i")
            return f"([{self.value(item, shape.item)} for {item} in {v}] if type({v}) is list else _anomaly())"
        if shape.kind == "object":
            return f"{self._object(shape.name, shape.selections[shape.name], kept)}({v})"
        table = {name: self._object(name, fields) for name, fields in shape.selections.items()}
        rows = ", ".join(f"{name!r}: {function}" for name, function in table.items())
        names = self._source.name("t")
        self._source.lines.append(f"{names} = {{{rows}}}")
        return f"{names}[{v}['__typename']]({v})"

    def _object(self, type_name: str, fields: list[FieldPlan], kept: Kept | None = None) -> str:
        """The name of a generated function that completes an object of this type."""
        parts = [
            f"{field.key!r}: {self._field(type_name, field, kept if field.name == PAGE_MEMBER else None)}"
            for field in fields
        ]
        function = self._source.name("o")
        getter = "v.__getitem__" if self._mode == PROJECT else "v.get"
        self._source.lines.append(f"def {function}(v):\n    g = {getter}\n    return {{{', '.join(parts)}}}")
        return function

    def _field(self, type_name: str, field: FieldPlan, kept: Kept | None = None) -> str:
        if field.name == "__typename":
            return repr(type_name)
        if field.blocked is not None:
            return "_anomaly()"
        x = self._source.name("x")
        fetched = f"({x} := g({field.name!r}))"
        if field.shape.kind == "leaf":
            return self._leaf(x, fetched, field.shape)
        return f"({self._null(field.shape)} if {fetched} is None else {self._present(x, field.shape, kept)})"

    def _leaf(self, v: str, first: str, shape: Shape) -> str:
        """`first` is the expression's first use of the value, which may bind `v`."""
        if self._mode == PROJECT:
            return f"(_anomaly() if {first} is None else {v})" if shape.non_null else first
        serialize = self._serializer(shape)
        test = LEAF_TESTS.get(shape.name)
        if test is None and isinstance(shape.leaf, GraphQLEnumType):
            test = "{v} in " + self._source.constant(frozenset(shape.leaf.values))
        if test is None:
            return f"({self._null(shape)} if {first} is None else {serialize}({v}))"
        opening, _, rest = test.partition("{v}")
        condition = opening + first + rest.replace("{v}", v)
        null = f"_anomaly() if {v} is None else "
        return f"({v} if {condition} else {null if shape.non_null else f'None if {v} is None else '}{serialize}({v}))"

    def _serializer(self, shape: Shape) -> str:
        return self._source.constant(serializer_of(shape.leaf))

    @staticmethod
    def _null(shape: Shape) -> str:
        return "_anomaly()" if shape.non_null else "None"


def serializer_of(leaf: Any) -> Callable[[Any], Any]:
    """How a leaf's raw value becomes JSON. Raises GraphQLError or ValueError when it cannot."""
    found: Callable[[Any], Any] = leaf.coerce_output_value
    return found


Arguments = Callable[[Mapping[str, Any]], dict[str, Any]]


def compile_arguments(field: FieldPlan) -> Arguments | None:
    """A function from the coerced variables to the field's arguments, absent ones absent; None: it takes none."""
    definitions = field.definition.args
    if not definitions:
        return None
    given = {each.name.value: each.value for each in field.nodes[0].arguments or ()}
    source = Source()
    writer = _Arguments(source)
    writer.members("a", [(name, given.get(name), argument) for name, argument in definitions.items()])
    body = "\n".join(f"    {line}" for line in writer.body)
    source.lines.append(f"def arguments(variables):\n{body}\n    return a")
    return source.function("arguments")


class _Arguments:
    def __init__(self, source: Source) -> None:
        self._source = source
        self.body: list[str] = []

    def members(
        self, target: str, wanted: list[tuple[str, ValueNode | None, GraphQLArgument | GraphQLInputField]]
    ) -> None:
        """Statements that build the dict `target`."""
        self.body.append(f"{target} = {{}}")
        for name, node, definition in wanted:
            key = f"{target}[{definition.out_name or name!r}]"
            default = default_of(definition)
            if isinstance(node, VariableNode):
                variable = repr(node.name.value)
                self.body.append(f"if {variable} in variables: {key} = variables[{variable}]")
                if isinstance(definition.type, GraphQLNonNull):
                    self.body.append(f"if variables.get({variable}, 0) is None: _anomaly()")
                if default is not Undefined:
                    self.body.append(f"if {variable} not in variables: {key} = {self._constant(default)}")
            elif node is not None:
                self.body.append(f"{key} = {self._value(node, definition.type)}")
            elif default is not Undefined:
                self.body.append(f"{key} = {self._constant(default)}")

    def _value(self, node: ValueNode, kind: Any) -> str:
        if isinstance(kind, GraphQLNonNull):
            kind = kind.of_type
        if isinstance(node, VariableNode):
            return f"variables.get({node.name.value!r})"
        if isinstance(node, NullValueNode):
            return "None"
        if isinstance(kind, GraphQLList):
            nodes = node.values if isinstance(node, ListValueNode) else (node,)
            return "[" + ", ".join(self._value(each, kind.of_type) for each in nodes) + "]"
        if isinstance(kind, GraphQLInputObjectType) and isinstance(node, ObjectValueNode):
            given = {each.name.value: each.value for each in node.fields}
            target = self._source.name("a")
            self.members(target, [(name, given.get(name), field) for name, field in kind.fields.items()])
            return target
        value = coerce_input_literal(node, kind)
        return "_anomaly()" if value is Undefined else self._constant(value)

    def _constant(self, value: Any) -> str:
        if isinstance(value, (dict, list)):  # a handler may change its arguments: everybody gets their own
            return f"{self._source.constant(copy.deepcopy)}({self._source.constant(value)})"
        return self._source.constant(value)


def default_of(definition: GraphQLArgument | GraphQLInputField) -> Any:
    """The coerced default value, or Undefined."""
    return coerce_default_value(definition)
