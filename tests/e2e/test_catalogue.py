"""Every call of the camera's API and every property, over MQTT, with the daemon in between."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import pytest_asyncio

from ipc_bridge.catalog.device import ENDPOINTS, GET_INFO, GET_LIVE_STREAM
from ipc_bridge.catalog.endpoint import Auth, Endpoint
from ipc_bridge.catalog.fields import encode
from ipc_bridge.catalog.settings import GETTERS, SETTINGS
from ipc_bridge.device.people_flow import DIRECTIONS
from ipc_bridge.simulator import MOTION_MODEL, SimulatedCamera
from ipc_bridge.simulator.calls import ApiCall
from ipc_bridge.wire.signing import is_signed
from tests.e2e.harness import APP_ID, SECRET_KEY, Message, Site, Subscriber, online
from tests.e2e.refusals import refuses_all_bad_values

SN = "FS101D8BS00106"
"""The one that the sample of ``device/activate`` names."""
MOTION_SN = "SS101D8BS00083"
CODE = "12345678"
PUBLIC = {"app_id", "timestamp", "random", "sign"}
SHOWS_WITHIN = 2.0
"""Seconds from an answer to the state that shows it."""


@dataclass
class Shop:
    """One daemon with destructive commands allowed, and a camera of each model."""

    hub: Subscriber
    camera: SimulatedCamera
    motion_camera: SimulatedCamera
    transactions: itertools.count[int] = field(default_factory=itertools.count)

    def request(self, path: str, params: dict[str, Any]) -> int:
        """Send a request and return its transaction."""
        transaction = next(self.transactions)
        self.hub.publish(topic(f"request/{path}"), json.dumps({**params, "transaction": transaction}))
        return transaction

    async def answers(self, path: str, since: int, count: int = 1) -> dict[int, dict[str, Any]]:
        """The answers to ``count`` requests by transaction; each comes once."""
        where = topic(f"response/{path}")
        await self.hub.wait_for(where, since=since, count=count)
        messages = self.hub.messages(where, since=since)
        assert not any(message.retain for message in messages)
        answers = {message.json["transaction"]: message.json for message in messages}
        assert len(answers) == len(messages) == count
        return answers

    async def call(self, path: str, params: dict[str, Any]) -> dict[str, Any]:
        since = self.hub.mark()
        self.request(path, params)
        (answer,) = (await self.answers(path, since)).values()
        return answer

    async def set(self, name: str, payload: str) -> dict[str, Any]:
        since = self.hub.mark()
        self.hub.publish(topic(f"set/{name}"), payload)
        answer: dict[str, Any] = (await self.hub.wait_for(topic("response/set"), since=since)).json
        return answer

    async def state(self, **expected: Any) -> dict[str, Any]:
        """Return the state that shows what is ``expected``, once there is one."""

        def shows(message: Message) -> bool:
            return all(message.json.get(name) == value for name, value in expected.items())

        await self.hub.wait_for(topic("state"), shows, timeout=SHOWS_WITHIN)
        newest: dict[str, Any] = self.hub.messages(topic("state"))[-1].json
        assert {name: newest[name] for name in expected} == expected
        return newest


def topic(leaf: str, sn: str = SN) -> str:
    return f"ipc_bridge/camera/{sn}/{leaf}"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shop(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shop]:
    async with Site(tmp_path_factory.mktemp("catalogue")) as site:
        broker = await site.broker()
        hub = await site.subscriber(broker.port)
        camera = await site.camera(SN, reboot_seconds=0.0, activation_code=CODE)
        motion_camera = await site.camera(MOTION_SN, model=MOTION_MODEL)
        await site.daemon(
            broker,
            commands={"allow_destructive": True},
            camera={"activation_code": CODE},
            homeassistant={"enabled": False},
        )
        for sn in (SN, MOTION_SN):
            await hub.wait_for(topic("state", sn))
            await hub.wait_for(topic("flow", sn))
        yield Shop(hub, camera, motion_camera)
    assert not site.bugs()


def sent(endpoint: Endpoint, call: ApiCall) -> dict[str, str]:
    """What the camera got beside the public parameters, which must be right."""
    public = {name: value for name, value in call.params.items() if name in PUBLIC}
    if endpoint.auth is Auth.NONE:
        assert not public
    else:
        assert public.keys() == PUBLIC
        assert public["app_id"] == APP_ID
        assert is_signed(call.params, CODE if endpoint.auth is Auth.ACTIVATION_CODE else SECRET_KEY)
        assert abs(int(public["timestamp"]) - time.time()) < 60
    return {name: value for name, value in call.params.items() if name not in PUBLIC}


def expected(endpoint: Endpoint, params: dict[str, Any]) -> tuple[dict[str, str], dict[str, int]]:
    """The texts and the sizes of files that a request stands for."""
    values = endpoint.check(params)
    files = {name: len(value) for name, value in values.items() if isinstance(value, bytes)}
    return {name: encode(value) for name, value in values.items() if name not in files}, files


@pytest.mark.asyncio(loop_scope="module")
async def test_every_call_arrives_as_it_was_asked(shop: Shop) -> None:
    # What sends the camera away comes last.
    for path, endpoint in sorted(ENDPOINTS.items(), key=lambda row: row[1].disruptive):
        calls = len(shop.camera.calls)
        since = shop.hub.mark()
        answer = await shop.call(path, endpoint.sample)
        call, *others = [call for call in shop.camera.calls[calls:] if call.path == path]
        # What tells settings is asked by the bridge, too, after each change.
        assert not others or endpoint in GETTERS
        assert (sent(endpoint, call), {name: file.size for name, file in call.files.items()}) == expected(
            endpoint, endpoint.sample
        )
        assert answer["transaction"] is not None
        if call.code == 0:
            assert answer["status"] == "ok"
            assert answer["data"].keys() <= {*endpoint.reply, "focused_x", "focused_y"}, path
        else:
            assert answer["status"] == "error"
            assert (answer["error"]["kind"], answer["error"]["code"]) == ("camera", call.code)
        if path in {"device/reset", "device/reboot"}:
            await shop.hub.wait_text(topic("status"), "offline", since=since)
            await online(shop.hub, SN, since=since)
            assert shop.camera.activated


@pytest.mark.asyncio(loop_scope="module")
async def test_nothing_is_sent_that_the_catalogue_forbids(shop: Shop) -> None:
    calls = len(shop.camera.calls)
    for endpoint in ENDPOINTS.values():
        await refuses_all_bad_values(shop.hub, topic, endpoint, endpoint.sample)
    await shop.hub.caught_up()
    # What the bridge asks by itself, and asks without parameters but for a period, may come between.
    own = {getter.path: PUBLIC for getter in (*GETTERS, GET_INFO, GET_LIVE_STREAM)}
    own |= {endpoint.path: PUBLIC | endpoint.params.keys() for endpoint in DIRECTIONS.values()}
    for call in shop.camera.calls[calls:]:
        assert call.params.keys() == own[call.path]


WRITABLE: dict[str, tuple[str, Any, dict[str, Any]]] = {
    "led": ("OFF", "OFF", {"led_switch": 0}),
    "ir_mode": ("on", "on", {"irmode": 1}),
    "flow_mode": ("snapshot", "snapshot", {"customer_judgemode": 0}),
    "rotation": ("180", 180, {"rotation": 180}),
    "zoom": ("120", 120, {"zoom": 120}),
    "focus": ("33", 33, {"focus": 33}),
    "motion_level": ("3", 3, {"motion_level": 3}),
    "audio_level": ("0", 0, {"audio_level": 0}),
    "face_optimize_seconds": ("5", 5, {"optimize_seconds": 5}),
    "face_interval": ("60", 60, {"facerecog_interval": 60}),
    "detect_days": ("mon,tue,sun", "mon,tue,sun", {"weekday": 67}),
    "detect_start": ("21:00", "21:00", {"start_time": 1260}),
    "detect_stop": ("24:00", "24:00", {"stop_time": 1440}),
    "name": ("Tür 7", "Tür 7", {"name": "Tür 7"}),
    "regular_visits": ("3", 3, {}),
    "regular_days": ("30", 30, {}),
    "door_line": (
        '{"resolution": "720p", "start_x": 0, "start_y": 9, "end_x": 1280, "end_y": 720}',
        {"resolution": "720p", "start_x": 0, "start_y": 9, "end_x": 1280, "end_y": 720},
        {},
    ),
}
"""What is sent as plain text, what is read back, and what the camera has then."""


@pytest.mark.asyncio(loop_scope="module")
async def test_every_property_is_read_written_and_shown(shop: Shop) -> None:
    assert WRITABLE.keys() == {name for name, setting in SETTINGS.items() if setting.setter is not None}
    state = await shop.state()
    assert state.keys() == SETTINGS.keys()
    motion_state = shop.hub.messages(topic("state", MOTION_SN))[-1].json
    assert SETTINGS.keys() - motion_state.keys() == {
        "face_optimize_seconds",
        "face_groups",
        "regular_visits",
        "regular_days",
    }
    for name, (payload, public, controls) in WRITABLE.items():
        answer = await shop.set(name, payload)
        assert answer == {"status": "ok", "transaction": None, "data": {name: public}}
        await shop.state(**{name: public})
        assert {key: getattr(shop.camera.controls, key) for key in controls} == controls
    assert (shop.camera.library.times, shop.camera.library.period) == (3, 30)
    line = shop.camera.controls.door_line
    assert line is not None
    assert (line.resolution, line.start_y, line.end_x) == (1, 9, 1280)
    for name in SETTINGS.keys() - WRITABLE.keys():
        answer = await shop.set(name, "1")
        assert answer["error"]["kind"] == "invalid"
        assert "can only be read" in answer["error"]["message"]


@pytest.mark.asyncio(loop_scope="module")
async def test_several_at_once_take_as_few_calls_as_can_be(shop: Shop) -> None:
    values = {"motion_level": 1, "detect_stop": "05:00", "led": "ON", "detect_days": "always", "zoom": 50, "focus": 7}
    calls = len(shop.camera.calls)
    since = shop.hub.mark()
    shop.hub.publish(topic("set"), json.dumps({**values, "transaction": "all"}))
    answer = (await shop.hub.wait_for(topic("response/set"), since=since)).json
    assert answer == {"status": "ok", "transaction": "all", "data": values}
    await shop.state(**values)
    paths = [call.path.partition("/")[2] for call in shop.camera.calls[calls:]]
    # Getter, setter; setters alone where nothing has to stay; and each getter once to read back.
    assert paths == [
        *("setLedSwitch", "setZoom", "manualFocus", "getDynamicDetect", "setDynamicDetect"),
        *("getLedSwitch", "getZoomFocusConf", "getDynamicDetect"),
    ]
    # One that is wrong, and nothing is sent; the state follows for whoever shows what it asked for.
    calls = len(shop.camera.calls)
    since = shop.hub.mark()
    shop.hub.publish(topic("set"), json.dumps({"led": "OFF", "zoom": 12.9, "transaction": 8}))
    answer = (await shop.hub.wait_for(topic("response/set"), since=since)).json
    assert (answer["transaction"], answer["error"]["kind"]) == (8, "invalid")
    assert "zoom" in answer["error"]["message"]
    state = await shop.hub.wait_for(topic("state"), since=since)
    assert (state.json["led"], state.retain) == ("ON", True)
    assert len(shop.camera.calls) == calls


@pytest.mark.asyncio(loop_scope="module")
async def test_changes_at_the_same_time_do_not_undo_each_other(shop: Shop) -> None:
    values = {"audio_level": 3, "detect_start": "01:00", "detect_stop": "02:00", "detect_days": "sat"}
    for level in (0, 3):
        since = shop.hub.mark()
        for name, new in (*values.items(), ("motion_level", level)):
            shop.hub.publish(topic(f"set/{name}"), str(new))
        await shop.hub.wait_for(topic("response/set"), since=since, count=5)
        await shop.state(motion_level=level, **values)
