"""What cameras post: taken once it is safe, and refused with the right status where it is not the camera's."""

from __future__ import annotations

import asyncio
import json
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ipc_bridge.bridge import door, hook_door, hook_doors
from ipc_bridge.bridge.hook_refusals import Refusal
from ipc_bridge.simulator.posts import write_form
from ipc_bridge.web import forms
from ipc_bridge.wire.signing import sign
from tests.mqtt.broker import eventually
from tests.web.rig import Answer, Served, serving

ELSEWHERE = "127.0.0.9"


def refused(served: Served, answer: Answer, refusal: Refusal) -> bool:
    """Whether ``answer`` says this refusal, and it was counted, and nothing came through."""
    assert (answer.status, answer.json["message"]) == (refusal.status, refusal.reason)
    assert answer.headers["connection"] == "close"
    assert served.doors.refused == {refusal.kind: 1}
    assert served.doors.received == 0
    return not served.events


# The ordinary way.


async def test_a_post_is_taken(served: Served) -> None:
    fields = served.fields(payload=json.dumps({"event_id": 7, "name": "Zoë"}, ensure_ascii=False))
    answer = await served.post(fields)
    assert (answer.status, answer.json) == (200, {"code": 0})
    assert served.events == [fields["payload"].encode()]
    assert served.doors.figures() == {"received": 1, "refused": {}}
    assert answer.headers["server"] == "ipc-bridge"


async def test_the_answer_waits_for_the_disk(served: Served) -> None:
    served.is_safe = False
    posting = asyncio.create_task(served.post())
    await eventually(lambda: len(served.events) == 1)
    # Another answer comes first.
    assert (await served.ask("GET", "/health")).status == 200
    assert not posting.done()
    served.acknowledgements[0](1)
    assert (await posting).status == 200
    # A second word is of no interest.
    served.acknowledgements[0](1)


async def test_what_is_not_safe_in_time_is_to_come_again(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "SAFE_TIMEOUT", 0.05)
    served.is_safe = False
    fields = served.fields()
    answer = await served.post(fields)
    assert (answer.status, answer.headers["retry-after"]) == (503, "5")
    served.acknowledgements[0](1)
    # Word for word: it is no replay before it was answered with 200.
    served.is_safe = True
    assert (await served.post(fields)).status == 200
    assert len(served.events) == 2


async def test_expect_is_answered_before_the_body_is_sent(served: Served) -> None:
    form = write_form(served.fields())
    headers = {"Content-Type": form.content_type, "Expect": "100-continue"}
    async with served.connection() as connection:
        for _ in range(2):
            form = write_form(served.fields())
            headers["Content-Type"] = form.content_type
            connection.send(served.head("POST", served.path, form.body, headers))
            await connection.continued()
            connection.send(form.body)
            assert (await connection.answer()).status == 200
    assert len(served.events) == 2


async def test_expect_that_nobody_waits_for(served: Served) -> None:
    answer = await served.post(headers={"Expect": "100-Continue"})
    assert (answer.status, answer.continued) == (200, True)


async def test_something_else_is_expected(served: Served) -> None:
    assert (await served.post(headers={"Expect": "wonders"})).status == 417


async def test_an_old_client_is_not_told_to_go_on(served: Served) -> None:
    form = write_form(served.fields())
    head = served.head(
        "POST", served.path, form.body, {"Content-Type": form.content_type, "Expect": "100-continue"}
    ).replace(b"HTTP/1.1", b"HTTP/1.0", 1)
    async with served.connection() as connection:
        connection.send(head + form.body)
        answer = await connection.answer()
    assert (answer.status, answer.continued) == (200, False)


async def test_a_body_in_pieces(served: Served) -> None:
    form = write_form(served.fields())
    async with served.connection() as connection:
        connection.send(served.head("POST", served.path, form.body, {"Content-Type": form.content_type}))
        for byte in form.body:
            connection.send(bytes([byte]))
            await connection.writer.drain()
        assert (await connection.answer()).status == 200


async def test_fields_that_are_newer_than_the_documents_are_signed_as_well(served: Served) -> None:
    assert (await served.post(served.fields(version="2"))).status == 200
    forged = served.fields()
    assert (await served.post({**forged, "version": "2"})).status == 401


async def test_a_public_url_with_a_path() -> None:
    async with serving(public_url="http://127.0.0.1/bridge") as served:
        assert served.doors.url("x") == "http://127.0.0.1/bridge/hook/x"
        for path in (f"/bridge{served.path}", served.path):
            assert (await served.post(path=path)).status == 200


async def test_no_token_is_needed() -> None:
    async with serving(token="secret-token") as served:
        assert (await served.post()).status == 200


# Who it is.


async def test_a_path_that_is_no_cameras(served: Served) -> None:
    assert refused(served, await served.post(path="/hook/guess"), Refusal.UNKNOWN_PATH)


async def test_a_door_that_was_closed(served: Served) -> None:
    served.doors.close(served.door)
    served.doors.close(served.door)
    assert refused(served, await served.post(), Refusal.UNKNOWN_PATH)


async def test_paths_are_long_and_no_two_are_the_same() -> None:
    paths = {door.make_path(f"S{number}", key) for number in range(100) for key in ("one key", "another")}
    assert len(paths) == 200
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{32}", path) for path in paths)
    assert door.make_path("S0", "one key") in paths


async def test_another_address(served: Served) -> None:
    headers = {"X-Forwarded-For": "127.0.0.1", "Forwarded": "for=127.0.0.1", "X-Real-IP": "127.0.0.1"}
    assert refused(served, await served.post(headers=headers, source=ELSEWHERE), Refusal.WRONG_ADDRESS)


async def test_a_camera_that_is_nowhere_yet(served: Served) -> None:
    served.door.addresses = frozenset()
    assert refused(served, await served.post(), Refusal.WRONG_ADDRESS)


async def test_other_methods(served: Served) -> None:
    for method in ("GET", "PUT", "DELETE"):
        assert (await served.ask(method, served.path)).status == 405
    assert not served.events


async def test_unsigned(served: Served) -> None:
    answer = await served.post(served.fields(omit="sign"))
    assert refused(served, answer, Refusal.UNSIGNED)
    assert answer.headers["www-authenticate"] == "Signature"


async def test_an_empty_signature(served: Served) -> None:
    assert refused(served, await served.post(served.fields(sign="")), Refusal.UNSIGNED)


async def test_signed_with_another_key(served: Served) -> None:
    assert refused(served, await served.post(served.fields(key="other-secret")), Refusal.WRONG_SIGNATURE)


@pytest.mark.parametrize("name", ["app_id", "random", "timestamp", "payload"])
async def test_every_field_is_signed(served: Served, name: str) -> None:
    fields = served.fields()
    changed = {**fields, name: fields[name] + "0"}
    refusal = Refusal.WRONG_ACCOUNT if name == "app_id" else Refusal.WRONG_SIGNATURE
    assert refused(served, await served.post(changed), refusal)


async def test_another_account(served: Served) -> None:
    assert refused(served, await served.post(served.fields(app_id="other")), Refusal.WRONG_ACCOUNT)


@pytest.mark.parametrize("ago", [3600.0, 301.5, -301.5, -3600.0])
async def test_a_time_that_is_far_off(served: Served, ago: float) -> None:
    assert refused(served, await served.post(served.fields(ago=ago)), Refusal.WRONG_TIME)


@pytest.mark.parametrize("ago", [298.0, 0.0, -298.0])
async def test_a_time_that_is_near_enough(served: Served, ago: float) -> None:
    assert (await served.post(served.fields(ago=ago))).status == 200


async def test_a_camera_whose_clock_is_wrong_is_known_by_its_api(served: Served) -> None:
    served.camera_clock.measured(-3600.0)
    assert (await served.post(served.fields(ago=3600.0))).status == 200
    # It may have been set meanwhile.
    assert (await served.post(served.fields())).status == 200
    assert (await served.post(served.fields(ago=7200.0))).status == 401


@pytest.mark.parametrize("timestamp", ["", "now", "-1", "1e9", "9" * 13, "1593029283.5", "\u0661\u0662"])
async def test_a_time_that_is_none(served: Served, timestamp: str) -> None:
    assert refused(served, await served.post(served.fields(timestamp=timestamp)), Refusal.MALFORMED)


async def test_a_replay(served: Served) -> None:
    fields = served.fields()
    assert (await served.post(fields)).status == 200
    assert (await served.post(fields)).status == 403
    assert served.doors.refused == {"replayed": 1}
    assert len(served.events) == 1


async def test_two_events_with_the_same_random_number(served: Served) -> None:
    """Six digits are the same for two of a thousand events now and then: that is no replay."""
    for number in (1, 2):
        fields = served.fields(random="123456", payload=f'{{"event_id": {number}}}')
        assert (await served.post(fields)).status == 200


async def test_what_is_remembered_against_replays_is_bounded(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hook_door, "MAX_REMEMBERED", 3)
    for _ in range(5):
        assert (await served.post()).status == 200
    assert len(served.door._taken) == 3
    served.clock.now += 601.0
    assert (await served.post()).status == 200
    assert len(served.door._taken) == 1, "what is too old is refused for its time"


# What it is.


async def test_no_length(served: Served) -> None:
    answer = await served.ask("POST", served.path, headers={"Content-Type": "multipart/form-data; boundary=x"})
    assert refused(served, answer, Refusal.NO_LENGTH)


async def test_chunks_have_no_length(served: Served) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=x", "Transfer-Encoding": "chunked"}
    async with served.connection() as connection:
        connection.send(served.head("POST", served.path, headers=headers))
        assert refused(served, await connection.answer(), Refusal.NO_LENGTH)


@pytest.mark.parametrize("length", [forms.MAX_BODY + 1, 10_000_000_000, 10**18 - 1])
@pytest.mark.parametrize("expect", ["100-continue", None])
async def test_a_length_that_is_too_much(served: Served, length: int, expect: str | None) -> None:
    headers = {
        "Content-Type": "multipart/form-data; boundary=x",
        "Content-Length": str(length),
        "Expect": expect,
    }
    async with served.connection() as connection:
        connection.send(served.head("POST", served.path, headers=headers))
        answer = await connection.answer()
        assert not answer.continued
        assert refused(served, answer, Refusal.TOO_LARGE)


async def test_the_largest_post(served: Served) -> None:
    fields = served.fields()
    rest = forms.MAX_BODY - len(write_form(fields).body)
    fields = served.fields(payload=fields["payload"] + " " * rest)
    form = write_form(fields)
    assert len(form.body) == forms.MAX_BODY
    assert (await served.post(fields)).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": None},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "application/json"},
        {"Content-Type": "multipart/mixed; boundary=x"},
        {"Content-Encoding": "gzip"},
    ],
)
async def test_another_type(served: Served, headers: dict[str, str | None]) -> None:
    assert refused(served, await served.post(headers=headers), Refusal.WRONG_TYPE)


async def test_ten_thousand_parts(served: Served) -> None:
    fields = {f"part{number}": "" for number in range(10_000)}
    assert refused(served, await served.post(fields), Refusal.TOO_MANY_PARTS)


@pytest.mark.parametrize("omit", ["app_id", "random", "timestamp", "payload"])
async def test_a_field_that_is_missing(served: Served, omit: str) -> None:
    fields = served.fields()
    fields.pop(omit)
    fields["sign"] = sign(fields, "demo-secret")
    assert refused(served, await served.post(fields), Refusal.MALFORMED)


def part(name: str, text: str = "1", more: str = "") -> str:
    return f'--x\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n{text}\r\n'


@pytest.mark.parametrize(
    "body",
    [
        b"no form",
        b"--y\r\n\r\n--y--\r\n",
        (part("sign") + part("sign") + "--x--\r\n").encode(),
        part("sign").encode(),
        b"--x\r\nContent-Disposition: form-data\r\n\r\n1\r\n--x--\r\n",
        b"--x\r\n\r\n1\r\n--x--\r\n",
        b'--x\r\nContent-Disposition: form-data; name="sign"\r\n\r\n\xff\xfe\r\n--x--\r\n',
        b"--x\r\nContent-Type: multipart/mixed; boundary=y\r\n\r\n--y\r\n\r\n--y--\r\n--x--\r\n",
        b"--x\r\n" + b"A: b\r\n" * 1000 + b"\r\n\r\n--x--\r\n",
        b"--x\r\n" + b"A" * 100_000 + b"\r\n\r\n--x--\r\n",
        b"\r\n" * 10_000,
    ],
)
async def test_what_is_no_form(served: Served, body: bytes) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    assert refused(served, await served.ask("POST", served.path, body, headers), Refusal.MALFORMED)


@pytest.mark.parametrize("boundary", ["", "; boundary=", "; boundary=" + "x" * 100])
async def test_a_form_without_a_boundary(served: Served, boundary: str) -> None:
    headers = {"Content-Type": f"multipart/form-data{boundary}"}
    answer = await served.ask("POST", served.path, b"--x--\r\n", headers)
    assert answer.status in (400, 415)
    assert not served.events


async def test_whatever_comes_is_a_refusal_and_no_bug(served: Served) -> None:
    """Bodies of every kind: a bug would be answered with 500."""
    statuses: set[int] = set()
    loop = asyncio.get_running_loop()
    pieces = st.sampled_from(
        [b"--x", b"--", b"\r\n", b"\n", b"Content-Disposition", b": form-data; name=", b'"sign"', b"\xff", b"a", b";"]
    )

    @settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.lists(pieces | st.binary(max_size=8), max_size=20).map(b"".join))
    def post(body: bytes) -> None:
        headers = {"Content-Type": "multipart/form-data; boundary=x", "Content-Length": str(len(body))}
        asking = asyncio.run_coroutine_threadsafe(served.ask("POST", served.path, body, headers), loop)
        statuses.add(asking.result(10).status)

    await asyncio.to_thread(post)
    assert statuses <= {400, 401, 413}


# How it comes.


async def test_a_byte_a_second(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forms, "READ_TIMEOUT", 0.2)
    form = write_form(served.fields())
    async with served.connection() as connection:
        connection.send(served.head("POST", served.path, form.body, {"Content-Type": form.content_type}))

        async def drip() -> None:
            for byte in form.body:
                connection.send(bytes([byte]))
                await asyncio.sleep(0.02)

        dripping = asyncio.create_task(drip())
        answer = await connection.answer()
        dripping.cancel()
    assert refused(served, answer, Refusal.TOO_SLOW)


async def test_who_hangs_up_in_the_middle(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    form = write_form(served.fields())
    async with served.connection() as connection:
        connection.send(served.head("POST", served.path, form.body, {"Content-Type": form.content_type}))
        connection.send(form.body[:100])
        await connection.writer.drain()
        await eventually(lambda: served.door._under_way == 1)
    await eventually(lambda: served.doors.refused == {"broken_off": 1})
    assert served.door._under_way == 0
    assert "Traceback" not in caplog.text
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


async def test_too_many_at_once(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "MAX_UNDER_WAY", 2)
    served.is_safe = False
    first = [asyncio.create_task(served.post()) for _ in range(2)]
    await eventually(lambda: len(served.events) == 2)
    answer = await served.post()
    assert (answer.status, answer.headers["retry-after"]) == (429, "5")
    for acknowledge in served.acknowledgements:
        acknowledge(None)
    assert {(await one).status for one in first} == {200}
    served.is_safe = True
    assert (await served.post()).status == 200


async def test_a_journal_without_room(served: Served) -> None:
    served.door.is_paused = True
    assert refused(served, await served.post(headers={"Expect": "100-continue"}), Refusal.NO_ROOM)
    served.door.is_paused = False
    assert (await served.post()).status == 200


async def test_refusals_are_logged_once_a_minute(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    def lines() -> list[str]:
        return [record.getMessage() for record in caplog.records if "is refused" in record.getMessage()]

    for _ in range(3):
        await served.post(served.fields(key="other-secret"))
    await served.post(path="/hook/guess", source=ELSEWHERE)
    assert len(lines()) == 1
    assert lines()[0].startswith(f"A post from 127.0.0.1 to the hook of camera {served.door.sn} is refused: ")
    served.clock.now += hook_doors.COMPLAIN_EVERY
    await served.post(path="/hook/guess", source=ELSEWHERE)
    assert len(lines()) == 2
    assert lines()[1] == (
        f"A post from {ELSEWHERE} is refused: {Refusal.UNKNOWN_PATH.reason} (3 others were refused before)"
    )
    assert served.doors.refused == {"wrong_signature": 3, "unknown_path": 2}
    assert served.door.path not in caplog.text
