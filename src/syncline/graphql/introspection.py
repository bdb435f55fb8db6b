"""A schema as GetIntrospectionSchema gives it: SDL or introspection JSON.

For: `apis`.
"""

from __future__ import annotations

from graphql import introspection_from_schema, print_schema
from graphql.language import print_ast

from syncline.core import json
from syncline.graphql.schema import DIRECTIVE_NAMES, Schema, parse_document


def introspection(schema: Schema, format: str, include_directives: bool) -> bytes:
    """The schema's document, SDL or JSON. Only SDL can show applied directives; JSON has their declarations."""
    if format == "JSON":
        found = introspection_from_schema(schema.core)
        if not include_directives:
            declared = found["__schema"]["directives"]
            found["__schema"]["directives"] = [each for each in declared if each["name"] not in DIRECTIVE_NAMES]
        return json.encode({"data": found})
    if include_directives:
        return print_ast(parse_document(schema.text)).encode() + b"\n"
    return _without_directives(schema).encode()


def _without_directives(schema: Schema) -> str:
    kept = [block for block in print_schema(schema.core).split("\n\n") if not _declares_appsync(block)]
    return "\n\n".join(kept) + "\n"


def _declares_appsync(block: str) -> bool:
    last = block.rsplit('"""\n', 1)[-1]
    return (last.startswith("directive @") and last.split("(")[0].split(" ")[1].lstrip("@") in DIRECTIVE_NAMES) or (
        last.startswith("scalar AWS")
    )
