"""Asking and answering between two sides, without threads and sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta, timezone
from types import MappingProxyType
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipc_bridge.errors import CommandError, PluginFailedError, PluginGoneError, PluginRefusedError
from ipc_bridge.hooks.frames import MAX_FRAME, frame, read_frame
from ipc_bridge.hooks.peer import Peer, dump_error, load_error
from ipc_bridge.hooks.subjects import Setting
from ipc_bridge.hooks.values import dumps, rfc3339
from tests.mqtt.broker import eventually

Handle = Callable[[str, dict[str, Any]], Awaitable[Any]]


async def nothing(_method: str, _arguments: dict[str, Any]) -> None:
    """Does what is asked."""


def pair(handle: Handle) -> tuple[Peer, Peer, list[bytes]]:
    """One who asks, one who does it, and what was sent between them."""
    sent: list[bytes] = []

    def deliver(message: bytes, receiver: list[Peer]) -> None:
        sent.append(message)
        asyncio.get_running_loop().call_soon(receiver[0].receive, message)

    here: list[Peer] = []
    there: list[Peer] = []
    here.append(Peer(lambda message: deliver(message, there), nothing))
    there.append(Peer(lambda message: deliver(message, here), handle))
    return here[0], there[0], sent


async def test_an_answer_comes_back() -> None:
    async def handle(method: str, arguments: dict[str, Any]) -> Any:
        return [method, arguments]

    here, _there, sent = pair(handle)
    assert await here.request("greet", {"whom": "you"}) == ["greet", {"whom": "you"}]
    assert sent == [b'["ask",1,"greet",{"whom":"you"}]', b'["answer",1,["greet",{"whom":"you"}]]']


class Rude(BaseException):
    """What no ``except Exception`` catches."""


@pytest.mark.parametrize(
    ("raised", "kind", "text"),
    [
        (ValueError("no\nway"), PluginFailedError, "ValueError: no way (test_peer.py:"),
        (ValueError(), PluginFailedError, "ValueError (test_peer.py:"),
        (SystemExit(3), PluginFailedError, "SystemExit: 3 (test_peer.py:"),
        (Rude("x" * 1000), PluginFailedError, f"Rude: {'x' * 300} (test_peer.py:"),
        (CommandError("busy", "later", 7, "BUSY"), CommandError, "later"),
        (PluginRefusedError([(("a", 1), "is wrong")]), PluginRefusedError, "is wrong"),
    ],
)
async def test_an_error_comes_back(raised: BaseException, kind: type[Exception], text: str) -> None:
    async def handle(_method: str, _arguments: dict[str, Any]) -> Any:
        raise raised

    here, _there, _sent = pair(handle)
    with pytest.raises(kind) as error:
        await here.request("greet", {})
    assert str(error.value).startswith(text)
    if isinstance(error.value, CommandError):
        assert (error.value.kind, error.value.code, error.value.name) == ("busy", 7, "BUSY")
    if isinstance(error.value, PluginRefusedError):
        assert error.value.problems == [(("a", 1), "is wrong")]


async def test_an_answer_that_cannot_be_json_is_an_error() -> None:
    async def handle(_method: str, _arguments: dict[str, Any]) -> Any:
        return object()

    here, _there, _sent = pair(handle)
    with pytest.raises(PluginFailedError, match="not JSON serializable"):
        await here.request("greet", {})
    with pytest.raises(TypeError, match="not JSON serializable"):
        await here.request("greet", {"whom": object()})


async def test_what_is_called_off_is_stopped_there_and_answered() -> None:
    begun, stopped = asyncio.Event(), asyncio.Event()

    async def handle(_method: str, _arguments: dict[str, Any]) -> Any:
        begun.set()
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            stopped.set()

    here, there, _sent = pair(handle)
    asking = asyncio.create_task(here.request("greet", {}))
    await begun.wait()
    asking.cancel()
    await stopped.wait()
    with pytest.raises(asyncio.CancelledError):
        await asking
    await eventually(lambda: not there.handling)
    call = here.ask("greet", {})
    # Before it has begun, too.
    here.stop(call)
    with pytest.raises(PluginFailedError, match="it was stopped"):
        await call.answer
    here.stop(call)
    assert not there.handling


async def test_a_closed_side_fails_what_waits_and_what_comes() -> None:
    async def handle(_method: str, _arguments: dict[str, Any]) -> Any:
        await asyncio.get_running_loop().create_future()

    here, there, sent = pair(handle)
    call = here.ask("greet", {})
    await eventually(lambda: bool(there.handling))
    here.close(PluginGoneError("it went"))
    with pytest.raises(PluginGoneError, match="it went"):
        await call.answer
    with pytest.raises(PluginGoneError, match="it went"):
        await here.request("greet", {})
    count = len(sent)
    here.stop(call)
    here.tell("log", {})
    there.close(PluginGoneError("gone"))
    await eventually(lambda: not there.handling)
    here.receive(b'["ask",5,"greet",{}]')
    here.receive(b'["rubbish"]')
    assert len(sent) == count


async def test_what_is_told_needs_no_answer() -> None:
    told: list[Any] = []
    peer = Peer(lambda _message: None, nothing, lambda method, arguments: told.append((method, arguments)))
    peer.receive(b'["tell","log",{"level":20}]')
    assert told == [("log", {"level": 20})]
    Peer(lambda _message: None, nothing).receive(b'["tell","log",{}]')


NO_MESSAGES = (b"", b"{}", b"[]", b'["ask",1,2,{}]', b'["ask","1","a",{}]', b'["answer",1]', b"\xff")


@pytest.mark.parametrize("message", NO_MESSAGES)
async def test_what_is_no_message_is_refused(message: bytes) -> None:
    with pytest.raises(ValueError, match=r"unknown kind|empty|UTF-8"):
        Peer(lambda _message: None, nothing).receive(message)


@pytest.mark.parametrize("message", [b'["answer",9,1]', b'["error",9,{}]', b'["stop",9]'])
async def test_what_answers_nothing_is_passed_over(message: bytes) -> None:
    Peer(lambda _message: None, nothing).receive(message)


VALUES = st.none() | st.integers(-5, 5) | st.text() | st.lists(st.text() | st.lists(st.text()))
KEYS = st.sampled_from(("kind", "message", "code", "name", "where", "problems", "failure")) | st.text()


@given(st.dictionaries(KEYS, VALUES))
def test_any_reason_is_some_error(reason: dict[str, Any]) -> None:
    assert isinstance(load_error(reason), CommandError | PluginFailedError | PluginRefusedError)


def test_an_error_without_a_place() -> None:
    assert dump_error(ValueError("x")) == {"failure": "ValueError: x"}


# Values.


def test_values_as_json() -> None:
    time = datetime(2026, 11, 22, 18, 0, 7, 123456, timezone(timedelta(hours=1)))
    setting = Setting(sn="FS1", name="led", old="ON", new={"at": time})
    value = {"time": time, 1: MappingProxyType({"a": {"y", "x"}}), "s": setting}
    assert orjson.loads(dumps(value)) == {
        "time": "2026-11-22T17:00:07.123Z",
        "1": {"a": ["x", "y"]},
        "s": {"sn": "FS1", "name": "led", "old": "ON", "new": {"at": "2026-11-22T17:00:07.123Z"}},
    }
    assert rfc3339(datetime(2026, 1, 1, tzinfo=UTC)) == "2026-01-01T00:00:00.000Z"
    for bad in (object(), datetime(2026, 1, 1), b"x"):  # noqa: DTZ001 - it has no zone: that is the point
        with pytest.raises(TypeError):
            dumps(bad)


# Frames.


async def _read(data: bytes) -> list[bytes]:
    reader = asyncio.StreamReader()
    reader.feed_data(data)
    reader.feed_eof()
    messages = []
    while (message := await read_frame(reader)) is not None:
        messages.append(message)
    return messages


async def test_frames() -> None:
    data = frame(b"one") + frame(b"") + frame(b"three")
    assert await _read(data) == [b"one", b"", b"three"]
    assert await _read(data[:-1]) == [b"one", b""]
    with pytest.raises(ValueError, match=f"{MAX_FRAME + 1} bytes"):
        await _read((MAX_FRAME + 1).to_bytes(4, "big"))
