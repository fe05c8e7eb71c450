"""Requests, and the one answer that each of them gets."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from ipc_bridge.bridge import answers as module
from ipc_bridge.bridge.answers import Answerer, Request, judge, read_plain, read_request
from ipc_bridge.device.refusal import refusal
from ipc_bridge.errors import (
    BridgeError,
    CertificateError,
    CommandError,
    FileTooLargeError,
    NoAnswerError,
    ParameterError,
    ReplyError,
    UnreachableError,
)
from ipc_bridge.mqtt.connection import Received
from tests.bridge.rig import Rig
from tests.mqtt.broker import Listener, eventually, mosquitto
from tests.mqtt.fake_broker import FakeBroker, fake_broker

ASK, ANSWER = "test/request", "test/response"
NEVER = 3600.0


def asked(payload: bytes = b"{}", **changes: Any) -> Received:
    return Received(**{"topic": ASK, "payload": payload, "retained": False, **changes})


class Desk:
    """An answerer with a publisher, and how often it was told of a failure."""

    def __init__(self, timeout: float = NEVER) -> None:
        self.rig = Rig()
        self.answerer = Answerer(self.rig.publisher, timeout)
        self.failures = 0

    def ask(
        self,
        carry_out: Callable[[Request], Awaitable[Any]],
        received: Received | None = None,
        read: Callable[[bytes], Request] = read_request,
    ) -> None:
        self.answerer.answer(received or asked(), ANSWER, carry_out, read, failed=self._failed)

    def _failed(self) -> None:
        self.failures += 1


@contextlib.asynccontextmanager
async def desk_and_broker(timeout: float = NEVER) -> AsyncIterator[tuple[Desk, FakeBroker]]:
    desk = Desk(timeout)
    async with fake_broker() as broker, desk.rig.connected(broker.port):
        await eventually(lambda: desk.rig.publisher._connection is not None)
        yield desk, broker


async def echo(request: Request) -> dict[str, Any]:
    return request.params


async def forever(_request: Request) -> None:
    await asyncio.get_running_loop().create_future()


def answers(broker: FakeBroker) -> list[dict[str, Any]]:
    return [json.loads(one.payload) for one in broker.publications]


async def test_an_answer() -> None:
    async with desk_and_broker() as (desk, broker):
        desk.ask(echo, asked(b'{"a": 1, "transaction": "t"}'))
        await broker.published(1)
        assert (broker.publications[0].topic, broker.publications[0].retain) == (ANSWER, False)
        desk.ask(echo, asked(b""))
        desk.ask(echo, asked(b"\xff"), read_plain)
        await broker.published(3)
        assert [one.payload for one in broker.publications] == [
            b'{"status":"ok","transaction":"t","data":{"a":1}}',
            b'{"status":"ok","transaction":null,"data":{}}',
            b'{"status":"ok","transaction":null,"data":{}}',
        ]
    assert desk.failures == 0


async def test_the_payload_as_it_came() -> None:
    assert read_plain(b" ON").payload == b" ON"
    assert read_request(b'{"transaction": 1}') == Request({}, 1, b'{"transaction": 1}')


@pytest.mark.parametrize(
    ("error", "kind", "code", "name"),
    [
        (CommandError("busy", "x"), "busy", None, None),
        (ParameterError("x"), "invalid", None, None),
        (FileTooLargeError("x"), "too_large", None, None),
        (refusal("x", 1), "auth", 1, "APPID_INVALID"),
        (refusal("x", 5), "auth", 5, "SECRET_KEY_INVALID"),
        (refusal("x", 113), "camera", 113, "LENS_IRMODE_PARAM_INVALID"),
        (refusal("x", 4711), "camera", 4711, None),
        (ReplyError("x"), "camera", None, None),
        (NoAnswerError("x"), "timeout", None, None),
        (UnreachableError("x"), "offline", None, None),
        (CertificateError("x"), "offline", None, None),
    ],
)
async def test_why_something_is_not_done(error: BridgeError, kind: str, code: int | None, name: str | None) -> None:
    async def fails(_request: Request) -> None:
        raise error

    assert str(judge(error)) == str(error)
    async with desk_and_broker() as (desk, broker):
        desk.ask(fails, asked(b'{"transaction": 2.5}'))
        await broker.published(1)
        expected = {"kind": kind, "code": code, "name": name, "message": str(error)}
        assert answers(broker) == [{"status": "error", "transaction": 2.5, "error": expected}]
    assert desk.failures == 1


async def test_a_bug_is_answered_too(caplog: pytest.LogCaptureFixture) -> None:
    async def has_a_bug(_request: Request) -> None:
        raise KeyError("x")

    async with desk_and_broker() as (desk, broker):
        desk.ask(has_a_bug)
        await broker.published(1)
        assert "bug in the bridge" in answers(broker)[0]["error"]["message"]
    assert desk.failures == 1
    assert "KeyError" in caplog.text


async def test_what_takes_too_long() -> None:
    async with desk_and_broker(0.05) as (desk, broker):
        desk.ask(forever, asked(b'{"transaction": 1}'))
        await broker.published(1)
        (answer,) = answers(broker)
        assert (answer["transaction"], answer["error"]["kind"]) == (1, "timeout")
        assert "commands.timeout (0.05 s)" in answer["error"]["message"]
    assert desk.failures == 1


async def test_the_end_answers_what_is_under_way() -> None:
    async with desk_and_broker() as (desk, broker):
        running = asyncio.create_task(desk.answerer.run())
        desk.ask(forever, asked(b'{"transaction": 1}'))
        desk.ask(echo)
        await broker.published(1)
        # One that has not begun yet, and one that comes too late.
        desk.ask(echo, asked(b'{"transaction": 2}'))
        list(desk.answerer._under_way)[-1].cancel()
        running.cancel()
        await asyncio.wait([running])
        desk.ask(echo, asked(b'{"transaction": 3}'))
        await broker.published(4)
        _first, *others = answers(broker)
        assert {one["transaction"] for one in others} == {1, 2, 3}
        assert [one["error"]["kind"] for one in others] == ["offline"] * 3
        assert not desk.answerer._under_way


async def test_retained_requests_are_not_answered(caplog: pytest.LogCaptureFixture) -> None:
    async with desk_and_broker() as (desk, broker):
        desk.ask(echo, asked(retained=True))
        desk.ask(echo)
        await broker.published(1)
        assert await desk.rig.publisher.drained(5)
        assert len(broker.publications) == 1
    assert f"{ASK}: a retained request is not carried out" in caplog.text


@pytest.mark.parametrize("read", [read_request, read_plain])
async def test_requests_that_are_too_large(read: Callable[[bytes], Request]) -> None:
    async with desk_and_broker() as (desk, broker):
        desk.ask(echo, asked(b" " * module.MAX_REQUEST), read)
        desk.ask(echo, asked(b" " * (module.MAX_REQUEST + 1)), read)
        await broker.published(2)
        kinds = [one["error"]["kind"] if one["status"] == "error" else "ok" for one in answers(broker)]
        assert sorted(kinds) == ["ok", "too_large"]


async def test_more_at_a_time_than_a_person_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_UNDER_WAY", 2)
    monkeypatch.setattr(module, "MAX_BYTES_UNDER_WAY", 100)
    async with desk_and_broker() as (desk, broker):
        desk.ask(forever)
        desk.ask(forever)
        desk.ask(echo)
        await broker.published(1)
        assert answers(broker)[0]["error"]["kind"] == "busy"
    async with desk_and_broker() as (desk, broker):
        desk.ask(forever, asked(b" " * 60))
        desk.ask(echo, asked(b" " * 60))
        await broker.published(1)
        desk.ask(echo)
        await broker.published(2)
        assert [one["status"] for one in answers(broker)] == ["error", "ok"]


async def test_over_mqtt_5_the_answer_goes_where_it_is_wanted(tmp_path: Path) -> None:
    desk = Desk()
    desk.rig.publisher.subscribe(ASK, lambda received: desk.ask(echo, received))
    async with mosquitto(tmp_path) as broker, Listener(broker.port) as listener, desk.rig.connected(broker.port):
        await eventually(lambda: desk.rig.publisher._connection is not None)
        desk.rig.publisher.retain("test/ready", b"x")
        await listener.hears_topic("test/ready")
        listener.publish(ASK, b'{"a": 1}', response_topic="test/elsewhere", correlation=b"\x00\xff")
        listener.publish(ASK, b"[]", response_topic="test/elsewhere", correlation=b"2")
        listener.publish(ASK, b'{"a": 3}', correlation=b"3")
        listener.publish(ASK, b'{"a": 4}', response_topic="test/elsewhere")
        await listener.hears(lambda: listener.topics.count("test/elsewhere") == 3 and ANSWER in listener.topics)
        heard = [one for one in listener.messages if one.topic in ("test/elsewhere", ANSWER)]
        assert sorted((one.topic, one.correlation) for one in heard if one.correlation) == [
            ("test/elsewhere", b"\x00\xff"),
            ("test/elsewhere", b"2"),
            (ANSWER, b"3"),
        ]
        assert {json.loads(one.payload)["status"] for one in heard} == {"ok", "error"}


@pytest.mark.parametrize("topic", ["", "test/+", "#", "a\0b", "x" * 65_536])
async def test_a_response_topic_that_is_none(topic: str) -> None:
    async with desk_and_broker() as (desk, broker):
        desk.ask(echo, asked(response_topic=topic))
        await broker.published(1)
        assert broker.publications[0].topic == ANSWER


async def test_answers_that_the_broker_does_not_take(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    desk = Desk()

    async def much(_request: Request) -> dict[str, str]:
        return {"a": "x" * 1000}

    options = ("allow_anonymous true", "max_packet_size 1000")
    async with (
        mosquitto(tmp_path, *options) as broker,
        Listener(broker.port) as listener,
        desk.rig.connected(broker.port),
    ):
        await eventually(lambda: desk.rig.publisher._connection is not None)
        desk.ask(much, asked(b'{"transaction": 1}'))
        # Not even the error fits with such a transaction.
        desk.ask(echo, asked(b'{"transaction": "%s"}' % (b"x" * 1000)))
        desk.ask(echo, asked(b"{}", correlation=bytes(1000)))
        await listener.hears(lambda: len(listener.messages) == 2)
        assert await desk.rig.publisher.drained(5)
        assert [(json.loads(one.payload)["transaction"]) for one in listener.messages] == [1, None]
        assert [json.loads(one.payload)["error"]["kind"] for one in listener.messages] == ["too_large"] * 2
    # With correlation data that long there is no way to answer.
    assert f"{ANSWER}: " in caplog.text
    assert desk.failures == 3
