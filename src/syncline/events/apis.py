"""Event APIs, their keys and tags: the control plane's verbs.

For: `service`. Owns: what AppSync checks and fills in before a record is kept. Never: serves a request.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from syncline.auth import check_origins
from syncline.core import arns
from syncline.events.catalog import Entry
from syncline.events.connections import place_of
from syncline.events.engine import EventsEngine
from syncline.events.errors import BadRequest, NoSuchNamespace
from syncline.events.features import features_of
from syncline.events.live_api import PROVIDER_CONFIGS
from syncline.events.model import Api, Namespace
from syncline.wire import page_of, record_from, shown

EXPRESSIONS = ("appIdClientRegex", "clientId", "identityValidationExpression")
MODE_LISTS = ("connectionAuthModes", "defaultPublishAuthModes", "defaultSubscribeAuthModes")
TAGS_MAX = 50
ONE_PER_API = ("API_KEY", "AWS_IAM", "AWS_LAMBDA")

Members = dict[str, Any]


class Apis:
    """The verbs over APIs."""

    def __init__(self, engine: EventsEngine) -> None:
        self._engine = engine

    async def create(self, request: Members) -> Members:
        """A new API."""
        check_config(request["eventConfig"])
        check_api_tags(request.get("tags") or {})
        api_id = self._engine.ids.short()
        arn = self._engine.arn(f"apis/{api_id}")
        api = record_from(Api, request, api_id=api_id, api_arn=arn, created=int(self._engine.clock.now()))
        self._engine.start(await self._engine.catalog.put_api(api))
        return {"api": self._shown(api)}

    async def update(self, request: Members) -> Members:
        """An API described anew."""
        entry = self._entry(request)
        check_config(request["eventConfig"])
        check_named_modes(entry, request["eventConfig"])
        old = entry.api
        api = record_from(Api, request, api_id=old.api_id, api_arn=old.api_arn, created=old.created, tags=old.tags)
        await self._engine.catalog.put_api(api)
        self._engine.live(api.api_id).settle_modes()
        self._engine.auth.opened.recheck(api.api_id)
        return {"api": self._shown(api)}

    def get(self, request: Members) -> Members:
        return {"api": self._shown(self._entry(request).api)}

    async def delete(self, request: Members) -> Members:
        entry = self._entry(request)
        live = self._engine.live(entry.api.api_id)
        for name in list(entry.namespaces):
            await self._engine.forget_history(live, name)
        await self._engine.catalog.delete_api(entry)
        await self._engine.stop(entry.api.api_id)
        return {}

    def list(self, request: Members) -> Members:
        entries = self._engine.catalog.entries
        return page_of("apis", [self._shown(entries[api_id].api) for api_id in sorted(entries)], request)

    def _shown(self, api: Api) -> Members:
        # https://{HTTP}/event and wss://{REALTIME}/event/realtime lead here: there is a path for each API.
        host = self._engine.public_url().rstrip("/").partition("://")[2]
        place = f"{host}/event/{api.api_id}"
        return {**shown(api), "dns": {"HTTP": place, "REALTIME": place}}

    def _entry(self, request: Members) -> Entry:
        return self._engine.catalog.entry(request["apiId"])

    # --- tags

    async def tag(self, request: Members) -> Members:
        entry, record = self._tagged(request["resourceArn"])
        tags = {**record.tags, **request["tags"]}
        check_tags(tags)
        await self._retag(entry, record, tags)
        return {}

    async def untag(self, request: Members) -> Members:
        entry, record = self._tagged(request["resourceArn"])
        await self._retag(entry, record, {k: v for k, v in record.tags.items() if k not in request["tagKeys"]})
        return {}

    def tags(self, request: Members) -> Members:
        return {"tags": self._tagged(request["resourceArn"])[1].tags}

    async def _retag(self, entry: Entry, record: Api | Namespace, tags: dict[str, str]) -> None:
        changed = msgspec.structs.replace(record, tags=tags)
        if isinstance(changed, Api):
            check_api_tags(tags)
            await self._engine.catalog.put_api(changed)
            return
        features_of(tags)
        await entry.namespaces.put(changed)
        live = self._engine.live(entry.api.api_id)
        await self._engine.serve(live, changed, live.namespace(changed.name).handlers)

    def _tagged(self, arn: str) -> tuple[Entry, Api | Namespace]:
        api_id, namespace = named_by(arn)
        entry = self._engine.catalog.entry(api_id)
        if not namespace:
            return entry, entry.api
        if namespace not in entry.namespaces:
            raise NoSuchNamespace(name=namespace)
        return entry, entry.namespaces[namespace]


def named_by(arn: str) -> tuple[str, str]:
    """The API, and the namespace if there is one, that an ARN names. Raises BadRequest."""
    try:
        parts = arns.parse(arn).resource.split("/")
    except ValueError:
        parts = []
    if len(parts) == 2 and parts[0] == "apis":
        return parts[1], ""
    if len(parts) == 4 and (parts[0], parts[2]) == ("apis", "channelNamespace"):
        return parts[1], parts[3]
    raise BadRequest(f"Invalid ARN: {arn}")


def check_config(config: Members) -> None:
    """What AppSync wants of an eventConfig. Raises BadRequest, Unsupported."""
    providers = [each["authType"] for each in config["authProviders"]]
    for provider in config["authProviders"]:
        check_provider(provider)
    for mode in providers:
        if mode in ONE_PER_API and providers.count(mode) > 1:
            raise BadRequest(f"An API has at most one {mode} provider.")
    for name in MODE_LISTS:
        if not config[name]:
            raise BadRequest(f"{name} must name at least one authorization type.")
        check_modes(config[name], config, name)


def check_provider(provider: Members) -> None:
    """A provider needs its configuration, and expressions that can be read. Raises BadRequest."""
    member = PROVIDER_CONFIGS.get(provider["authType"])
    if member is None:
        return
    given = provider.get(member)
    if not given:
        raise BadRequest(f"{member} is required for a provider of type {provider['authType']}.")
    for name in EXPRESSIONS:
        try:
            re.compile(given.get(name) or "")
        except (re.error, RecursionError, OverflowError):
            raise BadRequest(f"{name} is no regular expression.") from None


def check_modes(modes: list[Members], config: Members, name: str) -> None:
    """Every mode of a list must have its provider. Raises BadRequest."""
    providers = [each["authType"] for each in config["authProviders"]]
    for mode in modes:
        if mode["authType"] not in providers:
            raise BadRequest(f"{name} has {mode['authType']}, which is not among the authProviders.")


def check_named_modes(entry: Entry, config: Members) -> None:
    """No namespace may be left with a mode that has lost its provider. Raises BadRequest."""
    for namespace in entry.namespaces.values():
        for modes in (namespace.publish_auth_modes, namespace.subscribe_auth_modes):
            check_modes(modes or [], config, f"the channel namespace {namespace.name}")


def check_api_tags(tags: dict[str, str]) -> None:
    """Those of an API. Raises BadRequest."""
    check_tags(tags)
    place_of(tags, "onConnect")
    place_of(tags, "onDisconnect")


def check_tags(tags: dict[str, str]) -> None:
    """Raises BadRequest."""
    if len(tags) > TAGS_MAX or any(name.startswith("aws:") for name in tags):
        raise BadRequest("Invalid tags: at most 50, and no key may begin with aws:.")
    check_origins(tags)
