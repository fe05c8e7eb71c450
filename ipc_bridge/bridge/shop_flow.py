"""How many came into a shop, out of the cloud's answers: ``shop/<no>/flow``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from ipc_bridge.catalog import cloud as calls
from ipc_bridge.catalog.cloud import AGE_RANGE
from ipc_bridge.catalog.endpoint import Endpoint
from ipc_bridge.cloud.api import CloudApi
from ipc_bridge.cloud.refusal import is_nothing
from ipc_bridge.errors import RefusedError

_TAGS = {"strangers": "stranger_count", "regulars": "regular_count", "members": "member_count"}


async def ask_today(api: CloudApi, shop: str) -> dict[str, Any]:
    """Return today's counts so far.

    Raises:
        DeviceError: the cloud does not tell.
    """
    totals = await _ask(api, calls.GET_TODAY, sunmi_shop_no=shop)
    by_tag = (await _ask(api, calls.TODAY_BY_TAG, sunmi_shop_no=shop))["count_list"] or []
    by_gender = (await _ask(api, calls.TODAY_BY_GENDER, sunmi_shop_no=shop))["count_list"] or []
    tags = {word: sum(record[name] for record in by_tag) for word, name in _TAGS.items()}
    return {**_totals(totals), **tags, "by_age": _by_age(by_tag, _TAGS.values()), "by_gender": _by_gender(by_gender)}


async def ask_day(api: CloudApi, shop: str, day: date) -> dict[str, Any]:
    """Return the counts of a day that is over; ``persons`` are distinct ones.

    Raises:
        DeviceError: the cloud does not tell.
    """
    period = {"start_time": day.isoformat(), "end_time": day.isoformat()}
    totals = await _ask(api, calls.HISTORY_BY_TAG, sunmi_shop_no=shop, **period)
    by_gender = (await _ask(api, calls.HISTORY_BY_GENDER, sunmi_shop_no=shop, **period))["count_list"] or []
    return {
        **_totals(totals),
        **{word: totals[name] for word, name in _TAGS.items()},
        "persons": totals["uniq_total_count"],
        "by_age": _by_age(by_gender, ("male_count", "female_count")),
        "by_gender": _by_gender(by_gender),
    }


def is_empty(flow: Mapping[str, Any]) -> bool:
    """Whether nobody was counted."""
    return not (flow["in"] or flow["pass"])


async def _ask(api: CloudApi, endpoint: Endpoint, **params: str) -> dict[str, Any]:
    """Ask; that there are no data means that nobody came."""
    try:
        return await api.ask(endpoint, **params)
    except RefusedError as error:
        if not is_nothing(error):
            raise
    return endpoint.read({})


def _totals(answer: Mapping[str, Any]) -> dict[str, Any]:
    # Who came in with a hidden face came in, too. Nobody counts who goes out.
    total, unexposed = answer["total_count"], answer["unexposed_count"]
    return {
        "in": total + unexposed,
        "out": None,
        "pass": answer["pass_count"],
        "total": total,
        "unexposed": unexposed,
    }


def _by_age(records: Iterable[Mapping[str, Any]], names: Iterable[str]) -> dict[str, int]:
    names, counts = tuple(names), dict.fromkeys(AGE_RANGE.choices.values(), 0)
    for record in records:
        word = AGE_RANGE.to_public(record["age_range"])
        if word is not None:
            counts[word] += sum(record[name] for name in names)
    return counts


def _by_gender(records: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    records = tuple(records)
    return {gender: sum(record[f"{gender}_count"] for record in records) for gender in ("male", "female")}
