"""``passengerFlow/*``: how many came, today and on days that are over."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from typing import Any

from ipc_bridge.catalog import cloud as calls
from ipc_bridge.simulator.cloud.handlers.registry import answers
from ipc_bridge.simulator.cloud.refusals import CloudCode
from ipc_bridge.simulator.cloud.shop import Shop, is_counted
from ipc_bridge.simulator.cloud.state import CloudState
from ipc_bridge.simulator.cloud.visitors import (
    AGE_RANGES,
    COUNTED,
    HOURS,
    Day,
    Visit,
    day_of,
    hour_of,
    of_types,
    visits_by_gender,
    visits_by_type,
)
from ipc_bridge.simulator.refusals import RefusalError

_MOST_VISITS = 50
_WEEK = 7


@answers(calls.GET_TODAY)
def _today(cloud: CloudState, *, shop: Shop) -> dict[str, Any]:
    del cloud
    today = shop.today
    return {"total_count": len(_visits([today])), **_passers([today])}


@answers(calls.TODAY_BY_TAG)
def _today_by_tag(cloud: CloudState, *, shop: Shop) -> dict[str, Any]:
    del cloud
    return _by_age(_visits([shop.today]), of_types)


@answers(calls.TODAY_BY_GENDER)
def _today_by_gender(cloud: CloudState, *, shop: Shop) -> dict[str, Any]:
    del cloud
    return _by_age(_visits([shop.today]), lambda visits: visits_by_gender(visits, distinct=False))


@answers(calls.TODAY_BY_HOUR)
def _today_by_hour(cloud: CloudState, *, shop: Shop) -> dict[str, Any]:
    today, slots = shop.today, []
    for hour in range(hour_of(cloud.now()) + 1):
        visits = [visit for visit in _visits([today]) if hour_of(visit.time) == hour]
        slot = {"time": f"{day_of(cloud.now())} {hour:02}:00", "total_count": len(visits)}
        # An hour of the documents' example in which nobody passed has no count of them.
        passed = {"pass_count": today.passed[hour]} if today.passed[hour] else {}
        slots.append({**slot, **passed, "unexposed_count": today.unexposed[hour]})
    return {"count_list": slots}


@answers(calls.HISTORY_BY_TAG)
def _past_by_tag(cloud: CloudState, *, shop: Shop, start_time: str, end_time: str) -> dict[str, Any]:
    del cloud
    return _figures(day for _date, day in _days(shop, start_time, end_time))


@answers(calls.HISTORY_BY_GENDER)
def _past_by_gender(cloud: CloudState, *, shop: Shop, start_time: str, end_time: str) -> dict[str, Any]:
    del cloud
    visits = _visits(day for _date, day in _days(shop, start_time, end_time))
    return _by_age(visits, lambda those: visits_by_gender(those, distinct=True))


@answers(calls.HISTORY_BY_HOUR)
def _past_by_hour(cloud: CloudState, *, shop: Shop, start_time: str, end_time: str) -> dict[str, Any]:
    del cloud
    slots = []
    for when, day in _days(shop, start_time, end_time):
        for hour in range(HOURS):
            part = Day([visit for visit in day.visits if hour_of(visit.time) == hour])
            part.passed[hour], part.unexposed[hour] = day.passed[hour], day.unexposed[hour]
            slots.append({"time": f"{when} {hour}:00", **_figures([part])})
    return {"count_list": slots}


@answers(calls.HISTORY_BY_DAY)
def _past_by_day(cloud: CloudState, *, shop: Shop, start_time: str, end_time: str) -> dict[str, Any]:
    del cloud
    days = _days(shop, start_time, end_time)
    return {"count_list": [{"time": when.isoformat(), **_figures([day])} for when, day in days]}


@answers(calls.HISTORY_BY_WEEK)
def _past_by_week(cloud: CloudState, *, shop: Shop, start_time: str, end_time: str) -> dict[str, Any]:
    del cloud
    first = date.fromisoformat(start_time)
    # The documents' example begins with a Wednesday: weeks are counted from the first day asked for.
    return _slots(
        _days(shop, start_time, end_time),
        lambda day: (first + timedelta((day - first).days // _WEEK * _WEEK)).isoformat(),
    )


@answers(calls.HISTORY_BY_MONTH)
def _past_by_month(cloud: CloudState, *, shop: Shop, start_time: str, end_time: str) -> dict[str, Any]:
    del cloud
    return _slots(_days(shop, start_time, end_time), lambda day: f"{day:%Y-%m}")


@answers(calls.GET_FREQUENCY)
def _frequency(cloud: CloudState, *, shop: Shop, start_time: str, end_time: str) -> dict[str, Any]:
    if date.fromisoformat(end_time) >= day_of(cloud.now()):
        raise RefusalError(CloudCode.TIME)
    visits = _visits(day for _date, day in shop.days(date.fromisoformat(start_time), date.fromisoformat(end_time)))
    often: Counter[tuple[str, int]] = Counter()
    for type_, tag in COUNTED.items():
        persons = Counter(visit.face_id for visit in visits if visit.type is type_)
        often.update((tag, times) for times in persons.values())
    return {
        "frequency_list": [
            {"frequency": times, **{f"{tag}_uniq_count": often[tag, times] for tag in COUNTED.values()}}
            for times in range(1, _MOST_VISITS + 1)
        ]
    }


def _days(shop: Shop, start: str, end: str) -> list[tuple[date, Day]]:
    """Past days of a shop.

    Raises:
        RefusalError: nothing is known of any of them.
    """
    days = list(shop.days(date.fromisoformat(start), date.fromisoformat(end)))
    if not days:
        raise RefusalError(CloudCode.NO_DATA)
    return days


def _visits(days: Iterable[Day]) -> list[Visit]:
    return [visit for day in days for visit in day.visits if is_counted(visit)]


def _passers(days: Iterable[Day]) -> dict[str, int]:
    days = list(days)
    return {
        "pass_count": sum(sum(day.passed) for day in days),
        "unexposed_count": sum(sum(day.unexposed) for day in days),
    }


def _figures(days: Iterable[Day]) -> dict[str, Any]:
    days = list(days)
    return {**visits_by_type(_visits(days)), **_passers(days)}


def _by_age(visits: list[Visit], count: Any) -> dict[str, Any]:
    groups = ((age, [visit for visit in visits if visit.age_range == age]) for age in AGE_RANGES)
    return {"count_list": [{"age_range": age, **count(those)} for age, those in groups]}


def _slots(days: list[tuple[date, Day]], label: Any) -> dict[str, Any]:
    return {"count_list": list(_labelled(days, label))}


def _labelled(days: list[tuple[date, Day]], label: Any) -> Iterator[dict[str, Any]]:
    for name, those in itertools.groupby(days, lambda pair: label(pair[0])):
        figures = visits_by_type(_visits(day for _date, day in those))
        # Weeks and months have no distinct persons.
        yield {"time": name, **{key: value for key, value in figures.items() if not key.startswith("uniq_")}}
