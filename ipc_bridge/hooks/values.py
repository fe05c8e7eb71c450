"""Values of plugins as JSON: what they publish, return and remember."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from typing import Any

import orjson

_OPTIONS = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_NON_STR_KEYS


def dumps(value: Any) -> bytes:
    """Encode ``value``; dataclasses become objects, times RFC 3339 in UTC with milliseconds.

    Raises:
        TypeError: it, or a part of it, cannot be JSON.
    """
    return orjson.dumps(value, _other, _OPTIONS)


def rfc3339(time: datetime) -> str:
    """A time in the contract's form, such as ``2026-11-22T17:00:07.123Z``.

    Raises:
        TypeError: it has no zone.
    """
    if time.tzinfo is None:
        raise TypeError(f"{time} has no zone; use datetime.now(UTC)")
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _other(value: Any) -> Any:
    if isinstance(value, datetime):
        return rfc3339(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, AbstractSet):
        return sorted(value)
    raise TypeError(f"a value of type {type(value).__name__} cannot be JSON")
