"""Tells a fight over a client id, which nobody can win, from bad luck, and says how long to keep out of it."""

from __future__ import annotations

from collections import deque

MAX_KICKS = 3
KICKS_WITHIN = 60.0
"""Seconds within which so many connections, ended for another client of our name, are a fight."""
FIRST_PAUSE = 60.0
LAST_PAUSE = 300.0
"""Seconds to keep away: twice as long each time, but not longer than people wait who have just ended the other."""


class Takeovers:
    """The connections of late that ended for another client of our name. No I/O, and no clock of its own."""

    def __init__(self) -> None:
        self._kicks: deque[float] = deque(maxlen=MAX_KICKS)
        self._pause = 0.0

    def kicked(self, now: float, held: float) -> float:
        """One more.

        Args:
            now: when, in seconds.
            held: how many seconds that connection had lasted.

        Returns:
            Seconds to keep away; 0 while it may be bad luck.
        """
        if held >= KICKS_WITHIN:
            self.forget()
        self._kicks.append(now)
        # Whoever was there before a pause, and is there after it, needs no more proof.
        is_fight = self._pause > 0 or (len(self._kicks) == MAX_KICKS and now - self._kicks[0] <= KICKS_WITHIN)
        if not is_fight:
            return 0.0
        self._pause = min(self._pause * 2, LAST_PAUSE) if self._pause else FIRST_PAUSE
        return self._pause

    def forget(self) -> None:
        """What happened had another cause, or is long ago."""
        self._kicks.clear()
        self._pause = 0.0
