"""Answers to parts that become one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipc_bridge.catalog import cloud as rows
from ipc_bridge.catalog.endpoint import Endpoint
from ipc_bridge.cloud.merging import merge

COUNTS = st.fixed_dictionaries({name: st.integers(0, 1000) for name in (*rows.HISTORY,)})


def merged(endpoint: Endpoint, *answers: dict[str, Any]) -> dict[str, Any]:
    return merge(endpoint, [endpoint.read(answer) for answer in answers])


@given(st.lists(COUNTS, min_size=2, max_size=5))
def test_counts_are_added_and_distinct_persons_are_not(parts: list[dict[str, Any]]) -> None:
    whole = merged(rows.HISTORY_BY_TAG, *parts)
    for name in rows.HISTORY:
        assert whole[name] == (None if name in rows.DISTINCT else sum(part[name] for part in parts))


@given(st.lists(COUNTS, min_size=2, max_size=5), st.data())
def test_parts_may_be_taken_together_in_any_way(parts: list[dict[str, Any]], data: st.DataObject) -> None:
    cut = data.draw(st.integers(1, len(parts) - 1))
    halves = [merged(rows.HISTORY_BY_TAG, *half) if len(half) > 1 else half[0] for half in (parts[:cut], parts[cut:])]
    assert merged(rows.HISTORY_BY_TAG, *halves) == merged(rows.HISTORY_BY_TAG, *parts)


@pytest.mark.parametrize("endpoint", [rows.HISTORY_BY_WEEK, rows.HISTORY_BY_DAY], ids=str)
def test_a_slot_that_a_seam_has_cut_is_put_together(endpoint: Endpoint) -> None:
    first = {"count_list": [{"time": "2026-09-07", "total_count": 1}, {"time": "2026-09-14", "total_count": 2}]}
    second = {"count_list": [{"time": "2026-09-14", "total_count": 3}, {"time": "2026-09-21", "total_count": 4}]}
    whole = merged(endpoint, first, second)["count_list"]
    assert [(record["time"], record["total_count"]) for record in whole] == [
        ("2026-09-07", 1),
        ("2026-09-14", 5),
        ("2026-09-21", 4),
    ]


def test_parts_that_tell_nothing() -> None:
    slot = {"time": "2026-09-07", "total_count": 1}
    days: dict[str, Any] = {"count_list": [slot]}
    for one, other in (({}, days), (days, {})):
        (record,) = merged(rows.HISTORY_BY_DAY, one, other)["count_list"]
        assert (record["time"], record["total_count"]) == ("2026-09-07", 1)
    recording = {"url": "a", "start_time": 1, "end_time": 2, "ipc_id": "7"}
    videos: dict[str, Any] = {"video_list": [recording]}
    for one, other in (({}, videos), (videos, {}), (videos, videos)):
        assert merged(rows.GET_VIDEO_LIST, one, other) == {"total_count": 1, **videos}
    assert merged(rows.GET_VIDEO_LIST, {}, {}) == {"total_count": 0, "video_list": None}
