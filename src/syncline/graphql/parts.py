"""Functions and resolvers: the control plane's verbs over the parts of an API.

For: `service`. Owns: what is checked before a part is kept; a part that does not compile is refused, not kept.
"""

from __future__ import annotations

from typing import Any

from syncline.core import NotFound
from syncline.graphql.catalog import Entry
from syncline.graphql.engine import GraphqlEngine
from syncline.graphql.errors import BadRequest
from syncline.graphql.live_api import LiveApi
from syncline.graphql.model import Function, Resolver
from syncline.wire import page, record_from, shown

PIPELINE_FUNCTIONS_MAX = 10


class PartNotFound(NotFound):
    """No such part of the API."""

    code = "NotFoundException"


class Parts:
    """The verbs over the parts of APIs."""

    def __init__(self, engine: GraphqlEngine) -> None:
        self._engine = engine

    def _live(self, request: dict[str, Any]) -> LiveApi:
        return self._engine.live(request["apiId"])

    def _arn(self, entry: Entry, rest: str) -> str:
        return f"{entry.api.arn}/{rest}"

    # --- functions

    async def create_function(self, request: dict[str, Any]) -> dict[str, Any]:
        return await self._put_function(self._live(request), request, self._engine.ids.short())

    async def update_function(self, request: dict[str, Any]) -> dict[str, Any]:
        live = self._live(request)
        old = _function(live.entry, request["functionId"])
        return await self._put_function(live, request, old.function_id)

    async def _put_function(self, live: LiveApi, request: dict[str, Any], function_id: str) -> dict[str, Any]:
        live.sources.record(request["dataSourceName"])
        arn = self._arn(live.entry, f"functions/{function_id}")
        # Terraform sends an empty functionVersion with JavaScript code.
        version = request.get("functionVersion") or "2018-05-29"
        if not request.get("runtime") and version != "2018-05-29":
            raise BadRequest(f"Invalid function version: {version}. The only one is 2018-05-29.")
        record = record_from(Function, request, function_id=function_id, function_arn=arn, function_version=version)
        live.check_function(record)
        await live.entry.functions.put(record)
        live.recompile(function_id)
        live.settle()
        return {"functionConfiguration": shown(record)}

    def get_function(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"functionConfiguration": shown(_function(self._live(request).entry, request["functionId"]))}

    async def delete_function(self, request: dict[str, Any]) -> dict[str, Any]:
        live, function_id = self._live(request), request["functionId"]
        _function(live.entry, function_id)
        if live.resolvers_of(function_id):
            raise BadRequest("Cannot delete a function which is currently used by a resolver")
        await live.entry.functions.delete(function_id)
        return {}

    def list_functions(self, request: dict[str, Any]) -> dict[str, Any]:
        functions = self._live(request).entry.functions
        return page("functions", [functions[each] for each in sorted(functions)], request)

    def list_resolvers_by_function(self, request: dict[str, Any]) -> dict[str, Any]:
        live = self._live(request)
        _function(live.entry, request["functionId"])
        return page("resolvers", live.resolvers_of(request["functionId"]), request)

    # --- resolvers

    async def create_resolver(self, request: dict[str, Any]) -> dict[str, Any]:
        live = self._live(request)
        key = request["typeName"], request["fieldName"]
        if key in live.entry.resolvers:
            raise BadRequest("Only one resolver is allowed per field.")
        return await self._put_resolver(live, request)

    async def update_resolver(self, request: dict[str, Any]) -> dict[str, Any]:
        live = self._live(request)
        _resolver(live.entry, request)
        return await self._put_resolver(live, request)

    async def _put_resolver(self, live: LiveApi, request: dict[str, Any]) -> dict[str, Any]:
        entry, type_name, field_name = live.entry, request["typeName"], request["fieldName"]
        if live.schema is None or live.schema.field(type_name, field_name) is None:
            raise PartNotFound(f"No field named {field_name} found on type {type_name}")
        arn = self._arn(entry, f"types/{type_name}/resolvers/{field_name}")
        record = record_from(Resolver, request, resolver_arn=arn)
        _check_kind(live, record)
        compiled = live.compiled(record)
        await entry.resolvers.put(record)
        live.attach(record, compiled)
        live.settle()
        return {"resolver": shown(record)}

    def get_resolver(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"resolver": shown(_resolver(self._live(request).entry, request))}

    async def delete_resolver(self, request: dict[str, Any]) -> dict[str, Any]:
        live = self._live(request)
        found = _resolver(live.entry, request)
        await live.entry.resolvers.delete((found.type_name, found.field_name))
        live.detach(found.type_name, found.field_name)
        live.settle()
        return {}

    def list_resolvers(self, request: dict[str, Any]) -> dict[str, Any]:
        entry = self._live(request).entry
        found = [each for key, each in sorted(entry.resolvers.items()) if key[0] == request["typeName"]]
        return page("resolvers", found, request)


def _check_kind(live: LiveApi, record: Resolver) -> None:
    if record.kind == "UNIT":
        if record.pipeline_config and record.pipeline_config.get("functions"):
            raise BadRequest("A UNIT resolver cannot have a pipeline configuration.")
        if not record.data_source_name:
            raise BadRequest("A UNIT resolver needs a data source.")
        live.sources.record(record.data_source_name)
        return
    functions = (record.pipeline_config or {}).get("functions", [])
    if record.data_source_name:
        raise BadRequest("A PIPELINE resolver cannot have a data source.")
    if len(functions) > PIPELINE_FUNCTIONS_MAX:
        raise BadRequest(f"A pipeline has at most {PIPELINE_FUNCTIONS_MAX} functions.")
    for function_id in functions:
        _function(live.entry, function_id)


def _function(entry: Entry, function_id: str) -> Function:
    if function_id not in entry.functions:
        raise PartNotFound(f"No function found with id {function_id}")
    return entry.functions[function_id]


def _resolver(entry: Entry, request: dict[str, Any]) -> Resolver:
    found = entry.resolvers.get((request["typeName"], request["fieldName"]))
    if found is None:
        raise PartNotFound(f"No resolver found on {request['typeName']}.{request['fieldName']}")
    return found
