"""Calls to the cloud: long periods in parts, accounts that are refused, and everything else that goes wrong."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import date, timedelta
from typing import Any

import pytest
from aiohttp import web

from ipc_bridge.catalog import cloud as rows
from ipc_bridge.catalog.endpoint import Endpoint
from ipc_bridge.cloud import api as api_module
from ipc_bridge.cloud.api import CloudApi
from ipc_bridge.errors import (
    CertificateError,
    CredentialsError,
    FileTooLargeError,
    NoAnswerError,
    ParameterError,
    RefusedError,
    ReplyError,
    UnreachableError,
)
from ipc_bridge.simulator import shared_identity
from ipc_bridge.simulator.cloud import SimulatedCloud
from ipc_bridge.wire.signing import Credentials
from tests.bridge.samples import StoppedClock
from tests.cloud.rig import BACK, FRONT, HOST, SHOP, opened, settings

LAST = date(2026, 9, 22)
"""The day before that of the clock."""


def days(count: int) -> list[str]:
    """So many days, the last of them yesterday."""
    return [(LAST - timedelta(back)).isoformat() for back in reversed(range(count))]


# Long periods.


async def ask(api: CloudApi, endpoint: Endpoint, start: str, end: str) -> dict[str, Any]:
    return await api.ask(endpoint, sunmi_shop_no=SHOP, start_time=start, end_time=end)


async def test_90_days_are_the_sum_of_their_days(cloud: SimulatedCloud, api: CloudApi) -> None:
    period = days(90)
    each = [await ask(api, rows.HISTORY_BY_TAG, day, day) for day in period]
    before = len(cloud.calls)
    whole = await ask(api, rows.HISTORY_BY_TAG, period[0], period[-1])
    assert len(cloud.calls) == before + 3
    for name in (*rows.VISITS, *rows.PASSERS):
        assert whole[name] == sum(day[name] for day in each) > 0
    # Who came on two days is one person: nobody can tell how many those of 90 days were.
    assert all(whole[name] is None for name in rows.DISTINCT)
    month = await ask(api, rows.HISTORY_BY_TAG, period[0], period[29])
    assert 0 < month["uniq_total_count"] < month["total_count"]


async def test_90_days_by_age_and_gender(api: CloudApi) -> None:
    period = days(90)
    each = [(await ask(api, rows.HISTORY_BY_GENDER, day, day))["count_list"] for day in period]
    whole = (await ask(api, rows.HISTORY_BY_GENDER, period[0], period[-1]))["count_list"]
    assert [record["age_range"] for record in whole] == list(range(1, 9))
    for place, record in enumerate(whole):
        for name in rows.SEXES:
            assert record[name] == sum(day[place][name] for day in each)
        assert all(record[name] is None for name in rows.DISTINCT_SEXES)


@pytest.mark.parametrize(
    ("endpoint", "slots"),
    [
        (rows.HISTORY_BY_HOUR, 90 * 24),
        (rows.HISTORY_BY_DAY, 90),
        (rows.HISTORY_BY_WEEK, 13),
        (rows.HISTORY_BY_MONTH, 4),
    ],
    ids=str,
)
async def test_slots_of_90_days(endpoint: Endpoint, slots: int, api: CloudApi) -> None:
    period = days(90)
    total = (await ask(api, rows.HISTORY_BY_TAG, period[0], period[-1]))["total_count"]
    records = (await ask(api, endpoint, period[0], period[-1]))["count_list"]
    assert len(records) == slots
    assert sum(record["total_count"] for record in records) == total
    times = [record["time"] for record in records]
    assert times == sorted(set(times))
    if endpoint in (rows.HISTORY_BY_HOUR, rows.HISTORY_BY_DAY):
        # Each hour and each day is whole in its part.
        assert all(record["uniq_total_count"] is not None for record in records)


async def test_slots_of_years(api: CloudApi) -> None:
    start = (LAST - timedelta(395)).isoformat()
    total = (await ask(api, rows.HISTORY_BY_TAG, start, LAST.isoformat()))["total_count"]
    for endpoint in (rows.HISTORY_BY_WEEK, rows.HISTORY_BY_MONTH):
        records = (await ask(api, endpoint, start, LAST.isoformat()))["count_list"]
        assert sum(record["total_count"] for record in records) == total
        assert len({record["time"] for record in records}) == len(records)


async def test_recordings_that_reach_over_a_seam_stay_once(
    cloud: SimulatedCloud, api: CloudApi, clock: StoppedClock
) -> None:
    start = int(clock.time()) - 3 * 3600 - 100
    answer = await api.ask(
        rows.GET_VIDEO_LIST, sunmi_shop_no=SHOP, ipc_sn=FRONT, start_time=start, end_time=start + 3 * 3600
    )
    assert len(cloud.calls) == 3
    starts = [record["start_time"] for record in answer["video_list"]]
    assert starts == list(range(starts[0], starts[-1] + 1, 300))
    assert (starts[0] <= start, starts[-1] + 300 > start + 3 * 3600 - 300) == (True, True)
    assert answer["total_count"] == len(starts) == 37


async def test_too_many_parts(cloud: SimulatedCloud, api: CloudApi) -> None:
    with pytest.raises(ParameterError, match="more than 366 calls of 24 hours each"):
        await ask(api, rows.HISTORY_BY_HOUR, "2024-01-01", "2026-09-22")
    assert cloud.calls == []


async def test_days_that_are_not_over_and_days_that_never_were(api: CloudApi, clock: StoppedClock) -> None:
    today = (LAST + timedelta(1)).isoformat()
    with pytest.raises(ParameterError, match=f"must be before today, {today}"):
        await ask(api, rows.GET_FREQUENCY, LAST.isoformat(), today)
    clock.go_on(86_400)
    assert (await ask(api, rows.GET_FREQUENCY, LAST.isoformat(), LAST.isoformat()))["frequency_list"]
    with pytest.raises(RefusedError, match=r"code 5013 \(no data found\)"):
        await ask(api, rows.HISTORY_BY_DAY, "2020-01-01", "2020-01-02")


async def test_long_playbacks_are_tried_with_a_warning(
    api: CloudApi, clock: StoppedClock, caplog: pytest.LogCaptureFixture
) -> None:
    now = int(clock.time())
    camera = {"sunmi_shop_no": SHOP, "ipc_sn": FRONT}
    await api.call(rows.PLAYBACK_START, **camera, start_time=now - 3600, end_time=now)
    assert "may be refused" not in caplog.text
    await api.call(rows.PLAYBACK_START, **camera, start_time=now - 3601, end_time=now)
    assert "may be refused: recordings are told of for 3600 seconds at a time" in caplog.text


# What the documents leave open.


async def test_what_the_vendor_calls_unfinished_is_said_once(api: CloudApi, caplog: pytest.LogCaptureFixture) -> None:
    day = LAST.isoformat()
    for endpoint in (rows.HISTORY_BY_WEEK, rows.HISTORY_BY_WEEK, rows.HISTORY_BY_MONTH, rows.HISTORY_BY_DAY):
        await ask(api, endpoint, day, day)
    assert [record.message for record in caplog.records if record.levelno == logging.WARNING] == [
        f"{endpoint.path} is experimental: the vendor calls it unfinished"
        for endpoint in (rows.HISTORY_BY_WEEK, rows.HISTORY_BY_MONTH)
    ]


async def test_the_frequency_calls_stray_code(clock: StoppedClock, caplog: pytest.LogCaptureFixture) -> None:
    async with SimulatedCloud(settings(clock, stray_code=True)) as cloud, opened(cloud, clock) as api:
        for _ in range(2):
            answer = await ask(api, rows.GET_FREQUENCY, LAST.isoformat(), LAST.isoformat())
            assert answer["frequency_list"][0]["frequency"] == 1
        # The simulated cloud logs its calls.
        told = [record.levelno for record in caplog.records if record.name == "ipc_bridge.cloud.api"]
        assert told == [logging.WARNING]
        cloud.refuse(1)
        with pytest.raises(RefusedError, match="code 1 "):
            await ask(api, rows.GET_FREQUENCY, LAST.isoformat(), LAST.isoformat())
        cloud.refuse(1)
        with pytest.raises(RefusedError, match="code 1 "):
            await api.call(rows.GET_TODAY, sunmi_shop_no=SHOP)


async def test_a_changed_group_keeps_what_is_not_changed(cloud: SimulatedCloud, api: CloudApi) -> None:
    group = next(group for group in cloud.shop(SHOP).groups.values() if group.name == "vip")
    group.description, group.keys = "the best", {1: "level", 3: "drink"}
    await api.call(rows.UPDATE_GROUP, sunmi_shop_no=SHOP, group_id=group.group_id, capacity=50, customer_key3="tea")
    assert (group.name, group.capacity, group.description) == ("vip", 50, "the best")
    assert group.keys == {1: "level", 3: "tea"}
    assert "type" not in cloud.calls[-1].params


async def test_changes_of_a_group_at_the_same_time_do_not_undo_each_other(cloud: SimulatedCloud, api: CloudApi) -> None:
    group = next(group for group in cloud.shop(SHOP).groups.values() if group.name == "vip")
    async with asyncio.TaskGroup() as tasks:
        for number in range(1, 6):
            change = {f"customer_key{number}": f"key {number}"}
            tasks.create_task(api.call(rows.UPDATE_GROUP, sunmi_shop_no=SHOP, group_id=group.group_id, **change))
    assert group.keys == {number: f"key {number}" for number in range(1, 6)}


async def test_a_new_face_is_known_a_little_later(cloud: SimulatedCloud, api: CloudApi, clock: StoppedClock) -> None:
    group = next(iter(cloud.shop(SHOP).groups))
    face = {**rows.ADD_FACE.sample, "sunmi_shop_no": SHOP, "group_id": group, "name": "Nora", "customer_value2": "tea"}
    face_id = (await api.call(rows.ADD_FACE, **face))["face_id"]
    with pytest.raises(RefusedError, match=r"code 5506 \(data not found\)"):
        await api.call(rows.GET_FACE, sunmi_shop_no=SHOP, face_id=face_id)
    clock.go_on(10)
    assert (await api.ask(rows.GET_FACE, sunmi_shop_no=SHOP, face_id=face_id))["name"] == "Nora"
    (*_, last) = (await api.ask(rows.GET_FACE_LIST, sunmi_shop_no=SHOP, group_id=group))["face_list"]
    assert (last["face_id"], last["customer_value2"]) == (face_id, "tea")


async def test_which_camera(cloud: SimulatedCloud, api: CloudApi) -> None:
    front, back = cloud.camera(FRONT), cloud.camera(BACK)
    for named in ({"ipc_id": front.ipc_id}, {"ipc_sn": FRONT}, {"ipc_id": front.ipc_id, "ipc_sn": FRONT}):
        assert (await api.ask(rows.GET_CAMERA, sunmi_shop_no=SHOP, **named))["ipc_sn"] == FRONT
    with pytest.raises(RefusedError, match=r"code 5501 \(camera does not exist\)"):
        await api.call(rows.GET_CAMERA, sunmi_shop_no=SHOP, ipc_id=front.ipc_id, ipc_sn=BACK)
    with pytest.raises(RefusedError, match=r"code 5510 \(camera is not bound\)"):
        await api.call(rows.UNBIND, sunmi_shop_no=SHOP, ipc_id=back.ipc_id)
    with pytest.raises(RefusedError, match=r"code 5041 \(no shop_id found in the request\)"):
        await api.call(rows.GET_CAMERA_LIST, sunmi_shop_no="1")
    with pytest.raises(RefusedError, match=r"code 5041 \(something is wrong with the binding\)"):
        await api.call(rows.GET_COMPANY_LIST, sunmi_company_no="1")


# Accounts.


@pytest.mark.parametrize("credentials", [Credentials("demo-app", "wrong"), Credentials("other", "demo-secret")])
async def test_a_wrong_account(cloud: SimulatedCloud, clock: StoppedClock, credentials: Credentials) -> None:
    async with opened(cloud, clock, credentials) as api:
        with pytest.raises(
            CredentialsError, match=r"5090 \(the signature is wrong\): look at cloud\.app_id and cloud\.secret_key$"
        ):
            await api.call(rows.GET_TODAY, sunmi_shop_no=SHOP)
        assert cloud.calls[-1].code == 5090


async def test_a_wrong_clock(cloud: SimulatedCloud, clock: StoppedClock) -> None:
    ours = StoppedClock(clock.time() - 1000)
    async with opened(cloud, ours) as api:
        with pytest.raises(CredentialsError, match="this machine's clock is 1000 s behind: set its time"):
            await api.call(rows.GET_TODAY, sunmi_shop_no=SHOP)
        assert cloud.calls[-1].code == 5091
        ours.go_on(2000)
        with pytest.raises(CredentialsError, match="this machine's clock is 1000 s ahead"):
            await api.call(rows.GET_TODAY, sunmi_shop_no=SHOP)


async def test_refusals_of_the_account_by_code_or_by_status(cloud: SimulatedCloud, api: CloudApi) -> None:
    for code in (5090, 5091, 401, 403):
        cloud.refuse(code)
        with pytest.raises(CredentialsError) as caught:
            await api.call(rows.GET_TODAY, sunmi_shop_no=SHOP)
        assert caught.value.code == code


async def test_a_refused_account_by_its_status_and_a_code_that_nobody_knows(
    cloud: SimulatedCloud, clock: StoppedClock
) -> None:
    async def respond(_request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=403, body=b'{"code": 7002, "msg": "no"}')

    async with served(respond) as base_url, opened(cloud, clock, base_url=base_url) as api:
        with pytest.raises(CredentialsError, match=r"code 7002, .* document: 'no': ") as caught:
            await api.call(rows.GET_TODAY, sunmi_shop_no=SHOP)
        assert caught.value.code == 7002


# What goes wrong.


async def test_nothing_over_the_limit_is_sent(cloud: SimulatedCloud, api: CloudApi) -> None:
    faces = [str(number) for number in range(10**12, 10**12 + 70_000)]
    with pytest.raises(
        FileTooLargeError, match=r"face/delete would have \d{7} bytes or more, and the cloud takes 1000000"
    ):
        await api.call(rows.DELETE_FACE, sunmi_shop_no=SHOP, group_id="1", face_id_list=faces)
    picture = rows.MAX_BODY - 1
    sample = rows.ADD_FACE.check(rows.ADD_FACE.sample)["pic"].ljust(picture, b"\0")
    with pytest.raises(FileTooLargeError, match=r"face/add would have"):
        await api.call(rows.ADD_FACE, **{**rows.ADD_FACE.sample, "pic": sample})
    assert cloud.calls == []


Respond = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def served(respond: Respond, context: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """A server that answers everything with ``respond``; gives its ``base_url``."""
    http = web.Server(respond, handler_cancellation=True, access_log=None)
    listening = await asyncio.get_running_loop().create_server(http, HOST, 0, ssl=context)
    try:
        yield f"http://{HOST}:{listening.sockets[0].getsockname()[1]}/openapi"
    finally:
        listening.close()
        await http.shutdown(0.1)


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (502, b"<html>", "in the cloud answered HTTP 502, and the payload is not JSON"),
        (200, b"[]", "list and not an object"),
        (200, b'{"code": "0"}', "without a numeric code"),
        (200, b'{"code": 0, "data": {"total_count": []}}', r"data\.total_count is not a whole number"),
    ],
)
async def test_answers_that_are_none(
    cloud: SimulatedCloud, clock: StoppedClock, status: int, body: bytes, words: str
) -> None:
    async def respond(_request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=status, body=body)

    async with served(respond) as base_url, opened(cloud, clock, base_url=base_url) as api:
        with pytest.raises(ReplyError, match=words):
            await api.ask(rows.GET_TODAY, sunmi_shop_no=SHOP)


async def test_an_answer_without_data_and_a_code_of_its_own(cloud: SimulatedCloud, clock: StoppedClock) -> None:
    answers = iter([b'{"code": 0}', '{"code": 7001, "msg": "店铺不存在"}'.encode()])

    async def respond(request: web.BaseRequest) -> web.StreamResponse:
        assert request.path == "/openapi/passengerFlow/stat/today/getLatest"
        return web.Response(body=next(answers))

    async with served(respond) as base_url, opened(cloud, clock, base_url=base_url) as api:
        assert await api.call(rows.GET_TODAY, sunmi_shop_no=SHOP) == {}
        with pytest.raises(RefusedError, match="code 7001, which the vendor does not document: '店铺不存在'"):
            await api.call(rows.GET_TODAY, sunmi_shop_no=SHOP)


async def test_a_refused_account_by_its_code_alone(cloud: SimulatedCloud, clock: StoppedClock) -> None:
    async def respond(_request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(body=b'{"code": 5090, "msg": "", "data": null}')

    async with served(respond) as base_url, opened(cloud, clock, base_url=base_url) as api:
        with pytest.raises(
            CredentialsError, match=r"code 5090 \(the signature is wrong\): .* clock is \d+ s"
        ) as caught:
            await api.call(rows.GET_TODAY, sunmi_shop_no=SHOP)
        assert caught.value.code == 5090


async def test_an_endless_answer(cloud: SimulatedCloud, clock: StoppedClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_module, "MAX_REPLY", 2048)

    async def respond(_request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(body=b"x" * 4096)

    async with served(respond) as base_url, opened(cloud, clock, base_url=base_url) as api:
        with pytest.raises(ReplyError, match="answered more than 2 KiB"):
            await api.call(rows.GET_TODAY, sunmi_shop_no=SHOP)


async def test_no_answer_and_nobody_there(cloud: SimulatedCloud, clock: StoppedClock) -> None:
    ended = asyncio.Event()

    async def respond(_request: web.BaseRequest) -> web.StreamResponse:
        await ended.wait()
        return web.Response()

    async with served(respond) as base_url:
        async with opened(cloud, clock, base_url=base_url, timeout=0.2) as api:
            with pytest.raises(NoAnswerError, match=r"getLatest in the cloud: no answer within 0\.2 s"):
                await api.call(rows.GET_TODAY, sunmi_shop_no=SHOP)
        ended.set()
    async with opened(cloud, clock, base_url=base_url) as api:
        with pytest.raises(UnreachableError, match=rf"getLatest in the cloud: no connection to {HOST}:\d+: .*refused"):
            await api.call(rows.GET_TODAY, sunmi_shop_no=SHOP)


async def test_a_connection_that_breaks(cloud: SimulatedCloud, clock: StoppedClock) -> None:
    async def respond(request: web.BaseRequest) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    async with served(respond) as base_url, opened(cloud, clock, base_url=base_url) as api:
        with pytest.raises(UnreachableError, match=r"^passengerFlow/stat/today/getLatest in the cloud: "):
            await api.call(rows.GET_TODAY, sunmi_shop_no=SHOP)


async def test_certificates_are_judged(clock: StoppedClock) -> None:
    identity = shared_identity()
    async with SimulatedCloud(settings(clock, identity=identity)) as cloud:
        assert cloud.base_url.startswith("https://")
        async with opened(cloud, clock) as api:
            with pytest.raises(CertificateError, match=r"its certificate is not to be trusted: .*self-signed"):
                await api.call(rows.GET_TODAY, sunmi_shop_no=SHOP)
        trusting = ssl.create_default_context(cadata=identity.certificate.decode())
        trusting.check_hostname = False
        async with opened(cloud, clock, context=trusting) as api:
            assert (await api.ask(rows.GET_TODAY, sunmi_shop_no=SHOP))["total_count"] == 0


async def test_a_client_that_nobody_opened(cloud: SimulatedCloud, clock: StoppedClock) -> None:
    with pytest.raises(UnreachableError, match="nobody has opened a connection"):
        await CloudApi(cloud.base_url, Credentials("a", "b"), clock).call(rows.GET_TODAY, sunmi_shop_no=SHOP)
