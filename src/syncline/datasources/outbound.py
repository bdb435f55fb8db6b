"""Requests that leave the server: one connection pool, and a guard at its only door.

For: HTTP data sources. Owns: which addresses may be reached (the name is resolved, every address checked, and the
connection made to the checked address, so that a name cannot change its meaning in between), time-outs, sizes.
Never: follows a redirect; adds a credential.
"""

from __future__ import annotations

import asyncio
import fnmatch
import socket
from collections.abc import Iterable
from functools import cached_property
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING, Any

import msgspec

from syncline.core import Invalid
from syncline.core.settings import Http as Settings
from syncline.datasources.errors import DataSourceError

if TYPE_CHECKING:
    import httpcore2

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

CONNECT_SECONDS_MAX = 5.0
IDLE_SECONDS_MAX = 15.0
NAT64 = IPv6Network("64:ff9b::/96")
"""IPv6 addresses that a translator turns into the IPv4 address in their last four bytes."""


class NetworkUnreadable(Invalid):
    """{text} in the setting http.allowed_networks is no network: {reason}. Write 127.0.0.0/8 or fd00::/8."""


class Answer(msgspec.Struct, frozen=True):
    """What came back. Header names are as they were sent."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


class Outbound:
    """Sends requests. Close it when the server ends."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._guard = Guard(settings.allowed_networks, settings.allowed_hosts)

    @cached_property
    def _pool(self) -> httpcore2.AsyncConnectionPool:
        # Imported when the first request is sent: a server without HTTP data sources starts without it.
        import httpcore2

        from syncline.datasources.network import GuardedNetwork

        return httpcore2.AsyncConnectionPool(
            max_connections=self._settings.connections_max,
            keepalive_expiry=IDLE_SECONDS_MAX,
            network_backend=GuardedNetwork(self._guard),
        )

    async def send(self, method: str, url: str, headers: list[tuple[str, str]], body: bytes | None) -> Answer:
        """The answer to one request. Raises DataSourceError when there is none."""
        import httpcore2

        try:
            async with asyncio.timeout(self._settings.seconds_max):
                return await self._exchange(method, url, headers, body)
        except (TimeoutError, httpcore2.TimeoutException):
            raise DataSourceError("Execution timed out.", "Http:ExecutionTimeoutException") from None
        except (httpcore2.NetworkError, httpcore2.ProtocolError, httpcore2.UnsupportedProtocol, OSError) as failure:
            reason = str(failure) or type(failure).__name__
            raise DataSourceError(f"The request failed: {reason}", "Http:ServiceUnavailableException") from failure

    async def _exchange(self, method: str, url: str, headers: list[tuple[str, str]], body: bytes | None) -> Answer:
        seconds = {"connect": CONNECT_SECONDS_MAX, "pool": self._settings.seconds_max}
        async with self._pool.stream(
            method,
            url,
            headers=[(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers],
            content=body,
            extensions={"timeout": seconds},
        ) as response:
            found = bytearray()
            async for part in response.aiter_stream():
                found += part
                if len(found) > self._settings.response_bytes_max:
                    most = self._settings.response_bytes_max
                    raise DataSourceError(f"The response has more than {most} bytes.", "Http:ResponseTooLargeException")
            pairs = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in response.headers]
            return Answer(response.status, pairs, bytes(found))

    async def close(self) -> None:
        """Close every connection."""
        if "_pool" in self.__dict__:
            await self._pool.aclose()


class Guard:
    """Which hosts and addresses may be reached."""

    def __init__(self, networks: str, hosts: str) -> None:
        self._networks = [_network(each.strip()) for each in networks.split(",") if each.strip()]
        self._hosts = [each.strip().lower() for each in hosts.split(",") if each.strip()]

    def check_host(self, host: str) -> None:
        """Raises DataSourceError for a host that the settings leave out."""
        if self._hosts and not any(fnmatch.fnmatchcase(host.lower(), each) for each in self._hosts):
            raise DataSourceError(f"The host {host} is not allowed.", "Http:AccessDeniedException")

    async def addresses(self, host: str, port: int) -> list[str]:
        """The addresses of `host` that may be reached. Raises DataSourceError when there is none, OSError when the
        name means nothing."""
        self.check_host(host)
        found: list[tuple[Any, ...]] = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        texts = list(dict.fromkeys(str(each[4][0]) for each in found))
        allowed = [text for text in texts if self.admits(text)]
        if not allowed:
            raise DataSourceError(f"The address of {host} is not allowed.", "Http:AccessDeniedException")
        return allowed

    def admits(self, text: str) -> bool:
        """Whether an address may be reached: a public one, or one in an allowed network."""
        address = ip_address(text.partition("%")[0])
        if any(address.version == network.version and address in network for network in self._networks):
            return True
        inner = list(_inside(address))
        if any(each in network for each in inner for network in self._networks if each.version == network.version):
            return True
        return all(each.is_global and not each.is_multicast for each in (address, *inner) if each not in NAT64)


def _inside(address: Address) -> Iterable[Address]:
    """The IPv4 addresses that an IPv6 address stands for."""
    if isinstance(address, IPv6Address):
        teredo = address.teredo or ()
        packed = IPv4Address(address.packed[-4:]) if address in NAT64 else None
        for each in (address.ipv4_mapped, address.sixtofour, packed, *teredo):
            if each is not None:
                yield each


def _network(text: str) -> Network:
    try:
        return ip_network(text)
    except ValueError as mistake:
        raise NetworkUnreadable(text=text, reason=mistake) from None
