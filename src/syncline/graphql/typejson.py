"""One type as introspection JSON has it, written as SDL.

For: `types`, whose callers may send either form. Owns: the reading of `__Type`. Never: checks what a type names.
"""

from __future__ import annotations

from typing import Any

from graphql import ListTypeNode, NamedTypeNode, NameNode, NonNullTypeNode, TypeNode, print_ast
from graphql.language.block_string import print_block_string

from syncline.core import json
from syncline.graphql.errors import BadRequest

KEYWORDS = {
    "OBJECT": "type",
    "INTERFACE": "interface",
    "UNION": "union",
    "ENUM": "enum",
    "INPUT_OBJECT": "input",
    "SCALAR": "scalar",
}
Members = dict[str, Any]


def sdl_of_type(text: str) -> str:
    """The SDL of one type in introspection JSON. Raises BadRequest for what is not one."""
    try:
        return _definition(json.decode(text))
    except (json.NotJson, KeyError, TypeError, AttributeError, RecursionError) as mistake:
        raise BadRequest(f"The definition is not a type in introspection JSON: {mistake}") from None


def _definition(found: Members) -> str:
    kind, name = found["kind"], found["name"]
    head = f"{KEYWORDS[kind]} {name}"
    interfaces = [each["name"] for each in found.get("interfaces") or ()]
    if interfaces and kind in ("OBJECT", "INTERFACE"):
        head += f" implements {' & '.join(interfaces)}"
    if kind == "UNION":
        body = f" = {' | '.join(each['name'] for each in found['possibleTypes'])}"
    elif kind == "ENUM":
        body = _block([_described(each) + each["name"] + _deprecation(each) for each in found["enumValues"]])
    elif kind == "INPUT_OBJECT":
        body = _block([_input(each) for each in found["inputFields"]])
    elif kind == "SCALAR":
        body = ""
    else:
        body = _block([_field(each) for each in found["fields"]])
    return _described(found) + head + body


def _block(lines: list[str]) -> str:
    return " {\n" + "\n".join(lines) + "\n}"


def _field(field: Members) -> str:
    arguments = ", ".join(_input(each) for each in field.get("args") or ())
    given = f"({arguments})" if arguments else ""
    return f"{_described(field)}{field['name']}{given}: {print_ast(_type(field['type']))}{_deprecation(field)}"


def _input(given: Members) -> str:
    default = "" if given.get("defaultValue") is None else f" = {given['defaultValue']}"
    return f"{_described(given)}{given['name']}: {print_ast(_type(given['type']))}{default}"


def _type(reference: Members) -> TypeNode:
    if reference["kind"] == "NON_NULL":
        inner = _type(reference["ofType"])
        if isinstance(inner, NonNullTypeNode):
            raise TypeError("a type is non-null once")
        assert isinstance(inner, (NamedTypeNode, ListTypeNode)), "nothing else is left"
        return NonNullTypeNode(type=inner)
    if reference["kind"] == "LIST":
        return ListTypeNode(type=_type(reference["ofType"]))
    return NamedTypeNode(name=NameNode(value=reference["name"]))


def _described(member: Members) -> str:
    description = member.get("description")
    return print_block_string(description) + "\n" if description else ""


def _deprecation(member: Members) -> str:
    if not member.get("isDeprecated"):
        return ""
    reason = member.get("deprecationReason")
    return f" @deprecated(reason: {json.encode(reason).decode()})" if reason else " @deprecated"
