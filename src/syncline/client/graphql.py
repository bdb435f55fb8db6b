"""The client of a GraphQL API.

For: applications. Follows: AWS AppSync's HTTP and WebSocket APIs; works against both AppSync and Syncline.
Never: validates a document or knows a schema.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any

from syncline.client.auth import Auth
from syncline.client.dialects import GraphQLDialect, is_aws
from syncline.client.errors import GraphQLFailed, errors_of
from syncline.client.messages import Message, State, Timing
from syncline.client.session import Options, Session
from syncline.client.subscription import Subscription
from syncline.core import Clock, Ids, SystemClock, SystemIds, json

WAITING_MAX = 1000


class GraphQLClient:
    """Queries, mutations and subscriptions: `async with GraphQLClient(url, auth=ApiKey("da2-…")) as client`.

    `tls` is for a certificate that the machine does not trust. `resume` says whether subscriptions continue where
    they were after a lost connection: by default everywhere but on AppSync, which cannot. `on_state` is told when the
    socket is lost and found.
    """

    def __init__(
        self,
        url: str,
        *,
        auth: Auth,
        tls: ssl.SSLContext | None = None,
        resume: bool | None = None,
        timing: Timing | None = None,
        on_state: Callable[[State], None] | None = None,
        clock: Clock | None = None,
        ids: Ids | None = None,
    ) -> None:
        options = Options(timing or Timing(), tls, clock or SystemClock(), ids or SystemIds(), on_state)
        dialect = GraphQLDialect(url, resumes=not is_aws(url) if resume is None else resume)
        self._session = Session(dialect, auth, options)

    async def __aenter__(self) -> GraphQLClient:
        await self._session.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    @property
    def state(self) -> State:
        """Where the socket is."""
        return self._session.connection.state

    async def execute(
        self, query: str, variables: Mapping[str, Any] | None = None, *, operation: str | None = None
    ) -> dict[str, Any]:
        """The data of a query or a mutation. Raises GraphQLFailed for an answer with errors, Unauthorized,
        RequestRefused and ConnectionLost. A request is sent once; only one whose token was refused is sent again."""
        answer = await self._session.post(document(query, variables, operation))
        data = answer.get("data")
        if answer.get("errors"):
            raise GraphQLFailed(errors_of(answer["errors"]), data)
        return data if isinstance(data, dict) else {}

    def subscribe(
        self,
        query: str,
        variables: Mapping[str, Any] | None = None,
        *,
        operation: str | None = None,
        after: str | None = None,
        waiting_max: int = WAITING_MAX,
    ) -> Subscription[Message]:
        """What is published from now on, or after a position that an earlier subscription had.

        At most `waiting_max` messages wait to be taken. Then the subscription pauses, and goes on from there when all
        are taken: on Syncline without a loss, elsewhere with a Gap.
        """
        return self._session.subscribe(document(query, variables, operation), after=after, waiting_max=waiting_max)


def document(query: str, variables: Mapping[str, Any] | None, operation: str | None) -> bytes:
    """A request's body. The same subscription has the same bytes, by which a renewal is known."""
    named = {} if operation is None else {"operationName": operation}
    return json.encode({"query": query, "variables": dict(variables or {}), **named})
