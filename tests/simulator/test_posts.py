"""What a camera posts to its hooks: in form as the documents show it, signed, again where it is not taken, or wrong."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator

import pytest

from ipc_bridge.catalog.device import HOOK_ADD, HOOK_DELETE
from ipc_bridge.simulator import MOTION_MODEL, CameraSettings, Fleet, FleetSettings, SimulatedCamera
from ipc_bridge.simulator.console import Console
from ipc_bridge.wire.packet import DETECT_EVENT, FACE_EVENT
from ipc_bridge.wire.payload import decode_object
from ipc_bridge.wire.signing import is_signed
from tests.simulator.api import Api
from tests.simulator.client import CREDENTIALS, subscription
from tests.simulator.hook import Receiver, receiving

KEY = CREDENTIALS.secret_key


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


@pytest.fixture
async def posting(api: Api, receiver: Receiver) -> None:
    """The camera has been told to post faces and motion."""
    await add_hook(api, receiver.url)


async def add_hook(api: Api, url: str) -> None:
    assert await api.code(HOOK_ADD, event_list=[FACE_EVENT, DETECT_EVENT], http_callback=url) == 0


async def test_a_post_is_the_form_of_the_documents(camera: SimulatedCamera, posting: None, receiver: Receiver) -> None:
    event_id = camera.emit_face(faceid="00000001")
    (post,) = await receiver.wait_for(1)
    assert post.path == "/hook/secret"
    assert post.headers["User-Agent"].startswith("libcurl/")
    assert post.headers["Expect"] == "100-continue"
    assert int(post.headers["Content-Length"]) == len(post.body)
    assert re.fullmatch(r"multipart/form-data; boundary=-{24}[0-9a-f]{16}", post.headers["Content-Type"])
    assert list(post.fields) == ["app_id", "timestamp", "random", "payload", "sign"]
    assert is_signed(post.fields, KEY)
    assert abs(int(post.fields["timestamp"]) - time.time()) < 10
    assert (post.event["event_id"], post.event["faceid"], post.event["sn"]) == (event_id, "00000001", camera.sn)
    await camera.wait_for_acknowledged(1)
    assert [(one.event_id, one.status) for one in camera.posted] == [(event_id, 200)]


async def test_it_comes_from_the_cameras_own_address(receiver: Receiver) -> None:
    async with SimulatedCamera(CameraSettings(discovery_port=None, host="127.0.0.7")) as camera:
        camera._state.hooks[FACE_EVENT] = [receiver.url]
        camera.emit_face()
        (post,) = await receiver.wait_for(1)
        assert post.remote == "127.0.0.7"


@pytest.mark.parametrize(("channel", "hook"), [(1, 0), (2, 1), (3, 2), (9, 9), ("x", "x")])
async def test_the_hook_has_numbers_of_its_own(
    camera: SimulatedCamera, posting: None, receiver: Receiver, channel: object, hook: object
) -> None:
    async with subscription(camera) as client:
        camera.emit_motion(detect_type=channel)
        (post,) = await receiver.wait_for(1)
        event = await client.event()
        assert (event["detect_type"], post.event["detect_type"]) == (channel, hook)
        assert {**event, "detect_type": hook} == post.event


async def test_people_are_told_to_hooks_alone(camera: SimulatedCamera, posting: None, receiver: Receiver) -> None:
    async with subscription(camera) as client:
        human = camera.emit_human()
        motion = camera.emit_motion()
        posts = await receiver.wait_for(2)
        assert [(post.event["event_id"], post.event["event_type"]) for post in posts] == [
            (human, DETECT_EVENT),
            (motion, DETECT_EVENT),
        ]
        assert posts[0].event["detect_type"] == 3
        assert (await client.event())["event_id"] == motion


async def test_only_what_was_asked_for_is_posted(camera: SimulatedCamera, api: Api, receiver: Receiver) -> None:
    assert await api.code(HOOK_ADD, event_list=[FACE_EVENT], http_callback=receiver.url) == 0
    camera.emit_motion()
    camera.emit_face()
    camera.raw(b'{"event_id": 7}')
    posts = await receiver.wait_for(2)
    assert [post.event["event_id"] for post in posts] == [2, 7]
    assert await api.code(HOOK_DELETE, event_list=[FACE_EVENT]) == 0
    camera.emit_face()
    assert camera._poster.backlog == 0


async def test_what_is_not_taken_comes_again_signed_anew(
    camera: SimulatedCamera, posting: None, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ipc_bridge.simulator.poster.asyncio.sleep", no_sleep)
    receiver.answers = [503, 500, 200]
    event_id = camera.emit_face()
    await camera.wait_for_acknowledged(1)
    assert [(one.event_id, one.status) for one in camera.posted] == [(event_id, 503), (event_id, 500), (event_id, 200)]
    posts = await receiver.wait_for(3)
    assert len({post.fields["sign"] for post in posts}) == 3
    assert len({post.fields["payload"] for post in posts}) == 1


async def test_it_gives_up_and_goes_on(
    camera: SimulatedCamera, posting: None, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ipc_bridge.simulator.poster.asyncio.sleep", no_sleep)
    receiver.answers = [503, 503, 503]
    lost, taken = camera.emit_face(), camera.emit_face()
    await camera.wait_for_acknowledged(1)
    assert list(camera.unacknowledged) == [lost]
    assert list(camera.acknowledged) == [taken]


async def test_nobody_there(camera: SimulatedCamera, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ipc_bridge.simulator.poster.asyncio.sleep", no_sleep)
    async with receiving() as receiver:
        await add_hook(api, receiver.url)
    camera.emit_face()
    await camera.wait_until(lambda: len(camera.posted) == 3)
    assert {post.status for post in camera.posted} == {None}


async def no_sleep(_seconds: float) -> None:
    """Time passes at once."""


async def test_a_reboot_loses_hooks_and_what_waits(camera: SimulatedCamera, posting: None, receiver: Receiver) -> None:
    receiver.answers = [503]
    camera.emit_face()
    await receiver.wait_for(1)
    camera.emit_face()
    assert camera._poster.backlog == 1
    await camera.reboot()
    assert (camera._poster.backlog, dict(camera.hooks)) == (0, {})


async def test_too_many_events_are_lost(
    camera: SimulatedCamera, posting: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("ipc_bridge.simulator.poster.MAX_WAITING", 2)
    camera.faults.silence()
    for _ in range(3):
        camera.emit_face()
    assert camera._poster.backlog == 2
    assert "an event is lost" in caplog.text


# What is wrong with them on purpose.


async def test_faults_of_posts(camera: SimulatedCamera, posting: None, receiver: Receiver) -> None:
    switches = {"hook_unsigned": True, "hook_wrong_key": True, "hook_age": 3600.0, "hook_replay": True}
    for count, (switch, value) in enumerate(switches.items(), 1):
        camera.clear_faults()
        setattr(camera.faults, switch, value)
        camera.emit_face()
        await camera.wait_for_acknowledged(count)
    posts = await receiver.wait_for(5)
    assert "sign" not in posts[0].fields
    assert "sign" in posts[1].fields
    assert not is_signed(posts[1].fields, KEY)
    assert is_signed(posts[2].fields, KEY)
    assert 3590 < time.time() - int(posts[2].fields["timestamp"]) < 3610
    assert posts[3].body == posts[4].body


async def test_copies_and_another_serial(camera: SimulatedCamera, posting: None, receiver: Receiver) -> None:
    camera.faults.duplicate = True
    camera.faults.wrong_serial = "OTHER"
    camera.emit_motion()
    first, second = await receiver.wait_for(2)
    assert first.event == second.event
    assert first.fields["sign"] != second.fields["sign"]
    assert first.event["sn"] == "OTHER"


async def test_the_console(receiver: Receiver) -> None:
    async with Fleet(FleetSettings(2, camera=CameraSettings(discovery_port=None))) as fleet:
        console = Console(fleet)
        camera = next(one for one in fleet.cameras if one.settings.model == MOTION_MODEL)
        camera._state.hooks[DETECT_EVENT] = [receiver.url]
        assert (await console.execute(f"human {camera.sn} video_url=x"))["event_id"] == 1
        (post,) = await receiver.wait_for(1)
        assert decode_object(post.fields["payload"].encode())["video_url"] == "x"
        await camera.wait_for_acknowledged(1)
        listed = await console.execute(f"posts {camera.sn}")
        assert listed["posts"] == [{"event_id": 1, "url": receiver.url, "status": 200}]
        assert (await console.execute(f"posts {camera.sn} 0"))["posts"] == []
        for line in ("hook_unsigned", "hook_wrong_key", "hook_replay"):
            assert (await console.execute(f"{line} {camera.sn}"))["ok"]
        assert (await console.execute(f"hook_age {camera.sn} 60"))["ok"]
        faults = camera.faults
        assert (faults.hook_unsigned, faults.hook_wrong_key, faults.hook_replay, faults.hook_age) == (
            True,
            True,
            True,
            60.0,
        )
