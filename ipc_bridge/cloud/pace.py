"""A few calls a second at most: one account stands for every shop of a merchant."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from ipc_bridge.clock import Clock

CALLS_A_SECOND = 4.0
"""The vendor names no limit. Sixty shops, asked every minute, are one after the other all the time."""
AT_A_TIME = 2
"""Calls that wait for their answers."""


class Pace:
    """Whose turn it is, in the order in which they came.

    Args:
        clock: tells the time.
        sleep: waits.
        interval: seconds between two calls; None: by :data:`CALLS_A_SECOND`.
    """

    def __init__(
        self,
        clock: Clock,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        interval: float | None = None,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._interval = 1 / CALLS_A_SECOND if interval is None else interval
        self._next = 0.0
        self._places = asyncio.Semaphore(AT_A_TIME)

    async def __aenter__(self) -> None:
        await self._places.acquire()
        now = self._clock.monotonic()
        turn = max(now, self._next)
        self._next = turn + self._interval
        try:
            if turn > now:
                await self._sleep(turn - now)
        except BaseException:
            self._places.release()
            raise

    async def __aexit__(self, *_exception: object) -> None:
        self._places.release()
