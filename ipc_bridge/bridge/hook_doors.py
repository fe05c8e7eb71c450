"""All doors for posts, by path, and an account of what was refused at them."""

from __future__ import annotations

import logging
from collections import Counter
from typing import Any

from ipc_bridge.bridge.door import Door
from ipc_bridge.bridge.hook_refusals import Refusal
from ipc_bridge.clock import Clock
from ipc_bridge.errors import HookRefusedError

log = logging.getLogger(__name__)

PREFIX = "/hook/"
"""Of the path of every callback URL, behind what ``web.public_url`` has."""
COMPLAIN_EVERY = 60.0
"""Seconds between two lines of the log about posts that are refused."""


class HookDoors:
    """The doors that are open.

    Args:
        clock: the bridge's.
        public_url: how cameras reach the web server.
    """

    def __init__(self, clock: Clock, public_url: str | None) -> None:
        self.clock = clock
        self.received = 0
        """Posts that were taken."""
        self.refused: Counter[str] = Counter()
        """Posts that were not, by the kind of refusal."""
        self._public_url = public_url or ""
        self._doors: dict[str, Door] = {}
        self._silent_until = clock.monotonic()
        self._unsaid = 0

    def url(self, path: str) -> str:
        """The callback URL for ``path``."""
        return f"{self._public_url}{PREFIX}{path}"

    def open(self, door: Door) -> None:
        """Let posts in through ``door``."""
        self._doors[door.path] = door

    def close(self, door: Door) -> None:
        """Let none in any more."""
        self._doors.pop(door.path, None)

    def find(self, path: str) -> Door:
        """The door at ``path``.

        Raises:
            HookRefusedError: there is none.
        """
        door = self._doors.get(path)
        if door is None:
            raise Refusal.UNKNOWN_PATH.error()
        return door

    def count_refused(self, error: HookRefusedError, remote: str | None, door: Door | None) -> None:
        """Count a refusal, and tell of it, but not more often than once a minute: anybody can post."""
        self.refused[error.kind] += 1
        now = self.clock.monotonic()
        if now < self._silent_until:
            self._unsaid += 1
            return
        self._silent_until = now + COMPLAIN_EVERY
        whose = "" if door is None else f" to the hook of {door.whose}"
        others = f" ({self._unsaid} others were refused before)" if self._unsaid else ""
        self._unsaid = 0
        log.warning("A post from %s%s is refused: %s%s", remote, whose, error, others)

    def figures(self) -> dict[str, Any]:
        """For ``bridge/health``."""
        return {"received": self.received, "refused": dict(self.refused)}
