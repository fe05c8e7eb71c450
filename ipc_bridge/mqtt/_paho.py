"""paho without a socket: it reads from a buffer and writes to a list, which asyncio fills and empties."""

from __future__ import annotations

from paho.mqtt.client import Client


class Wire:
    """What paho takes for its socket: reads come from a buffer, writes go to the transport at once."""

    def __init__(self) -> None:
        self.incoming = bytearray()
        self.outgoing: list[bytes] = []
        self.open = True

    def recv(self, buffer_size: int) -> bytes:
        """What has come, as far as there is something."""
        if not self.incoming:
            raise BlockingIOError
        data = bytes(self.incoming[:buffer_size])
        del self.incoming[:buffer_size]
        return data

    def send(self, buffer: bytes | bytearray) -> int:
        """Keep it for the transport."""
        self.outgoing.append(bytes(buffer))
        return len(buffer)

    def close(self) -> None:
        """Paho is done with it."""
        self.open = False

    def fileno(self) -> int:
        """None that anybody could wait for."""
        return -1

    def setblocking(self, flag: bool) -> None:
        """There is nothing that could block."""


class PahoClient(Client):
    """paho on a transport of ours; this one method is all that it must know about sockets."""

    wire: Wire

    def _create_socket(self) -> Wire:
        return self.wire
