"""Channel namespaces: the control plane's verbs over the parts of an Event API.

For: `service`. Owns: what is checked before a part is kept; handlers that cannot be built are refused, not kept.
"""

from __future__ import annotations

from typing import Any

from syncline.events.apis import check_modes, check_tags
from syncline.events.engine import EventsEngine
from syncline.events.errors import BadRequest, NamespaceExists, NoSuchNamespace
from syncline.events.features import features_of
from syncline.events.live_api import LiveApi
from syncline.events.model import Namespace
from syncline.wire import page, record_from, shown

Members = dict[str, Any]


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

    async def _put(self, live: LiveApi, record: Namespace) -> Members:
        config = live.entry.api.event_config
        check_modes(record.publish_auth_modes or [], config, "publishAuthModes")
        check_modes(record.subscribe_auth_modes or [], config, "subscribeAuthModes")
        check_handlers(record)
        features_of(record.tags)
        handlers = live.handlers(record)
        await live.entry.namespaces.put(record)
        await self._engine.serve(live, record, handlers)
        return {"channelNamespace": shown(record)}

    def get(self, request: Members) -> Members:
        return {"channelNamespace": shown(_namespace(self._engine.live(request["apiId"]), request["name"]))}

    async def delete(self, request: Members) -> Members:
        live, name = self._engine.live(request["apiId"]), request["name"]
        _namespace(live, name)
        await self._engine.forget_history(live, name)
        await live.entry.namespaces.delete(name)
        await self._engine.hub.drained()
        live.end(name)
        await self._engine.hub.forget(f"{live.api_id}/{name}")
        return {}

    def list(self, request: Members) -> Members:
        kept = self._engine.live(request["apiId"]).entry.namespaces
        return page("channelNamespaces", [kept[name] for name in sorted(kept)], request)


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


def _namespace(live: LiveApi, name: str) -> Namespace:
    if name not in live.entry.namespaces:
        raise NoSuchNamespace(name=name)
    return live.entry.namespaces[name]
