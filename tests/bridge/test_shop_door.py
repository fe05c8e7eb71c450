"""What the cloud posts: taken in every form, and only from the cloud."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import urlencode

import pytest

from ipc_bridge.bridge.shop_door import ShopDoor
from ipc_bridge.cloud.events import SeenBy
from ipc_bridge.errors import EventError
from ipc_bridge.models import FaceEvent
from ipc_bridge.wire.signing import sign
from tests.mqtt.broker import eventually
from tests.web.rig import CREDENTIALS, Answer, Served, serving

SHOP = "100939020409"
PAYLOAD = {
    "ipc_id": "928",
    "face_id": "29195",
    "gender": 1,
    "age_range": 4,
    "group_id": "8927",
    "group_name": "stranger",
    "group_type": 2,
}


class Flow:
    """Where events go: a stand-in for the journal."""

    def __init__(self) -> None:
        self.events: list[FaceEvent] = []
        self.problems: list[str] = []
        self.is_safe = True

    def append(self, event: FaceEvent, on_safe: Callable[[], None]) -> None:
        self.events.append(event)
        if self.is_safe:
            on_safe()

    def unusable(self, whose: str, error: EventError) -> None:
        self.problems.append(f"{whose}: {error}")


class Hook:
    """The shop's door in a running web server."""

    def __init__(self, served: Served) -> None:
        self.served = served
        self.flow = Flow()
        self.asked: list[str] = []
        self.door = ShopDoor(SHOP, CREDENTIALS, served.clock, self.flow, self._find)  # type: ignore[arg-type]
        served.doors.open(self.door)

    async def _find(self, ipc_id: str) -> SeenBy:
        self.asked.append(ipc_id)
        return SeenBy("FS1", "Front door")

    def fields(self, payload: Any = None, key: str = CREDENTIALS.secret_key, **changes: str) -> dict[str, str]:
        text = payload if isinstance(payload, str) else json.dumps(PAYLOAD if payload is None else payload)
        fields = {"sunmi_shop_no": SHOP, "shop_id": "", "event": "2001", "payload": text, **changes}
        return self.served.fields(key=key, ago=0.0, omit=None, **fields)

    async def post(self, body: str | bytes, content_type: str) -> Answer:
        content = body.encode() if isinstance(body, str) else body
        headers = {"Content-Type": content_type}
        return await self.served.ask("POST", f"/hook/{self.door.path}", content, headers, "127.0.0.77")

    async def form(self, fields: dict[str, str]) -> Answer:
        return await self.post(urlencode(fields), "application/x-www-form-urlencoded")


@pytest.fixture
async def hook() -> AsyncIterator[Hook]:
    async with serving() as served:
        yield Hook(served)


async def test_each_form_is_taken_from_anywhere(hook: Hook) -> None:
    fields = hook.fields()
    multipart = await hook.served.post(fields, path=f"/hook/{hook.door.path}", source="127.0.0.66")
    numbers = {**hook.fields(), "event": 2001, "timestamp": int(hook.served.clock.now)}
    # Signed as the text that a number has.
    numbers["sign"] = sign({name: str(value) for name, value in numbers.items()}, CREDENTIALS.secret_key)
    answers = [
        multipart,
        await hook.form(hook.fields()),
        await hook.post(json.dumps(hook.fields()), "application/json; charset=utf-8"),
        await hook.post(json.dumps(numbers), "application/json"),
    ]
    assert [(answer.status, answer.json) for answer in answers] == [(200, {"code": 0})] * 4
    event = hook.flow.events[0]
    assert len(hook.flow.events) == 4
    assert (event.uid, event.time) == (f"FS1:face:29195:{fields['timestamp']}", float(fields["timestamp"]))
    # By the group's kind, not by its name: the documents' example contradicts itself.
    assert (event.event_type, event.group, event.gender, event.age_range) == ("regular", "stranger", "male", "19-28")
    assert event.attributes == {"ipc_id": "928", "group_id": "8927", "group_type": 2}
    assert (event.sn, event.camera, event.shop, event.source) == ("FS1", "Front door", SHOP, f"shop:{SHOP}")


async def test_a_payload_that_is_no_text_in_json(hook: Hook) -> None:
    fields = hook.fields(json.dumps(PAYLOAD, separators=(",", ":")))
    body = {**fields, "payload": PAYLOAD}
    assert (await hook.post(json.dumps(body), "application/json")).status == 200
    assert hook.flow.events[0].cloud_face_id == "29195"


async def test_what_comes_again_is_the_same_event(hook: Hook) -> None:
    fields = hook.fields()
    for _ in range(2):
        assert (await hook.form(fields)).status == 200
    one, other = hook.flow.events
    assert one.uid == other.uid


@pytest.mark.parametrize(
    ("change", "status", "kind"),
    [
        ({"key": "not the cloud's"}, 401, "wrong_signature"),
        ({"app_id": "other"}, 401, "wrong_account"),
        ({"sign": ""}, 401, "unsigned"),
        ({"timestamp": "1000000000"}, 401, "wrong_time"),
        ({"timestamp": "soon"}, 400, "malformed"),
    ],
)
async def test_only_the_cloud_gets_in(hook: Hook, change: dict[str, str], status: int, kind: str) -> None:
    answer = await hook.form(hook.fields(**change))
    assert (answer.status, dict(hook.served.doors.refused)) == (status, {kind: 1})
    assert (hook.flow.events, hook.asked) == ([], [])


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        ("a=1&a=2", "application/x-www-form-urlencoded", 400),
        ("a", "application/x-www-form-urlencoded", 400),
        (b"a=%ff", "application/x-www-form-urlencoded", 400),
        (b"\xff=1", "application/x-www-form-urlencoded", 400),
        ("&".join(f"a{number}=1" for number in range(17)), "application/x-www-form-urlencoded", 413),
        ("[]", "application/json", 400),
        ("{", "application/json", 400),
        ("{}", "application/json", 401),
        (json.dumps(dict.fromkeys(map(str, range(17)), 1)), "application/json", 413),
        ("a=1", "text/plain", 415),
    ],
)
async def test_what_is_no_form(hook: Hook, body: str | bytes, content_type: str, status: int) -> None:
    assert (await hook.post(body, content_type)).status == status


async def test_a_cameras_door_takes_what_cameras_send(hook: Hook) -> None:
    body = urlencode(hook.served.fields())
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert (await hook.served.ask("POST", hook.served.path, body.encode(), headers)).status == 415


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"sunmi_shop_no": "1"}, "sunmi_shop_no is '1', and not 100939020409"),
        ({"event": "2002"}, "event is '2002', and only 2001 was asked for"),
        ({"payload": "{bare: 1}"}, "the payload is not JSON"),
        ({"payload": {**PAYLOAD, "face_id": None}}, "face_id is missing"),
        ({"payload": {**PAYLOAD, "ipc_id": " "}}, "ipc_id is missing"),
        ({"payload": {**PAYLOAD, "ipc_id": True}}, "ipc_id is missing"),
    ],
)
async def test_what_is_of_no_use_is_not_sent_again(hook: Hook, fields: dict[str, Any], words: str) -> None:
    answer = await hook.form(hook.fields(**fields))
    assert (answer.status, answer.json) == (200, {"code": 0})
    assert hook.flow.events == []
    (problem,) = hook.flow.problems
    assert problem.startswith(f"Shop {SHOP}: {words}")


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ({"group_type": 1}, ("stranger", None, None, None)),
        ({"group_type": "2"}, ("regular", None, None, None)),
        ({"group_type": 3, "group_name": "staff"}, ("member", "staff", None, None)),
        ({"group_type": 5, "gender": 0, "age_range": 8}, ("member", None, None, "56 and over")),
        ({"group_type": 77, "gender": "2", "age_range": "1"}, ("member", None, "female", "0-6")),
        # Without its kind the group's name is all that there is.
        ({"group_name": "regular", "gender": 9, "age_range": 99}, ("regular", "regular", None, None)),
        ({"group_type": [], "gender": {}, "age_range": "old"}, ("stranger", None, None, None)),
    ],
)
async def test_whoever_came(hook: Hook, payload: dict[str, Any], expected: tuple[Any, ...]) -> None:
    await hook.form(hook.fields({"ipc_id": 928, "face_id": 29195, **payload}))
    (event,) = hook.flow.events
    assert (event.event_type, event.group, event.gender, event.age_range) == expected
    assert hook.asked == ["928"]


async def test_the_answer_waits_for_the_disk(hook: Hook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ipc_bridge.bridge.door.SAFE_TIMEOUT", 0.05)
    hook.flow.is_safe = False
    answer = await hook.form(hook.fields())
    assert (answer.status, answer.headers["retry-after"]) == (503, "5")
    await eventually(lambda: len(hook.flow.events) == 1)
