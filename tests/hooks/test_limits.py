"""Breakers and rates."""

from __future__ import annotations

import time

from ipc_bridge.backoff import Backoff
from ipc_bridge.hooks.breaker import FAILURES, Breaker
from ipc_bridge.hooks.rate import Rate


class Now:
    """A clock in the test's hand."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


def breaker_on(now: Now) -> Breaker:
    return Breaker(now, Backoff(lambda _low, high: high))


def test_a_breaker_opens_after_some_failures_in_a_row() -> None:
    now = Now()
    breaker = breaker_on(now)
    for _ in range(FAILURES - 1):
        breaker.failed()
    assert (breaker.is_open, breaker.pause) == (False, 0)
    breaker.succeeded()
    for _ in range(FAILURES - 1):
        breaker.failed()
    assert not breaker.is_open
    breaker.failed()
    assert (breaker.is_open, breaker.pause) == (True, 1)


def test_pauses_grow_pass_and_begin_again_after_a_good_minute() -> None:
    now = Now()
    breaker = breaker_on(now)
    pauses = []
    for _ in range(FAILURES + 7):
        breaker.failed()
        pauses.append(breaker.pause)
        now.seconds += breaker.pause
        assert breaker.pause == 0
    assert pauses[FAILURES - 1 :] == [1, 2, 4, 8, 16, 32, 60, 60]
    # It works for a moment: what follows is as before.
    breaker.succeeded()
    assert (breaker.is_open, breaker.pause) == (False, 0)
    now.seconds += 10
    for _ in range(FAILURES):
        breaker.failed()
    assert breaker.pause == 60
    now.seconds += 60
    breaker.succeeded()
    now.seconds += 60
    for _ in range(FAILURES):
        breaker.failed()
    assert breaker.pause == 1


def test_a_rate_allows_a_burst_and_then_so_many_a_second() -> None:
    now = Now()
    rate = Rate(2.0, 3, now)
    assert [rate.try_take() for _ in range(4)] == [True, True, True, False]
    now.seconds += 0.5
    assert [rate.try_take() for _ in range(2)] == [True, False]
    now.seconds += 100
    assert [rate.try_take() for _ in range(4)] == [True, True, True, False]


def test_a_rate_says_how_long_to_wait() -> None:
    now = Now()
    rate = Rate(2.0, 1, now)
    assert [rate.take(), rate.take(), rate.take()] == [0, 0.5, 1.0]
    now.seconds += 1
    assert rate.take(4) == 2.0


async def test_waiting_for_a_rate() -> None:
    rate = Rate(100.0, 1)
    begun = time.monotonic()
    for _ in range(3):
        await rate.wait()
    assert time.monotonic() - begun >= 0.02
