"""The wait between two tries to reach a camera, which a sign of life may end."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

WAKE_EVERY = 5.0
"""Seconds between two wake-ups by discovery: a broadcast storm is no reason for one of connections."""
NEWS_WAIT = 1.0
"""Seconds at most where there is something new to try."""


@dataclass(frozen=True, slots=True)
class Wait:
    """How long to wait before the next try, and whether a sign of life may end it."""

    seconds: float
    wakeable: bool = True


class Pause:
    """One camera's waits."""

    def __init__(self) -> None:
        self.is_wakeable = False
        """Whether a wait is under way that a sign of life may end."""
        self._ended = asyncio.Event()
        self._woken_at = -WAKE_EVERY

    def end(self) -> None:
        """End the wait, whatever it is for."""
        self._ended.set()

    def sign_of_life(self) -> None:
        """The camera was heard of: end the wait where that may be, but not again and again."""
        now = asyncio.get_running_loop().time()
        if self.is_wakeable and now - self._woken_at >= WAKE_EVERY:
            self._woken_at = now
            self._ended.set()

    async def take(self, wait: Wait, *, has_news: bool) -> None:
        """Wait until it is over or ended.

        Args:
            wait: how long.
            has_news: the camera was heard of at a new address meanwhile, which is as good as a sign of life.
        """
        self._ended.clear()
        self.is_wakeable = wait.wakeable
        seconds = min(wait.seconds, NEWS_WAIT) if has_news and wait.wakeable else wait.seconds
        try:
            async with asyncio.timeout(seconds):
                await self._ended.wait()
        except TimeoutError:
            pass
        finally:
            self.is_wakeable = False
