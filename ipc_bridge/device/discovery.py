"""Finds cameras: asks on every network this machine is in, and listens for answers.

Documented in "SUNMI Device Discovery Protocol" of the vendor's device API.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import socket
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import ifaddr

from ipc_bridge.errors import DeviceError, WireError
from ipc_bridge.logs import Once
from ipc_bridge.models import is_serial
from ipc_bridge.wire import discovery as wire

log = logging.getLogger(__name__)

Target = tuple[str, int]
"""A host and its UDP port."""

_REQUEST = wire.encode_message(wire.MessageType.REQUEST)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a camera says of itself.

    ``host`` is the address that the answer came from, which is the one that counts; ``claimed_ip``
    is what it says inside. ``fields`` is everything that it sent.
    """

    sn: str
    host: str
    claimed_ip: str | None
    mac: str | None
    firmware: str | None
    model: str | None
    fields: dict[str, Any] = field(default_factory=dict, compare=False)


class Discovery(asyncio.DatagramProtocol):
    """Asks and listens on one socket.

    Args:
        bind: where to listen; cameras answer to port 10001, whatever port was asked from.
        targets: whom to ask, with a port of their own or None for 10001; none at all means each
            interface's own broadcast address.
        on_answer: called with each answer that counts.
    """

    def __init__(
        self, bind: Target, targets: Sequence[tuple[str, int | None]], on_answer: Callable[[Answer], None]
    ) -> None:
        self.counters: Counter[str] = Counter()
        """Datagrams by what became of them: answers, requests, damaged, foreign, late, refused."""
        self._bind = bind
        self._targets = targets
        self._on_answer = on_answer
        self._transport: asyncio.DatagramTransport | None = None
        self._listening_until = 0.0
        self._complaints = Once()
        self._asking = asyncio.Lock()

    async def run(self, interval: float) -> None:
        """Do a round every ``interval`` seconds until cancelled."""
        try:
            while True:
                try:
                    await self.round()
                    self._complaints.forget("bind")
                except DeviceError as error:
                    self._complaints.warning(log, "bind", "%s", error)
                await asyncio.sleep(interval)
        finally:
            self.close()

    async def round(self) -> None:
        """Ask three times, a second apart, and listen for five seconds from the first; one round at a time.

        Raises:
            DeviceError: the socket cannot be had.
        """
        async with self._asking:
            await self._round()

    async def _round(self) -> None:
        transport = await self._open()
        # Ahead of the clock: a name server that hangs must not use up the time for the answers.
        targets = await self._resolve()
        loop = asyncio.get_running_loop()
        began = loop.time()
        self._listening_until = began + wire.ROUND_SECONDS
        for number in range(wire.REQUEST_COUNT):
            for target in targets:
                try:
                    transport.sendto(_REQUEST, target)
                except OSError as error:
                    self._complaints.warning(log, str(target), "Discovery cannot ask %s: %s", target[0], error)
            await asyncio.sleep(began + (number + 1) * wire.REQUEST_INTERVAL - loop.time())
        await asyncio.sleep(self._listening_until - loop.time())

    def close(self) -> None:
        """Give the socket up."""
        if self._transport is not None:
            self._transport.abort()
            self._transport = None

    # What asyncio calls.

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        """See :class:`asyncio.DatagramProtocol`."""
        outcome = self._handle(data, str(addr[0]))
        self.counters[outcome] += 1

    def error_received(self, exc: Exception) -> None:
        """See :class:`asyncio.DatagramProtocol`: a target that is not there is no news."""
        log.debug("Discovery: %s", exc)

    def connection_lost(self, exc: Exception | None) -> None:
        """See :class:`asyncio.DatagramProtocol`: the next round opens a new socket."""
        log.debug("Discovery has no socket: %s", exc)
        self._transport = None

    # The inside.

    def _handle(self, data: bytes, host: str) -> str:
        if not data.startswith(wire.FORMAT.flag):
            return "foreign"
        try:
            message = wire.decode_message(data)
        except WireError as error:
            self._complaints.warning(log, f"damaged {host}", "Discovery: a damaged packet from %s: %s", host, error)
            return "damaged"
        if message.type is wire.MessageType.REQUEST:
            return "requests"
        if asyncio.get_running_loop().time() > self._listening_until:
            return "late"
        answer = _read_answer(message.fields, host)
        if answer is None:
            self._complaints.warning(
                log,
                f"serial {host}",
                "Discovery: %s names the serial %.80r, which cannot be a topic level ([A-Za-z0-9_-], 1 to 64 "
                "characters): this camera is ignored",
                host,
                message.fields.get("deviceid"),
            )
            return "refused"
        if answer.claimed_ip not in (None, host):
            self._complaints.warning(
                log,
                f"ip {answer.sn} {host} {answer.claimed_ip}",
                "Discovery: camera %s answers from %s but says that it is at %.60s: the first one counts",
                answer.sn,
                host,
                answer.claimed_ip,
            )
        self._on_answer(answer)
        return "answers"

    async def _open(self) -> asyncio.DatagramTransport:
        if self._transport is not None:
            return self._transport
        host, port = self._bind
        try:
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            # The vendor's own programs listen on this port too.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            sock.setblocking(False)
            try:
                sock.bind((host, port))
            except OSError:
                sock.close()
                raise
        except OSError as error:
            raise DeviceError(
                f"discovery cannot listen on {host}:{port}: {error.strerror or error}; "
                "look at discovery.bind, or end the program that holds the port"
            ) from error
        loop = asyncio.get_running_loop()
        self._transport, _protocol = await loop.create_datagram_endpoint(lambda: self, sock=sock)
        return self._transport

    async def _resolve(self) -> list[Target]:
        """Addresses to ask: host names are looked up each time, since they may move."""
        if not self._targets:
            return [(address, wire.PORT) for address in broadcast_addresses()]
        loop = asyncio.get_running_loop()
        found: list[Target] = []
        for host, port in self._targets:
            try:
                infos = await loop.getaddrinfo(host, port or wire.PORT, family=socket.AF_INET, type=socket.SOCK_DGRAM)
            except OSError as error:
                self._complaints.warning(log, host, "Discovery cannot find the target %s: %s", host, error)
                continue
            found += [(str(info[4][0]), int(info[4][1])) for info in infos[:1]]
        return found


def broadcast_addresses(adapters: Iterable[ifaddr.Adapter] | None = None) -> list[str]:
    """Each IPv4 network's own broadcast address, loopback and point-to-point links left out.

    The limited broadcast address would leave by one interface only.
    """
    found = []
    for adapter in ifaddr.get_adapters() if adapters is None else adapters:
        for ip in adapter.ips:
            if not ip.is_IPv4:
                continue
            network = ipaddress.IPv4Interface(f"{ip.ip}/{ip.network_prefix}").network
            if not network.is_loopback and network.prefixlen < 31:
                found.append(str(network.broadcast_address))
    return sorted(set(found))


def _read_answer(fields: dict[str, Any], host: str) -> Answer | None:
    sn = fields.get("deviceid")
    if not isinstance(sn, str) or not is_serial(sn.strip()):
        return None
    return Answer(
        sn=sn.strip(),
        host=host,
        claimed_ip=_text(fields.get("ip")),
        mac=_text(fields.get("mac")),
        firmware=_text(fields.get("firmware")),
        model=_text(fields.get("model")),
        fields=fields,
    )


def _text(value: object) -> str | None:
    return value.strip()[:128] or None if isinstance(value, str) else None
