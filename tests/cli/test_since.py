"""Moments as people type them, in a zone that has summer and winter."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipc_bridge.cli.since import parse_since

NOW = datetime.fromisoformat("2026-11-22T17:00:07+01:00").timestamp()


@pytest.fixture(autouse=True)
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Europe/Berlin")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("45s", "2026-11-22T16:59:22+01:00"),
        ("2h", "2026-11-22T15:00:07+01:00"),
        (" 90 m ", "2026-11-22T15:30:07+01:00"),
        ("3d", "2026-11-19T17:00:07+01:00"),
        ("1w", "2026-11-15T17:00:07+01:00"),
        ("today", "2026-11-22T00:00:00+01:00"),
        ("yesterday", "2026-11-21T00:00:00+01:00"),
        ("08:30", "2026-11-22T08:30:00+01:00"),
        ("17:00:07", "2026-11-22T17:00:07+01:00"),
        # Not to come, but the last time that it was so late.
        ("23:15", "2026-11-21T23:15:00+01:00"),
        ("2026-11-20", "2026-11-20T00:00:00+01:00"),
        ("2026-07-01", "2026-07-01T00:00:00+02:00"),
        ("2026-07-01T10:00", "2026-07-01T10:00:00+02:00"),
        ("2026-07-01 10:00:30", "2026-07-01T10:00:30+02:00"),
        ("2026-11-22T17:00:07Z", "2026-11-22T17:00:07+00:00"),
        ("2026-11-22T17:00:07.500+05:30", "2026-11-22T17:00:07.500+05:30"),
    ],
)
def test_moments(text: str, moment: str) -> None:
    assert parse_since(text, NOW) == datetime.fromisoformat(moment).timestamp()


def test_yesterday_was_longer() -> None:
    # The day after summer time ended.
    now = datetime.fromisoformat("2026-10-26T12:00:00+01:00").timestamp()
    assert parse_since("yesterday", now) == datetime.fromisoformat("2026-10-25T00:00:00+02:00").timestamp()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "tomorrow",
        "2 hours",
        "-2h",
        "2.5h",
        "24:30",
        "17:00Z",
        "2026-13-01",
        "22.11.2026",
        "0001-01-01",
        "9999999999w",
    ],
)
def test_no_moments(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no time; it may be 2h \(or s, m, d, w\), today, yesterday, 17:30"):
        parse_since(text, NOW)


@given(st.text(max_size=30))
def test_whatever_is_typed_is_a_moment_or_a_mistake(text: str) -> None:
    try:
        moment = parse_since(text, NOW)
    except ValueError as error:
        assert "is no time; it may be" in str(error)  # noqa: PT017 - it may also be none
    else:
        assert isinstance(moment, float)
