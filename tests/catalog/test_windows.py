"""Periods: at their limits, beyond them, and in parts."""

from __future__ import annotations

import itertools
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipc_bridge.catalog import cloud
from ipc_bridge.catalog.endpoint import Endpoint
from ipc_bridge.catalog.windows import Unit, Window
from ipc_bridge.errors import ParameterError

WINDOWS = {path: row.window for path, row in cloud.ENDPOINTS.items() if row.window is not None}
TREND = "passengerFlow/stat/history/getTrendBy"


def test_the_documents_limits() -> None:
    assert {path: str(window) for path, window in WINDOWS.items() if window.enforced} == {
        "media/video/getList": "3600 seconds",
        "passengerFlow/stat/history/groupByTag": "30 days",
        "passengerFlow/stat/history/groupByGender": "30 days",
        f"{TREND}Hour": "24 hours",
        f"{TREND}Day": "30 days",
        f"{TREND}Week": "12 weeks",
        f"{TREND}Month": "12 months",
        "passengerFlow/stat/history/person/frequency/getList": "30 days",
    }
    # A guess: it warns, and refuses nothing.
    assert [path for path, window in WINDOWS.items() if not window.enforced] == ["media/playback/start"]
    assert [path for path, window in WINDOWS.items() if window.before_today] == [
        "passengerFlow/stat/history/person/frequency/getList"
    ]
    # Whoever came twice would be counted twice.
    assert cloud.GET_FREQUENCY.window is not None
    assert cloud.GET_FREQUENCY.window.merge is None


@pytest.mark.parametrize(
    ("endpoint", "start", "last"),
    [
        (cloud.GET_VIDEO_LIST, 1_578_969_264, 1_578_972_864),
        (cloud.HISTORY_BY_TAG, "2020-01-31", "2020-02-29"),
        (cloud.HISTORY_BY_GENDER, "2021-03-01", "2021-03-30"),
        (cloud.HISTORY_BY_HOUR, "2020-02-29", "2020-02-29"),
        (cloud.HISTORY_BY_DAY, "2019-12-15", "2020-01-13"),
        (cloud.HISTORY_BY_WEEK, "2020-01-01", "2020-03-24"),
        (cloud.HISTORY_BY_MONTH, "2020-01-01", "2020-12-31"),
        (cloud.HISTORY_BY_MONTH, "2020-02-29", "2021-02-28"),
        (cloud.HISTORY_BY_MONTH, "2019-05-15", "2020-05-14"),
        (cloud.GET_FREQUENCY, "2020-01-01", "2020-01-30"),
    ],
)
def test_at_a_limit_and_beyond_it(endpoint: Endpoint, start: Any, last: Any) -> None:
    assert endpoint.window is not None
    sample = {**endpoint.sample, "start_time": start}
    for end in (start, last):
        assert endpoint.check({**sample, "end_time": end})["end_time"] == end
    before, beyond = _neighbour(start, -1), _neighbour(last, 1)
    with pytest.raises(ParameterError, match="end_time may not be before start_time"):
        endpoint.check({**sample, "end_time": before})
    with pytest.raises(ParameterError, match=rf"end_time may be at most {endpoint.window} after start_time"):
        endpoint.check({**sample, "end_time": beyond})


def test_other_periods_are_in_order_and_as_long_as_one_likes() -> None:
    for endpoint in (cloud.GET_MOTION_LIST, cloud.PLAYBACK_START):
        for end in (100, 10_000_000):
            endpoint.check({**endpoint.sample, "start_time": 100, "end_time": end})
        with pytest.raises(ParameterError, match="end_time may not be before start_time"):
            endpoint.check({**endpoint.sample, "start_time": 100, "end_time": 99})


def _split(window: Window, start: Any, end: Any) -> list[tuple[Any, Any]]:
    parts = list(window.split({"start_time": start, "end_time": end, "ipc_id": "1"}))
    assert all(part["ipc_id"] == "1" for part in parts)
    return [(part["start_time"], part["end_time"]) for part in parts]


@pytest.mark.parametrize(
    ("window", "start", "end", "parts"),
    [
        (Window(3600, Unit.SECONDS), 0, 0, [(0, 0)]),
        (Window(3600, Unit.SECONDS), 0, 3600, [(0, 3600)]),
        # Parts share their seam.
        (Window(3600, Unit.SECONDS), 0, 7201, [(0, 3600), (3600, 7200), (7200, 7201)]),
        (
            Window(24, Unit.HOURS),
            "2020-02-28",
            "2020-03-01",
            [("2020-02-28",) * 2, ("2020-02-29",) * 2, ("2020-03-01",) * 2],
        ),
        (
            Window(30, Unit.DAYS),
            "2020-01-01",
            "2020-01-31",
            [("2020-01-01", "2020-01-30"), ("2020-01-31", "2020-01-31")],
        ),
        (
            Window(12, Unit.WEEKS),
            "2020-01-01",
            "2020-03-25",
            [("2020-01-01", "2020-03-24"), ("2020-03-25", "2020-03-25")],
        ),
        # A month is in one part.
        (
            Window(12, Unit.MONTHS),
            "2019-05-15",
            "2021-05-02",
            [("2019-05-15", "2020-04-30"), ("2020-05-01", "2021-04-30"), ("2021-05-01", "2021-05-02")],
        ),
    ],
)
def test_parts(window: Window, start: Any, end: Any, parts: list[tuple[Any, Any]]) -> None:
    assert _split(window, start, end) == parts


DAYS = st.dates(date(2000, 1, 1), date(2099, 12, 31))


@given(st.sampled_from([window for window in WINDOWS.values() if window.unit is not Unit.SECONDS]), DAYS, DAYS)
def test_parts_of_days_cover_them_once_and_are_fit(window: Window, one: date, other: date) -> None:
    start, end = min(one, other), min(max(one, other), min(one, other) + timedelta(2000))
    parts = _split(window, start.isoformat(), end.isoformat())
    assert (parts[0][0], parts[-1][1]) == (start.isoformat(), end.isoformat())
    for first, last in parts:
        window.check({"start_time": first, "end_time": last})
    for (_, last), (first, _) in itertools.pairwise(parts):
        assert _neighbour(last, 1) == first
        assert window.unit is not Unit.MONTHS or first.endswith("-01")


@given(st.integers(0, 10**9), st.integers(0, 10**5))
def test_parts_of_seconds_cover_them_and_are_fit(start: int, length: int) -> None:
    window = Window(3600, Unit.SECONDS)
    parts = _split(window, start, start + length)
    assert (parts[0][0], parts[-1][1]) == (start, start + length)
    assert len(parts) == max(1, -(-length // 3600))
    for first, last in parts:
        window.check({"start_time": first, "end_time": last})
    assert all(last == first for (_, last), (first, _) in itertools.pairwise(parts))


def _neighbour(value: Any, step: int) -> Any:
    return value + step if isinstance(value, int) else (date.fromisoformat(value) + timedelta(step)).isoformat()
