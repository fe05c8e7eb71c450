"""``bridge/health``: whether the bridge does what it is there for, in figures."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any

from ipc_bridge.bridge import messages
from ipc_bridge.bridge.publisher import Publisher
from ipc_bridge.clock import Clock
from ipc_bridge.mqtt.topics import Topics

log = logging.getLogger(__name__)

EVERY = 60.0
"""Seconds between two reports while nothing changes for the worse or the better."""
LOOK_EVERY = 1.0
"""Seconds between two looks."""
MAX_LAG = 1.0
"""Seconds by which the event loop may be late: from there on somebody blocks it."""

Source = Callable[[], Mapping[str, Any]]


class Health:
    """Gathers figures, and publishes them every minute and when one turns bad.

    Args:
        topics: the topic table.
        publisher: where they go.
        clock: stamps them.
    """

    def __init__(self, topics: Topics, publisher: Publisher, clock: Clock) -> None:
        self._topics = topics
        self._publisher = publisher
        self._clock = clock
        self._sources: list[Source] = []
        self._checks: list[Callable[[], str | None]] = [self._lag_problem]
        self._loop = asyncio.get_running_loop()
        self._lag = 0.0

    def gather(self, source: Source) -> None:
        """Report what ``source`` returns, too."""
        self._sources.append(source)

    def check(self, check: Callable[[], str | None]) -> None:
        """Look at ``check`` each second: a sentence is a problem, None is none."""
        self._checks.append(check)

    def report(self) -> dict[str, Any]:
        """All figures as they are now; lags since the last call."""
        figures: dict[str, Any] = {
            "time": messages.rfc3339(self._clock.time()),
            "problems": self._problems(),
            "loop_lag": round(self._lag, 3),
        }
        for source in self._sources:
            figures.update(source())
        return figures

    async def run(self) -> None:
        """Publish until cancelled."""
        problems: list[str] | None = None
        due = 0.0
        while True:
            before = self._loop.time()
            if self._problems() != problems or before >= due:
                problems = self._problems()
                due = before + EVERY
                self._publisher.retain(self._topics.bridge("health"), messages.encode(self.report()))
                self._lag = 0.0
            await asyncio.sleep(LOOK_EVERY)
            self._lag = max(self._lag, self._loop.time() - before - LOOK_EVERY)

    def _problems(self) -> list[str]:
        return [problem for check in self._checks if (problem := check()) is not None]

    def _lag_problem(self) -> str | None:
        if self._lag < MAX_LAG:
            return None
        return f"the event loop was held up for {self._lag:.1f} s: look for a plugin that blocks, or a slow disk"
