"""Tenants on shared APIs: whatever they subscribe to, lose, renew and try of each other's, nothing is delivered to one
who may not read it at that moment.

`make simulate` sweeps many more seeds: SYNCLINE_SIMULATION_SEEDS=20000 is two thousand here.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter
from typing import Any, NamedTuple

from simulation.loop import simulate
from syncline.auth import Identity, NotAuthorized, TokenExpired, TokenRevoked
from syncline.core import LoopClock, Meter, Request, SynclineError, json
from syncline.hub import Start
from syncline.store import MemoryStore
from unit.graphql.conftest import Outbox, World

SEEDS = max(8, int(os.environ.get("SYNCLINE_SIMULATION_SEEDS", "60")) // 10)
TENANTS = ("acme", "apex", "acme2")
SECONDS = 40.0
RECHECK_SECONDS = 1.0
"""How long what an expired token opened may go on."""

SDL = """
type Note @aws_api_key @aws_cognito_user_pools {
  tenant: String owner: String text: String
  secret: String @aws_api_key @aws_cognito_user_pools(cognito_groups: ["staff"])
}
type Query { none: String }
type Mutation { put(tenant: String, owner: String, text: String, secret: String): Note @aws_api_key }
type Subscription {
  onPut(tenant: String, owner: String): Note @aws_subscribe(mutations: ["put"]) @aws_cognito_user_pools
  onMine: Note @aws_subscribe(mutations: ["put"]) @aws_cognito_user_pools
  onStaff(tenant: String): Note
    @aws_subscribe(mutations: ["put"]) @aws_cognito_user_pools(cognito_groups: ["staff"])
}
"""
OWN_TENANT = (
    "#if($ctx.identity.claims.tenant != $ctx.args.tenant)$util.unauthorized()#end"
    '{"version": "2018-05-29", "payload": null}'
)
MINE = (
    '$extensions.setSubscriptionFilter({"filterGroup": [{"filters": [{"fieldName": "tenant", "operator": "eq",'
    ' "value": $ctx.identity.claims.tenant}]}]})null'
)
FIELDS = "{ tenant owner text secret }"
DOCUMENTS = {
    "onPut": f"subscription S($tenant: String, $owner: String) {{ onPut(tenant: $tenant, owner: $owner) {FIELDS} }}",
    "onMine": f"subscription {{ onMine {FIELDS} }}",
    "onStaff": f"subscription S($tenant: String) {{ onStaff(tenant: $tenant) {FIELDS} }}",
}
PUT = f"mutation P($t: String, $o: String, $x: String) {{ put(tenant: $t, owner: $o, text: $x, secret: $x) {FIELDS} }}"


class Token(NamedTuple):
    """One sign-in of a user."""

    user: str
    tenant: str
    staff: bool
    expires: float
    sign_in: str

    @property
    def identity(self) -> Identity:
        claims = {"tenant": self.tenant}
        shown = {"sub": self.user, "issuer": "i", "username": self.user, "claims": claims}
        grants = ("AMAZON_COGNITO_USER_POOLS", *(("staff",) if self.staff else ()))
        return Identity("AMAZON_COGNITO_USER_POOLS", shown, grants, expires=self.expires, credential=self.sign_in)


class Door:
    """An authenticator that knows the tokens, and which are revoked."""

    def __init__(self, clock: LoopClock, opened: Any) -> None:
        self.clock, self.opened = clock, opened
        self.tokens: dict[str, Token] = {}
        self.revoked: set[str] = set()

    async def authenticate(self, api: Any, headers: Any, **_: Any) -> Identity:
        await asyncio.sleep(0)  # as when a key is fetched, or a function asked
        if "x-api-key" in headers and headers["x-api-key"] in api.keys:
            return Identity("API_KEY", None, ("API_KEY",), credential=headers["x-api-key"])
        token = self.tokens.get(headers.get("authorization", ""))
        if token is None:
            raise NotAuthorized
        self.check(api, token.identity)
        return token.identity

    def check(self, api: Any, identity: Identity) -> None:
        if identity.expires <= self.clock.now():
            raise TokenExpired
        if identity.credential in self.revoked:
            raise TokenRevoked


class Api(NamedTuple):
    id: str
    key: str


class Connection(Outbox):
    """One socket of one device, whose every delivery is judged the moment it is written."""

    def __init__(self, life: Life, api: Api) -> None:
        super().__init__()
        self.life, self.api = life, api
        self.endpoint: Any = None
        self.holds: dict[str, tuple[Token, str]] = {}

    def write(self, data: bytes) -> None:
        for line in data.split(b"\n"):
            if line:
                message = json.decode(line)
                if message["type"] == "data":
                    try:
                        self._judge(message["id"], message["payload"])
                    except AssertionError as leak:  # within the hub's flush, where nobody would hear of it
                        self.life.leaks.append(str(leak))

    def _judge(self, id: str, payload: Any) -> None:
        token, field = self.holds.get(id) or self.life.starting[self, id]
        life, now = self.life, self.life.clock.now()
        [(name, note)] = payload["data"].items()
        assert name == field
        assert note["tenant"] == token.tenant, "another tenant's"
        assert note["text"].startswith(f"{self.api.id}:"), "another API's"
        assert token.sign_in not in life.door.revoked, "after the sign-in was revoked"
        assert now <= token.expires + RECHECK_SECONDS, "after the token had expired"
        assert field != "onStaff" or token.staff, "a field for staff"
        assert note["secret"] is None or token.staff, "a field of the note for staff"
        life.seen[field] += 1
        life.seen["secret"] += note["secret"] is not None

    def ended(self, id: str, errors: Any, *, close: bool) -> None:
        self.holds.pop(id, None)
        self.life.seen["ended"] += 1


class Life:
    """One run of one server."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.clock, self.meter = LoopClock(), Meter(out=None)
        self.world = World(MemoryStore(), self.clock, self.meter)
        self.door = Door(self.clock, self.world.engine.auth.opened)
        self.world.engine._server._auth = self.door  # type: ignore[assignment]
        self.seen: Counter[str] = Counter()
        self.starting: dict[tuple[Connection, str], tuple[Token, str]] = {}
        self.ids: list[tuple[str, str, dict[str, Any]]] = []
        """What anybody has ever started, for others to try."""
        self.apis: list[Api] = []
        self.leaks: list[str] = []

    async def run(self) -> Counter[str]:
        for _ in range(2):
            await self._api()
        tasks = [asyncio.ensure_future(self.door.opened.run())]
        tasks += [asyncio.ensure_future(self._device(user)) for user in range(9)]
        tasks += [asyncio.ensure_future(self._publish()), asyncio.ensure_future(self._revoke())]
        await asyncio.wait(tasks, timeout=SECONDS, return_when=asyncio.FIRST_EXCEPTION)
        for task in tasks:
            task.cancel()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(result, Exception):
                raise result
        assert self.leaks == []
        return self.seen

    async def _api(self) -> None:
        pool = {"userPoolId": "us-east-1_abcdefghi", "awsRegion": "us-east-1"}
        more = [{"authenticationType": "AMAZON_COGNITO_USER_POOLS", "userPoolConfig": pool}]
        world = self.world
        world.api_id = ""
        await world.create(SDL, additionalAuthenticationProviders=more)
        await world.local("Mutation", "put")
        await world.local("Subscription", "onPut", OWN_TENANT, "null")
        await world.local("Subscription", "onStaff", OWN_TENANT, "null")
        await world.local("Subscription", "onMine", response=MINE)
        self.apis.append(Api(world.api_id, world.key))

    # --- who does what

    async def _publish(self) -> None:
        number = 0
        while True:
            await asyncio.sleep(self.chance.expovariate(20))
            number += 1
            api, tenant = self.chance.choice(self.apis), self.chance.choice(TENANTS)
            variables = {"t": tenant, "o": self.chance.choice(["ada", "bob"]), "x": f"{api.id}:{number}"}
            body = json.encode({"query": PUT, "variables": variables})
            request = Request("POST", f"/graphql/{api.id}", "", [("x-api-key", api.key)], body)
            answer = await self.world.engine.respond(api.id, request)
            assert b'"errors"' not in answer.body, answer.body

    async def _revoke(self) -> None:
        while True:
            await asyncio.sleep(self.chance.expovariate(0.5))
            live = [each.sign_in for each in self.door.tokens.values() if each.sign_in not in self.door.revoked]
            if live:
                self.door.revoked.add(self.chance.choice(live))
                self.door.opened.recheck()

    def _token(self, user: int) -> Token:
        """A fresh sign-in of a user; now and then as staff, or no more."""
        made = Token(
            f"user{user}",
            TENANTS[user % len(TENANTS)],
            self.chance.random() < 0.3,
            self.clock.now() + self.chance.uniform(0.5, 20),
            f"s{len(self.door.tokens)}",
        )
        self.door.tokens[made.sign_in] = made
        return made

    async def _device(self, user: int) -> None:
        while True:
            api = self.chance.choice(self.apis)
            connection = Connection(self, api)
            request = Request("GET", f"/graphql/{api.id}/realtime", "", [])
            connection.endpoint = self.world.engine.endpoint(api.id, request)
            try:
                await connection.endpoint.connect(request, {"authorization": self._token(user).sign_in})
            except SynclineError:
                continue
            for _ in range(self.chance.randint(1, 12)):
                await asyncio.sleep(self.chance.expovariate(2))
                if self.chance.random() < 0.2 and connection.holds:
                    id = self.chance.choice(list(connection.holds))
                    connection.endpoint.unsubscribe(id)
                    del connection.holds[id]
                else:
                    await self._subscribe(connection, user)
            connection.holds.clear()
            connection.endpoint.closed()
            await asyncio.sleep(self.chance.uniform(0, 3))

    async def _subscribe(self, connection: Connection, user: int) -> None:
        """Start something: of one's own, of another tenant's, or under an id and document that somebody used before."""
        token = self._token(user)
        if self.ids and self.chance.random() < 0.5:
            id, field, variables = self.chance.choice(self.ids)
        else:
            id, field = f"subscription-{len(self.ids):06}", self.chance.choice(list(DOCUMENTS))
            tenant = token.tenant if self.chance.random() < 0.8 else self.chance.choice(TENANTS)
            variables = {} if field == "onMine" else {"tenant": tenant}
            if field == "onPut" and self.chance.random() < 0.5:
                variables["owner"] = self.chance.choice(["ada", "bob"])
            self.ids.append((id, field, variables))
        payload = {"query": DOCUMENTS[field], "variables": variables}
        request = Request("GET", f"/graphql/{connection.api.id}/realtime", "", [])
        start = Start(
            id,
            payload,
            json.encode(payload).decode(),
            {"authorization": token.sign_in},
            connection,
            b'{"id":"%s","type":"data","payload":' % id.encode(),
            b"}",
            request,
            ended=lambda errors, close: connection.ended(id, errors, close=close),
        )
        held = connection.holds.get(id)
        self.starting[connection, id] = (token, field)  # what is caught up with is written before it returns
        try:
            await connection.endpoint.subscribe(start)
        except SynclineError:
            self.seen["refused"] += 1
        else:
            connection.holds[id] = (token, field)
            self.seen["renewed" if held else "started"] += 1
        finally:
            del self.starting[connection, id]


def test_threat_no_tenant_is_delivered_what_it_may_not_read() -> None:
    seen: Counter[str] = Counter()
    for seed in range(SEEDS):
        try:
            seen += simulate(Life(seed).run())
        except AssertionError as leak:
            raise AssertionError(f"seed {seed}: {leak}") from leak
    # It all did happen: deliveries of each kind, refusals, renewals, ends by expiry and revocation.
    for what in (*DOCUMENTS, "secret", "refused", "renewed", "started", "ended"):
        assert seen[what] > SEEDS, (what, seen)
