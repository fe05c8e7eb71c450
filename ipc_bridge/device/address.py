"""Where a camera is, and where one of its ports is."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from dataclasses import dataclass

from ipc_bridge.errors import UnreachableError


@dataclass(frozen=True, slots=True)
class Address:
    """A host, by name or number, and a TCP port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def plain_number(address: str) -> str:
    """An address by number, as it is compared: without a scope, and as IPv4 where that is inside."""
    try:
        number = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(number, ipaddress.IPv6Address) and number.ipv4_mapped is not None:
        number = number.ipv4_mapped
    return str(number)


async def numbers_of(host: str) -> frozenset[str]:
    """Every number that the name ``host`` has; a number has itself.

    Raises:
        UnreachableError: nobody knows the name.
    """
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError as error:
        raise UnreachableError(f"the name {host} has no address: {error.strerror or error}") from error
    return frozenset(plain_number(str(address[0])) for *_, address in found)
