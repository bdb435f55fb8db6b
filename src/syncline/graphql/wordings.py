"""Validation errors in graphql-java's words, as AppSync's clients know them.

For: `documents`. graphql-core finds what is wrong; this module says it (graphql-api reference, 1.5).
Owns: the table from one set of sentences to the other. Never: finds an error by itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from graphql import (
    ArgumentNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSchema,
    Node,
    ObjectFieldNode,
    TypeInfo,
    TypeInfoVisitor,
    ValueNode,
    Visitor,
    get_named_type,
    visit,
)
from graphql.language import ast

from syncline.graphql.errors import document as document_error

Say = Callable[[re.Match[str]], str]

TABLE: list[tuple[str, str]] = [
    (
        r"Cannot query field '(?P<f>\w+)' on type '(?P<t>.+?)'\.",
        "FieldUndefined: Field '{f}' in type '{t}' is undefined",
    ),
    (r"Unknown argument '(?P<a>\w+)' on field", "UnknownArgument: Unknown field argument {a}"),
    (r"Unknown argument '(?P<a>\w+)' on directive", "UnknownDirective: Unknown directive argument {a}"),
    (r"Argument '(?:\w+\.)?\w+\((?P<a>\w+):\)' of type", "MissingFieldArgument: Missing field argument {a}"),
    (r"Argument '@\w+\((?P<a>\w+):\)' of type", "MissingDirectiveArgument: Missing directive argument {a}"),
    (r"Unknown type '(?P<t>\w+)'", "UnknownType: Unknown type {t}"),
    (r"Unknown directive '@(?P<d>\w+)'", "UnknownDirective: Unknown directive {d}"),
    (r"Directive '@(?P<d>\w+)' may not be used", "MisplacedDirective: Directive {d} not allowed here"),
    (r"Unknown fragment '(?P<f>\w+)'", "UndefinedFragment: Undefined fragment {f}"),
    (
        r"Field '(?P<f>\w+)' must not have a selection since type '(?P<t>.+?)'",
        "SubSelectionNotAllowed: Sub selection not allowed on leaf type {t} of field {f}",
    ),
    (
        r"Field '(?P<f>\w+)' of type '(?P<t>.+?)' must have",
        "SubSelectionRequired: Sub selection required for type {t} of field {f}",
    ),
    (r"Variable '\$(?P<v>\w+)' is not defined", "UndefinedVariable: Undefined variable {v}"),
    (r"Variable '\$(?P<v>\w+)' is never used", "UnusedVariable: Unused variable {v}"),
    (r"Fragment '(?P<f>\w+)' is never used", "UnusedFragment: Unused fragment {f}"),
    (
        r"Fields '(?P<f>\w+)' conflict because (?P<r>.+?)\. Use different",
        "FieldsConflict: {f}: {r}",
    ),
    (r"Variable '\$\w+' cannot be non-input type", "NonInputTypeOnVariable: Wrong type for a variable"),
    (
        r"Variable '\$\w+' of type '(?P<t>.+?)' used in position expecting type '(?P<e>.+?)'",
        "VariableTypeMismatch: Variable type '{t}' doesn't match expected type '{e}'",
    ),
    (
        r"This anonymous operation must be",
        "LoneAnonymousOperationViolation: Anonymous operation with other operations.",
    ),
    (
        r"There can be only one operation named '(?P<n>\w+)'",
        "DuplicateOperationName: There can be only one operation named '{n}'",
    ),
    (
        r"Fragment (?:'(?P<f>\w+)' )?cannot be spread here as objects"
        r" of type '(?P<p>.+?)' can never be of type '(?P<t>.+?)'",
        "InvalidFragmentType: Fragment {f} cannot be spread here as objects of type {p} can never be of type {t}",
    ),
    (
        r"Fragment cannot condition on non composite",
        "InlineFragmentTypeConditionInvalid: "
        "Inline fragment type condition is invalid, must be on Object/Interface/Union",
    ),
    (
        r"Fragment '\w+' cannot condition on non composite",
        "FragmentTypeConditionInvalid: Fragment type condition is invalid, must be on Object/Interface/Union",
    ),
    (r"Cannot spread fragment '(?P<f>\w+)' within itself", "FragmentCycle: Fragment cycles not allowed"),
]
PATTERNS = [(re.compile(pattern), sentence) for pattern, sentence in TABLE]

WRONG_VALUES = [
    (
        re.compile(r"Expected value of type '(?P<t>.+?)' to include required field '(?P<f>\w+)'"),
        "is missing required fields '[{f}]'",
    ),
    (
        re.compile(r"Expected value of type '(?P<t>.+?)' not to include unknown field '(?P<f>\w+)'"),
        "contains a field not in '{t}': '{f}'",
    ),
    (re.compile(r"Expected value of non-null type '.+?' not to be"), "must not be null"),
]


class _Place:
    """Where a node stands: the response path of its field, and the argument it is part of."""

    def __init__(self, path: tuple[str, ...], argument: str, expected: str) -> None:
        self.path, self.argument, self.expected = path, argument, expected


class _Places(Visitor):
    """Notes the place of every node."""

    def __init__(self, info: TypeInfo) -> None:
        super().__init__()
        self._info = info
        self._path: list[str] = []
        self._arguments: list[str] = []
        self.found: dict[int, _Place] = {}

    def enter(self, node: Node, *_: Any) -> None:
        if isinstance(node, FieldNode):
            self._path.append((node.alias or node.name).value)
        elif isinstance(node, FragmentDefinitionNode):
            self._path.append(node.name.value)
        elif isinstance(node, (ArgumentNode, ObjectFieldNode)):
            self._arguments.append(node.name.value)
        kind = self._info.get_input_type()
        expected = get_named_type(kind).name if kind else ""
        self.found[id(node)] = _Place(tuple(self._path), ".".join(self._arguments), expected)

    def leave(self, node: Node, *_: Any) -> None:
        if isinstance(node, (FieldNode, FragmentDefinitionNode)):
            self._path.pop()
        elif isinstance(node, (ArgumentNode, ObjectFieldNode)):
            self._arguments.pop()


def translate(found: list[GraphQLError], document: DocumentNode, schema: GraphQLSchema) -> list[dict[str, Any]]:
    """The entries of `errors` for a document that does not fit the schema."""
    info = TypeInfo(schema)
    places = _Places(info)
    visit(document, TypeInfoVisitor(info, places))
    return [_entry(error, places.found) for error in found]


def _entry(error: GraphQLError, places: dict[int, _Place]) -> dict[str, Any]:
    # Of several nodes the first is the declaration and the last is where it is used wrongly.
    nodes: list[Node | None] = list(error.nodes) if error.nodes else [None]
    node = nodes[-1 if "used in position" in error.message else 0]
    place = places.get(id(node)) or _Place((), "", "")
    sentence = _sentence(error, node, place)
    where = f" @ '{'/'.join(place.path)}'" if place.path else ""
    return document_error(f"Validation error of type {sentence}{where}", node)


def _sentence(error: GraphQLError, node: Node | None, place: _Place) -> str:
    if place.argument and isinstance(node, (ValueNode, ObjectFieldNode)) and not isinstance(node, ast.VariableNode):
        return _wrong_value(error, node, place)
    for pattern, sentence in PATTERNS:
        match = pattern.match(error.message)
        if match:
            return sentence.format(**match.groupdict(default=""))
    return f"InvalidSyntax: {error.message}"


def _wrong_value(error: GraphQLError, node: Node, place: _Place) -> str:
    value = node.value if isinstance(node, ObjectFieldNode) else node
    for pattern, sentence in WRONG_VALUES:
        match = pattern.match(error.message)
        if match:
            complaint = sentence.format(**match.groupdict())
            break
    else:
        complaint = f"is not a valid '{place.expected}'"
    return f"WrongType: argument '{place.argument}' with value '{java(value)}' {complaint}"


def java(node: Node) -> str:
    """A literal as graphql-java prints its syntax tree."""
    match node:
        case ast.ObjectValueNode():
            fields = ", ".join(
                f"ObjectField{{name='{each.name.value}', value={java(each.value)}}}" for each in node.fields
            )
            return f"ObjectValue{{objectFields=[{fields}]}}"
        case ast.ListValueNode():
            return f"ArrayValue{{values=[{', '.join(map(java, node.values))}]}}"
        case ast.StringValueNode():
            return f"StringValue{{value='{node.value}'}}"
        case ast.EnumValueNode():
            return f"EnumValue{{name='{node.value}'}}"
        case ast.BooleanValueNode():
            return f"BooleanValue{{value={str(node.value).lower()}}}"
        case ast.IntValueNode() | ast.FloatValueNode():
            return f"{type(node).__name__.removesuffix('Node')}{{value={node.value}}}"
        case ast.VariableNode():
            return f"VariableReference{{name='{node.name.value}'}}"
        case _:
            return "NullValue{}"
