"""Three kicks within a minute are a fight; after the pause one is enough, and the next pause is longer."""

from __future__ import annotations

import pytest

from ipc_bridge.mqtt.takeover import FIRST_PAUSE, KICKS_WITHIN, LAST_PAUSE, Takeovers


def kicked(takeovers: Takeovers, *moments: float, held: float = 1.0) -> list[float]:
    return [takeovers.kicked(moment, held) for moment in moments]


@pytest.mark.parametrize(
    ("moments", "pauses"),
    [
        ((0, 1, 2), [0, 0, FIRST_PAUSE]),
        ((0, 30, KICKS_WITHIN), [0, 0, FIRST_PAUSE]),
        ((0, 30, KICKS_WITHIN + 1), [0, 0, 0]),
        ((0, 50, 100, 105), [0, 0, 0, FIRST_PAUSE]),
    ],
)
def test_three_within_a_minute_are_a_fight(moments: tuple[float, ...], pauses: list[float]) -> None:
    assert kicked(Takeovers(), *moments) == pauses


def test_after_a_pause_one_is_enough_and_the_next_pause_is_longer_within_a_limit() -> None:
    takeovers = Takeovers()
    kicked(takeovers, 0, 1, 2)
    now, pauses = 2.0, []
    for _ in range(4):
        now += 600
        pauses += kicked(takeovers, now, held=KICKS_WITHIN - 1)
    assert pauses == [2 * FIRST_PAUSE, 4 * FIRST_PAUSE, LAST_PAUSE, LAST_PAUSE]


def test_a_minute_of_peace_ends_it() -> None:
    takeovers = Takeovers()
    kicked(takeovers, 0, 1, 2)
    assert kicked(takeovers, 200, held=KICKS_WITHIN) == [0]
    assert kicked(takeovers, 201, 202) == [0, FIRST_PAUSE]


def test_what_had_another_cause_does_not_count() -> None:
    takeovers = Takeovers()
    kicked(takeovers, 0, 1)
    takeovers.forget()
    assert kicked(takeovers, 2, 3) == [0, 0]
