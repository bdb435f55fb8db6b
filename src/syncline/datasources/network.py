"""The pool's way to the network: a name becomes checked addresses, and only those are connected to.

For: `outbound`, which imports it with the HTTP library, late.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import httpcore2

if TYPE_CHECKING:
    from syncline.datasources.outbound import Guard


class GuardedNetwork(httpcore2.AsyncNetworkBackend):
    """Connects to what its guard admits. TLS still checks the certificate against the name."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._sockets = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        addresses = await self._guard.addresses(host, port)
        failure: httpcore2.ConnectError | None = None
        for address in addresses:
            try:
                return await self._sockets.connect_tcp(address, port, timeout, local_address, socket_options)
            except httpcore2.ConnectError as refusal:
                failure = refusal
        assert failure is not None, "there is at least one address"
        raise failure

    async def sleep(self, seconds: float) -> None:
        await self._sockets.sleep(seconds)
