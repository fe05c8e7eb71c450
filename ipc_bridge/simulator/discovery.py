"""The camera's answer to "who is there"."""

from __future__ import annotations

import asyncio
import logging
import socket
from typing import Any, cast

from ipc_bridge.errors import WireError
from ipc_bridge.simulator.state import CameraState
from ipc_bridge.wire.discovery import MessageType, decode_message, encode_message

_log = logging.getLogger(__name__)


class DiscoveryResponder:
    """Listens on the discovery port and answers to the same port of whoever asks."""

    def __init__(self, state: CameraState) -> None:
        self._state = state
        self._transports: list[asyncio.DatagramTransport] = []
        self.answered = 0
        """Requests that got an answer."""

    async def listen(self, host: str, port: int, broadcast: str | None) -> None:
        """Start listening on ``host`` and, where given, on the address ``broadcast``.

        Raises:
            OSError: the address cannot be had.
        """
        loop = asyncio.get_running_loop()
        for address in [host] if broadcast is None else [host, broadcast]:
            transport, _protocol = await loop.create_datagram_endpoint(
                lambda: _Listener(self, port), sock=_bind(address, port)
            )
            self._transports.append(transport)

    def close(self) -> None:
        """Stop listening."""
        for transport in self._transports:
            transport.close()
        self._transports.clear()

    def fields(self) -> dict[str, Any]:
        """What an answer says."""
        settings = self._state.settings
        return {
            "ip": self._state.faults.discovery_ip or self._state.host,
            "mac": settings.mac,
            "firmware": settings.firmware,
            "name": "SUNMI",
            "model": settings.model,
            "type": "IPC",
            "network": "LAN",
            "deviceid": settings.sn,
        }

    def handle(self, datagram: bytes, asker: str, port: int) -> None:
        """Answer a request that came from the address ``asker``."""
        faults = self._state.faults
        if faults.silent or faults.no_discovery:
            return
        try:
            message = decode_message(datagram)
        except WireError as error:
            _log.debug("%s: no discovery request from %s: %s", self._state.settings.sn, asker, error)
            return
        # Requests that others broadcast arrive together with their answers.
        if message.type is not MessageType.REQUEST:
            return
        answer = encode_message(MessageType.ANSWER, self.fields())
        asyncio.get_running_loop().call_later(faults.delay, self._send, answer, (asker, port))

    def _send(self, answer: bytes, target: tuple[str, int]) -> None:
        # The first socket: the one on the camera's own address.
        if self._transports:
            self._transports[0].sendto(answer, target)
            self.answered += 1
            self._state.changes.notify()


class _Listener(asyncio.DatagramProtocol):
    def __init__(self, responder: DiscoveryResponder, port: int) -> None:
        self._responder = responder
        self._port = port

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        self._responder.handle(data, cast(str, addr[0]), self._port)


def _bind(host: str, port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        # The bridge and other cameras share the port on this machine.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.settimeout(0.0)
        sock.bind((host, port))
    except OSError as error:
        sock.close()
        raise OSError(error.errno, f"cannot listen for discovery on {host}:{port}: {error.strerror}") from error
    return sock
