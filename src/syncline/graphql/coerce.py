"""Variables: what a request gave, checked and coerced against what its operation declares.

For: `documents`, which compiles an operation's coercers once. Owns: graphql-java's words for what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLError,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLSchema,
    OperationDefinitionNode,
    Undefined,
    VariableDefinitionNode,
    type_from_ast,
)
from graphql.utilities.coerce_input_value import coerce_input_literal

from syncline.graphql.codegen import default_of
from syncline.graphql.scalars import java_name

Coercer = Callable[[Any], Any]

INT_MAX = 2**31 - 1


class VariableRefused(ValueError):
    """A variable's value is not what the operation declares."""

    def __init__(self, message: str, node: VariableDefinitionNode) -> None:
        super().__init__(message)
        self.node = node


class _Bad(ValueError):
    """The whole sentence, but for the variable's name."""


class Variables:
    """The coercers of one operation's variables."""

    def __init__(self, schema: GraphQLSchema, operation: OperationDefinitionNode) -> None:
        self._declared: list[tuple[str, VariableDefinitionNode, Coercer, Any, bool]] = []
        for node in operation.variable_definitions or ():
            kind: Any = type_from_ast(schema, node.type)
            default = Undefined if node.default_value is None else coerce_input_literal(node.default_value, kind)
            required = isinstance(kind, GraphQLNonNull)
            self._declared.append((node.variable.name.value, node, coercer_of(kind), default, required))

    def coerce(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The coerced variables; those neither given nor defaulted are absent. Raises VariableRefused."""
        coerced: dict[str, Any] = {}
        for name, node, coerce, default, required in self._declared:
            if name not in given:
                if default is not Undefined:
                    coerced[name] = default
                    continue
                if not required:
                    continue
            try:
                coerced[name] = coerce(given.get(name))
            except _Bad as bad:
                raise VariableRefused(str(bad).replace("\0", name), node) from None
        return coerced


def coercer_of(kind: Any) -> Coercer:
    """A function that coerces an input of this type, or raises."""
    if isinstance(kind, GraphQLNonNull):
        return _non_null(kind)
    if isinstance(kind, GraphQLList):
        return _list(coercer_of(kind.of_type))
    if isinstance(kind, GraphQLInputObjectType):
        return _object(kind)
    if isinstance(kind, GraphQLEnumType):
        return _enum(kind)
    return BUILT_IN.get(kind.name) or _scalar(kind.coerce_input_value)


def _non_null(kind: GraphQLNonNull[Any]) -> Coercer:
    inner = coercer_of(kind.of_type)

    def coerce(value: Any) -> Any:
        if value is None:
            raise _Bad(f"Variable '\0' has coerced Null value for NonNull type '{kind}'")
        return inner(value)

    return coerce


def _list(item: Coercer) -> Coercer:
    def coerce(value: Any) -> Any:
        if value is None:
            return None
        return [item(each) for each in value] if isinstance(value, list) else [item(value)]

    return coerce


def _object(kind: GraphQLInputObjectType) -> Coercer:
    # Input types may contain themselves: members are compiled at first use.
    members: list[tuple[str, Coercer, Any, bool]] = []

    def coerce(value: Any) -> Any:
        if value is None:
            return None
        if not isinstance(value, dict):
            raise _invalid(kind.name, value)
        if not members:
            members.extend(
                (name, coercer_of(field.type), default_of(field), isinstance(field.type, GraphQLNonNull))
                for name, field in kind.fields.items()
            )
        for name in value:
            if name not in kind.fields:
                raise _Bad(
                    f"The variables input contains a field name '{name}' that is not defined "
                    f"for input object type '{kind.name}' "
                )
        coerced = {}
        for name, member, default, required in members:
            if name in value:
                coerced[name] = member(value[name])
            elif default is not Undefined:
                coerced[name] = default
            elif required:
                coerced[name] = member(None)
        return coerced

    return coerce


def _enum(kind: GraphQLEnumType) -> Coercer:
    def coerce(value: Any) -> Any:
        if value is None or (isinstance(value, str) and value in kind.values):
            return value
        raise _Bad(
            f"Variable '\0' has an invalid value. Invalid input for Enum '{kind.name}'. "
            f"No value found for name '{value}'."
        )

    return coerce


def _scalar(parse: Coercer) -> Coercer:
    def coerce(value: Any) -> Any:
        if value is None:
            return None
        try:
            return parse(value)
        except (GraphQLError, ValueError) as bad:
            raise _Bad(f"Variable '\0' has an invalid value. {bad}") from None

    return coerce


def _invalid(expected: str, value: Any) -> _Bad:
    return _Bad(f"Variable '\0' has an invalid value. Expected type '{expected}' but was '{java_name(value)}'.")


def _string(value: Any) -> Any:
    if value is None or type(value) is str:
        return value
    raise _invalid("String", value)


def _id(value: Any) -> Any:
    if value is None or type(value) is str:
        return value
    if type(value) is int:
        return str(value)
    raise _invalid("ID", value)


def _int(value: Any) -> Any:
    if type(value) is float and value.is_integer():
        value = int(value)
    if value is None or (type(value) is int and -INT_MAX - 1 <= value <= INT_MAX):
        return value
    raise _invalid("Int", value)


def _float(value: Any) -> Any:
    if value is None or type(value) is float:
        return value
    if type(value) is int:
        return float(value)
    raise _invalid("Float", value)


def _boolean(value: Any) -> Any:
    if value is None or type(value) is bool:
        return value
    raise _invalid("Boolean", value)


BUILT_IN: dict[str, Coercer] = {"String": _string, "ID": _id, "Int": _int, "Float": _float, "Boolean": _boolean}
