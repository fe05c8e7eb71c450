"""The bridge's end of one plugin: calls it, each time with a limit, and ends it where it does not come back."""

from __future__ import annotations

import abc
import asyncio
import logging
from typing import Any

from ipc_bridge.errors import CommandError, PluginFailedError, PluginGoneError, PluginOverdueError
from ipc_bridge.hooks.peer import Call, Peer
from ipc_bridge.hooks.rate import LOG_RATE, Rate

log = logging.getLogger(__name__)

GRACE = 1.0
"""Seconds that a call which was stopped has for its end. Whoever takes longer blocks, or does not want to end."""
MAX_LINE = 8192
"""Characters of what a plugin has logged, or why it failed."""
STOP_SECONDS = 0.5
"""Seconds that a plugin has to end when it is told to, behind its ``shutdown`` hook."""


class Serve(abc.ABC):
    """Who does what plugins ask of the bridge, and hears what they tell."""

    @abc.abstractmethod
    async def do(self, operation: str, arguments: dict[str, Any]) -> Any:
        """Do it.

        Raises:
            CommandError: it is not done.
        """

    @abc.abstractmethod
    def failed(self, reason: str) -> None:
        """Something failed that nobody waits for."""


class Host(abc.ABC):
    """One life of one plugin: opened once, and gone when it ends, by whatever cause.

    Args:
        name: the plugin's.
        serve: who does what it asks for.
        deadline: seconds that a call may take.
    """

    def __init__(self, name: str, serve: Serve, deadline: float) -> None:
        self.name = name
        self.deadline = deadline
        self.gone: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        """Why it is gone."""
        self._serve = serve
        self._loop = asyncio.get_running_loop()
        self._lines = Rate(*LOG_RATE)
        self._peer = Peer(self._send, serve.do, self._told)

    @abc.abstractmethod
    async def open(self) -> None:
        """Start it, empty.

        Raises:
            PluginGoneError: it does not start.
        """

    async def call(self, method: str, arguments: Any, limit: float | None = None) -> Any:
        """Have the plugin do something.

        Args:
            method: a hook, or one of the guest's own.
            arguments: what can be JSON.
            limit: seconds; the deadline unless it is given.

        Raises:
            PluginError: it failed, took too long, or is gone.
        """
        try:
            return await self._call(method, arguments, self.deadline if limit is None else limit)
        except CommandError as error:
            where = "".join(getattr(error, "__notes__", ()))
            raise PluginFailedError(f"CommandError: {error}{where}") from error

    async def command(self, verb: str, params: dict[str, Any]) -> Any:
        """Call a verb; what it asks of the bridge may be refused.

        Raises:
            PluginError, CommandError: it is not done.
        """
        return await self._call("verb", {"verb": verb, "params": params}, self.deadline)

    async def stop(self) -> None:
        """End it in order, and by force where that takes too long."""
        if not self.gone.done():
            self._ask_to_end()
            await asyncio.wait([self.gone], timeout=STOP_SECONDS)
        self.kill("it was stopped")

    @abc.abstractmethod
    def kill(self, reason: str) -> None:
        """End it now, whatever it does; it is gone at once."""

    # For those who know where it runs.

    @abc.abstractmethod
    def _send(self, message: bytes) -> None:
        """Hand over a message."""

    @abc.abstractmethod
    def _ask_to_end(self) -> None:
        """Have the guest stop."""

    def _receive(self, message: bytes) -> None:
        """Take a message of the guest."""
        if self.gone.done():
            return
        try:
            self._peer.receive(message)
        except (ValueError, TypeError) as error:
            self.kill(f"it sent what is no message: {error}")

    def _ended(self, reason: str) -> bool:
        """It is gone; return whether that is news."""
        if self.gone.done():
            return False
        self.gone.set_result(reason)
        self._peer.close(PluginGoneError(reason))
        return True

    # The inside.

    async def _call(self, method: str, arguments: Any, limit: float) -> Any:
        call = self._peer.ask(method, arguments)
        try:
            async with asyncio.timeout(limit):
                return await asyncio.shield(call.answer)
        except TimeoutError:
            self._peer.stop(call)
            if limit < self.deadline:
                # Somebody waits. That it is busy with something else is no reason to end it, before the deadline.
                self._loop.call_later(self.deadline - limit + GRACE, self._judge, call, method)
            else:
                await asyncio.wait([call.answer], timeout=GRACE)
                self._judge(call, method)
            raise PluginOverdueError(f"{method} took longer than {limit:g} s") from None
        except asyncio.CancelledError:
            self._peer.stop(call)
            raise

    def _judge(self, call: Call, method: str) -> None:
        if not call.answer.done():
            self.kill(f"{method} did not end within {self.deadline:g} s, and not when it was stopped")

    def _told(self, method: str, arguments: dict[str, Any]) -> None:
        if not self._lines.try_take():
            # Whoever tells so much fills the disk with it.
            return
        match method, arguments:
            case "failed", {"reason": str(reason)}:
                self._serve.failed(reason[:MAX_LINE])
            case "log", {"level": int(level), "logger": str(logger), "message": str(message)}:
                name = f"ipc_bridge.plugin.{self.name}"
                prefix = "" if logger == name else f"{logger}: "
                logging.getLogger(name).log(level, "%s%s", prefix, message[:MAX_LINE])
