"""One camera's life, with a simulated camera on the other end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ipc_bridge.backoff import Backoff
from ipc_bridge.bridge import camera as module
from ipc_bridge.bridge import subscription
from ipc_bridge.bridge.camera import CameraRunner
from ipc_bridge.bridge.hook_doors import HookDoors
from ipc_bridge.bridge.lateness import CameraClock
from ipc_bridge.bridge.link import Acknowledge
from ipc_bridge.bridge.pause import WAKE_EVERY
from ipc_bridge.bridge.registry import KnownCamera
from ipc_bridge.bridge.security import TlsContexts
from ipc_bridge.bridge.state import CameraState, Pace
from ipc_bridge.catalog.codes import SUBSCRIBE_EVENT_NOT_EXIST
from ipc_bridge.catalog.device import GET_LED_SWITCH
from ipc_bridge.catalog.settings import GETTERS, SETTINGS
from ipc_bridge.clock import SystemClock
from ipc_bridge.config import Account, CameraConfig, Tls
from ipc_bridge.device.api import CameraApi
from ipc_bridge.device.discovery import Answer
from ipc_bridge.errors import CommandError, UnreachableError
from ipc_bridge.models import Model, Status, Transport
from ipc_bridge.simulator import MOTION_MODEL, CameraSettings, SimulatedCamera
from ipc_bridge.wire.frame import Coverage
from ipc_bridge.wire.session import Dialect
from tests.mqtt.broker import eventually, free_port

SN = "FS101D8BS00101"
HERE, THERE = "127.20.1.1", "127.20.1.2"
NEVER = 3600.0


@dataclass
class Observer:
    """What a camera's runner told."""

    states: list[tuple[Status, str | None]] = field(default_factory=list)
    told: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    described: int = 0
    properties: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    transports: set[Transport] = field(default_factory=set)
    acknowledges: bool = True

    def camera_changed(self, runner: CameraRunner) -> None:
        state = (runner.status, runner.reason)
        if not self.states or self.states[-1] != state:
            self.states.append(state)

    def state_changed(self, runner: CameraRunner) -> None:
        self.properties.append(dict(runner.state.values))

    def people_counted(self, runner: CameraRunner) -> None:
        """Not looked at here."""

    def camera_event(self, kind: str, runner: CameraRunner, **details: Any) -> None:
        self.told.append((kind, details))

    def camera_described(self, runner: CameraRunner) -> None:
        self.described += 1

    def event_received(
        self, runner: CameraRunner, payload: bytes, transport: Transport, acknowledge: Acknowledge
    ) -> None:
        event = json.loads(payload)
        self.transports.add(transport)
        self.events.append(event)
        if self.acknowledges:
            acknowledge(int(event["event_id"]))

    def kinds(self) -> list[str]:
        return [kind for kind, _ in self.told]


@dataclass
class Life:
    """A runner with all that it was given."""

    runner: CameraRunner
    observer: Observer
    known: KnownCamera

    @property
    def status(self) -> Status:
        return self.runner.status

    async def becomes(self, status: Status) -> str:
        """Return the reason, once the camera has this status."""
        try:
            await eventually(lambda: self.runner.status is status)
        except TimeoutError:
            raise AssertionError(f"it only was {self.observer.states}") from None
        return self.runner.reason or ""


@pytest.fixture
async def camera() -> AsyncIterator[SimulatedCamera]:
    async with fake() as one:
        yield one


def fake(**settings: Any) -> SimulatedCamera:
    return SimulatedCamera(CameraSettings(**{"sn": SN, "host": HERE, "discovery_port": None, **settings}))


def make_life(
    camera: SimulatedCamera,
    known: KnownCamera | None = None,
    *,
    verify: str = "pin",
    wait: float = 0.01,
    **config: Any,
) -> Life:
    known = known or KnownCamera(SN)
    observer = Observer()
    settings: dict[str, Any] = {
        "sn": SN,
        "host": camera.host,
        "api_port": camera.api_port,
        "channel_port": camera.channel_port,
        "keep_alive": 1,
        "account": Account(app_id="demo-app", secret_key="demo-secret"),
        **config,
    }
    runner = CameraRunner(
        known,
        CameraConfig(**settings),
        TlsContexts(Tls(verify=verify)),  # type: ignore[arg-type] # one of the words, from the caller
        HookDoors(SystemClock(), None),
        CameraClock(SN),
        observer,
        Pace(NEVER),
        backoff=Backoff(lambda _low, _high: wait),
    )
    return Life(runner, observer, known)


@contextlib.asynccontextmanager
async def living(life: Life) -> AsyncIterator[Life]:
    task = asyncio.create_task(life.runner.run())
    try:
        yield life
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def answer(host: str, **changes: Any) -> Answer:
    return Answer(
        **{
            "sn": SN,
            "host": host,
            "claimed_ip": host,
            "mac": "02:00:00:00:00:01",
            "firmware": "1.3.6",
            "model": "FM020",
            **changes,
        }
    )


# The ordinary way.


async def test_a_camera_comes_online_and_tells_about_itself(camera: SimulatedCamera) -> None:
    async with living(make_life(camera)) as life:
        await life.becomes(Status.ONLINE)
        assert life.observer.states == [(Status.CONNECTING, None), (Status.ONLINE, None)]
        assert life.observer.kinds() == ["camera_online"]
        assert life.observer.described == 1
        await eventually(lambda: life.runner.info.stream_fhd is not None)
        info = life.runner.info
        assert (info.name, info.model, info.model_name) == ("Front door", Model.FM020, "FM020")
        assert (info.firmware, info.hardware, info.mac) == ("1.3.6", "1.0.0", "02:00:00:00:00:01")
        assert (info.stream_hd or "").startswith("rtsp://")
        known = life.known
        assert (known.host, known.own_name, known.hardware) == (HERE, "Front door", "1.0.0")
        assert known.channel_pin == known.api_pin == camera.fingerprint
        assert known.dialect == Dialect()
        assert life.runner.sn == SN


async def test_events_are_handed_on_and_acknowledged(camera: SimulatedCamera) -> None:
    async with living(make_life(camera)) as life:
        await camera.wait_for_subscriber()
        sent = [camera.emit_face(), camera.emit_motion()]
        await camera.wait_for_acknowledged(2)
        assert [event["event_id"] for event in life.observer.events] == sent


async def test_what_has_no_id_is_not_acknowledged(camera: SimulatedCamera) -> None:
    life = make_life(camera)
    life.observer.acknowledges = False
    async with living(life):
        await camera.wait_for_subscriber()
        camera.emit_motion()
        await eventually(lambda: len(life.observer.events) == 1)
        life.observer.acknowledges = True
        camera.emit_motion()
        await camera.wait_for_acknowledged(1)
        assert list(camera.unacknowledged) == [1]


async def test_the_end_is_a_goodbye(camera: SimulatedCamera) -> None:
    async with living(make_life(camera)) as life:
        await life.becomes(Status.ONLINE)
    await camera.wait_for_no_client()


async def test_a_camera_that_goes_comes_back(camera: SimulatedCamera) -> None:
    async with living(make_life(camera)) as life:
        await life.becomes(Status.ONLINE)
        camera.drop()
        await life.becomes(Status.OFFLINE)
        await life.becomes(Status.ONLINE)
        assert life.observer.kinds() == ["camera_online", "camera_offline", "camera_online"]
        assert life.runner.reconnects == {"unreachable": 1}
        # It does not flicker through connecting.
        assert life.observer.states[-2:] == [
            (Status.OFFLINE, "the camera closed the connection"),
            (Status.ONLINE, None),
        ]


@pytest.mark.parametrize("coverage", Coverage)
@pytest.mark.parametrize("signs", [True, False])
async def test_every_dialect_is_found_and_remembered(coverage: Coverage, signs: bool) -> None:
    dialect = Dialect(coverage, signs)
    async with fake(dialect=dialect) as camera:
        life = make_life(camera)
        async with living(life):
            await life.becomes(Status.ONLINE)
        assert life.known.dialect == dialect
        again = make_life(camera, life.known)
        async with living(again):
            await again.becomes(Status.ONLINE)
            assert not again.runner.reconnects
            assert all(status is not Status.FAILED for status, _ in again.observer.states)


async def test_a_model_without_faces_is_not_asked_for_them() -> None:
    async with fake(model=MOTION_MODEL) as camera, living(make_life(camera)) as life:
        await life.becomes(Status.ONLINE)
        assert life.runner.info.model is Model.FM010
        camera.emit_motion()
        await camera.wait_for_all_acknowledged()


async def test_a_model_that_is_not_known_is_asked_for_faces_first() -> None:
    async with fake(model=MOTION_MODEL) as camera:
        camera.faults.refuse("api", 3, 100)
        async with living(make_life(camera)) as life:
            await life.becomes(Status.ONLINE)
            assert life.runner.info.model is Model.UNKNOWN
            camera.emit_motion()
            await camera.wait_for_all_acknowledged()


async def test_a_camera_that_does_not_tell_about_itself_is_online_all_the_same(
    camera: SimulatedCamera, caplog: pytest.LogCaptureFixture
) -> None:
    async with living(make_life(camera, api_port=free_port(HERE))) as life:
        await life.becomes(Status.ONLINE)
        assert f"Camera {SN} does not tell about itself" in caplog.text
        assert life.runner.info.name == "Camera 0101"


async def test_a_camera_that_is_slow_to_tell_does_not_wait_for_it(
    camera: SimulatedCamera, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "DESCRIBE_TIMEOUT", 0.01)
    known = KnownCamera(SN)
    async with living(make_life(camera, known)) as life:
        await life.becomes(Status.ONLINE)
        assert life.observer.described == 1


# Refusals.


@pytest.mark.parametrize(
    ("account", "words"),
    [
        (Account(app_id="other", secret_key="demo-secret"), "code 1 (APPID_INVALID"),
        (Account(app_id="demo-app", secret_key="other"), "code 5 (SECRET_KEY_INVALID"),
    ],
)
async def test_wrong_credentials_wait_for_a_person(camera: SimulatedCamera, account: Account, words: str) -> None:
    async with living(make_life(camera, account=account)) as life:
        reason = await life.becomes(Status.FAILED)
        assert words in reason
        assert life.runner.reconnects["credentials"] == 1
        # Not even a discovery answer shortens it.
        await eventually(lambda: not life.runner._pauses.is_wakeable)
        life.runner.discovered(answer(HERE))
        assert not life.runner._pauses._ended.is_set()


async def test_refused_credentials_wait_the_longest_time(
    camera: SimulatedCamera, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LAST_LIMIT", 0.01)
    camera.faults.refuse("connect", 1, 3)
    # Were it the ordinary wait, it would never be online.
    async with living(make_life(camera, wait=NEVER)) as life:
        await life.becomes(Status.ONLINE)
        assert life.runner.reconnects == {"credentials": 3}


async def test_a_clock_that_is_far_off_is_named() -> None:
    async with fake(max_skew=60.0, clock_offset=-3600.0) as camera, living(make_life(camera)) as life:
        reason = await life.becomes(Status.FAILED)
        assert "SECRET_KEY_INVALID" in reason
        assert "s behind, which may be the reason" in reason


async def test_a_camera_that_is_not_activated_says_what_to_do() -> None:
    async with fake(activated=False) as camera, living(make_life(camera)) as life:
        assert "give its activation_code under camera" in await life.becomes(Status.FAILED)
        assert not camera.activated


async def test_a_camera_is_activated_with_its_code(caplog: pytest.LogCaptureFixture) -> None:
    async with fake(activated=False) as camera, living(make_life(camera, activation_code="12345678")) as life:
        await life.becomes(Status.ONLINE)
        assert camera.activated
        assert "was not activated; it is now" in caplog.text


async def test_a_wrong_activation_code() -> None:
    async with fake(activated=False) as camera, living(make_life(camera, activation_code="wrong")) as life:
        reason = await life.becomes(Status.FAILED)
        assert "code 8" in reason
        assert "wrong" not in reason
        assert not camera.activated


async def test_a_camera_that_was_activated_meanwhile(camera: SimulatedCamera, caplog: pytest.LogCaptureFixture) -> None:
    camera.faults.refuse("connect", 7, 1)
    async with living(make_life(camera, activation_code="12345678")) as life:
        await life.becomes(Status.ONLINE)
        assert (camera.calls[0].path, camera.calls[0].code) == ("device/activate", 9)
        assert "it is now" not in caplog.text


@pytest.mark.parametrize("code", [13, 310])
async def test_a_subscription_that_is_refused(camera: SimulatedCamera, code: int) -> None:
    camera.faults.refuse("subscribe", code, 2)
    async with living(make_life(camera)) as life:
        assert f"code {code}" in await life.becomes(Status.FAILED)
        assert life.runner.reconnects == {"refused": 1}


async def test_another_code_for_connect(camera: SimulatedCamera) -> None:
    camera.faults.refuse("connect", 13, 1)
    async with living(make_life(camera)) as life:
        assert "OP_NOT_SUPPORT" in await life.becomes(Status.FAILED)


# Certificates.


async def test_a_changed_certificate_waits_until_it_is_trusted(camera: SimulatedCamera) -> None:
    life = make_life(camera)
    async with living(life):
        await life.becomes(Status.ONLINE)
        old = camera.fingerprint
        await camera.change_certificate()
        reason = await life.becomes(Status.FAILED)
        assert "bridge/request/trust" in reason
        assert ("certificate_changed", {"fingerprint": camera.fingerprint}) in life.observer.told
        assert life.known.channel_pin == old
        await eventually(lambda: life.runner.reconnects["certificate"] >= 1)
        life.runner.trust()
        await life.becomes(Status.ONLINE)
        await eventually(lambda: life.known.api_pin == camera.fingerprint)
        assert life.known.channel_pin == camera.fingerprint


async def test_the_same_foreign_certificate_is_told_of_once(
    camera: SimulatedCamera, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LAST_LIMIT", 0.01)
    async with living(make_life(camera, KnownCamera(SN, channel_pin="ab" * 32))) as life:
        await eventually(lambda: life.runner.reconnects["certificate"] >= 3)
        assert life.observer.kinds() == ["certificate_changed"]


async def test_a_changed_certificate_of_the_api_alone(
    camera: SimulatedCamera, caplog: pytest.LogCaptureFixture
) -> None:
    async with living(make_life(camera, KnownCamera(SN, api_pin="ab" * 32))) as life:
        await life.becomes(Status.ONLINE)
        assert "does not tell about itself" in caplog.text
        assert life.known.api_pin == "ab" * 32


async def test_no_certificate_is_asked_for_where_none_counts(camera: SimulatedCamera) -> None:
    async with living(make_life(camera, KnownCamera(SN, channel_pin="ab" * 32), verify="off")) as life:
        await life.becomes(Status.ONLINE)


async def test_a_client_certificate_that_cannot_be_used(camera: SimulatedCamera, tmp_path: Path) -> None:
    (tmp_path / "openapi.p12").write_bytes(b"nonsense")
    account = Account(app_id="demo-app", secret_key="demo-secret", certificate=tmp_path / "openapi.p12")
    async with living(make_life(camera, account=account)) as life:
        assert "cannot be opened" in await life.becomes(Status.FAILED)
        assert life.runner.reconnects == {"client_certificate": 1}


# Addresses.


async def test_a_camera_without_an_address_waits_for_discovery(camera: SimulatedCamera) -> None:
    async with living(make_life(camera, host=None)) as life:
        await eventually(lambda: "give it a host under cameras" in (life.runner.reason or ""))
        assert life.status is Status.OFFLINE
        await eventually(lambda: life.runner._pauses.is_wakeable)
        life.runner.discovered(answer(camera.host))
        await life.becomes(Status.ONLINE)
        assert life.known.host == HERE
        assert "address_changed" not in life.observer.kinds()


async def test_a_camera_that_moved_is_found_by_its_answer(camera: SimulatedCamera) -> None:
    async with living(make_life(camera, wait=NEVER)) as life:
        await life.becomes(Status.ONLINE)
        await camera.move(THERE)
        await eventually(lambda: life.runner._pauses.is_wakeable)
        life.runner.discovered(answer(THERE))
        await life.becomes(Status.ONLINE)
        assert ("address_changed", {"host": THERE, "old_host": HERE}) in life.observer.told
        assert (life.known.host, life.runner.info.host) == (THERE, THERE)


async def test_the_old_address_is_not_given_up_for_one_that_is_not_the_cameras(
    camera: SimulatedCamera, caplog: pytest.LogCaptureFixture
) -> None:
    async with (
        fake(host=THERE, api_port=camera.api_port, channel_port=camera.channel_port) as impostor,
        living(make_life(camera, wait=NEVER)) as life,
    ):
        await life.becomes(Status.ONLINE)
        await impostor.change_certificate()
        camera.drop()
        await life.becomes(Status.OFFLINE)
        await eventually(lambda: life.runner._pauses.is_wakeable)
        life.runner.discovered(answer(THERE))
        await life.becomes(Status.ONLINE)
        assert life.known.host == HERE
        assert f"{THERE} says that it is camera {SN}, but is not" in caplog.text
        assert "certificate_changed" not in life.observer.kinds()


async def test_a_camera_that_is_online_is_asked_before_it_is_sought_elsewhere(camera: SimulatedCamera) -> None:
    async with living(make_life(camera, keep_alive=30)) as life:
        await life.becomes(Status.ONLINE)
        life.runner.discovered(answer(THERE))
        assert life.runner._probe is not None
        life.runner.discovered(answer(THERE))  # one probe at a time
        await eventually(lambda: life.runner._probe is None)
        assert camera.heartbeats == 1
        assert life.status is Status.ONLINE
        assert life.runner._discovered_host is None
        life.runner.discovered(answer(HERE))
        assert life.runner._probe is None


async def test_a_camera_that_has_gone_without_a_word_is_sought_at_once(
    camera: SimulatedCamera, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "PROBE_TIMEOUT", 0.05)
    async with (
        fake(host=THERE, api_port=camera.api_port, channel_port=camera.channel_port),
        living(make_life(camera, keep_alive=30)) as life,
    ):
        await life.becomes(Status.ONLINE)
        camera.faults.silence()
        life.runner.discovered(answer(THERE))
        await eventually(lambda: life.known.host == THERE)
        await life.becomes(Status.ONLINE)
        assert f"answers from {THERE} and not from {HERE}" in caplog.text


async def test_a_probe_ends_with_its_camera(camera: SimulatedCamera) -> None:
    async with living(make_life(camera, keep_alive=30)) as life:
        await life.becomes(Status.ONLINE)
        camera.faults.silence()
        life.runner.discovered(answer(THERE))
        probe = life.runner._probe
        assert probe is not None
    await eventually(probe.cancelled)


async def test_a_new_address_in_the_configuration_counts(camera: SimulatedCamera) -> None:
    # The one that it was last talked to at is nobody's any more.
    async with living(make_life(camera, KnownCamera(SN, host="127.20.1.3"))) as life:
        await life.becomes(Status.ONLINE)
        assert life.known.host == HERE


async def test_wake_ups_are_few(camera: SimulatedCamera) -> None:
    await camera.stop()
    async with living(make_life(camera, wait=NEVER)) as life:
        await life.becomes(Status.OFFLINE)
        await eventually(lambda: life.runner._pauses.is_wakeable)
        for _ in range(10):
            life.runner.discovered(answer(HERE))
        await eventually(lambda: life.runner.reconnects["unreachable"] == 2 and life.runner._pauses.is_wakeable)
        for _ in range(10):
            life.runner.discovered(answer(HERE))
        assert not life.runner._pauses._ended.is_set()
        life.runner._pauses._woken_at -= WAKE_EVERY
        life.runner.discovered(answer(HERE))
        await eventually(lambda: life.runner.reconnects["unreachable"] == 3)


async def test_equal_failures_are_a_warning_once(camera: SimulatedCamera, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "ipc_bridge.bridge.camera")
    await camera.stop()
    async with living(make_life(camera)) as life:
        await eventually(lambda: life.runner.reconnects["unreachable"] >= 3)
    levels = [record.levelname for record in caplog.records if "no connection to" in record.getMessage()]
    assert levels[:3] == ["WARNING", "DEBUG", "DEBUG"]
    assert [status for status, _ in life.observer.states] == [Status.CONNECTING, Status.OFFLINE]


async def test_discovery_tells_what_is_not_known_yet(camera: SimulatedCamera) -> None:
    life = make_life(camera, host=None)
    life.runner.discovered(answer(HERE, mac=None, model="SS"))
    assert (life.known.host, life.known.mac, life.known.firmware) == (HERE, None, "1.3.6")
    assert life.runner.info.model is Model.FM010
    assert life.runner.info.host == HERE


async def test_a_camera_that_cannot_be_run(camera: SimulatedCamera) -> None:
    life = make_life(camera)
    life.runner.fail("because")
    life.runner.fail("because")
    assert life.observer.states == [(Status.FAILED, "because")]


# Connected, but silent.


async def test_a_subscription_is_looked_after_where_nothing_comes(
    camera: SimulatedCamera, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscription, "SILENT_AFTER", 0.05)
    async with living(make_life(camera)) as life:
        await life.becomes(Status.ONLINE)
        for _ in range(2):
            # One of several topics is refused, as at the beginning: the others still stand.
            camera.faults.refuse("subscribe", SUBSCRIBE_EVENT_NOT_EXIST)
            await eventually(lambda: not camera.faults.refusals)
        assert camera.connects == 1, "nothing has to be renewed"


async def test_a_camera_that_has_forgotten_the_subscription_is_connected_again(
    camera: SimulatedCamera, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(subscription, "SILENT_AFTER", 0.2)
    monkeypatch.setattr(subscription, "ANSWER_TIMEOUT", 0.05)
    async with living(make_life(camera)) as life:
        await life.becomes(Status.ONLINE)
        camera.faults.refuse("subscribe", 3)
        await eventually(lambda: camera.connects == 2)
        await life.becomes(Status.ONLINE)
    assert "has forgotten our subscription" in caplog.text


# Its settings and its API.


async def test_its_settings_are_read_when_it_comes(camera: SimulatedCamera) -> None:
    life = make_life(camera)
    async with living(life):
        await eventually(lambda: bool(life.observer.properties))
        assert life.observer.properties[0].keys() == SETTINGS.keys()
        assert life.runner.info.name == "Front door"
        # And again when it comes back; nothing has changed meanwhile.
        calls = len(camera.calls)
        await camera.stop()
        await life.becomes(Status.OFFLINE)
        await camera.start()
        await eventually(lambda: len(camera.calls) >= calls + len(GETTERS))
        assert len(life.observer.properties) == 1


async def test_a_new_name_is_known_everywhere(camera: SimulatedCamera) -> None:
    life = make_life(camera)
    async with living(life):
        await eventually(lambda: bool(life.observer.properties))
        camera.controls.name = "Back door"
        await life.runner.refresh()
        assert (life.known.own_name, life.runner.info.name) == ("Back door", "Back door")
        assert life.observer.properties[-1]["name"] == "Back door"


async def test_new_firmware_may_have_what_the_old_one_had_not(camera: SimulatedCamera) -> None:
    for firmware, asked in (("1.3.6", False), ("1.2.0", True), (None, False)):
        known = KnownCamera(SN, firmware=firmware, model_name="FM020", unsupported=[GET_LED_SWITCH.path])
        calls = len(camera.calls)
        life = make_life(camera, known)
        async with living(life):
            await eventually(lambda: bool(life.observer.properties))  # noqa: B023 - called within the round
        assert (GET_LED_SWITCH.path in [call.path for call in camera.calls[calls:]]) == asked
        assert (GET_LED_SWITCH.path not in known.unsupported) == asked
        assert ("led" in life.observer.properties[0]) == asked


async def test_its_api_is_there_while_it_is_online(camera: SimulatedCamera) -> None:
    life = make_life(camera)
    with pytest.raises(CommandError, match=f"camera {SN} is not online: offline") as caught:
        life.runner.reachable_api()
    assert caught.value.kind == "offline"
    async with living(life):
        await life.becomes(Status.ONLINE)
        api = life.runner.reachable_api()
        assert await api.call(GET_LED_SWITCH) == {"led_switch": 1}
        await camera.stop()
        reason = await life.becomes(Status.OFFLINE)
        with pytest.raises(CommandError, match=re.escape(reason)):
            life.runner.reachable_api()
        with pytest.raises(UnreachableError, match="has ended"):
            await api.call(GET_LED_SWITCH)


async def test_a_bug_in_reading_ends_nothing_else(
    camera: SimulatedCamera, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def with_a_bug(_state: CameraState, _api: CameraApi) -> None:
        raise KeyError("x")

    monkeypatch.setattr(CameraState, "run", with_a_bug)
    life = make_life(camera)
    async with living(life):
        await life.becomes(Status.ONLINE)
        await eventually(lambda: "its settings are not read any more" in caplog.text)
        camera.emit_face()
        await camera.wait_for_all_acknowledged()
