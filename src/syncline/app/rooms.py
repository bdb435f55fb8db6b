"""The rooms of one server, built in the order in which they depend on each other.

For: `app.server`. Owns: who is handed what. Never: behaviour of its own.
"""

from __future__ import annotations

from pathlib import Path

from syncline.account import Acting, Credentials, Enforcement, Iam, Permissions, SecretsManager, Sts, load_root_key
from syncline.app.appsync import AppSync
from syncline.app.keys import open_vault
from syncline.app.policies import Gate, PolicyRules, aws_mode
from syncline.auth import Authenticator, Authorizer, Jwts, SigV4, Throttle
from syncline.bus import LocalBus
from syncline.core import Clock, Ids, Meter, Part, Settings, Unavailable, Vault
from syncline.datasources import Engines, Outbound
from syncline.events import Events, EventsEngine
from syncline.functions import Function, FunctionEngine, Lambda
from syncline.graphql import Graphql, GraphqlEngine
from syncline.hub import History, Hub
from syncline.monitoring import Alarms, CloudWatchService, Logs, LogsService, LogWriter, Metrics, MetricSampler
from syncline.store import SqliteStore
from syncline.streams import Streams
from syncline.tables import TableEngine, Tables, TableStreams
from syncline.userpools import UserPoolEngine, UserPools
from syncline.wire import AwsDoor, Operations, SigningKey


class Rooms:
    """What a server is made of, open and loaded."""

    def __init__(
        self, settings: Settings, *, store: SqliteStore, vault: Vault, clock: Clock, ids: Ids, meter: Meter
    ) -> None:
        folder = Path(settings.data)
        account, region = settings.account, settings.region
        root = load_root_key(folder / "credentials.json", ids=ids, clock=clock)
        self._clock, self._ids, self._vault = clock, ids, vault
        self.url = settings.public_url
        self.store = store
        self.streams = Streams(store, LocalBus(), clock, settings.streams, meter)
        self.credentials = Credentials(root, store, clock, ids, account=account, vault=vault)
        self.permissions = Permissions(store, clock, account=account)
        self.enforcement = Enforcement(aws_mode(settings), meter)
        self._enforced = self.permissions if self.enforcement.enforced else None
        self.logs = Logs(store, clock)
        self.log_writer = LogWriter(self.logs, clock, meter)
        self.metrics = Metrics(store, clock)
        self.alarms = Alarms(store, self.metrics, clock, meter)
        self.sampler = MetricSampler(meter, self.metrics, clock)
        self.tables = TableEngine(store, self.streams, clock, ids, settings, meter)
        self.functions = FunctionEngine(
            store,
            self.streams,
            self.tables,
            self.logs,
            clock,
            ids,
            settings,
            meter,
            folder / "blobs",
            lambda: self.url,
            credentials_for=self._lent,
        )
        self.outbound = Outbound(settings.http)
        self.userpools = UserPoolEngine(store, vault, clock, ids, settings, meter, self.functions.invoke)
        history = History(store, clock, settings.hub, meter)
        self.hub = Hub(clock, settings.hub, meter, epoch=ids.uuid()[:8], history=history)
        verify = settings.mode != "dev"
        self.auth = self._authenticator(settings, meter, verify=verify)
        engines = self._engines(root.secret_access_key.encode(), account=account, region=region)
        shared = store, clock, ids, settings, meter, self.hub, self.auth, engines, lambda: self.url, self.log_writer
        self.graphql = GraphqlEngine(*shared)
        self.events = EventsEngine(*shared)
        self.userpools.sign_ins.listeners.append(lambda gone: self.auth.opened.recheck())
        self.aws = AwsDoor(
            Operations(self._services(account=account, region=region)),
            self.credentials,
            clock=clock,
            ids=ids,
            meter=meter,
            account=account,
            region=region,
            verify=verify,
            gate=Gate(self.permissions, self.enforcement, settings, meter),
        )

    def _authenticator(self, settings: Settings, meter: Meter, *, verify: bool) -> Authenticator:
        """Who tells an API's callers apart, in every mode."""
        clock, account = self._clock, settings.account
        return Authenticator(
            clock,
            SigV4(self.credentials, clock, account=account, verify=verify),
            Jwts(clock, meter, self.userpools, self._fetch),
            Authorizer(clock, meter, self.functions.invoke, account=account),
            None if self.enforcement.off else PolicyRules(self.permissions, self.enforcement),
            Throttle(clock, meter, settings.rates),
        )

    async def _fetch(self, url: str) -> bytes:
        """The body of a GET to an issuer, through the guard of all outgoing requests. Raises SynclineError."""
        answer = await self.outbound.send("GET", url, [("accept", "application/json")], None)
        if answer.status != 200:
            raise Unavailable(f"{url} answered {answer.status}.")
        return answer.body

    def _services(self, *, account: str, region: str) -> dict[str, object]:
        """AWS's services by botocore's names."""
        clock, ids = self._clock, self._ids
        return {
            "appsync": AppSync(Graphql(self.graphql), Events(self.events), self.events),
            "cognito-idp": UserPools(self.userpools),
            "cloudwatch": CloudWatchService(self.metrics, self.alarms, clock, region=region, account=account),
            "dynamodb": Tables(self.tables, lambda: self.url),
            "dynamodbstreams": TableStreams(self.tables, self.streams),
            "iam": Iam(self.store, self.credentials, clock, ids, account=account, permissions=self.permissions),
            "lambda": Lambda(self.functions),
            "logs": LogsService(self.logs, region=region, account=account),
            "secretsmanager": SecretsManager(self.store, clock, ids, account=account, region=region, vault=self._vault),
            "sts": Sts(self.store, self.credentials, account=account, permissions=self._enforced),
        }

    def _engines(self, secret: bytes, *, account: str, region: str) -> Engines:
        """What data sources are built over."""

        def lend(role_arn: str, session_name: str) -> SigningKey:
            session = self.credentials.lend(role_arn, session_name)
            return SigningKey(session.id, session.secret, session.token)

        acting = Acting(self.permissions, self.enforcement, region=region, account=account)
        role_of = None if self.enforcement.off else acting.role
        return Engines(self.tables, self.functions, secret, self._clock, self.outbound, lend, role_of)

    def _lent(self, function: Function) -> dict[str, str]:
        """A function's own access key: its role's, never the server's."""
        session = self.credentials.lend(function.role, function.name)
        return {
            "AWS_ACCESS_KEY_ID": session.id,
            "AWS_SECRET_ACCESS_KEY": session.secret,
            "AWS_SESSION_TOKEN": session.token,
        }

    async def load(self) -> None:
        """Take in what the store holds."""
        first = (self.credentials, self.logs, self.metrics, self.alarms, self.tables, self.functions, self.userpools)
        for room in (*first, self.hub, self.graphql, self.events):
            await room.load()

    def parts(self) -> dict[str, Part]:
        """What lives as long as the server does."""
        return {
            "alarms": self.alarms,
            "credentials": self.auth.opened,
            "events": self.events,
            "functions": self.functions,
            "hub": self.hub,
            "logs": self.logs,
            "log writer": self.log_writer,
            "metrics": self.metrics,
            "sampler": self.sampler,
            "streams": self.streams,
            "tables": self.tables,
            "userpools": self.userpools,
            "userpools outbox": self.userpools.outbox,
        }

    async def close(self) -> None:
        """Let go of the store, after what waits is durable."""
        await self.graphql.close()
        await self.outbound.close()
        await self.log_writer.drain()
        await self.store.close()


async def open_rooms(settings: Settings, *, clock: Clock, ids: Ids, meter: Meter) -> Rooms:
    """Open the store and every room over it. Raises StoreLocked when another server has the data folder."""
    store = SqliteStore(Path(settings.data), settings.store, meter)
    vault = await open_vault(store, Path(settings.data), ids)
    rooms = Rooms(settings, store=store, vault=vault, clock=clock, ids=ids, meter=meter)
    await rooms.load()
    return rooms
