"""How often something may be done: a bucket of tokens that fills at a steady rate."""

from __future__ import annotations

import asyncio
import time

LOG_RATE = (20.0, 100)
"""Lines a second, and at once: a plugin that logs in a loop would fill the disk."""


class Rate:
    """So many a second, and so many at once after a pause.

    Args:
        per_second: what is filled in.
        burst: what the bucket holds.
    """

    def __init__(self, per_second: float, burst: int) -> None:
        self._per_second = per_second
        self._burst = burst
        self._tokens = float(burst)
        self._filled_at = time.monotonic()

    def take(self, tokens: int = 1) -> float:
        """Take tokens, owed ones if need be; return the seconds to wait for them."""
        self._fill()
        self._tokens -= tokens
        return max(0.0, -self._tokens / self._per_second)

    def try_take(self) -> bool:
        """Take a token if there is one."""
        self._fill()
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    async def wait(self, tokens: int = 1) -> None:
        """Take tokens, and return once they are there. Who gives up meanwhile has taken them all the same."""
        seconds = self.take(tokens)
        if seconds > 0:
            await asyncio.sleep(seconds)

    def _fill(self) -> None:
        now = time.monotonic()
        self._tokens = min(self._burst, self._tokens + (now - self._filled_at) * self._per_second)
        self._filled_at = now
