"""Requests as they come over MQTT, and the one answer that each of them gets."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import orjson

from ipc_bridge.bridge.publisher import Publisher
from ipc_bridge.errors import (
    BridgeError,
    CommandError,
    CredentialsError,
    FileTooLargeError,
    NoAnswerError,
    ParameterError,
    PayloadError,
    RefusedError,
    ReplyError,
)
from ipc_bridge.mqtt.connection import Received
from ipc_bridge.mqtt.topics import is_name
from ipc_bridge.wire.payload import decode_object

log = logging.getLogger(__name__)

MAX_REQUEST = 2 * 1024 * 1024
"""Bytes of a request: a picture of the camera's largest size in base64, and room for the rest."""
MAX_UNDER_WAY = 500
"""Requests under way at a time, one for each camera of the largest site: more are a loop somewhere, not a person."""
MAX_BYTES_UNDER_WAY = 16 * MAX_REQUEST
"""Bytes of them together: pictures for many cameras wait for each other before they fill a small machine's memory."""

STOPPING = "the bridge is stopping"

Transaction = str | int | float | None


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked: ``params`` without the transaction, and the payload as it came."""

    params: dict[str, Any]
    transaction: Transaction = None
    payload: bytes = b""


CarryOut = Callable[[Request], Awaitable[Any]]
"""Does what was asked and returns the answer's data.

Raises:
    BridgeError: it is not done; why. See :func:`judge`.
"""


def _check_size(payload: bytes) -> bytes:
    """Return ``payload``.

    Raises:
        CommandError: it is too large.
    """
    if len(payload) > MAX_REQUEST:
        raise CommandError("too_large", f"the request has {len(payload)} bytes, and may have {MAX_REQUEST}")
    return payload


def read_request(payload: bytes) -> Request:
    """Decode a request that is a JSON object; an empty payload asks without parameters.

    Raises:
        CommandError: it is none. ``transaction`` is then unknown.
    """
    if not payload.strip():
        return Request({}, payload=payload)
    try:
        params = decode_object(payload)
    except PayloadError as error:
        raise CommandError(
            "invalid", f'{error}; a request is a JSON object, such as {{}} or {{"sn": "..."}}'
        ) from error
    transaction = params.pop("transaction", None)
    if isinstance(transaction, bool) or not isinstance(transaction, Transaction):
        raise CommandError("invalid", "transaction must be text or a number")
    return Request(params, transaction, payload)


def read_plain(payload: bytes) -> Request:
    """Take a payload that is no JSON object, and has no transaction."""
    return Request({}, payload=payload)


def judge(error: BridgeError) -> CommandError:
    """Say by the contract's words why something is not done."""
    message = str(error)
    match error:
        case CommandError():
            return error
        case FileTooLargeError():
            return CommandError("too_large", message)
        case ParameterError():
            return CommandError("invalid", message)
        case RefusedError(code=code, name=name):
            return CommandError("auth" if isinstance(error, CredentialsError) else "camera", message, code, name)
        case ReplyError():
            return CommandError("camera", message)
        case NoAnswerError():
            return CommandError("timeout", message)
        case _:
            return CommandError("offline", message)


def ok_payload(data: Any, transaction: Transaction) -> bytes:
    """The answer of a request that was carried out."""
    return orjson.dumps({"status": "ok", "transaction": transaction, "data": {} if data is None else data})


def error_payload(error: CommandError, transaction: Transaction) -> bytes:
    """The answer of one that was not."""
    reason = {"kind": error.kind, "code": error.code, "name": error.name, "message": str(error)}
    return orjson.dumps({"status": "error", "transaction": transaction, "error": reason})


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request that waits for its answer."""

    received: Received
    topic: str
    failed: Callable[[], None]
    transaction: Transaction = None


class Answerer:
    """Carries requests out and answers each exactly once, within a time.

    Args:
        publisher: where answers go.
        timeout: ``commands.timeout`` in seconds.
    """

    def __init__(self, publisher: Publisher, timeout: float) -> None:
        self._publisher = publisher
        self._timeout = timeout
        self._under_way: dict[asyncio.Task[Any], int] = {}
        """With the bytes of each."""
        self._is_stopping = False

    async def run(self) -> None:
        """Wait until cancelled; what is under way then is ended with it, and nothing more begun."""
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            self._is_stopping = True
            for task in self._under_way:
                task.cancel()
            if self._under_way:
                await asyncio.wait(self._under_way)

    def answer(
        self,
        received: Received,
        topic: str,
        carry_out: CarryOut,
        read: Callable[[bytes], Request] = read_request,
        failed: Callable[[], None] = lambda: None,
    ) -> None:
        """Carry ``received`` out and answer on ``topic``, or where it asks for the answer.

        Args:
            received: the message.
            topic: where its answer goes.
            carry_out: does it.
            read: decodes its payload.
            failed: called once an error was the answer.
        """
        if received.retained:
            log.warning(
                "%s: a retained request is not carried out: clear it while the bridge is stopped, because an empty "
                "message is a request, too; and send it without retain",
                received.topic,
            )
            return
        if received.response_topic is not None and is_name(received.response_topic):
            topic = received.response_topic
        asked = _Asked(received, topic, failed)
        size = len(received.payload)
        try:
            request = read(_check_size(received.payload))
            asked = replace(asked, transaction=request.transaction)
            self._check_room(size)
        except CommandError as error:
            self._refuse(asked, error)
            return
        task = asyncio.create_task(self._carry_out(carry_out, request), name=received.topic)
        self._under_way[task] = size
        task.add_done_callback(partial(self._done, asked))

    def _check_room(self, size: int) -> None:
        """Refuse what is too much, or too late.

        Raises:
            CommandError: it is.
        """
        if self._is_stopping:
            raise CommandError("offline", STOPPING)
        if len(self._under_way) >= MAX_UNDER_WAY or sum(self._under_way.values()) + size > MAX_BYTES_UNDER_WAY:
            raise CommandError("busy", f"{len(self._under_way)} requests are under way: ask later")

    async def _carry_out(self, carry_out: CarryOut, request: Request) -> bytes:
        async with asyncio.timeout(self._timeout):
            return ok_payload(await carry_out(request), request.transaction)

    def _done(self, asked: _Asked, task: asyncio.Task[bytes]) -> None:
        """Answer by what became of the task, even if it was cancelled before it began."""
        del self._under_way[task]
        error = CommandError("offline", STOPPING) if task.cancelled() else task.exception()
        if error is None:
            self._send(asked, task.result())
        elif isinstance(error, BridgeError):
            self._refuse(asked, judge(error))
        elif isinstance(error, TimeoutError):
            self._refuse(
                asked, CommandError("timeout", f"not carried out within commands.timeout ({self._timeout:g} s)")
            )
        else:
            log.error("%s: a bug in the bridge; please report it", asked.received.topic, exc_info=error)
            self._refuse(asked, CommandError("camera", "a bug in the bridge, see its log"))

    def _send(self, asked: _Asked, answer: bytes) -> None:
        if self._publisher.fits(asked.topic, answer, asked.received.correlation):
            self._publisher.send(asked.topic, answer, asked.received.correlation)
        else:
            too_large = CommandError("too_large", f"the answer has {len(answer)} bytes, more than the broker takes")
            self._refuse(asked, too_large)

    def _refuse(self, asked: _Asked, error: CommandError) -> None:
        log.info("%s: %s: %s", asked.received.topic, error.kind, error)
        correlation = asked.received.correlation
        answer = error_payload(error, asked.transaction)
        if not self._publisher.fits(asked.topic, answer, correlation):
            # Only a transaction can be that long.
            answer = error_payload(error, None)
        self._publisher.send(asked.topic, answer, correlation)
        asked.failed()
