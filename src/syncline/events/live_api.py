"""A live Event API: its records made ready to serve — who may do what, data sources, handlers.

For: `engine`. Owns: what is derived from an API's records, its figures and its live connections.
Never: changes a record.
"""

from __future__ import annotations

from typing import Any, Protocol, cast

import msgspec

from syncline.auth import ApiAuth, Mode, Provider
from syncline.core import Clock, Meter, SynclineError
from syncline.datasources import DataSourceRecord, Engines, Sources
from syncline.events.catalog import Entry
from syncline.events.code import CONNECTION_EXPORTS, EXPORTS, Code
from syncline.events.errors import BadRequest, NamespaceUnknown
from syncline.events.features import Features, features_of
from syncline.events.figures import ApiFigures, NamespaceFigures
from syncline.events.handlers import Direct, Gate, Handlers, Moment
from syncline.events.model import Namespace
from syncline.events.presence import Presence
from syncline.hub import Hub, Returning
from syncline.js import Module, read
from syncline.monitoring import LogWriter, tells
from syncline.resolvers import Library

PROVIDER_CONFIGS = {
    "AMAZON_COGNITO_USER_POOLS": "cognitoConfig",
    "OPENID_CONNECT": "openIDConnectConfig",
    "AWS_LAMBDA": "lambdaAuthorizerConfig",
}
"""Where a provider's configuration is, by mode."""
DIRECT_TYPE = "AWS_LAMBDA"
"""Of data sources that can be a handler by themselves."""
REASON_CHARACTERS_MAX = 512
"""Of a handler's failure in the server's own log."""


class NotDirect(BadRequest):
    """A DIRECT handler needs a data source of type AWS_LAMBDA."""


class Served(msgspec.Struct, frozen=True):
    """A namespace as it serves now."""

    record: Namespace
    publish: ApiAuth
    subscribe: ApiAuth
    handlers: Handlers
    features: Features
    line: str
    """Whose line in the hub its publications are in: the API's, or with a history its own."""
    figures: NamespaceFigures

    def auth(self, operation: str) -> ApiAuth:
        """Who may `publish` or `subscribe`, by mode."""
        return self.publish if operation == "publish" else self.subscribe


class Connection(Protocol):
    """Something that holds subscriptions."""

    def shown(self) -> dict[str, Any]:
        """What its operator sees."""
        ...

    def gone(self, namespace: str | None) -> None:
        """A namespace, or with None the API, is no longer served."""
        ...

    def moved(self, namespace: str) -> None:
        """A namespace's publications are in another line, or for others."""
        ...


def line_of(record: Namespace) -> str:
    """Whose line in the hub a namespace's publications are in."""
    return record.api_id if features_of(record.tags).history is None else f"{record.api_id}/{record.name}"


class LiveApi:
    """One API as it serves now."""

    def __init__(
        self,
        entry: Entry,
        engines: Engines,
        library: Library,
        meter: Meter,
        writer: LogWriter,
        presence: Presence,
        hub: Hub,
        clock: Clock,
    ) -> None:
        self.entry = entry
        self.api_id = entry.api.api_id
        self.figures = ApiFigures(meter, self.api_id, lambda: presence.count)
        self.keys: dict[str, float] = {}
        self.sources = Sources(self, self.api_id, entry.api.api_arn, entry.sources, engines)
        self.connections: dict[Connection, None] = {}
        self.presence = presence
        self.returning = Returning(hub, clock, meter, self.figures.returns, room="events", api=self.api_id)
        """Subscriptions by name, to be continued."""
        self.connect: ApiAuth
        self._meter = meter
        self._library = library
        self._writer = writer
        self._stream = library.ids.bytes(16).hex()
        self._served: dict[str, Served] = {}
        self.refresh_keys()
        self.settle_modes()

    def restore(self) -> None:
        """Make everything from the records: at start. What can no longer be built is logged and left out."""
        self.sources.restore(lambda name, reason: self._left_out("data source", name, reason))
        for namespace in self.entry.namespaces.values():
            try:
                self.serve(namespace, self.handlers(namespace))
            except SynclineError as refusal:
                self._left_out("namespace", namespace.name, refusal.message)

    def _left_out(self, kind: str, name: str, reason: str) -> None:
        self._meter.event(f"{kind} left out", room="events", api=self.api_id, part=name, reason=reason)

    # --- who may do what

    def namespace(self, name: str) -> Served:
        """The namespace. Raises NamespaceUnknown."""
        found = self._served.get(name)
        if found is None:
            raise NamespaceUnknown
        return found

    def figures_of(self, channel: Any) -> NamespaceFigures:
        """Where to count what a client wants of a channel, whatever it gave as one."""
        name = channel.strip("/").partition("/")[0] if isinstance(channel, str) else ""
        return self._served[name].figures if name in self._served else self.figures.nowhere

    def served(self, name: str) -> Served | None:
        """The namespace, if it is served."""
        return self._served.get(name)

    def refresh_keys(self) -> None:
        """Take over the keys' records; the map itself stays, since the authenticator reads it."""
        self.keys.clear()
        self.keys.update({key.id: float(key.expires) for key in self.entry.keys.values()})

    def settle_modes(self) -> None:
        """Serve the API's configuration as it is now."""
        self.connect = self._auth(self.entry.api.event_config["connectionAuthModes"], "Connect", self.entry.api.api_arn)
        for served in list(self._served.values()):
            self.serve(served.record, served.handlers)

    def serve(self, record: Namespace, handlers: Handlers) -> None:
        """Serve a namespace, new or changed, from now on."""
        defaults, arn = self.entry.api.event_config, record.channel_namespace_arn
        features = features_of(record.tags)
        if not features.presence:
            self.presence.forget(record.name)
        self._served[record.name] = Served(
            record,
            self._auth(record.publish_auth_modes or defaults["defaultPublishAuthModes"], "Publish", arn),
            self._auth(record.subscribe_auth_modes or defaults["defaultSubscribeAuthModes"], "Subscribe", arn),
            handlers,
            features,
            line_of(record),
            NamespaceFigures(self._meter, api=self.api_id, namespace=record.name),
        )

    def end(self, name: str | None) -> None:
        """A namespace, or with None the whole API, is no longer served: its subscriptions end."""
        names = [*self._served] if name is None else [name]
        for each in names:
            self._served.pop(each, None)
            self.presence.forget(each)
            self._meter.forget(api=self.api_id, namespace=each)
        for connection in list(self.connections):
            connection.gone(name)

    def move(self, name: str) -> None:
        """A namespace's subscriptions follow a change of its features."""
        for connection in list(self.connections):
            connection.moved(name)

    def _auth(self, modes: list[dict[str, Any]], action: str, resource: str) -> ApiAuth:
        named = cast("tuple[Mode, ...]", tuple(each["authType"] for each in modes))
        providers = tuple(
            Provider(each["authType"], each[PROVIDER_CONFIGS[each["authType"]]])
            for each in self.entry.api.event_config["authProviders"]
            if each["authType"] in named and each["authType"] in PROVIDER_CONFIGS
        )
        action = f"appsync:Event{action}"
        return ApiAuth(self.api_id, named, self.keys, providers, action=action, resource=resource)

    # --- building from records

    def handlers(self, record: Namespace) -> Handlers:
        """The handlers of a record. Raises BadRequest, CodeRefused, Unsupported."""
        configs = record.handler_configs or {}
        module = None
        if record.code_handlers:
            apart = tuple(name for name in EXPORTS if configs.get(name, {}).get("behavior") == "CODE")
            plain = (*CONNECTION_EXPORTS, *(name for name in EXPORTS if name not in configs))
            relaxed = self._library.settings.relaxed
            module = read(record.code_handlers, relaxed=relaxed, required=(), functions=plain, objects=apart)
            self._library.engine.check(module)
        return Handlers(*(self._handler(module, name, configs.get(name)) for name in (*EXPORTS, *CONNECTION_EXPORTS)))

    def _handler(self, module: Module | None, export: str, config: dict[str, Any] | None) -> Direct | Code | None:
        if config is None:
            if module is None or export not in module.handlers:
                return None
            return Code(module, export, self._library, self.note, self._say, None)
        integration = config["integration"]
        name, function = integration["dataSourceName"], integration.get("lambdaConfig")
        record, source = self.entry.sources.get(name), self.sources.built.get(name)
        if record is None or source is None:
            raise BadRequest(f"No data source found named {name}")
        if config["behavior"] == "CODE":
            if module is None or f"{export}_request" not in module.handlers:
                raise BadRequest(f"The code does not export {export}.")
            return Code(module, export, self._library, self.note, self._say, source)
        if record.type != DIRECT_TYPE:
            raise NotDirect
        invoke_type = (function or {}).get("invokeType") or "REQUEST_RESPONSE"
        return Direct(source, invoke_type, self.note)

    def connection_handler(self, export: str, kind: str, name: str) -> Gate | None:
        """The handler that is in a namespace's code, or a function; None when there is none."""
        if kind == "channelNamespace" and name in self._served:
            handlers = self._served[name].handlers
            return handlers.on_connect if export == "onConnect" else handlers.on_disconnect
        if kind == "datasources" and name in self.sources.built and self.entry.sources[name].type == DIRECT_TYPE:
            invoke_type = "REQUEST_RESPONSE" if export == "onConnect" else "EVENT"
            return Direct(self.sources.built[name], invoke_type, self.note)
        return None

    # --- datasources.Host

    def users_of(self, source: str) -> list[str]:
        """The namespaces whose handlers ask this data source, and the API's own tags."""
        tags = [name for name, text in self.entry.api.tags.items() if text == f"datasources/{source}"]
        return [*(each.name for each in self._asking(source)), *tags]

    def check_source(self, record: DataSourceRecord) -> None:
        """A function that is the handler stays a function. Raises NotDirect."""
        for namespace in self._asking(record.name) if record.type != DIRECT_TYPE else ():
            for config in (namespace.handler_configs or {}).values():
                if config["behavior"] == "DIRECT" and config["integration"]["dataSourceName"] == record.name:
                    raise NotDirect

    def source_changed(self, name: str) -> None:
        """Serve with the data source as it is now."""
        for namespace in self._asking(name):
            self.serve(namespace, self.handlers(namespace))

    def _asking(self, source: str) -> list[Namespace]:
        return [
            each
            for each in self.entry.namespaces.values()
            if any(
                config["integration"]["dataSourceName"] == source for config in (each.handler_configs or {}).values()
            )
        ]

    def _say(self, moment: Moment, level: str, line: str) -> None:
        self._meter.event("handler log", level=level, api=self.api_id, channel=moment.path, message=line)
        config = self.entry.api.event_config.get("logConfig")
        if config is not None and tells(config["logLevel"], level):
            self._writer.write(f"/aws/appsync/apis/{self.api_id}", self._stream, lambda: [line])

    def note(self, moment: Moment, reason: str) -> None:
        """Write down why a handler failed."""
        self._meter.event(
            "handler failed",
            room="events",
            api=self.api_id,
            operation=moment.operation,
            channel=moment.path,
            reason=reason[:REASON_CHARACTERS_MAX],
        )
