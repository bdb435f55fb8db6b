"""Channel namespaces and data sources: the control plane's verbs over the parts of an Event API.

For: `service`. Owns: what is checked before a part is kept; handlers that cannot be built are refused, not kept.
"""

from __future__ import annotations

from typing import Any

from syncline.core import NotFound
from syncline.events.apis import check_modes, check_tags
from syncline.events.engine import EventsEngine
from syncline.events.errors import BadRequest, NamespaceExists, NoSuchNamespace
from syncline.events.live import Live
from syncline.events.model import DataSource, Namespace
from syncline.wire import page, record_from, shown

Members = dict[str, Any]
CONFIGS = {"AWS_LAMBDA": "lambdaConfig", "AMAZON_DYNAMODB": "dynamodbConfig", "HTTP": "httpConfig"}
"""The configuration that a type of data source cannot be without."""


class SourceNotFound(NotFound):
    """No data source found named {name}"""

    code = "NotFoundException"


class Namespaces:
    """The verbs over channel namespaces."""

    def __init__(self, engine: EventsEngine) -> None:
        self._engine = engine

    async def create(self, request: Members) -> Members:
        live, name = self._engine.live(request["apiId"]), request["name"]
        if name in live.entry.namespaces:
            raise NamespaceExists(name=name)
        check_tags(request.get("tags") or {})
        now = int(self._engine.clock.now())
        arn = f"{live.entry.api.api_arn}/channelNamespace/{name}"
        record = record_from(Namespace, request, channel_namespace_arn=arn, created=now, last_modified=now)
        return await self._put(live, record)

    async def update(self, request: Members) -> Members:
        live = self._engine.live(request["apiId"])
        old = _namespace(live, request["name"])
        record = record_from(
            Namespace,
            request,
            channel_namespace_arn=old.channel_namespace_arn,
            created=old.created,
            last_modified=int(self._engine.clock.now()),
            tags=old.tags,
        )
        return await self._put(live, record)

    async def _put(self, live: Live, record: Namespace) -> Members:
        config = live.entry.api.event_config
        check_modes(record.publish_auth_modes or [], config, "publishAuthModes")
        check_modes(record.subscribe_auth_modes or [], config, "subscribeAuthModes")
        check_handlers(record)
        handlers = live.handlers(record)
        await self._engine.catalog.put_namespace(live.entry, record)
        live.serve(record, handlers)
        return {"channelNamespace": shown(record)}

    def get(self, request: Members) -> Members:
        return {"channelNamespace": shown(_namespace(self._engine.live(request["apiId"]), request["name"]))}

    async def delete(self, request: Members) -> Members:
        live, name = self._engine.live(request["apiId"]), request["name"]
        _namespace(live, name)
        await self._engine.catalog.delete_namespace(live.entry, name)
        await self._engine.hub.drained()
        live.end(name)
        return {}

    def list(self, request: Members) -> Members:
        kept = self._engine.live(request["apiId"]).entry.namespaces
        return page("channelNamespaces", [kept[name] for name in sorted(kept)], request)


class Sources:
    """The verbs over data sources."""

    def __init__(self, engine: EventsEngine) -> None:
        self._engine = engine

    async def create(self, request: Members) -> Members:
        live = self._engine.live(request["apiId"])
        if request["name"] in live.entry.sources:
            raise BadRequest(f"Data source with name {request['name']} already exists")
        return await self._put(live, request)

    async def update(self, request: Members) -> Members:
        live = self._engine.live(request["apiId"])
        _source(live, request["name"])
        return await self._put(live, request)

    async def _put(self, live: Live, request: Members) -> Members:
        member = CONFIGS.get(request["type"], "")
        if member and not request.get(member):
            raise BadRequest(f"{member} is required for a data source of type {request['type']}.")
        arn = f"{live.entry.api.api_arn}/datasources/{request['name']}"
        record = record_from(DataSource, request, data_source_arn=arn)
        if record.type != "AWS_LAMBDA" and any(_direct(each, record.name) for each in _using(live, record.name)):
            raise BadRequest("A DIRECT handler needs a data source of type AWS_LAMBDA.")
        built = live.built(record)
        await self._engine.catalog.put_source(live.entry, record)
        live.sources[record.name] = built
        for namespace in _using(live, record.name):
            live.serve(namespace, live.handlers(namespace))
        return {"dataSource": shown(record)}

    def get(self, request: Members) -> Members:
        return {"dataSource": shown(_source(self._engine.live(request["apiId"]), request["name"]))}

    async def delete(self, request: Members) -> Members:
        live, name = self._engine.live(request["apiId"]), request["name"]
        _source(live, name)
        users = [each.name for each in _using(live, name)]
        if users:
            raise BadRequest(f"Cannot delete data source {name}: it is used by {', '.join(users)}")
        await self._engine.catalog.delete_source(live.entry, name)
        live.sources.pop(name, None)
        return {}

    def list(self, request: Members) -> Members:
        sources = self._engine.live(request["apiId"]).entry.sources
        return page("dataSources", [sources[name] for name in sorted(sources)], request)


def check_handlers(record: Namespace) -> None:
    """What AppSync wants of handlerConfigs. Raises BadRequest."""
    configs = record.handler_configs or {}
    for name, config in configs.items():
        if config["behavior"] == "CODE" and config["integration"].get("lambdaConfig"):
            raise BadRequest(f"{name}: lambdaConfig goes with the behavior DIRECT alone.")
        if config["behavior"] == "CODE" and not record.code_handlers:
            raise BadRequest(f"{name}: the behavior CODE needs codeHandlers.")
    direct = [name for name, config in configs.items() if config["behavior"] == "DIRECT"]
    if record.code_handlers and len(direct) == 2:
        raise BadRequest("codeHandlers cannot be given when both handlers are DIRECT.")


def _namespace(live: Live, name: str) -> Namespace:
    if name not in live.entry.namespaces:
        raise NoSuchNamespace(name=name)
    return live.entry.namespaces[name]


def _source(live: Live, name: str) -> DataSource:
    if name not in live.entry.sources:
        raise SourceNotFound(name=name)
    return live.entry.sources[name]


def _using(live: Live, source: str) -> list[Namespace]:
    return [
        namespace
        for namespace in live.entry.namespaces.values()
        if any(
            config["integration"]["dataSourceName"] == source for config in (namespace.handler_configs or {}).values()
        )
    ]


def _direct(namespace: Namespace, source: str) -> bool:
    configs = (namespace.handler_configs or {}).values()
    return any(
        config["behavior"] == "DIRECT" and config["integration"]["dataSourceName"] == source for config in configs
    )
