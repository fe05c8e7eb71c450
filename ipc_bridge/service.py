"""Talks to systemd, where it is there: ready, stopping, and a watchdog fed by the event loop."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Mapping

log = logging.getLogger(__name__)

READY = "READY=1"
STOPPING = "STOPPING=1"
_ALIVE = "WATCHDOG=1"


class ServiceManager:
    """The notification socket that systemd names in the environment; without one nothing is said.

    Args:
        environment: with ``NOTIFY_SOCKET`` and ``WATCHDOG_USEC`` where systemd started us.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        path = environment.get("NOTIFY_SOCKET")
        self._address = "\0" + path[1:] if path and path.startswith("@") else path
        microseconds = environment.get("WATCHDOG_USEC", "")
        self._watchdog_seconds = int(microseconds) / 1e6 if microseconds.isascii() and microseconds.isdigit() else None

    def notify(self, state: str) -> None:
        """Tell systemd; a failure is logged, and changes nothing."""
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
                sock.setblocking(False)
                sock.sendto(state.encode(), self._address)
        except OSError as error:
            log.warning("systemd could not be told %s: %s", state, error)

    async def feed_watchdog(self) -> None:
        """Say that the loop turns, twice in each period that systemd allows, until cancelled."""
        if not self._watchdog_seconds:
            return
        while True:
            self.notify(_ALIVE)
            await asyncio.sleep(self._watchdog_seconds / 2)
