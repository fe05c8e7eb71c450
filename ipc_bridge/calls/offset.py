"""How far the other side's clock is off, by the ``Date`` of its answers, and what that means for a signature."""

from __future__ import annotations

from email.utils import parsedate_to_datetime

NOTEWORTHY_OFFSET = 30.0
"""Seconds that may well be why a signature is refused."""


def offset_by(date: str, now: float) -> float | None:
    """Return the seconds by which the clock behind a ``Date`` header is ahead of ``now``; None where it is none."""
    try:
        return parsedate_to_datetime(date).timestamp() - now
    except (ValueError, OverflowError):
        return None


def explain_offset(offset: float | None) -> str:
    """The end of a sentence about a signature that a camera refused; None: nobody knows the camera's time."""
    if offset is None:
        return "; a wrong clock in the camera could be the reason too"
    if abs(offset) < NOTEWORTHY_OFFSET:
        return ""
    return f"; its clock is {abs(offset):.0f} s {'ahead' if offset > 0 else 'behind'}, which may be the reason"
