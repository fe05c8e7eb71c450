"""JSON objects as the vendor's protocols carry them.

Strict where it matters: UTF-8 only, no NaN, no infinity, at most :data:`MAX_DEPTH` levels deep,
so that nothing a camera sends can raise anything but :class:`PayloadError`, here or later when
it is encoded again.
"""

from __future__ import annotations

from typing import Any

import orjson

from ipc_bridge.errors import PayloadError

MAX_DEPTH = 32
"""The vendor's deepest object has three levels; orjson writes no more than 254."""


def encode_object(fields: dict[str, Any]) -> bytes:
    """Return compact UTF-8 JSON."""
    return orjson.dumps(fields)


def decode_object(text: bytes) -> dict[str, Any]:
    """Return the JSON object that ``text`` is.

    Raises:
        PayloadError: it is no JSON, JSON but no object, or nested too deep.
    """
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise PayloadError(f"the payload is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise PayloadError(f"the payload is JSON, but {type(value).__name__} and not an object")
    # Counting brackets is cheap and can only overestimate: the exact look is for the rare suspect.
    if text.count(b"{") + text.count(b"[") > MAX_DEPTH and _depth(value) > MAX_DEPTH:
        raise PayloadError(f"the payload is nested more than {MAX_DEPTH} levels deep")
    return value


def _depth(value: Any) -> int:
    deepest = 0
    pending = [(value, 1)]
    while pending:
        item, depth = pending.pop()
        if isinstance(item, dict | list):
            deepest = max(deepest, depth)
            pending.extend((child, depth + 1) for child in (item.values() if isinstance(item, dict) else item))
    return deepest
