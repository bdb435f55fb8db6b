"""The nouns of data sources: their specification, what they are built from, and what a field's run knows.

Owns: `Context`, the one mutable record of a field's run, which resolvers fill and data sources read.
Never: talks to an engine.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Mapping
from typing import Any, Protocol

import msgspec

from syncline.core import Allowance, Clock
from syncline.datasources.outbound import Outbound
from syncline.wire import SigningKey

JSON = Any


class Info(msgspec.Struct):
    """What is known of the field: its name, its type, the request's variables, and, when asked, its selections."""

    field_name: str
    parent_type_name: str
    variables: dict[str, JSON] = {}
    selection_set_list: Callable[[], list[str]] = list
    selection_set_graphql: Callable[[], str] = str
    output_type: str = ""


class Shared:
    """What all fields of one request share: requests that wait to be asked together, and what handlers ask for besides
    their values. An eviction is (type, field, values by caching key)."""

    __slots__ = (
        "allowance",
        "batches",
        "evictions",
        "filters",
        "invalidations",
        "invalidations_refused",
        "lasting",
        "mutation",
        "reads",
        "response_headers",
    )

    def __init__(self, *, mutation: bool = False) -> None:
        self.mutation = mutation
        self.lasting = True
        self.allowance: Allowance | None = None
        """How long templates and code may still run, on the loop."""
        self.batches: dict[Any, Any] = {}
        self.reads: dict[Hashable, Any] = {}
        """What was read in this turn of the event loop: nothing that the reader could know of happened since."""
        self.response_headers: dict[str, str] = {}
        self.evictions: list[tuple[str, str, dict[str, JSON]]] = []
        self.filters: dict[str, JSON] = {}
        """What a subscription's resolver installs: `filter`, `invalidation`."""
        self.invalidations: list[tuple[str, dict[str, JSON]]] = []
        """Subscription fields whose live subscriptions are to be looked at, each with a payload."""
        self.invalidations_refused = 0


class FieldLog(Protocol):
    """Where one run of a field is noted for its API's log group."""

    def line(self, level: str, text: str) -> None:
        """A handler's own line, of level INFO, DEBUG or ERROR."""
        ...

    def handled(self, step: dict[str, JSON], context: Context, member: str, value: JSON, failure: str | None) -> None:
        """What a handler gave, under the name `member`, or why it failed."""
        ...


class Context(msgspec.Struct):
    """One run of one field's resolver.

    `request` is `{"headers": {lower-case name: value}, "domainName": str | None}`. `error` is `{"message", "type"}`
    after a data source failed. `out_errors` collects appended errors as `{"message", "errorType", "data",
    "errorInfo"}`. `prev` is `{"result": …}` within a pipeline. `lasting` is false when the value must not be kept in
    a cache; `rendered` is the last request to a data source; `owned` are the values that no other field holds; `log` is
    there only while the API logs. `rows`: a data source that can may give `Rows` instead of plain JSON, and the field's
    value may be or hold them.
    """

    arguments: dict[str, JSON]
    info: Info
    source: JSON = None
    identity: JSON = None
    request: dict[str, JSON] = {}
    stash: dict[str, JSON] = {}
    prev: dict[str, JSON] | None = None
    result: JSON = None
    error: dict[str, JSON] | None = None
    env: dict[str, str] = {}
    out_errors: list[dict[str, JSON]] = []
    api_id: str = ""
    shared: Shared = msgspec.field(default_factory=Shared)
    lasting: bool = True
    rendered: JSON = None
    owned: dict[str, Any] = {}
    log: FieldLog | None = None
    rows: bool = False

    def must_not_be_kept(self) -> None:
        """Say that the value, and with it the whole answer, must not be kept in a cache."""
        self.lasting = self.shared.lasting = False


class DataSourceRecord(msgspec.Struct, frozen=True, rename="camel"):
    """A data source as it is kept: its member names are AppSync's own, and so are those in its configurations."""

    name: str
    type: str
    data_source_arn: str = ""
    description: str | None = None
    service_role_arn: str | None = None
    dynamodb_config: dict[str, JSON] | None = None
    lambda_config: dict[str, JSON] | None = None
    http_config: dict[str, JSON] | None = None
    elasticsearch_config: dict[str, JSON] | None = None
    open_search_service_config: dict[str, JSON] | None = None
    relational_database_config: dict[str, JSON] | None = None
    event_bridge_config: dict[str, JSON] | None = None
    metrics_config: str | None = None


class DataSource(Protocol):
    """Something a resolver can ask."""

    async def invoke(self, request: JSON, context: Context) -> JSON:
        """Do what `request` (the request template's value) says; the result is plain JSON. Raises DataSourceError."""
        ...


class ItemStore(Protocol):
    """The part of the table engine that data sources use: DynamoDB's own requests and answers as dicts."""

    def get_item(self, request: Mapping[str, Any], /, **options: Any) -> Awaitable[dict[str, Any]]: ...
    def put_item(self, request: Mapping[str, Any], /) -> Awaitable[dict[str, Any]]: ...
    def update_item(self, request: Mapping[str, Any], /) -> Awaitable[dict[str, Any]]: ...
    def delete_item(self, request: Mapping[str, Any], /) -> Awaitable[dict[str, Any]]: ...
    def query(self, request: Mapping[str, Any], /, **options: Any) -> Awaitable[dict[str, Any]]: ...
    def scan(self, request: Mapping[str, Any], /, **options: Any) -> Awaitable[dict[str, Any]]: ...
    def batch_get_item(self, request: Mapping[str, Any], /) -> Awaitable[dict[str, Any]]: ...
    def batch_write_item(self, request: Mapping[str, Any], /) -> Awaitable[dict[str, Any]]: ...
    def transact_get_items(self, request: Mapping[str, Any], /) -> Awaitable[dict[str, Any]]: ...
    def transact_write_items(self, request: Mapping[str, Any], /) -> Awaitable[dict[str, Any]]: ...


class Invocation(Protocol):
    """What a function's invocation left behind."""

    @property
    def payload(self) -> bytes: ...
    @property
    def function_error(self) -> str | None: ...


class FunctionInvoker(Protocol):
    """The part of the function engine that data sources use."""

    async def invoke(self, name_or_arn: str, payload: bytes, *, kind: str = "RequestResponse") -> Invocation: ...


class Role(Protocol):
    """The service role that a data source acts under."""

    def knows(self, asked: Hashable) -> bool:
        """Whether this was allowed before, and still is."""
        ...

    async def check(self, asked: Hashable, service: str, operation: str, request: dict[str, Any]) -> None:
        """Return when the role may make an AWS request; `asked` is what it is remembered by. Raises Denied."""
        ...


class Roles(Protocol):
    """Gives data sources their roles."""

    def __call__(self, arn: str | None, *, source: str, api_id: str) -> Role: ...


class Engines(msgspec.Struct, frozen=True):
    """What data sources are built over. `secret` signs page tokens, so that a client cannot make one up; `lend` gives
    the access key of a role, by the role's ARN and a name for the session; without `role_of` roles are not asked."""

    tables: ItemStore | None = None
    functions: FunctionInvoker | None = None
    secret: bytes = b""
    clock: Clock | None = None
    outbound: Outbound | None = None
    lend: Callable[[str, str], SigningKey] | None = None
    role_of: Roles | None = None
