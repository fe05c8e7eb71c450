"""Compares what cameras saw acknowledged with what a consumer got."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from tests.faults.consumer import Delivery, SwitchedOn


@dataclass(frozen=True, slots=True)
class Verdict:
    """Counts.

    Attributes:
        events: acknowledged to a camera.
        lost: of these, never delivered.
        duplicated: deliveries of an event under another number, or of another event under a number that was given.
        reordered: first deliveries behind a later one of the same camera and epoch.
        gaps: numbers of a camera and epoch that never came, up to its highest.
        acted_on_late: deliveries and ``ON`` states that pass something old off as fresh.
        invented: deliveries that no camera knows of.
        repeated: deliveries of an event under its own number once more, which QoS 1 allows.
    """

    events: int
    lost: int
    duplicated: int
    reordered: int
    gaps: int
    acted_on_late: int
    invented: int
    repeated: int

    @property
    def faultless(self) -> bool:
        """Whether all that must be zero is."""
        return not any(
            (self.lost, self.duplicated, self.reordered, self.gaps, self.acted_on_late, self.invented),
        )


def judge(
    acknowledged: Collection[str],
    happened: Mapping[str, float],
    deliveries: Sequence[Delivery],
    switched_on: Iterable[SwitchedOn],
    fresh_for: float,
) -> Verdict:
    """Return what went wrong.

    Args:
        acknowledged: uids of the events whose PUBACK the cameras got.
        happened: when each event that a camera sent happened, on the consumer's clock, by its uid.
        deliveries: what the consumer got, in order.
        switched_on: the ``ON`` states that it got.
        fresh_for: seconds for which an event may pass for fresh where the consumer gets it.
    """
    delivered = {delivery.uid for delivery in deliveries}
    first, duplicated, repeated = _first_deliveries(deliveries)
    reordered, gaps = _order(first)
    return Verdict(
        events=len(acknowledged),
        lost=len(set(acknowledged) - delivered),
        duplicated=duplicated,
        reordered=reordered,
        gaps=gaps,
        acted_on_late=_late_events(deliveries, happened, fresh_for)
        + _late_switches(deliveries, switched_on, happened, fresh_for),
        invented=len(delivered - happened.keys()),
        repeated=repeated,
    )


def _first_deliveries(deliveries: Iterable[Delivery]) -> tuple[list[Delivery], int, int]:
    """Each event's first delivery; how many deliveries have a number that is not theirs, and how many are repeated."""
    first: dict[str, Delivery] = {}
    numbers: dict[tuple[str, int, int], str] = {}
    duplicated = repeated = 0
    for delivery in deliveries:
        number = (delivery.sn, delivery.epoch, delivery.seq)
        known = first.setdefault(delivery.uid, delivery)
        owner = numbers.setdefault(number, delivery.uid)
        if owner != delivery.uid or (known.epoch, known.seq) != (delivery.epoch, delivery.seq):
            duplicated += 1
        elif known is not delivery:
            repeated += 1
    return list(first.values()), duplicated, repeated


def _order(first: Iterable[Delivery]) -> tuple[int, int]:
    """How many came behind a later one, and how many numbers are missing."""
    numbers: defaultdict[tuple[str, int], list[int]] = defaultdict(list)
    for delivery in first:
        numbers[delivery.sn, delivery.epoch].append(delivery.seq)
    reordered = gaps = 0
    for sequence in numbers.values():
        highest = 0
        for seq in sequence:
            reordered += seq < highest
            highest = max(highest, seq)
        gaps += highest - len(set(sequence))
    return reordered, gaps


def _late_events(deliveries: Iterable[Delivery], happened: Mapping[str, float], fresh_for: float) -> int:
    # What the broker itself says again was handed to it once, when it was fresh.
    return sum(
        not delivery.late and not delivery.again and delivery.at - happened.get(delivery.uid, delivery.at) > fresh_for
        for delivery in deliveries
    )


def _late_switches(
    deliveries: Iterable[Delivery], switched_on: Iterable[SwitchedOn], happened: Mapping[str, float], fresh_for: float
) -> int:
    """``ON`` states without an event that is not late and happened shortly before."""
    causes: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
    for delivery in deliveries:
        if not delivery.late and delivery.uid in happened:
            for switch in delivery.switches:
                causes[delivery.sn, switch].append(happened[delivery.uid])
    return sum(not any(0 <= on.at - moment <= fresh_for for moment in causes[on.sn, on.switch]) for on in switched_on)
