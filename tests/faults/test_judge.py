"""The judge finds what it is there to find."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.faults.consumer import Delivery, SwitchedOn
from tests.faults.judge import Verdict, judge

SN = "FS101D8BS00101"
FRESH_FOR = 4.0
FAULTLESS = [
    Delivery(SN, f"{SN}:face:{number}:0", epoch=1, seq=number, late=False, at=float(number)) for number in range(1, 6)
]
HAPPENED = {delivery.uid: delivery.at - 0.1 for delivery in FAULTLESS}


def verdict(deliveries: list[Delivery], switched_on: tuple[SwitchedOn, ...] = ()) -> Verdict:
    return judge(set(HAPPENED), HAPPENED, deliveries, switched_on, FRESH_FOR)


def test_nothing_is_wrong_where_all_came_once_and_in_order() -> None:
    assert verdict(FAULTLESS) == Verdict(5, 0, 0, 0, 0, 0, 0, 0)
    assert verdict(FAULTLESS).faultless


def test_what_did_not_come_is_lost_and_leaves_a_gap() -> None:
    found = verdict(FAULTLESS[:2] + FAULTLESS[3:])
    assert (found.lost, found.gaps, found.reordered) == (1, 1, 0)
    assert not found.faultless


def test_the_last_one_is_missed_too() -> None:
    assert (verdict(FAULTLESS[:4]).lost, verdict(FAULTLESS[:4]).gaps) == (1, 0)


def test_the_same_number_again_is_only_repeated() -> None:
    found = verdict([*FAULTLESS, replace(FAULTLESS[1], at=6.0, late=True)])
    assert (found.repeated, found.duplicated, found.reordered) == (1, 0, 0)
    assert found.faultless


@pytest.mark.parametrize(
    "copy",
    [
        replace(FAULTLESS[1], seq=6),
        replace(FAULTLESS[1], epoch=2),
        replace(FAULTLESS[1], uid=FAULTLESS[2].uid),
    ],
    ids=["another seq", "another epoch", "another event's number"],
)
def test_an_event_with_two_numbers_or_a_number_with_two_events_is_duplicated(copy: Delivery) -> None:
    found = verdict([*FAULTLESS, replace(copy, at=6.0, late=True)])
    assert (found.duplicated, found.repeated) == (1, 0)
    assert not found.faultless


def test_an_overtaken_event_is_reordered() -> None:
    found = verdict([FAULTLESS[1], FAULTLESS[0], *FAULTLESS[2:]])
    assert (found.reordered, found.gaps) == (1, 0)
    assert not found.faultless


def test_epochs_and_cameras_are_counted_apart() -> None:
    others = [replace(each, sn="other", uid=f"other{each.uid}") for each in FAULTLESS]
    later = [replace(each, epoch=2, uid=f"later{each.uid}") for each in FAULTLESS]
    found = verdict([*FAULTLESS, *others, *later])
    assert (found.reordered, found.gaps, found.duplicated, found.invented) == (0, 0, 0, 10)


def test_an_old_event_that_passes_for_fresh_is_found() -> None:
    old = replace(FAULTLESS[4], at=HAPPENED[FAULTLESS[4].uid] + FRESH_FOR + 0.1)
    assert verdict([*FAULTLESS[:4], old]).acted_on_late == 1
    assert not verdict([*FAULTLESS[:4], old]).faultless
    assert verdict([*FAULTLESS[:4], replace(old, late=True)]).acted_on_late == 0
    # A second delivery counts as the first does, unless it is the broker's own.
    assert verdict([*FAULTLESS, old]).acted_on_late == 1
    assert verdict([*FAULTLESS, replace(old, again=True)]).acted_on_late == 0


def test_a_switch_needs_a_fresh_event_that_turns_it_on() -> None:
    motion = replace(FAULTLESS[4], switches=frozenset({"motion"}))
    deliveries = [*FAULTLESS[:4], motion]
    on = SwitchedOn(SN, "motion", motion.at)
    assert verdict(deliveries, (on,)).acted_on_late == 0
    assert verdict(deliveries, (replace(on, at=on.at + FRESH_FOR),)).acted_on_late == 1
    assert verdict(deliveries, (replace(on, switch="sound"),)).acted_on_late == 1
    assert verdict(deliveries, (replace(on, sn="other"),)).acted_on_late == 1
    assert verdict([*FAULTLESS[:4], replace(motion, late=True)], (on,)).acted_on_late == 1
