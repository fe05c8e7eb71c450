"""People counted by a camera: how many went in, out or by, and who they were."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ipc_bridge.catalog.codes import FACE_ID_INFO_NO_FOUND
from ipc_bridge.catalog.device import AGE_RANGE, GET_PEOPLE_STAT, GET_PEOPLE_STAT_OUT, GET_PEOPLE_STAT_PASS
from ipc_bridge.catalog.endpoint import Endpoint
from ipc_bridge.device.api import CameraApi
from ipc_bridge.errors import RefusedError

DIRECTIONS: dict[str, Endpoint] = {
    "in": GET_PEOPLE_STAT,
    "out": GET_PEOPLE_STAT_OUT,
    "pass": GET_PEOPLE_STAT_PASS,
}
"""Ways to go past a door, with the calls that count them."""
HOUR, DAY = 2, 3
"""The vendor's numbers for the length of a slot."""
AGE_RANGES: tuple[str, ...] = tuple(AGE_RANGE.choices.values())

_NOBODY = (0,) * len(AGE_RANGES)


@dataclass(frozen=True, slots=True)
class Slot:
    """A part of a period, from the Unix second ``begin`` on.

    ``men`` and ``women`` are counts by age range; empty where the camera does not tell them apart. Who has no known
    gender is in ``total`` alone.
    """

    begin: int
    total: int
    men: tuple[int, ...] = ()
    women: tuple[int, ...] = ()


async def count_people(api: CameraApi, direction: str, begin: int, end: int, period: int) -> list[Slot]:
    """Return the parts of a period in which anybody passed.

    Args:
        api: the camera's.
        direction: of :data:`DIRECTIONS`.
        begin: Unix second, part of the period.
        end: Unix second, not part of it.
        period: :data:`HOUR` or :data:`DAY`.

    Raises:
        DeviceError: it does not tell.
    """
    endpoint = DIRECTIONS[direction]
    try:
        data = await api.call(endpoint, start_time=begin, end_time=end, period=period)
    except RefusedError as error:
        if error.code == FACE_ID_INFO_NO_FOUND:
            # A period in which nobody passed.
            return []
        raise
    answer = endpoint.read(data)
    slots = [
        Slot(slot["start_time"] or begin, slot["total"] or 0, *_people(slot["male_num_stat"], slot["female_num_stat"]))
        for slot in answer["stat_list"] or ()
    ]
    if not slots and answer["total"]:
        return [Slot(begin, answer["total"])]
    return slots


def by_age(slots: Sequence[Slot]) -> dict[str, int] | None:
    """People by age range; None where the camera does not tell."""
    if not _tells_apart(slots):
        return None
    columns = [counts for slot in slots for counts in (slot.men, slot.women) if counts]
    return dict(zip(AGE_RANGES, map(sum, zip(_NOBODY, *columns, strict=True)), strict=True))


def by_gender(slots: Sequence[Slot]) -> dict[str, int] | None:
    """People by gender; None where the camera does not tell."""
    if not _tells_apart(slots):
        return None
    return {"male": sum(sum(slot.men) for slot in slots), "female": sum(sum(slot.women) for slot in slots)}


def _tells_apart(slots: Sequence[Slot]) -> bool:
    return all(slot.men for slot in slots if slot.total)


def _people(men: list[int | None] | None, women: list[int | None] | None) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Both columns in full; empty where one is missing."""
    return (_column(men), _column(women)) if men and women else ((), ())


def _column(counts: list[int | None]) -> tuple[int, ...]:
    return tuple(count or 0 for count in (*counts, *_NOBODY)[: len(AGE_RANGES)])
