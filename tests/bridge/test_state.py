"""What can be set and read on a camera, kept as its state."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from ipc_bridge.bridge import state as module
from ipc_bridge.bridge.registry import KnownCamera
from ipc_bridge.bridge.state import CameraState, Pace
from ipc_bridge.catalog.device import (
    GET_AI_FACE_CONFIG,
    GET_DOOR_LINE,
    GET_GROUP_LIST,
    GET_IR_MODE,
    GET_LED_SWITCH,
    GET_MEMORY_CARD_STATUS,
    GET_ZOOM_FOCUS_CONF,
    SET_LED_SWITCH,
)
from ipc_bridge.catalog.settings import GETTERS, SETTINGS
from ipc_bridge.device.address import Address
from ipc_bridge.device.api import CameraApi
from ipc_bridge.errors import RefusedError, UnreachableError
from ipc_bridge.simulator import MOTION_MODEL, CameraSettings, KeyType, SimulatedCamera, server_context, shared_identity
from ipc_bridge.simulator.card import CardStatus
from ipc_bridge.simulator.refusals import Code
from tests.device.rig import CREDENTIALS, trust
from tests.mqtt.broker import eventually

SN = "FS101D8BS00101"
HERE = "127.20.2.1"
NEVER = 3600.0
FACES = {"face_optimize_seconds", "face_groups", "regular_visits", "regular_days"}


class Life:
    """A camera's state with all that it was given, and what it told."""

    def __init__(
        self,
        api: CameraApi,
        known: KnownCamera | None = None,
        interval: float = NEVER,
        uniform: Callable[[float, float], float] = lambda _low, _high: 1.0,
        turns: asyncio.Semaphore | None = None,
    ) -> None:
        self.api = api
        self.known = known or KnownCamera(SN, model_name="FM020")
        self.told: list[dict[str, Any]] = []
        self.lacks: list[list[str]] = []
        self.state = CameraState(
            self.known, Pace(interval, turns=turns or asyncio.Semaphore(8)), self._changed, self._lacks, uniform
        )

    def _changed(self) -> None:
        self.told.append(dict(self.state.values))

    def _lacks(self) -> None:
        self.lacks.append(list(self.known.unsupported))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.state.run(self.api))
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


@asynccontextmanager
async def fake(**settings: Any) -> AsyncIterator[tuple[SimulatedCamera, CameraApi]]:
    camera = SimulatedCamera(CameraSettings(**{"sn": SN, "host": HERE, "discovery_port": None, **settings}))
    async with camera, CameraApi(SN, Address(HERE, camera.api_port), trust(), CREDENTIALS) as api:
        yield camera, api


def paths(camera: SimulatedCamera) -> list[str]:
    return [call.path for call in camera.calls]


async def test_all_is_read_once_and_told_at_once() -> None:
    async with fake() as (camera, api):
        life = Life(api)
        async with life.running():
            await eventually(lambda: bool(life.told))
        assert life.told == [life.state.values]
        assert life.told[0].keys() == SETTINGS.keys()
        assert (life.told[0]["led"], life.told[0]["sd_card"], life.told[0]["wifi_ssid"]) == ("ON", "working", None)
        assert paths(camera) == [getter.path for getter in GETTERS]
        assert not life.known.unsupported


async def test_a_model_without_faces_is_not_asked_for_them() -> None:
    async with fake(model=MOTION_MODEL) as (camera, api):
        life = Life(api, KnownCamera(SN, model_name="SS"))
        await life.state.read(api)
        assert SETTINGS.keys() - life.told[0].keys() == FACES
        assert not {GET_AI_FACE_CONFIG.path, GET_GROUP_LIST.path} & set(paths(camera))
        assert not life.known.unsupported


@pytest.mark.parametrize("code", [6, 12, 13])
async def test_what_a_camera_does_not_have_is_found_out_once(code: int, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    # Another model than those that the documents name.
    async with fake(model="FM030", unsupported=Code(code)) as (camera, api):
        life = Life(api, KnownCamera(SN, model_name="FM030"))
        await life.state.read(api)
        assert SETTINGS.keys() - life.told[0].keys() == FACES
        assert life.known.unsupported == [GET_AI_FACE_CONFIG.path, GET_GROUP_LIST.path]
        assert life.lacks == [life.known.unsupported[:1], life.known.unsupported]
        assert f"Camera {SN} does not have face_groups, regular_visits, regular_days: face/getGroupList" in caplog.text
        await life.state.read(api)
        # After a restart, too.
        again = Life(api, life.known)
        await again.state.read(api)
        assert paths(camera).count(GET_GROUP_LIST.path) == paths(camera).count(GET_AI_FACE_CONFIG.path) == 1
        assert again.told == [life.state.values]
        # New firmware may have it.
        life.known.unsupported.clear()
        await again.state.read(api)
        assert paths(camera).count(GET_GROUP_LIST.path) == 2


async def test_what_is_gone_with_new_firmware_is_left_out() -> None:
    async with fake() as (camera, api):
        life = Life(api)
        await life.state.read(api)
        camera.faults.refuse("api", 13)
        await life.state.read(api, [GET_LED_SWITCH])
        assert life.told[0].keys() - life.told[1].keys() == {"led"}


async def test_only_changes_are_told() -> None:
    async with fake() as (camera, api):
        life = Life(api)
        await life.state.read(api)
        await life.state.read(api)
        assert len(life.told) == 1
        camera.controls.irmode = 0
        await life.state.read(api, [GET_IR_MODE])
        assert [values["ir_mode"] for values in life.told] == ["auto", "off"]


async def test_it_is_read_again_every_interval_with_jitter() -> None:
    drawn: list[tuple[float, float]] = []

    def uniform(low: float, high: float) -> float:
        drawn.append((low, high))
        return 1.0

    async with fake() as (camera, api):
        life = Life(api, interval=0.05, uniform=uniform)
        async with life.running():
            await eventually(lambda: paths(camera).count(GET_LED_SWITCH.path) >= 3)
            camera.controls.led_switch = 0
            await eventually(lambda: life.state.values["led"] == "OFF")
        assert set(drawn) == {(0.9, 1.1)}
        assert len(life.told) == 2


async def test_what_is_wanted_is_read_at_once() -> None:
    async with fake() as (camera, api):
        life = Life(api)
        async with life.running():
            await eventually(lambda: bool(life.told))
            camera.controls.led_switch = camera.controls.irmode = 0
            count = len(camera.calls)
            life.state.want([GET_LED_SWITCH])
            await eventually(lambda: len(life.told) == 2)
            assert (life.state.values["led"], life.state.values["ir_mode"]) == ("OFF", "auto")
            assert paths(camera)[count:] == [GET_LED_SWITCH.path]


async def test_what_is_not_told_is_null_and_asked_again_after_a_minute_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert module.RETRY_AFTER == 60.0
    monkeypatch.setattr(module, "RETRY_AFTER", 0.05)
    async with fake() as (camera, api):
        camera.controls.door_line = None
        life = Life(api)
        async with life.running():
            await eventually(lambda: bool(life.told))
            assert life.told[0]["door_line"] is None
            # The one that failed alone, and that once.
            await eventually(lambda: len(camera.calls) == len(GETTERS) + 1)
            camera.controls.led_switch = 0
            life.state.want([GET_LED_SWITCH])
            await eventually(lambda: len(life.told) == 2)
        assert paths(camera)[len(GETTERS) :] == [GET_DOOR_LINE.path, GET_LED_SWITCH.path]
        assert not life.known.unsupported
        (warning,) = (record.message for record in caplog.records if record.levelno == logging.WARNING)
        assert warning.startswith(f"Camera {SN} does not tell door_line: peopleFlow/getDoorLine on {HERE}")


async def test_services_that_need_their_time_after_a_reboot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RETRY_AFTER", 0.05)
    async with fake() as (camera, api):
        camera.card = CardStatus.OUT
        life = Life(api)
        async with life.running():
            await eventually(lambda: bool(life.told))
            assert (life.told[0]["sd_card"], life.told[0]["face_groups"]) == ("unplugged", None)
            camera.card = CardStatus.WORKING
            life.state.want([GET_MEMORY_CARD_STATUS])
            await eventually(lambda: life.state.values["face_groups"] is not None)
            await eventually(lambda: life.state.values["sd_card"] == "working")


async def test_refusals_that_concern_every_call_end_the_round(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "RETRY_AFTER", 0.05)
    async with fake() as (camera, api):
        life = Life(api)
        for code in (1, 5, 7):
            camera.faults.refuse("api", code)
            with pytest.raises(RefusedError):
                await life.state.read(api)
        assert len(camera.calls) == 3
        assert not life.state.values
        camera.faults.refuse("api", 5)
        async with life.running():
            await eventually(lambda: bool(life.told))
        assert f"Camera {SN} does not tell its settings: config/getName" in caplog.text
        # What was known stays.
        camera.faults.refuse("api", 5)
        with pytest.raises(RefusedError):
            await life.state.read(api)
        assert life.told == [life.state.values]


async def test_a_camera_that_goes_keeps_its_state() -> None:
    async with fake() as (camera, api):
        life = Life(api)
        await life.state.read(api)
        await camera.stop()
        with pytest.raises(UnreachableError):
            await life.state.read(api)
        assert life.told == [life.state.values]


Respond = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def server(respond: Respond) -> AsyncIterator[CameraApi]:
    """The API of a server that answers with ``respond``."""
    http = web.Server(respond, handler_cancellation=True, access_log=None)
    context = server_context(shared_identity(KeyType.EC), None)
    listening = await asyncio.get_running_loop().create_server(http, HERE, 0, ssl=context)
    address = Address(HERE, listening.sockets[0].getsockname()[1])
    try:
        async with CameraApi(SN, address, trust(), CREDENTIALS, timeout=0.2) as api:
            yield api
    finally:
        listening.close()
        await http.shutdown(0.1)


async def test_values_of_wrong_types_are_reported_with_their_path(caplog: pytest.LogCaptureFixture) -> None:
    bodies = {
        GET_LED_SWITCH: b'{"code": 0, "data": {"led_switch": [1]}}',
        GET_GROUP_LIST: b'{"code": 0, "data": {"face_group": [{"name": "vip"}, {"name": 7}]}}',
        GET_IR_MODE: b'{"code": 0, "data": {"irmode": "2", "more": [1]}}',
        GET_ZOOM_FOCUS_CONF: b'{"code": 0, "data": {"zoom": 5, "max_zoom": null}}',
        GET_MEMORY_CARD_STATUS: b'{"code": 0, "data": {"status": 9}}',
        GET_DOOR_LINE: b"<html>",
    }

    async def respond(request: web.BaseRequest) -> web.StreamResponse:
        path = request.path.removeprefix("/openapi/")
        return web.Response(body=next(body for getter, body in bodies.items() if getter.path == path))

    async with server(respond) as api:
        life = Life(api)
        failed = await life.state.read(api, bodies)
    assert failed == {GET_LED_SWITCH, GET_GROUP_LIST, GET_DOOR_LINE}
    assert life.state.values == {
        "led": None,
        "face_groups": None,
        "regular_visits": None,
        "regular_days": None,
        "ir_mode": "auto",
        "zoom": 5,
        "max_zoom": None,
        "focus": None,
        "max_focus": None,
        "sd_card": None,
        "door_line": None,
    }
    assert "does not tell led: config/getLedSwitch answered, but data.led_switch is not a whole number" in caplog.text
    lacking = "face_groups, regular_visits, regular_days"
    assert f"does not tell {lacking}: face/getGroupList answered, but data.face_group[1].name is not" in caplog.text
    # Not all of it was read yet.
    assert not life.told


async def test_a_getter_that_is_never_answered_keeps_no_other_from_being_told() -> None:
    async def respond(request: web.BaseRequest) -> web.StreamResponse:
        if request.path.endswith("getName"):
            await asyncio.get_running_loop().create_future()
        return web.Response(body=b'{"code": 0, "data": {"led_switch": 1}}')

    async with server(respond) as api:
        life = Life(api)
        await life.state.read(api)
    assert (life.told[0]["name"], life.told[0]["led"]) == (None, "ON")


async def test_an_old_answer_does_not_follow_a_new_value() -> None:
    async with fake() as (camera, api):
        life = Life(api)
        await life.state.read(api)
        camera.faults.delay = 0.05
        count = len(camera.calls)
        reading = asyncio.create_task(life.state.read(api, [GET_LED_SWITCH] * 3))
        await eventually(lambda: len(camera.calls) > count)
        async with life.state.lock:
            await api.call(SET_LED_SWITCH, led_switch=0)
            await life.state.read_back(api, [GET_LED_SWITCH])
        await reading
        assert [values["led"] for values in life.told] == ["ON", "OFF"]


async def test_cameras_take_turns() -> None:
    turns = asyncio.Semaphore(1)
    async with fake() as (camera, api):
        lives = [Life(api, turns=turns) for _ in range(2)]
        await turns.acquire()
        reading = [asyncio.create_task(life.state.read(api)) for life in lives]
        life = Life(api)
        await life.state.read(api, [GET_LED_SWITCH])
        assert paths(camera) == [GET_LED_SWITCH.path], "nobody else had a turn"
        turns.release()
        await asyncio.gather(*reading)
        # One after the other, getter by getter.
        assert paths(camera)[1:] == [getter.path for getter in GETTERS for _ in lives]
