"""Waiting for a condition on a camera, without polling."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

PATIENCE = 30.0
"""Seconds that a wait takes at most, unless it says otherwise: nothing here takes as long, but a busy machine."""


class Changes:
    """Whoever changes something says so; whoever waits for a condition is woken when it holds.

    Costs nothing while nobody waits.
    """

    def __init__(self) -> None:
        self._waiting: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []

    def notify(self) -> None:
        """Something changed: wake those whose condition now holds."""
        if not self._waiting:
            return
        for condition, future in self._waiting:
            if not future.done() and condition():
                future.set_result(None)

    async def wait_for(self, condition: Callable[[], bool], timeout: float | None = PATIENCE) -> None:
        """Return once ``condition()`` holds.

        Raises:
            TimeoutError: it did not within ``timeout`` seconds.
        """
        if condition():
            return
        entry = (condition, asyncio.get_running_loop().create_future())
        self._waiting.append(entry)
        try:
            async with asyncio.timeout(timeout):
                await entry[1]
        finally:
            self._waiting.remove(entry)
