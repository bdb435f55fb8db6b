"""Lambda authorizers: a function decides about a token; its answer is remembered for a while.

For: `authenticate`. Owns: what was decided, by API and token. Never: remembers longer than the function allows.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

import msgspec

from syncline.auth.model import ApiAuth, DeniedFields, Identity, Provider
from syncline.auth.patterns import fits
from syncline.auth.refusals import NotAuthorized
from syncline.core import Clock, Meter, SynclineError, TooLarge, call, json

SECONDS_MAX = 10.0
TTL_MAX = 3600.0
CONTEXT_BYTES_MAX = 5 * 1024 * 1024
REMEMBERED_MAX = 10_000


class Invoked(Protocol):
    """What an invocation left behind."""

    @property
    def payload(self) -> bytes: ...
    @property
    def function_error(self) -> str | None: ...


Invoke = Callable[[str, bytes], Awaitable[Invoked]]


class Decision(msgspec.Struct, frozen=True):
    """What a function said, and until when it counts."""

    identity: Identity | None
    until: float


class Authorizer:
    """Asks authorizer functions."""

    def __init__(self, clock: Clock, meter: Meter, invoke: Invoke, *, account: str) -> None:
        self._clock, self._meter, self._invoke, self._account = clock, meter, invoke, account
        self._known: OrderedDict[bytes, Decision] = OrderedDict()

    async def decide(
        self,
        api: ApiAuth,
        provider: Provider,
        token: str,
        headers: Mapping[str, str],
        body: bytes,
        asked: Mapping[str, Any] | None = None,
    ) -> Identity:
        """Who the function says the token is. Raises NotAuthorized.

        `asked` is what is asked instead of a query. An Event API's operation is also in what is remembered.
        """
        expression = provider.config.get("identityValidationExpression")
        if expression and not fits(expression, token):
            raise NotAuthorized
        place = f"{asked['operation']}\0{asked['channel']}" if asked is not None and "operation" in asked else ""
        key = hashlib.sha256(f"{api.api}\0{provider.config['authorizerUri']}\0{place}\0{token}".encode()).digest()
        found = self._known.get(key)
        if found is None or found.until <= self._clock.monotonic():
            found = await self._asked(
                api, provider, token, headers, _request_of(body) if asked is None else _event_of(asked)
            )
            self._known[key] = found
            while len(self._known) > REMEMBERED_MAX:
                self._known.popitem(last=False)
        if found.identity is None:
            raise NotAuthorized
        return found.identity

    async def _asked(
        self, api: ApiAuth, provider: Provider, token: str, headers: Mapping[str, str], request: dict[str, Any]
    ) -> Decision:
        event = {
            "authorizationToken": token,
            "requestContext": {"apiId": api.api, "accountId": self._account, **request},
            "requestHeaders": dict(headers),
        }
        answer = await self._answer(api, provider.config["authorizerUri"], json.encode(event))
        ttl = answer.get("ttlOverride")
        if not isinstance(ttl, (int, float)) or isinstance(ttl, bool):
            ttl = provider.config.get("authorizerResultTtlInSeconds") or 0
        until = self._clock.monotonic() + min(max(float(ttl), 0.0), TTL_MAX)
        if answer.get("isAuthorized") is not True:
            return Decision(None, until)
        member = "handlerContext" if "channel" in request else "resolverContext"
        context = answer.get(member) or {}
        if not isinstance(context, dict) or len(json.encode(context)) > CONTEXT_BYTES_MAX:
            raise TooLarge(f"The authorizer's {member} is no map, or larger than 5 MB.")
        denied = frozenset(_field_name(str(each)) for each in answer.get("deniedFields") or ())
        grants = ("AWS_LAMBDA", DeniedFields(denied)) if denied else ("AWS_LAMBDA",)
        return Decision(Identity("AWS_LAMBDA", {member: context}, grants), until)

    async def _answer(self, api: ApiAuth, function: str, event: bytes) -> dict[str, Any]:
        try:
            async with asyncio.timeout(SECONDS_MAX):
                found = await self._invoke(function, event)
            answer = json.decode(found.payload) if found.payload else None
        except (TimeoutError, SynclineError, json.NotJson) as failure:
            reason = failure.message if isinstance(failure, SynclineError) else type(failure).__name__
            self._meter.event("authorizer failed", room="auth", api=api.api, function=function, reason=reason[:300])
            raise NotAuthorized from None
        if found.function_error:
            reason = str(answer.get("errorMessage")) if isinstance(answer, dict) else "Unhandled"
            self._meter.event("authorizer failed", room="auth", api=api.api, function=function, reason=reason[:300])
            raise NotAuthorized
        return answer if isinstance(answer, dict) else {}


def _request_of(body: bytes) -> dict[str, Any]:
    """The members of `requestContext` that the request's body fills."""
    try:
        asked = json.decode(body)
    except (json.NotJson, UnicodeDecodeError, RecursionError):
        asked = None
    asked = asked if isinstance(asked, dict) else {}
    return {
        "requestId": _request_id(),
        "queryString": str(asked.get("query") or ""),
        "operationName": asked.get("operationName"),
        "variables": asked.get("variables") or {},
    }


def _event_of(asked: Mapping[str, Any]) -> dict[str, Any]:
    """The same for what is no query."""
    return {"requestId": _request_id(), **asked}


def _request_id() -> str:
    try:
        return call.current().request_id
    except LookupError:
        return ""


def _field_name(text: str) -> str:
    """`Type.field`, also from a field's ARN."""
    if not text.startswith("arn:"):
        return text
    parts = text.split("/")
    return f"{parts[-3]}.{parts[-1]}" if len(parts) >= 4 else text
