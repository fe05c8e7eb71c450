"""The limits on connections, before a byte of HTTP is read."""

from __future__ import annotations

import asyncio
import logging
from typing import cast

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

MAX_CONNECTIONS = 256
"""Altogether: more than any site's cameras and browsers have, and few enough to leave sockets for the cameras."""
MAX_FROM_ONE = 64
"""From one address: the cameras must not wait for somebody who only holds connections."""
IDLE_TIMEOUT = 15.0
"""Seconds for a request's head, from the connection (aiohttp 3.14) or from the request before."""
LINGER = 2.0
"""Seconds in which the rest of a refused request is read and thrown away, so that its sender reads the answer."""
MAX_LINE = 8192
"""Bytes of a request line or a header: browsers bring the cookies of all that runs on this machine."""
MAX_HEADERS = 64


class Gate(asyncio.Protocol):
    """Hands one new connection on to the HTTP server, or hangs up.

    Args:
        runner: what has the server, until it ends.
    """

    def __init__(self, runner: web.AppRunner) -> None:
        self._runner = runner

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See :class:`asyncio.Protocol`."""
        transport = cast(asyncio.Transport, transport)
        server = self._runner.server
        if server is None or not _has_room(server, _peer(transport)):
            transport.abort()
            return
        protocol = server()
        transport.set_protocol(protocol)
        protocol.connection_made(transport)


def _has_room(server: web.Server, peer: str) -> bool:
    others = [other.transport for other in server.connections if other.transport is not None]
    return len(others) < MAX_CONNECTIONS and sum(_peer(other) == peer for other in others) < MAX_FROM_ONE


def _peer(transport: asyncio.BaseTransport) -> str:
    peer = transport.get_extra_info("peername")
    return str(peer[0]) if peer else ""


def make_runner(application: web.Application, timeout: float) -> web.AppRunner:
    """Return what serves ``application`` within limits; a stop waits ``timeout`` seconds for what is under way."""
    return web.AppRunner(
        application,
        access_log=None,
        logger=_quiet_logger(),
        # A body that unpacks to a thousand times its size is not what anybody sends here.
        auto_decompress=False,
        keepalive_timeout=IDLE_TIMEOUT,
        lingering_time=LINGER,
        max_line_size=MAX_LINE,
        max_field_size=MAX_LINE,
        max_headers=MAX_HEADERS,
        shutdown_timeout=timeout,
    )


def _quiet_logger() -> logging.Logger:
    """A logger that tells of bugs of ours, and not of who sends what is no HTTP, or hangs up in the middle."""
    logger = logging.getLogger("ipc_bridge.web.http")
    logger.addFilter(_is_no_bad_request)
    return logger


def _is_no_bad_request(record: logging.LogRecord) -> bool:
    expected = (HttpProcessingError, web.RequestPayloadError, ConnectionError)
    return not (record.exc_info and isinstance(record.exc_info[1], expected))
