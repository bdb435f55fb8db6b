"""Settings: one frozen struct, from defaults, `syncline.toml`, `SYNCLINE_*` and the command line, in that order.

Rooms get their part and never read the environment. docs/reference/settings.md lists every one.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from syncline.core.arns import ACCOUNT
from syncline.core.errors import Invalid


class SettingsError(Invalid):
    """The setting {name} from {source} cannot be used: {reason}"""


class Edge(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The listener's limits."""

    header_bytes_max: int = 72 * 1024
    body_bytes_max: int = 70 * 1024 * 1024
    request_seconds_max: float = 30.0
    idle_seconds_max: float = 120.0
    connections_max: int = 20_000
    connections_per_address_max: int = 0
    outbox_bytes_max: int = 1024 * 1024
    drain_seconds_max: float = 3.0
    drain_spread_seconds: float = 1.0


class Store(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The keyspace. `synchronous` is FULL (an acknowledged write survives power loss) or NORMAL."""

    synchronous: str = "FULL"
    queue_bodies_max: int = 4096
    batch_bodies_max: int = 128


class Streams(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Change streams."""

    retention_hours: float = 24.0
    trim_seconds: float = 60.0


class Tables(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Tables: DynamoDB's quotas. `changes_max` is of tables being changed at once; `item_collection_bytes_max` of what
    one partition key holds in a table with local indexes."""

    tables_max: int = 2500
    changes_max: int = 500
    item_collection_bytes_max: int = 10 * 1024**3


class Hub(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Subscriptions: the window of recent publications kept per API in memory, the history that a durable API keeps in
    the store, and AppSync's quotas."""

    window_seconds: float = 600.0
    window_bytes_max: int = 64 * 1024 * 1024
    lost_subscriptions_max: int = 100_000
    history_seconds: float = 86_400.0
    history_bytes_max: int = 256 * 1024 * 1024
    history_trim_seconds: float = 10.0
    subscriptions_per_connection_max: int = 100
    payload_bytes_max: int = 240 * 1024
    keep_alive_seconds: float = 60.0
    connection_timeout_ms: int = 300_000
    connection_seconds_max: float = 0.0
    silent_seconds_max: float = 150.0
    starts_per_second_max: float = 0.0
    deflate: bool = True
    filter_fields_max: int = 5
    filter_groups_max: int = 10
    filter_in_max: int = 5
    filter_contains_any_max: int = 20
    filter_text_max: int = 256


class Events(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Event APIs: AppSync's quotas. `event_bytes_max` is of one event's text."""

    events_per_publish_max: int = 5
    event_bytes_max: int = 240 * 1024
    subscriptions_per_connection_max: int = 200
    history_last_max: int = 1000
    presence_seconds: float = 30.0
    presence_state_bytes_max: int = 4096
    presence_members_shown_max: int = 1000


class Rates(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much may come in a second; as much may come at once. 0: no limit. AppSync's quotas where it has one."""

    requests_per_api: float = 10_000
    connects_per_api: float = 2_000
    messages_per_api: float = 10_000
    events_per_api: float = 10_000
    publishes_per_connection: float = 25
    calls_per_key: float = 0
    calls_per_identity: float = 0
    requests_per_address: float = 0


class Functions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Functions: processes, their idle life, and the queue of asynchronous invocations."""

    concurrency_max: int = 20
    idle_seconds_max: float = 600.0
    async_queue_max: int = 10_000
    async_retry_seconds: float = 60.0
    log_bytes_per_invocation_max: int = 1024 * 1024


class Http(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Requests of HTTP data sources. Addresses that are not public need `allowed_networks` (`127.0.0.0/8,10.1.0.0/16`);
    `allowed_hosts`, when there are some (`api.example.com,*.example.org`), are the only hosts."""

    seconds_max: float = 10.0
    response_bytes_max: int = 5 * 1024 * 1024
    connections_max: int = 100
    allowed_networks: str = ""
    allowed_hosts: str = ""


class Javascript(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """JavaScript resolvers. `relaxed` accepts the whole language; otherwise what AWS refuses is refused. Code that
    takes longer than `inline_milliseconds_max` runs once more on a thread of its own, for `milliseconds_max`."""

    relaxed: bool = False
    inline_milliseconds_max: int = 20
    milliseconds_max: int = 500
    memory_bytes_max: int = 64 * 1024 * 1024
    stack_bytes_max: int = 256 * 1024


class Traces(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which GraphQL requests leave a trace: those with errors, all, none, or with errors and `ratio` of the others."""

    mode: Literal["errors", "all", "none", "ratio"] = "errors"
    ratio: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.01
    kept_max: Annotated[int, msgspec.Meta(ge=1)] = 50


class Resolvers(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Templates of one request may take `template_milliseconds_max` of processor time altogether. Python resolvers:
    trusted code that runs in the server. `python_path` is the folder of their modules; empty: there are none.
    `python_inline` accepts source from whoever may write resolvers."""

    template_milliseconds_max: int = 500
    python_path: str = ""
    python_inline: bool = False
    python_seconds_max: float = 30.0


class UserPools(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """User pools: the issuer in their tokens, and the mail server. `smtp_security` is starttls, tls or none."""

    issuer: str = ""
    key_days: float = 90.0
    smtp_host: str = ""
    smtp_port: int = 587
    smtp_security: str = "starttls"
    smtp_user: str = ""
    smtp_password: str = ""
    smtp_from: str = "no-reply@localhost"


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything a server is told. `mode` is dev (loopback, any AWS credentials) or serve (signatures verified).
    `aws_mode`: policies are enforced, or warn, or are off; empty: serve enforces, dev warns."""

    mode: str = "serve"
    data: str = "./.syncline"
    host: str = "127.0.0.1"
    port: Annotated[int, msgspec.Meta(ge=0, le=65_535)] = 4000
    region: str = "us-east-1"
    account: str = ACCOUNT
    tls_cert: str = ""
    tls_key: str = ""
    public_url: str = ""
    aws_mode: str = ""
    edge: Edge = Edge()
    store: Store = Store()
    streams: Streams = Streams()
    tables: Tables = Tables()
    hub: Hub = Hub()
    events: Events = Events()
    rates: Rates = Rates()
    functions: Functions = Functions()
    http: Http = Http()
    javascript: Javascript = Javascript()
    resolvers: Resolvers = Resolvers()
    traces: Traces = Traces()
    userpools: UserPools = UserPools()


Sources = dict[str, str]
"""Where each setting came from, by dotted name; absent: the default."""


def load_settings(flags: Mapping[str, Any], environ: Mapping[str, str] | None = None) -> tuple[Settings, Sources]:
    """Read the settings. Flags that are None count as not given. Raises SettingsError, naming the source."""
    environ = os.environ if environ is None else environ
    values: dict[str, Any] = {}
    sources: Sources = {}
    _read_file(Path(environ.get("SYNCLINE_CONFIG", "syncline.toml")), values, sources)
    _read_environment(environ, values, sources)
    for name, value in flags.items():
        if value is not None:
            values[name], sources[name] = value, f"--{name.replace('_', '-')}"
    try:
        return msgspec.convert(values, Settings, strict=False), sources
    except msgspec.ValidationError as refusal:
        name = str(refusal).rpartition("`$.")[2].rstrip("`") if "`$." in str(refusal) else "(unknown)"
        raise SettingsError(name=name, source=sources.get(name, "syncline.toml"), reason=str(refusal)) from None


def setting_names() -> list[str]:
    """The dotted name of every setting, in the order of the struct."""
    names: list[str] = []
    for field in msgspec.structs.fields(Settings):
        if isinstance(field.default, msgspec.Struct):
            names += [f"{field.name}.{inner.name}" for inner in msgspec.structs.fields(type(field.default))]
        else:
            names.append(field.name)
    return names


def _read_file(path: Path, values: dict[str, Any], sources: Sources) -> None:
    if not path.is_file():
        return
    try:
        found = tomllib.loads(path.read_text())
    except tomllib.TOMLDecodeError as mistake:
        raise SettingsError(name="(all)", source=str(path), reason=str(mistake)) from None
    for name, value in found.items():
        values[name] = dict(value) if isinstance(value, dict) else value
        for inner in value if isinstance(value, dict) else ():
            sources[f"{name}.{inner}"] = str(path)
        sources[name] = str(path)


def _read_environment(environ: Mapping[str, str], values: dict[str, Any], sources: Sources) -> None:
    for name in setting_names():
        variable = "SYNCLINE_" + name.replace(".", "_").upper()
        if variable not in environ:
            continue
        sources[name] = variable
        section, _, inner = name.rpartition(".")
        if section:
            values.setdefault(section, {})[inner] = environ[variable]
        else:
            values[inner] = environ[variable]
