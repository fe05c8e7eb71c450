"""How long to wait before the next try: full jitter under a limit that doubles."""

from __future__ import annotations

import random
from collections.abc import Callable

FIRST_LIMIT = 1.0
LAST_LIMIT = 60.0
HOLDS_AFTER = 60.0
"""Seconds that a connection must hold for the next wait to begin from the start again."""


class Backoff:
    """Waits of one kind of try, in seconds.

    Args:
        uniform: draws a number between two others; tests give their own.
        last_limit: where the doubling ends.
    """

    def __init__(
        self, uniform: Callable[[float, float], float] = random.uniform, last_limit: float = LAST_LIMIT
    ) -> None:
        self._uniform = uniform
        self._last_limit = last_limit
        self._limit = FIRST_LIMIT

    def next_delay(self) -> float:
        """Between nothing and a limit of 1, 2, 4 ... 60 s: many that fail together spread out."""
        limit = self._limit
        self._limit = min(limit * 2, self._last_limit)
        return self._uniform(0, limit)

    def held_for(self, seconds: float) -> None:
        """A try succeeded and its connection held this long."""
        if seconds >= HOLDS_AFTER:
            self.reset()

    def reset(self) -> None:
        """The next wait begins from the start again."""
        self._limit = FIRST_LIMIT
