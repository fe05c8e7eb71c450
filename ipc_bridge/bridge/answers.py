"""Requests as they come over MQTT, and the one answer that each of them gets."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import orjson

from ipc_bridge.bridge.publisher import Publisher
from ipc_bridge.errors import CommandError
from ipc_bridge.mqtt.connection import Received
from ipc_bridge.mqtt.topics import is_name

log = logging.getLogger(__name__)

MAX_REQUEST = 2 * 1024 * 1024
"""Bytes of a request: a picture of the camera's largest size in base64, and room for the rest."""
MAX_UNDER_WAY = 100
"""Requests under way at a time: more are a loop somewhere, not a person."""

Transaction = str | int | float | None


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked: ``params`` without the transaction."""

    params: dict[str, Any]
    transaction: Transaction = None


def read_request(payload: bytes) -> Request:
    """Decode a request; an empty payload asks without parameters.

    Raises:
        CommandError: it is none. ``transaction`` is then unknown.
    """
    if len(payload) > MAX_REQUEST:
        raise CommandError("too_large", f"the request has {len(payload)} bytes, and may have {MAX_REQUEST}")
    if not payload.strip():
        return Request({})
    try:
        value = orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        raise CommandError("invalid", f"the request is no JSON: {error}") from error
    if not isinstance(value, dict):
        raise CommandError("invalid", 'the request is no JSON object, such as {} or {"sn": "..."}')
    transaction = value.pop("transaction", None)
    if isinstance(transaction, bool) or not isinstance(transaction, Transaction):
        raise CommandError("invalid", "transaction must be text or a number")
    return Request(value, transaction)


def ok_payload(data: Any, transaction: Transaction) -> bytes:
    """The answer of a request that was carried out."""
    return orjson.dumps({"status": "ok", "transaction": transaction, "data": {} if data is None else data})


def error_payload(error: CommandError, transaction: Transaction) -> bytes:
    """The answer of one that was not."""
    reason = {"kind": error.kind, "code": error.code, "name": error.name, "message": str(error)}
    return orjson.dumps({"status": "error", "transaction": transaction, "error": reason})


class Answerer:
    """Carries requests out and answers each exactly once, within a time.

    Args:
        publisher: where answers go.
        timeout: ``commands.timeout`` in seconds.
    """

    def __init__(self, publisher: Publisher, timeout: float) -> None:
        self._publisher = publisher
        self._timeout = timeout
        self._under_way: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Wait until cancelled; what is under way then is ended with it."""
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            for task in self._under_way:
                task.cancel()
            if self._under_way:
                await asyncio.wait(self._under_way)

    def answer(
        self, received: Received, topic: str, carry_out: Callable[[Request], Awaitable[Any]], *, plain: bool = False
    ) -> None:
        """Carry ``received`` out and answer on ``topic``, or where it asks for the answer.

        Args:
            received: the message.
            topic: where its answer goes.
            carry_out: does it and returns the answer's data; a :class:`CommandError` says why not.
            plain: the payload is not JSON, and stands in the request's ``params`` as ``payload``.
        """
        if received.retained:
            log.warning(
                "%s: a retained request is not carried out: clear it, and send it without retain", received.topic
            )
            return
        task = asyncio.create_task(self._answer(received, topic, carry_out, plain=plain), name=received.topic)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _answer(
        self, received: Received, topic: str, carry_out: Callable[[Request], Awaitable[Any]], *, plain: bool
    ) -> None:
        if received.response_topic is not None and is_name(received.response_topic):
            topic = received.response_topic
        request = Request({})
        try:
            if len(self._under_way) > MAX_UNDER_WAY:
                payload = error_payload(
                    CommandError("busy", f"{MAX_UNDER_WAY} requests are under way: ask later"), None
                )
            else:
                request = Request({"payload": received.payload}) if plain else read_request(received.payload)
                async with asyncio.timeout(self._timeout):
                    payload = ok_payload(await carry_out(request), request.transaction)
        except CommandError as error:
            log.info("%s: %s: %s", received.topic, error.kind, error)
            payload = error_payload(error, request.transaction)
        except asyncio.CancelledError:
            stopping = CommandError("offline", "the bridge is stopping")
            self._publisher.send(topic, error_payload(stopping, request.transaction), received.correlation)
            raise
        except TimeoutError:
            late = CommandError("timeout", f"not carried out within commands.timeout ({self._timeout:g} s)")
            payload = error_payload(late, request.transaction)
        except Exception:
            log.exception("%s: a bug in the bridge; please report it", received.topic)
            payload = error_payload(CommandError("camera", "a bug in the bridge, see its log"), request.transaction)
        if not self._publisher.fits(topic, payload):
            big = CommandError("too_large", f"the answer has {len(payload)} bytes, more than the broker takes")
            payload = error_payload(big, request.transaction)
        self._publisher.send(topic, payload, received.correlation)
