"""When a plugin that fails is called again: after some failures in a row it has a pause, which grows."""

from __future__ import annotations

from collections.abc import Callable

from ipc_bridge.backoff import Backoff

FAILURES = 5
"""In a row; then there is a pause, and one more after each failure behind it."""


class Breaker:
    """A circuit breaker.

    Args:
        now: the time, in seconds.
        backoff: the pauses.
    """

    def __init__(self, now: Callable[[], float], backoff: Backoff | None = None) -> None:
        self._now = now
        self._backoff = backoff or Backoff()
        self._in_a_row = 0
        self._open_until = 0.0
        self._closed_since = now()

    @property
    def pause(self) -> float:
        """Seconds until the next call may be made; 0 for now."""
        return max(0.0, self._open_until - self._now())

    @property
    def is_open(self) -> bool:
        """Whether calls fail, so that there are pauses between them."""
        return self._in_a_row >= FAILURES

    def succeeded(self) -> None:
        """A call came back as it should."""
        if self.is_open:
            self._closed_since = self._now()
        self._in_a_row = 0
        self._open_until = 0.0

    def failed(self) -> None:
        """A call did not."""
        self._failed(1)

    def put_off(self) -> None:
        """A call is to be made again after a pause, at once."""
        self._failed(FAILURES)

    def _failed(self, times: int) -> None:
        if not self.is_open:
            self._backoff.held_for(self._now() - self._closed_since)
        self._in_a_row += times
        if self.is_open:
            self._open_until = self._now() + self._backoff.next_delay()
