"""Single types of a schema: read, and changed one at a time instead of by a whole document.

For: `service`. Owns: the change of a schema's document by one definition; the whole is checked before it is kept.
"""

from __future__ import annotations

from typing import Any

from graphql import DefinitionNode, DocumentNode, TypeDefinitionNode, introspection_from_schema, print_ast

from syncline.core import json
from syncline.graphql import schema as schemas
from syncline.graphql.engine import GraphqlEngine
from syncline.graphql.errors import BadRequest
from syncline.graphql.live_api import LiveApi
from syncline.graphql.model import SchemaRecord
from syncline.graphql.parts import PartNotFound
from syncline.graphql.typejson import sdl_of_type
from syncline.wire import page_of

Members = dict[str, Any]


class Types:
    """The verbs over the types of a schema."""

    def __init__(self, engine: GraphqlEngine) -> None:
        self._engine = engine

    async def create(self, request: Members) -> Members:
        live = self._engine.live(request["apiId"])
        added = _definition(request)
        definitions = _definitions(live)
        if added.name.value in definitions:
            raise BadRequest(f"Type with name {added.name.value} already exists.")
        return await self._put(live, {**definitions, added.name.value: added}, added.name.value, request["format"])

    async def update(self, request: Members) -> Members:
        live = self._engine.live(request["apiId"])
        name = request["typeName"]
        definitions = _definitions(live)
        _existing(definitions, name)
        changed = _definition(request) if request.get("definition") else definitions[name]
        assert isinstance(changed, TypeDefinitionNode), "only types have names here"
        if changed.name.value != name:
            raise BadRequest(f"The definition is of type {changed.name.value} and not of {name}.")
        return await self._put(live, {**definitions, name: changed}, name, request["format"])

    async def delete(self, request: Members) -> Members:
        live = self._engine.live(request["apiId"])
        definitions = _definitions(live)
        _existing(definitions, request["typeName"])
        del definitions[request["typeName"]]
        await self._keep(live, definitions)
        return {}

    def get(self, request: Members) -> Members:
        live = self._engine.live(request["apiId"])
        definitions = _definitions(live)
        _existing(definitions, request["typeName"])
        return {"type": _shown(live, definitions, request["typeName"], request["format"])}

    def list(self, request: Members) -> Members:
        live = self._engine.live(request["apiId"])
        definitions = _definitions(live)
        names = sorted(name for name, node in definitions.items() if isinstance(node, TypeDefinitionNode))
        return page_of("types", [_shown(live, definitions, name, request["format"]) for name in names], request)

    async def _put(self, live: LiveApi, definitions: dict[str, DefinitionNode], name: str, format: str) -> Members:
        await self._keep(live, definitions)
        return {"type": _shown(live, definitions, name, format)}

    async def _keep(self, live: LiveApi, definitions: dict[str, DefinitionNode]) -> None:
        text = print_ast(DocumentNode(definitions=tuple(definitions.values())))
        try:
            schema = schemas.build(text)
        except schemas.SchemaRefused as refusal:
            raise BadRequest(str(refusal)) from None
        await self._engine.catalog.put_schema(live.entry, SchemaRecord("SUCCESS", "", text))
        live.schema = schema
        await self._engine.resettle(live.api_id)


def _definitions(live: LiveApi) -> dict[str, DefinitionNode]:
    """The document's definitions by name; what has none keeps its place under a name that no type can have."""
    if live.schema is None:
        return {}
    found = schemas.parse_document(live.schema.text).definitions
    return {
        node.name.value if isinstance(node, TypeDefinitionNode) else f"#{place}": node
        for place, node in enumerate(found)
    }


def _definition(request: Members) -> TypeDefinitionNode:
    text = request["definition"]
    if request["format"] == "JSON":
        text = sdl_of_type(text)
    try:
        found = schemas.parse_document(text).definitions
    except schemas.SchemaRefused as refusal:
        raise BadRequest(str(refusal)) from None
    if len(found) != 1 or not isinstance(found[0], TypeDefinitionNode):
        raise BadRequest("A definition has exactly one type.")
    return found[0]


def _existing(definitions: dict[str, DefinitionNode], name: str) -> None:
    if name not in definitions or name.startswith("#"):
        raise PartNotFound(f"No type found named {name}")


def _shown(live: LiveApi, definitions: dict[str, DefinitionNode], name: str, format: str) -> Members:
    node = definitions[name]
    assert isinstance(node, TypeDefinitionNode), "only types have names here"
    members = {
        "name": name,
        "arn": f"{live.entry.api.arn}/types/{name}",
        "format": format,
        "definition": _json(live, name) if format == "JSON" else print_ast(node),
    }
    return {**members, "description": node.description.value} if node.description else members


def _json(live: LiveApi, name: str) -> str:
    assert live.schema is not None, "a type was found, so there is a schema"
    types = introspection_from_schema(live.schema.core)["__schema"]["types"]
    return json.encode(next(each for each in types if each["name"] == name)).decode()
