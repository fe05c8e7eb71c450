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
        first: the first wait's limit.
        last: the longest.
    """

    def __init__(
        self,
        uniform: Callable[[float, float], float] = random.uniform,
        first: float = FIRST_LIMIT,
        last: float = LAST_LIMIT,
    ) -> None:
        self._uniform = uniform
        self._first = self._limit = first
        self._last = last

    def next_delay(self) -> float:
        """Between nothing and a limit of 1, 2, 4 ... 60 s: many that fail together spread out."""
        limit = self._limit
        self._limit = min(limit * 2, self._last)
        return self._uniform(0, limit)

    def held_for(self, seconds: float) -> None:
        """A try succeeded and its connection held this long."""
        if seconds >= HOLDS_AFTER:
            self.reset()

    def reset(self) -> None:
        """Begin from the start again: it works."""
        self._limit = self._first
