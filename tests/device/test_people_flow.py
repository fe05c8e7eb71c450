"""People counted by a camera, as answers tell it."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from ipc_bridge.device.people_flow import AGE_RANGES, DAY, DIRECTIONS, Slot, by_age, by_gender, count_people
from ipc_bridge.errors import RefusedError, ReplyError
from tests.device.test_api import always, api_of, server

BEGIN, END = 1_593_000_000, 1_593_086_400
MEN, WOMEN = [1, 0, 0, 2, 0, 0, 0, 0], [0, 0, 0, 4, 0, 0, 0, 5]


async def ask(answer: dict[str, Any]) -> list[Slot]:
    async with server(always(orjson.dumps(answer))) as address, api_of(address) as api:
        return await count_people(api, "in", BEGIN, END, DAY)


def ok(**data: Any) -> dict[str, Any]:
    return {"code": 0, "data": data}


async def test_slots() -> None:
    slot = {"start_time": BEGIN, "end_time": END, "total": 12, "male_num_stat": MEN, "female_num_stat": WOMEN}
    slots = await ask(ok(total=12, stat_list=[slot]))
    assert slots == [Slot(BEGIN, 12, tuple(MEN), tuple(WOMEN))]
    ages = dict.fromkeys(AGE_RANGES, 0) | {"1-6": 1, "19-28": 6, "56-100": 5}
    assert by_age(slots) == ages
    assert by_gender(slots) == {"male": 3, "female": 9}
    assert by_age([*slots, *slots, Slot(END, 0)]) == {years: 2 * number for years, number in ages.items()}


async def test_nobody() -> None:
    slots = await ask({"code": 280})
    assert slots == await ask(ok(total=0, stat_list=[])) == []
    assert by_age(slots) == dict.fromkeys(AGE_RANGES, 0)
    assert by_gender(slots) == {"male": 0, "female": 0}


@pytest.mark.parametrize(
    "slot", [{}, {"male_num_stat": [], "female_num_stat": []}, {"male_num_stat": MEN}, {"female_num_stat": None}]
)
async def test_a_camera_that_cannot_tell_who_they_were(slot: dict[str, Any]) -> None:
    slots = await ask(ok(total=7, stat_list=[{"start_time": BEGIN, "total": 7, **slot}]))
    assert slots == [Slot(BEGIN, 7)]
    assert by_age(slots) is None
    assert by_gender(slots) is None


async def test_columns_that_are_too_short_or_too_long() -> None:
    slot = {"total": 3, "male_num_stat": [1, None, 2], "female_num_stat": [0] * 20}
    assert await ask(ok(stat_list=[slot])) == [Slot(BEGIN, 3, (1, 0, 2, 0, 0, 0, 0, 0), (0,) * 8)]


async def test_nothing_but_a_total() -> None:
    assert await ask(ok(total=5)) == [Slot(BEGIN, 5)]


async def test_what_is_no_answer() -> None:
    with pytest.raises(ReplyError):
        await ask(ok(stat_list="many"))
    with pytest.raises(RefusedError) as refused:
        await ask({"code": 211})
    assert refused.value.code == 211


@pytest.mark.parametrize("direction", DIRECTIONS)
async def test_every_direction_has_a_call(direction: str) -> None:
    assert DIRECTIONS[direction].path.startswith("peopleFlow/getPeopleStat")
