"""Moments of the past as people type them."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta

EXAMPLES = "2h (or s, m, d, w), today, yesterday, 17:30, 2026-11-22, 2026-11-22T17:00 or with a zone"
_AGO = re.compile(r"([0-9]{1,9}) ?([smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_DAYS_AGO = {"today": 0, "yesterday": 1}


def parse_since(text: str, now: float) -> float:
    """Return the Unix time that ``text`` means at the Unix time ``now``; what names no zone is in this machine's.

    Raises:
        ValueError: it means none.
    """
    text = text.strip()
    if match := _AGO.fullmatch(text):
        return now - int(match[1]) * _SECONDS[match[2]]
    try:
        today = datetime.fromtimestamp(now).astimezone().date()
        if text in _DAYS_AGO:
            return _local(today - timedelta(days=_DAYS_AGO[text]))
        if ":" in text and (clock := _time(text)) is not None:
            moment = _local(today, clock)
            # The last time that the clock said so.
            return moment if moment <= now else _local(today - timedelta(days=1), clock)
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError, OSError) as error:
        raise ValueError(f"{text} is no time; it may be {EXAMPLES}") from error


def parse_day(text: str, today: date) -> date:
    """Return the day that ``text`` means.

    Raises:
        ValueError: it means none.
    """
    text = text.strip()
    match = _AGO.fullmatch(text)
    try:
        if match is not None and match[2] in "dw":
            return today - timedelta(seconds=int(match[1]) * _SECONDS[match[2]])
        if text in _DAYS_AGO:
            return today - timedelta(days=_DAYS_AGO[text])
        return date.fromisoformat(text)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{text} is no day; it may be 30d, 4w, today, yesterday or 2026-11-22") from error


def _time(text: str) -> time | None:
    try:
        clock = time.fromisoformat(text)
    except ValueError:
        return None
    return clock if clock.tzinfo is None else None


def _local(day: date, clock: time = time()) -> float:
    return datetime.combine(day, clock).timestamp()
