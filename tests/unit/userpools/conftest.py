"""User pools over a store in memory, with a clock that a test moves and functions that a test writes in Python."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest

from syncline.core import Ids, Instant, Meter, Settings, SystemClock, Vault
from syncline.store import Store
from syncline.userpools import UserPoolEngine, UserPools


class MovableClock(SystemClock):
    """The machine's time, and as much more as the test moved it by."""

    def __init__(self) -> None:
        self.moved = 0.0

    def now(self) -> Instant:
        return Instant(super().now() + self.moved)

    def monotonic(self) -> float:
        return super().monotonic() + self.moved

    def move(self, seconds: float) -> None:
        self.moved += seconds


class Answer(msgspec.Struct):
    payload: bytes
    function_error: str | None = None


Function = Callable[[dict[str, Any]], dict[str, Any]]


class World:
    """One server's user pools."""

    def __init__(self, store: Store, ids: Ids, clock: MovableClock, meter: Meter) -> None:
        self.store, self.ids, self.clock, self.meter = store, ids, clock, meter
        self.vault = Vault(b"k" * 32, ids)
        self.functions: dict[str, Function] = {}
        self.events: list[dict[str, Any]] = []

    async def start(self, **settings: Any) -> World:
        """Start the room over the store, which may have been used before."""
        chosen = Settings(mode="dev", **settings)
        self.engine = UserPoolEngine(self.store, self.vault, self.clock, self.ids, chosen, self.meter, self.invoke)
        await self.engine.load()
        self.api = UserPools(self.engine)
        return self

    async def invoke(self, name: str, payload: bytes) -> Answer:
        event = json.loads(payload)
        self.events.append(event)
        try:
            return Answer(json.dumps(self.functions[name](event)).encode())
        except ValueError as failure:
            return Answer(json.dumps({"errorMessage": str(failure)}).encode(), "Unhandled")

    async def pool(self, **members: Any) -> str:
        """A new pool's id."""
        made = await self.api.create_user_pool({"PoolName": "people", **members})
        pool_id: str = made["UserPool"]["Id"]
        return pool_id

    async def client(self, pool: str, **members: Any) -> str:
        """A new client's id, with every flow."""
        flows = ["USER_SRP", "USER_PASSWORD", "ADMIN_USER_PASSWORD", "REFRESH_TOKEN", "CUSTOM"]
        members = {"ExplicitAuthFlows": [f"ALLOW_{flow}_AUTH" for flow in flows], **members}
        made = await self.api.create_user_pool_client({"UserPoolId": pool, "ClientName": "app", **members})
        client_id: str = made["UserPoolClient"]["ClientId"]
        return client_id

    async def user(self, pool: str, name: str = "ada", password: str = "Passw0rd!", **attributes: str) -> None:
        """A confirmed user."""
        given = [{"Name": key, "Value": value} for key, value in attributes.items()]
        await self.api.admin_create_user(
            {"UserPoolId": pool, "Username": name, "UserAttributes": given, "MessageAction": "SUPPRESS"}
        )
        await self.api.admin_set_user_password(
            {"UserPoolId": pool, "Username": name, "Password": password, "Permanent": True}
        )

    async def sign_in(self, client: str, name: str = "ada", password: str = "Passw0rd!") -> dict[str, Any]:
        """The tokens of a sign-in by password."""
        answer = await self.api.initiate_auth(
            {
                "ClientId": client,
                "AuthFlow": "USER_PASSWORD_AUTH",
                "AuthParameters": {"USERNAME": name, "PASSWORD": password},
            }
        )
        tokens: dict[str, Any] = answer["AuthenticationResult"]
        return tokens

    @property
    def code(self) -> str:
        """The secret in the last message."""
        return self.engine.outbox.sent[-1].secret


Start = Callable[[], Awaitable[World]]


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
async def world(store: Store, ids: Ids, clock: MovableClock, meter: Meter) -> World:
    return await World(store, ids, clock, meter).start()
