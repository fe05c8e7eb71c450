"""Waits: bounds, doubling, the longest one, and the way back to the start."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipc_bridge.backoff import FIRST_LIMIT, HOLDS_AFTER, LAST_LIMIT, Backoff

LIMITS = [1, 2, 4, 8, 16, 32, 60, 60, 60]


def longest(_low: float, high: float) -> float:
    return high


def test_the_limit_doubles_up_to_a_minute() -> None:
    backoff = Backoff(longest)
    assert [backoff.next_delay() for _ in LIMITS] == LIMITS


def test_the_jitter_is_full() -> None:
    asked: list[tuple[float, float]] = []

    def uniform(low: float, high: float) -> float:
        asked.append((low, high))
        return low

    backoff = Backoff(uniform)
    assert [backoff.next_delay() for _ in LIMITS] == [0] * len(LIMITS)
    assert asked == [(0, limit) for limit in LIMITS]


@given(st.integers(0, 20))
def test_every_wait_is_within_its_bounds(tries: int) -> None:
    backoff = Backoff()
    for number in range(tries):
        assert 0 <= backoff.next_delay() <= min(FIRST_LIMIT * 2**number, LAST_LIMIT)


@pytest.mark.parametrize(
    ("held", "next_limit"),
    [(0.0, 8), (HOLDS_AFTER - 0.1, 8), (HOLDS_AFTER, FIRST_LIMIT), (86_400.0, FIRST_LIMIT)],
)
def test_a_minute_that_held_begins_from_the_start(held: float, next_limit: float) -> None:
    backoff = Backoff(longest)
    for _ in range(3):
        backoff.next_delay()
    backoff.held_for(held)
    assert backoff.next_delay() == next_limit


def test_a_last_limit_of_its_own() -> None:
    backoff = Backoff(longest, last=5.0)
    assert [backoff.next_delay() for _ in range(5)] == [1, 2, 4, 5, 5]
    backoff.reset()
    assert backoff.next_delay() == FIRST_LIMIT
