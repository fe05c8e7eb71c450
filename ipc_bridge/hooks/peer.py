"""One end of the way between the bridge and a plugin: both ask, both answer, and what is asked can be called off.

Messages are JSON arrays: ``["ask", number, method, arguments]``, ``["answer", number, value]``, ``["error", number,
reason]``, ``["stop", number]`` for what is not wanted any more and is answered soon, and ``["tell", method,
arguments]`` for what needs no answer. Knows nothing of threads and sockets.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import orjson

from ipc_bridge.errors import CommandError, NotNowError, PluginError, PluginFailedError, PluginRefusedError
from ipc_bridge.hooks.values import dumps

STOPPED = {"failure": "it was stopped"}
MAX_TEXT = 300
"""Characters of what an error says."""


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """Something that was asked of the other side; ``answer`` is set once it has answered, and not before."""

    number: int
    answer: asyncio.Future[Any]


class Peer:
    """This side.

    Args:
        send: hands a message to the other side.
        handle: does what the other side asks.
        told: hears what it tells.
    """

    def __init__(
        self,
        send: Callable[[bytes], None],
        handle: Callable[[str, dict[str, Any]], Awaitable[Any]],
        told: Callable[[str, dict[str, Any]], None] = lambda _method, _arguments: None,
    ) -> None:
        self.handling: dict[int, asyncio.Task[bytes]] = {}
        """What the other side waits for."""
        self._send = send
        self._handle = handle
        self._told = told
        self._loop = asyncio.get_running_loop()
        self._numbers = itertools.count(1)
        self._asked: dict[int, asyncio.Future[Any]] = {}
        self._closed: Exception | None = None

    def ask(self, method: str, arguments: Any) -> Call:
        """Ask the other side.

        Raises:
            TypeError: the arguments cannot be JSON.
        """
        number = next(self._numbers)
        message = dumps(["ask", number, method, arguments])
        answer: asyncio.Future[Any] = self._loop.create_future()
        # Whoever asked may have stopped waiting: then an error is nobody's.
        answer.add_done_callback(lambda done: done.cancelled() or done.exception())
        if self._closed is not None:
            answer.set_exception(self._closed)
        else:
            self._asked[number] = answer
            self._send(message)
        return Call(number, answer)

    def stop(self, call: Call) -> None:
        """The answer is not wanted any more; it will be there soon, if the other side is alive."""
        if self._closed is None and not call.answer.done():
            self._send(dumps(["stop", call.number]))

    async def request(self, method: str, arguments: Any) -> Any:
        """Ask the other side and wait for its answer; stops it where this is cancelled.

        Raises:
            BridgeError: what the other side raised.
            TypeError: the arguments cannot be JSON.
        """
        call = self.ask(method, arguments)
        try:
            return await asyncio.shield(call.answer)
        except asyncio.CancelledError:
            self.stop(call)
            raise

    def tell(self, method: str, arguments: Any) -> None:
        """Tell the other side something; what cannot be JSON is not told."""
        if self._closed is None:
            self._send(dumps(["tell", method, arguments]))

    def receive(self, data: bytes) -> None:
        """Take a message of the other side.

        Raises:
            ValueError: it is none; the other side cannot be trusted any more.
        """
        match orjson.loads(data):
            case ["ask", int(number), str(method), dict(arguments)] if self._closed is None:
                # By its class: a limit on tasks, which the loop's factory may set, is not for what is asked of us.
                task = asyncio.Task(self._do(number, method, arguments), loop=self._loop)
                self.handling[number] = task
                task.add_done_callback(partial(self._done, number))
            case ["answer", int(number), value]:
                self._answered(number, value, None)
            case ["error", int(number), dict(reason)]:
                self._answered(number, None, load_error(reason))
            case ["stop", int(number)]:
                if number in self.handling:
                    self.handling[number].cancel()
            case ["tell", str(method), dict(arguments)]:
                self._told(method, arguments)
            case _ if self._closed is None:
                raise ValueError("a message of an unknown kind")

    def close(self, error: Exception) -> None:
        """There is nobody on the other side any more: what is asked of it fails with ``error``."""
        self._closed = error
        for answer in self._asked.values():
            if not answer.done():
                answer.set_exception(error)
        self._asked.clear()
        for task in self.handling.values():
            task.cancel()

    async def _do(self, number: int, method: str, arguments: dict[str, Any]) -> bytes:
        try:
            return dumps(["answer", number, await self._handle(method, arguments)])
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001 - plugins raise whatever they like, SystemExit included
            return dumps(["error", number, dump_error(error)])

    def _done(self, number: int, task: asyncio.Task[bytes]) -> None:
        """Answer by what became of the task, even if it was stopped before it began."""
        del self.handling[number]
        if self._closed is None:
            self._send(dumps(["error", number, STOPPED]) if task.cancelled() else task.result())

    def _answered(self, number: int, value: Any, error: Exception | None) -> None:
        answer = self._asked.pop(number, None)
        if answer is None or answer.done():
            return
        if error is None:
            answer.set_result(value)
        else:
            answer.set_exception(error)


def dump_error(error: BaseException) -> dict[str, Any]:
    """An error as JSON."""
    match error:
        case CommandError(kind=kind, code=code, name=name):
            return {"kind": kind, "message": str(error), "code": code, "name": name, "where": place(error)}
        case PluginRefusedError(problems=problems):
            return {"problems": problems}
        case NotNowError():
            return {"not_now": " ".join(str(error).split())[:MAX_TEXT] or "it gave no reason"}
        case _:
            return {"failure": f"{describe(error)}{place(error)}"}


def load_error(reason: dict[str, Any]) -> CommandError | PluginError:
    """The error that :func:`dump_error` wrote, or that a process wrote which is not to be trusted."""
    match reason:
        case {"kind": str(kind), "message": str(message)}:
            code, name = reason.get("code"), reason.get("name")
            error = CommandError(
                kind, message, code if isinstance(code, int) else None, name if isinstance(name, str) else None
            )
            error.add_note(str(reason.get("where", "")))
            return error
        case {"problems": list(problems)}:
            found = [problem for problem in problems if isinstance(problem, list) and len(problem) == 2]
            return PluginRefusedError([(tuple(path), str(text)) for path, text in found if isinstance(path, list)])
        case {"not_now": str(why)}:
            return NotNowError(why)
        case _:
            return PluginFailedError(str(reason.get("failure", "it failed")))


def describe(error: BaseException) -> str:
    """``ValueError: what it says``, in one line that is not too long."""
    text = " ".join(str(error).split())[:MAX_TEXT]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def place(error: BaseException) -> str:
    """Where it was raised, as the last places of the way there: `` (greet.py:12 in face_recognized)``."""
    places = []
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        name = code.co_filename.rpartition("/")[2]
        if not code.co_filename.startswith((_HERE, "<frozen ")):
            places.append(f"{name}:{trace.tb_lineno} in {code.co_name}")
        trace = trace.tb_next
    return f" ({', '.join(places[-3:])})" if places else ""


_HERE = __file__.rpartition("/")[0]
