"""The answers to the parts of a longer period, put together as if the cloud had told it in one piece."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import reduce
from typing import Any

from ipc_bridge.catalog.endpoint import Endpoint
from ipc_bridge.catalog.fields import Count
from ipc_bridge.catalog.windows import Merge

_KEYS = ("time", "age_range")
"""What tells one record of counts from another."""
_DISTINCT = "uniq_"


def merge(endpoint: Endpoint, answers: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Return the whole of ``answers``, which :meth:`Endpoint.read` returned for the parts, in order."""
    window = endpoint.window
    join = _unite if window is not None and window.merge is Merge.UNITE else _add
    whole = reduce(join, answers)
    for name, member in endpoint.reply.items():
        if isinstance(member, Count):
            whole[name] = len(whole[member.of] or ())
    return whole


def _unite(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Records of both; what both have is there once."""
    return {name: _without_copies(value, other.get(name)) for name, value in one.items()}


def _without_copies(ours: Any, theirs: Any) -> Any:
    if not isinstance(ours, list) or not isinstance(theirs, list):
        return theirs if ours is None else ours
    return ours + [record for record in theirs if record not in ours]


def _add(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Counts of both; of distinct persons nobody knows who came twice."""
    return {name: _sum(name, value, other.get(name)) for name, value in one.items()}


def _sum(name: str, ours: Any, theirs: Any) -> Any:
    if name in _KEYS:
        return ours
    if name.startswith(_DISTINCT):
        return None
    if isinstance(ours, list) and isinstance(theirs, list):
        return _add_records(ours, theirs)
    if isinstance(ours, int) and isinstance(theirs, int):
        return ours + theirs
    return theirs if ours is None else ours


def _add_records(ours: list[dict[str, Any]], theirs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    records = {_key(record): record for record in ours}
    for record in theirs:
        key = _key(record)
        records[key] = _add(records[key], record) if key in records else record
    return list(records.values())


def _key(record: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(record.get(name) for name in _KEYS)
