"""What cameras, networks and people get wrong, and that the rest goes on."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from ipc_bridge.simulator import SimulatedCamera, make_identity
from tests.e2e.harness import PATIENCE, online, overview
from tests.e2e.stories import Stage, Story, told


def topic(camera: SimulatedCamera, leaf: str) -> str:
    return f"ipc_bridge/camera/{camera.sn}/{leaf}"


def event(camera: SimulatedCamera, event_id: int, **changes: Any) -> bytes:
    """A face event in order, apart from ``changes``."""
    fields = {
        "event_id": event_id,
        "event_type": "face_recog_event",
        "sn": camera.sn,
        "report_time": int(time.time()),
        "faceid": "00000001",
        **changes,
    }
    return json.dumps(fields).encode()


def deep(levels: int) -> bytes:
    return b'{"a":' * levels + b"1" + b"}" * levels


async def events_that_cannot_be_used_are_acknowledged_and_not_published(stage: Stage, camera: SimulatedCamera) -> None:
    await online(stage.hub, camera.sn)
    since = stage.hub.mark()
    now = int(time.time())
    # The events' ids are acknowledged: the camera must not send them for ever.
    named = {
        101: event(camera, 101, sn="FS101D8BS99999"),
        103: event(camera, 103, report_time=0),
        104: event(camera, 104, report_time=10**30),
        105: event(camera, 105, report_time="yesterday"),
        106: event(camera, 106, report_time=-now),
        107: event(camera, 107, report_time=None),
        108: event(camera, 108, event_type=None),
        109: event(camera, 109, event_type=["face_recog_event"]),
        110: event(camera, 110, report_time=True),
        111: event(camera, 111, report_time=1e308),
    }
    for payload in named.values():
        camera.raw(payload)
    await camera.wait_for_acknowledged(len(named))
    assert not camera.unacknowledged
    for payload in (
        b"",
        b"[]",
        b'"text"',
        b"null",
        b"17",
        b"{",
        b"\xff\xfe{}",
        b'{"event_id": NaN}',
        b"{}",
        b'{"event_id": "one"}',
        b'{"event_id": ' + b"9" * 400 + b"}",
        b'{"event_id": 1e400}',
        deep(1000),
        event(camera, 2**70),
        event(camera, 1)[:-1] + b', "more": ' + deep(1000) + b"}",
        b'{"event_id": 5, "a": "' + b"x" * 65_000 + b'"}',
    ):
        camera.raw(payload)
    good = camera.emit_face(event_id=200)
    face = await stage.hub.wait_for(topic(camera, "event/face"))
    assert (face.json["event_id"], face.json["seq"]) == (good, 1)
    await camera.wait_until(lambda: good in camera.acknowledged)
    assert not stage.hub.messages(topic(camera, "event/other"))
    assert not stage.hub.messages(topic(camera, "event/motion"))
    assert not stage.hub.messages(topic(camera, "status"), since=since)
    for words in ("FS101D8BS99999", "report_time", "event_type", "not JSON", "not an object", "levels deep"):
        assert stage.daemon.lines(camera.sn, "cannot be used", words), words
    # None was acknowledged that the camera did not name.
    assert not camera.stray_acknowledgements


async def strange_values_in_an_event_are_null_or_text(stage: Stage, camera: SimulatedCamera) -> None:
    await online(stage.hub, camera.sn)
    strange = {
        "faceid": 7,
        "cloud_faceid": ["x"],
        "group_name": {"a": 1},
        "gender": 9,
        "age": -4,
        "age_range": "old",
        "pic_url": None,
        "huge": 2**62,
        "newline": "a\nb\x00",
    }
    camera.raw(event(camera, 1, **strange))
    face = (await stage.hub.wait_for(topic(camera, "event/face"))).json
    assert face["face_id"] == "7"
    for key in ("cloud_face_id", "group", "gender", "age", "age_range", "picture_url"):
        assert face[key] is None, key
    assert face["event_type"] == "stranger"
    assert face["attributes"] == {"huge": 2**62, "newline": "a\nb\u0000"}
    # Numbers that no JSON writer of 64 bits takes.
    camera.raw(event(camera, 2, age=2**80, arrive_times=2**80, gender=2**80, faceid=2**80, visits=2**80, score=1e300))
    face = (await stage.hub.wait_for(topic(camera, "event/face"), count=2)).json
    assert (face["event_id"], face["age"], face["arrivals"], face["gender"]) == (2, None, None, None)
    camera.emit_face(event_id=3)
    assert (await stage.hub.wait_for(topic(camera, "event/face"), count=3)).json["event_id"] == 3
    await camera.wait_for_all_acknowledged()


async def a_changed_certificate_is_refused_and_named(stage: Stage, camera: SimulatedCamera) -> None:
    await online(stage.hub, camera.sn)
    await stage.hub.wait_for(topic(camera, "state"))
    await stage.hub.wait_for(topic(camera, "flow"))
    connects = camera.connects
    calls = len(camera.calls)
    since = stage.hub.mark()
    await camera.change_certificate()
    row = await overview(stage.hub, camera.sn, "failed", since)
    assert "certificate has changed" in row["reason"]
    assert "trust" in row["reason"]
    told_ = await stage.hub.wait_for(
        "ipc_bridge/bridge/event", lambda event: event.json["type"] == "certificate_changed", since=since
    )
    assert told_.json["sn"] == camera.sn
    # Discovery hears it all the time, and that changes nothing: it never gets a signature.
    answers = camera.discovery_answers
    await camera.wait_until(lambda: camera.discovery_answers >= answers + 2)
    assert camera.connects == connects
    assert len(camera.calls) == calls
    assert stage.hub.messages(topic(camera, "status"))[-1].text == "offline"


async def a_wrong_password_of_the_client_certificate_is_one_cameras_trouble(
    stage: Stage, camera: SimulatedCamera
) -> None:
    row = await overview(stage.hub, camera.sn, "failed")
    assert "account.certificate_password" in row["reason"]
    assert stage.hub.messages("ipc_bridge/bridge/status")[-1].text == "online"
    assert "not the password" not in stage.daemon.log()
    assert camera.connects == 0


async def a_serial_that_cannot_be_a_topic_is_ignored(stage: Stage, camera: SimulatedCamera) -> None:
    await online(stage.hub, camera.sn)
    strange = [await stage.site.camera(sn) for sn in ("a/b", "+", "#", "", "x" * 65)]
    for other in strange:
        await other.wait_until(lambda other=other: other.discovery_answers >= 1)  # type: ignore[misc]  # bound at once
        await stage.daemon.wait_for_log("WARNING", other.host, "cannot be a topic level")
    await stage.hub.caught_up()
    topics = {message.topic for message in stage.hub.everything}
    assert not [name for name in topics if "a/b" in name or "+" in name or "#" in name or "//" in name]
    rows = stage.hub.messages("ipc_bridge/bridge/cameras")[-1].json
    assert not {other.sn for other in strange} & {row["sn"] for row in rows}
    assert [other.connects for other in strange] == [0] * len(strange)


async def the_address_that_an_answer_comes_from_counts(stage: Stage, camera: SimulatedCamera) -> None:
    await online(stage.hub, camera.sn)
    assert camera.faults.discovery_ip == "192.0.2.99"
    info = await stage.hub.wait_for(topic(camera, "info"), lambda info: info.json["hardware"] is not None)
    assert info.json["host"] == camera.host
    assert len(stage.daemon.lines("WARNING", camera.sn, "192.0.2.99")) == 1
    assert not stage.hub.messages("ipc_bridge/bridge/event", lambda event: event.json["type"] == "address_changed")


async def an_api_that_answers_nonsense_keeps_no_channel_waiting(stage: Stage, camera: SimulatedCamera) -> None:
    await online(stage.hub, camera.sn)
    assert stage.daemon.lines("WARNING", camera.sn, "does not tell about itself")
    camera.emit_face()
    await stage.hub.wait_for(topic(camera, "event/face"))


def lies_about_its_address(camera: SimulatedCamera) -> None:
    camera.faults.discovery_ip = "192.0.2.99"


def refuses_its_api(camera: SimulatedCamera) -> None:
    camera.faults.refuse("api", 3, 1000)


STORIES = [
    Story(events_that_cannot_be_used_are_acknowledged_and_not_published),
    Story(strange_values_in_an_event_are_null_or_text),
    Story(a_changed_certificate_is_refused_and_named),
    Story(
        a_wrong_password_of_the_client_certificate_is_one_cameras_trouble,
        entry={
            "account": {
                "app_id": "demo-app",
                "secret_key": "demo-secret",
                "certificate": "openapi.p12",
                "certificate_password": "not the password",
            }
        },
    ),
    Story(a_serial_that_cannot_be_a_topic_is_ignored),
    Story(the_address_that_an_answer_comes_from_counts, before=lies_about_its_address),
    Story(an_api_that_answers_nonsense_keeps_no_channel_waiting, before=refuses_its_api),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    files = {"openapi.p12": make_identity("an account").pkcs12("the right one")}
    async with told(tmp_path_factory.mktemp("input"), STORIES, files) as stage:
        yield stage


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", [story.name for story in STORIES])
async def test_bad_input(stage: Stage, name: str) -> None:
    await stage.stories[name]


MISTAKES = {
    "unknown, wrong and missing keys": (
        "mqtt:\n  prot: 1883\n  host: []\naccount:\n  app_id: a\n",
        [":2: mqtt.prot: ", ":3: mqtt.host: ", ":4: account.secret_key: "],
    ),
    "no YAML": ("mqtt: [", [":1: configuration: is no YAML"]),
    "no mapping": ("- mqtt", [":1: configuration: is a list"]),
    "no file": (None, [":1: configuration: cannot be read"]),
}


async def test_a_mistake_in_the_configuration_is_told_with_its_line(tmp_path: Path) -> None:
    async def start(number: int, text: str | None) -> tuple[int | None, bytes, list[str]]:
        path = tmp_path / f"{number}.yaml"
        if text is not None:
            path.write_text(text, encoding="utf-8")
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "ipc_bridge", "run", "--config", str(path)),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(PATIENCE):
            output, errors = await process.communicate()
        return process.returncode, output, errors.decode().replace(str(path), "").splitlines()

    mistakes = list(MISTAKES.values())
    ends = await asyncio.gather(*(start(number, text) for number, (text, _) in enumerate(mistakes)))
    for (_, beginnings), (status, output, lines) in zip(mistakes, ends, strict=True):
        assert (status, output) == (2, b"")
        assert len(lines) == len(beginnings), lines
        for line, beginning in zip(lines, beginnings, strict=True):
            assert line.startswith(beginning), line
