"""Cameras that post: told where, looked after, and known by what they answer. Simulated ones, over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from ipc_bridge.backoff import Backoff
from ipc_bridge.bridge import camera as camera_module
from ipc_bridge.bridge.camera import CameraRunner
from ipc_bridge.bridge.door import make_path
from ipc_bridge.bridge.lateness import AGREEMENT, CameraClock
from ipc_bridge.bridge.link import Acknowledge
from ipc_bridge.bridge.registry import KnownCamera
from ipc_bridge.bridge.security import TlsContexts
from ipc_bridge.bridge.state import Pace
from ipc_bridge.catalog.device import HOOK_ADD, HOOK_DELETE, HOOK_QUERY
from ipc_bridge.config import Account, CameraConfig, Tls
from ipc_bridge.device.discovery import Answer
from ipc_bridge.models import Status, Transport
from ipc_bridge.simulator import MOTION_MODEL, CameraSettings, Code, SimulatedCamera
from ipc_bridge.simulator.handlers import HANDLERS
from ipc_bridge.simulator.refusals import RefusalError
from ipc_bridge.wire.packet import DETECT_EVENT, FACE_EVENT
from tests.mqtt.broker import eventually, free_port
from tests.web.rig import Served

SN = "FS101D8BS00101"
HERE, THERE = "127.20.3.1", "127.20.3.2"
NEVER = 3600.0
BOTH = {FACE_EVENT, DETECT_EVENT}


@dataclass
class Observer:
    """What a camera's runner told."""

    statuses: list[Status] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    described: int = 0
    events: list[tuple[Transport, dict[str, Any]]] = field(default_factory=list)

    def camera_changed(self, runner: CameraRunner) -> None:
        if self.statuses[-1:] != [runner.status]:
            self.statuses.append(runner.status)

    def state_changed(self, runner: CameraRunner) -> None: ...

    def people_counted(self, runner: CameraRunner) -> None:
        """Not looked at here."""

    def camera_event(self, kind: str, runner: CameraRunner, **details: Any) -> None:
        self.told.append(kind)

    def camera_described(self, runner: CameraRunner) -> None:
        self.described += 1

    def event_received(
        self, runner: CameraRunner, payload: bytes, transport: Transport, acknowledge: Acknowledge
    ) -> None:
        event = json.loads(payload)
        self.events.append((transport, event))
        acknowledge(event.get("event_id"))


@dataclass
class Life:
    """A runner with all that it was given."""

    runner: CameraRunner
    observer: Observer
    known: KnownCamera

    @property
    def path(self) -> str:
        """The last part of its callback URL."""
        return make_path(SN, "demo-secret")

    async def becomes(self, status: Status) -> str:
        """Return the reason, once the camera has this status."""
        try:
            await eventually(lambda: self.runner.status is status)
        except TimeoutError:
            raise AssertionError(f"it only was {self.observer.statuses}: {self.runner.reason}") from None
        return self.runner.reason or ""

    async def tries_again(self) -> None:
        """Return once it is online, which it need not wait for any longer."""

        def is_online() -> bool:
            self.runner._pauses.end()
            return self.runner.status is Status.ONLINE

        await eventually(is_online)


def fake(**settings: Any) -> SimulatedCamera:
    return SimulatedCamera(
        CameraSettings(**{"sn": SN, "host": HERE, "discovery_port": None, "hook_retry_seconds": 0.01, **settings})
    )


@pytest.fixture
async def camera() -> AsyncIterator[SimulatedCamera]:
    async with fake() as one:
        yield one


@contextlib.asynccontextmanager
async def living(
    served: Served, camera: SimulatedCamera, known: KnownCamera | None = None, *, wait: float = 0.01, **config: Any
) -> AsyncIterator[Life]:
    """A camera that is run, and posts to ``served``; it is looked after often."""
    known = known or KnownCamera(SN)
    settings: dict[str, Any] = {
        "sn": SN,
        "host": camera.host,
        "api_port": camera.api_port,
        "channel_port": camera.channel_port,
        "transport": "hook",
        "keep_alive": 0.05,
        "account": Account(app_id="demo-app", secret_key="demo-secret"),
        **config,
    }
    observer = Observer()
    served.doors._public_url = f"http://127.0.0.1:{served.port}"
    runner = CameraRunner(
        known,
        CameraConfig(**settings),
        TlsContexts(Tls()),
        served.doors,
        CameraClock(SN),
        observer,
        Pace(NEVER),
        backoff=Backoff(lambda _low, _high: wait),
    )
    task = asyncio.create_task(runner.run())
    try:
        yield Life(runner, observer, known)
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def paths(camera: SimulatedCamera) -> list[str]:
    """The calls of ``hook/*`` that the camera got."""
    return [call.path for call in camera.calls if call.path.startswith("hook/")]


# The ordinary way.


async def test_a_camera_is_told_where_to_post_and_its_events_arrive(served: Served, camera: SimulatedCamera) -> None:
    async with living(served, camera) as life:
        await life.becomes(Status.ONLINE)
        url = f"http://127.0.0.1:{served.port}/hook/{life.path}"
        assert camera.hooks == {FACE_EVENT: [url], DETECT_EVENT: [url]}
        assert life.observer.described == 1
        assert life.observer.told == ["camera_online"]
        assert life.known.api_pin == camera.fingerprint
        assert life.known.channel_pin is None
        assert camera.connects == 0, "its channel is left alone"
        face, motion, human = camera.emit_face(), camera.emit_motion(detect_type=1), camera.emit_human()
        await camera.wait_for_all_acknowledged()
        assert [(way, event["event_id"]) for way, event in life.observer.events] == [
            (Transport.HOOK, face),
            (Transport.HOOK, motion),
            (Transport.HOOK, human),
        ]
        assert [event.get("detect_type") for _, event in life.observer.events] == [None, 0, 3]


async def test_a_model_without_faces_is_not_asked_for_them(served: Served) -> None:
    async with fake(model=MOTION_MODEL) as camera, living(served, camera) as life:
        await life.becomes(Status.ONLINE)
        assert camera.hooks.keys() == {DETECT_EVENT}
        assert [call.code for call in camera.calls if call.path == HOOK_ADD.path] == [0]


async def test_a_model_that_is_not_known_is_asked_for_faces_first(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nothing(*_args: object) -> dict[str, None]:
        return {}

    monkeypatch.setattr(camera_module, "ask_info", nothing)
    async with fake(model=MOTION_MODEL) as camera, living(served, camera) as life:
        await life.becomes(Status.ONLINE)
        assert camera.hooks.keys() == {DETECT_EVENT}
        assert [call.code for call in camera.calls if call.path == HOOK_ADD.path] == [310, 0]


async def test_a_camera_that_has_no_faces_any_more(served: Served, camera: SimulatedCamera) -> None:
    async with living(served, camera) as life:
        await life.becomes(Status.ONLINE)
        camera._state.settings = dataclasses.replace(camera.settings, model=MOTION_MODEL)
        camera._state.hooks.pop(FACE_EVENT)
        await camera.wait_until(lambda: [call.code for call in camera.calls if call.path == HOOK_ADD.path] == [0, 310])
        before = len(paths(camera))
        await camera.wait_until(lambda: len(paths(camera)) >= before + 3)
        assert paths(camera)[-1] == HOOK_QUERY.path
        assert life.observer.told == ["camera_online"]


async def test_a_camera_that_cannot_post(
    served: Served, camera: SimulatedCamera, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_args: object, **_params: object) -> None:
        raise RefusalError(Code.OP_NOT_SUPPORT)

    monkeypatch.setitem(HANDLERS, HOOK_ADD.path, refuse)
    async with living(served, camera) as life:
        assert "OP_NOT_SUPPORT" in await life.becomes(Status.FAILED)


async def test_the_end_takes_the_registration_back(served: Served, camera: SimulatedCamera) -> None:
    async with living(served, camera) as life:
        await life.becomes(Status.ONLINE)
    assert dict(camera.hooks) == {}
    assert (await served.post(path=f"/hook/{life.path}")).status == 404
    # Under the same path again: what is on its way then arrives.
    async with living(served, camera, life.known) as again:
        await again.becomes(Status.ONLINE)
        assert again.path == life.path


async def test_the_end_does_not_wait_for_a_camera_that_is_silent(
    served: Served, camera: SimulatedCamera, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("ipc_bridge.bridge.hook_link.GOODBYE_TIMEOUT", 0.05)
    caplog.set_level("INFO")
    async with living(served, camera, keep_alive=NEVER) as life:
        await life.becomes(Status.ONLINE)
        camera.faults.silence()
    assert "could not be told to post no more: no answer" in caplog.text
    camera.faults.speak()


# The registration is looked after.


async def test_a_registration_that_was_lost_is_renewed(
    served: Served, camera: SimulatedCamera, caplog: pytest.LogCaptureFixture
) -> None:
    async with living(served, camera) as life:
        await life.becomes(Status.ONLINE)
        for count, topics in enumerate([[FACE_EVENT], [FACE_EVENT, DETECT_EVENT]], 1):
            for topic in topics:
                camera._state.hooks.pop(topic)
            await eventually(lambda: caplog.text.count("did not know any more where to post") == count)  # noqa: B023
            assert camera.hooks.keys() == BOTH
        assert life.observer.told == ["camera_online"]


async def test_what_stands_is_not_told_again(served: Served, camera: SimulatedCamera) -> None:
    async with living(served, camera) as life:
        await life.becomes(Status.ONLINE)
        before = paths(camera)
        await camera.wait_until(lambda: len(paths(camera)) >= len(before) + 2)
        assert set(paths(camera)[len(before) :]) == {HOOK_QUERY.path}
        assert paths(camera).count(HOOK_ADD.path) == 1


async def test_callbacks_of_others_are_left_alone(served: Served, camera: SimulatedCamera) -> None:
    camera._state.hooks[FACE_EVENT] = ["http://10.0.0.9/hook/somebody", "http://127.0.0.1:1/hook/x"]
    async with living(served, camera) as life:
        await life.becomes(Status.ONLINE)
        assert camera.hooks[FACE_EVENT][:2] == ["http://10.0.0.9/hook/somebody", "http://127.0.0.1:1/hook/x"]
        assert len(camera.hooks[FACE_EVENT]) == 3


async def test_earlier_callbacks_of_ours_go(served: Served, camera: SimulatedCamera) -> None:
    camera._state.hooks[DETECT_EVENT] = [f"http://127.0.0.1:{served.port}/hook/{'a' * 32}"]
    async with living(served, camera) as life:
        await life.becomes(Status.ONLINE)
        url = f"http://127.0.0.1:{served.port}/hook/{life.path}"
        assert camera.hooks == {FACE_EVENT: [url], DETECT_EVENT: [url]}


async def test_a_camera_that_reboots_posts_again(served: Served, camera: SimulatedCamera) -> None:
    async with living(served, camera) as life:
        await life.becomes(Status.ONLINE)
        await camera.reboot()
        await camera.wait_until(lambda: camera.hooks.keys() == BOTH)
        await life.becomes(Status.ONLINE)
        camera.emit_face()
        await camera.wait_for_all_acknowledged()
        assert len(life.observer.events) == 1


async def test_a_camera_that_does_not_list_what_it_accepts_is_not_online(
    served: Served, camera: SimulatedCamera, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(camera._state), "topics", frozenset())
    monkeypatch.setattr("ipc_bridge.simulator.handlers.hook._check_topics", lambda *_: camera._state.hooks.clear())
    async with living(served, camera) as life:
        camera._state.hooks = _Forgetful()
        await eventually(lambda: "hook/query does not list it" in (life.runner.reason or ""))
        assert life.runner.status is Status.OFFLINE


class _Forgetful(dict[str, list[str]]):
    """Takes everything and keeps nothing."""

    def setdefault(self, _key: str, default: Any = None) -> Any:
        return default


# What it answers, and what it does not.


async def test_a_camera_that_is_gone_is_offline_and_comes_back(served: Served, camera: SimulatedCamera) -> None:
    async with living(served, camera) as life:
        await life.becomes(Status.ONLINE)
        await camera.stop()
        assert "no connection to" in await life.becomes(Status.OFFLINE)
        await camera.start()
        await life.becomes(Status.ONLINE)
        assert life.observer.told == ["camera_online", "camera_offline", "camera_online"]
        assert life.runner.reconnects["unreachable"] >= 1


async def test_posts_are_taken_between_two_sessions(served: Served, camera: SimulatedCamera) -> None:
    async with living(served, camera, wait=NEVER) as life:
        await life.becomes(Status.ONLINE)
        camera.faults.refuse("api", 3, 1000)
        await life.becomes(Status.FAILED)
        camera.emit_motion()
        await camera.wait_for_all_acknowledged()
        assert len(life.observer.events) == 1


async def test_a_post_is_a_sign_of_life(served: Served, camera: SimulatedCamera) -> None:
    async with living(served, camera, wait=NEVER) as life:
        await life.becomes(Status.ONLINE)
        url = camera.hooks[DETECT_EVENT][0]
        await camera.stop()
        await life.becomes(Status.OFFLINE)
        await eventually(lambda: life.runner._pauses.is_wakeable)
        await camera.start()
        camera._state.hooks[DETECT_EVENT] = [url]
        camera.emit_motion()
        await life.becomes(Status.ONLINE)


async def test_after_a_restart_posts_are_taken_before_the_camera_has_answered(
    served: Served, camera: SimulatedCamera
) -> None:
    known = KnownCamera(SN, host=HERE, model_name="FM020", hardware="1.0.0")
    camera._state.hooks[FACE_EVENT] = [f"http://127.0.0.1:{served.port}/hook/{make_path(SN, 'demo-secret')}"]
    async with living(served, camera, known, api_port=free_port(HERE)) as life:
        await life.becomes(Status.OFFLINE)
        camera.emit_face()
        await camera.wait_for_all_acknowledged()
        assert life.observer.statuses[-1] is not Status.ONLINE


@pytest.mark.parametrize(
    ("account", "words"),
    [
        (Account(app_id="other", secret_key="demo-secret"), "code 1 (APPID_INVALID"),
        (Account(app_id="demo-app", secret_key="other"), "code 5 (SECRET_KEY_INVALID"),
    ],
)
async def test_wrong_credentials_wait_for_a_person(
    served: Served, camera: SimulatedCamera, account: Account, words: str
) -> None:
    async with living(served, camera, account=account) as life:
        assert words in await life.becomes(Status.FAILED)
        assert life.runner.reconnects == {"credentials": 1}


async def test_a_callback_that_the_camera_refuses(served: Served, camera: SimulatedCamera) -> None:
    async with living(served, camera) as life:
        served.doors._public_url = "http://"
        life.runner._link = type(life.runner._link)(  # type: ignore[call-arg] # a hook's
            life.known, life.runner.config, served.doors, life.runner.clock, life.runner._event_received
        )
        reason = await life.becomes(Status.FAILED)
        assert "INVALID_HTTP_CALLBACK_URL" in reason
        assert "look at web.public_url" in reason


async def test_a_camera_is_activated_with_its_code(served: Served) -> None:
    async with fake(activated=False) as camera, living(served, camera, activation_code="12345678") as life:
        await life.becomes(Status.ONLINE)
        assert camera.activated


async def test_a_camera_that_is_not_activated_says_what_to_do(served: Served) -> None:
    async with fake(activated=False) as camera, living(served, camera) as life:
        assert "give its activation_code under camera" in await life.becomes(Status.FAILED)


async def test_a_changed_certificate_waits_until_it_is_trusted(served: Served, camera: SimulatedCamera) -> None:
    async with living(served, camera) as life:
        await life.becomes(Status.ONLINE)
        await camera.change_certificate()
        assert "bridge/request/trust" in await life.becomes(Status.FAILED)
        assert "certificate_changed" in life.observer.told
        life.runner.trust()
        await life.tries_again()
        assert life.known.api_pin == camera.fingerprint


async def test_a_clock_that_is_far_off_keeps_no_post_out(served: Served) -> None:
    async with fake(clock_offset=-3600.0) as camera, living(served, camera) as life:
        await life.becomes(Status.ONLINE)
        camera.emit_face()
        await camera.wait_for_all_acknowledged()
        assert [post.status for post in camera.posted] == [200]
        life.runner.clock.observe(served.clock.time() - 3600.0, served.clock.time())
        assert abs(life.runner.clock.offset + 3600) <= AGREEMENT


# Addresses.


def answer(host: str) -> Answer:
    return Answer(SN, host, host, "02:00:00:00:00:01", "1.3.6", "FM020")


async def test_a_camera_that_moved_posts_from_there(served: Served, camera: SimulatedCamera) -> None:
    async with living(served, camera, wait=NEVER) as life:
        await life.becomes(Status.ONLINE)
        hooks = dict(camera.hooks)
        await camera.move(THERE)
        camera._state.hooks.update(hooks)
        await life.becomes(Status.OFFLINE)
        await eventually(lambda: life.runner._pauses.is_wakeable)
        life.runner.discovered(answer(THERE))
        await life.becomes(Status.ONLINE)
        assert "address_changed" in life.observer.told
        camera.emit_face()
        await camera.wait_for_all_acknowledged()


async def test_an_impostor_may_not_post(served: Served, camera: SimulatedCamera) -> None:
    async with (
        fake(host=THERE, api_port=camera.api_port) as impostor,
        living(served, camera, wait=NEVER) as life,
    ):
        await life.becomes(Status.ONLINE)
        await impostor.change_certificate()
        camera.faults.refuse("api", 3, 1000)
        await life.becomes(Status.FAILED)
        camera.clear_faults()
        life.runner.discovered(answer(THERE))
        await life.tries_again()
        assert life.known.host == HERE
        impostor._state.hooks.update(camera.hooks)
        impostor.emit_face()
        await impostor.wait_until(lambda: len(impostor.posted) == 3)
        assert {post.status for post in impostor.posted} == {403}
        assert not life.observer.events


async def test_a_camera_that_is_online_is_asked_before_it_is_sought_elsewhere(
    served: Served, camera: SimulatedCamera
) -> None:
    async with living(served, camera, keep_alive=NEVER) as life:
        await life.becomes(Status.ONLINE)
        asked = len(paths(camera))
        life.runner.discovered(answer(THERE))
        assert life.runner._probe is not None
        await eventually(lambda: life.runner._probe is None)
        assert paths(camera)[asked:] == [HOOK_QUERY.path]
        assert life.runner.status is Status.ONLINE
        life.runner.discovered(answer(HERE))
        assert life.runner._probe is None


async def test_a_camera_that_has_gone_without_a_word_is_sought_at_once(
    served: Served, camera: SimulatedCamera, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(camera_module, "PROBE_TIMEOUT", 0.05)
    monkeypatch.setattr("ipc_bridge.bridge.hook_link.GOODBYE_TIMEOUT", 0.05)
    async with (
        fake(host=THERE, api_port=camera.api_port) as moved,
        living(served, camera, keep_alive=NEVER) as life,
    ):
        await life.becomes(Status.ONLINE)
        camera.faults.silence()
        life.runner.discovered(answer(THERE))
        await moved.wait_until(lambda: moved.hooks.keys() == BOTH)
        await life.becomes(Status.ONLINE)
        assert life.known.host == THERE


async def test_a_name_that_nobody_knows(served: Served, camera: SimulatedCamera) -> None:
    async with living(served, camera, host="camera.invalid") as life:
        await eventually(lambda: (life.runner.reason or "").startswith("the name camera.invalid has no address: "))


async def test_a_name_that_gets_another_number(
    served: Served, camera: SimulatedCamera, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = frozenset({"127.20.3.9"})

    async def resolve(host: str) -> frozenset[str]:
        assert host == HERE
        return numbers

    monkeypatch.setattr("ipc_bridge.bridge.hook_link.numbers_of", resolve)
    async with living(served, camera) as life:
        await life.becomes(Status.ONLINE)
        camera.emit_face()
        await camera.wait_until(lambda: len(camera.posted) == 3)
        assert {post.status for post in camera.posted} == {403}
        numbers = frozenset({HERE})
        before = len(paths(camera))
        await camera.wait_until(lambda: len(paths(camera)) >= before + 2)
        camera.emit_face()
        await camera.wait_for_acknowledged(1)


# Pausing.


async def test_a_paused_camera_keeps_what_it_has(served: Served) -> None:
    async with fake(hook_attempts=10_000) as camera, living(served, camera) as life:
        await life.becomes(Status.ONLINE)
        life.runner.pause()
        camera.emit_face()
        await camera.wait_until(lambda: len(camera.posted) >= 2)
        assert {post.status for post in camera.posted} == {503}
        assert not life.observer.events
        life.runner.resume()
        await camera.wait_for_all_acknowledged()
        assert len(life.observer.events) == 1


# Over the channel now, with a hook that stayed behind.


async def test_a_hook_that_stayed_behind_is_taken_back(
    served: Served, camera: SimulatedCamera, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    url = f"http://127.0.0.1:{served.port}/hook/{make_path(SN, 'demo-secret')}"
    camera._state.hooks.update({FACE_EVENT: [url], DETECT_EVENT: ["http://10.0.0.9/msg"]})
    async with living(served, camera, KnownCamera(SN, posts=True), transport="channel", keep_alive=1) as life:
        await camera.wait_for_subscriber()
        await eventually(lambda: not life.known.posts)
        assert dict(camera.hooks) == {DETECT_EVENT: ["http://10.0.0.9/msg"]}
        assert "posts no more" in caplog.text
        assert (await served.post(path=f"/hook/{make_path(SN, 'demo-secret')}")).status == 404
        # The next session has nothing to take back.
        queries = paths(camera).count(HOOK_QUERY.path)
        camera.drop()
        await camera.wait_until(lambda: camera.connects == 2)
        await life.becomes(Status.ONLINE)
        assert paths(camera).count(HOOK_QUERY.path) == queries
        assert paths(camera).count(HOOK_DELETE.path) == 1


async def test_what_a_hook_that_stayed_behind_posts_is_taken(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    async with fake(hook_attempts=10_000) as camera:
        await _posts_beside_its_channel(served, camera, caplog)


async def _posts_beside_its_channel(served: Served, camera: SimulatedCamera, caplog: pytest.LogCaptureFixture) -> None:
    url = f"http://127.0.0.1:{served.port}/hook/{make_path(SN, 'demo-secret')}"
    camera.faults.refuse("api", 3, 1000)
    async with living(served, camera, KnownCamera(SN, posts=True), transport="channel", keep_alive=1) as life:
        await life.becomes(Status.ONLINE)
        await eventually(lambda: "still posts its events" in caplog.text)
        camera._state.hooks[FACE_EVENT] = [url]
        life.runner.pause()
        event_id = camera.emit_face()
        await camera.wait_until(lambda: len(camera.posted) == 2)
        assert {post.status for post in camera.posted} == {503}
        assert not life.observer.events
        life.runner.resume()
        await eventually(lambda: len(life.observer.events) == 2)
        assert {way for way, _ in life.observer.events} == {Transport.CHANNEL, Transport.HOOK}
        assert {event["event_id"] for _, event in life.observer.events} == {event_id}
        # The next session has another try.
        camera.clear_faults()
        camera.drop()
        await eventually(lambda: not life.known.posts)
    assert dict(camera.hooks) == {}


async def test_a_hook_that_is_thought_to_have_stayed_behind(served: Served, camera: SimulatedCamera) -> None:
    known = KnownCamera(SN, posts=True)
    async with living(served, camera, known, transport="channel", keep_alive=1):
        await camera.wait_for_subscriber()
        await eventually(lambda: not known.posts)
        assert paths(camera) == [HOOK_QUERY.path]
