"""A plugin in a process of its own: for code that one does not trust to end, to be small or not to crash."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
from collections.abc import Mapping

from ipc_bridge.errors import PluginGoneError
from ipc_bridge.hooks.frames import MAX_FRAME, frame, read_frame
from ipc_bridge.hooks.host import Host, Serve
from ipc_bridge.hooks.rate import LOG_RATE, Rate

MAX_HANDLED = 64
"""What it may ask of the bridge at a time; more is not read before some of it is done."""
PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "PYTHONPATH", "PYTHONHOME")
"""What it gets of the environment, which may hold the bridge's secrets."""
MESSAGES = (2_000.0, 4_000)
"""Messages, or kilobytes of them, that are read of it a second, and at once: a flood would hold up the bridge."""
CLEAN_UP_SECONDS = 1.0


class ProcessHost(Host):
    """A plugin's process.

    Args:
        name: the plugin's.
        serve: who does what it asks for.
        deadline: seconds that a call may take.
        memory: bytes that it may use.
        environment: the bridge's own.
    """

    def __init__(
        self, name: str, serve: Serve, deadline: float, memory: int, environment: Mapping[str, str] = os.environ
    ) -> None:
        super().__init__(name, serve, deadline)
        self._memory = memory
        self._environment = {key: environment[key] for key in PASSED_ON if key in environment}
        self._writer: asyncio.StreamWriter | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._is_ending = False
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self) -> None:
        """See :class:`Host`."""
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                self._process = process = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-P", "-m", "ipc_bridge.hooks.worker", str(theirs.fileno()), str(self._memory)),
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=asyncio.subprocess.STDOUT,
                    pass_fds=[theirs.fileno()],
                    # What it starts ends with it, and Ctrl-C is the bridge's.
                    start_new_session=True,
                    # Each arena of glibc counts as 64 MB that are used.
                    env={**self._environment, "MALLOC_ARENA_MAX": "2"},
                )
            except OSError as error:
                ours.close()
                raise PluginGoneError(f"its process cannot be started: {error}") from error
        reader, self._writer = await asyncio.open_unix_connection(sock=ours)
        self._tasks = [
            asyncio.create_task(self._read(reader), name=f"plugin {self.name}"),
            asyncio.create_task(self._log_output(process), name=f"output of plugin {self.name}"),
            asyncio.create_task(self._wait(process), name=f"process of plugin {self.name}"),
        ]

    def kill(self, reason: str) -> None:
        """See :class:`Host`."""
        self._ended(reason)
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    async def stop(self) -> None:
        """See :class:`Host`."""
        await super().stop()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=CLEAN_UP_SECONDS)
        for task in self._tasks:
            # Who holds the other end of its output open has left its session.
            task.cancel()

    def _send(self, message: bytes) -> None:
        if self._writer is not None and not self._is_ending:
            self._writer.write(frame(message))

    def _ask_to_end(self) -> None:
        if self._writer is not None and not self._is_ending:
            self._is_ending = True
            self._writer.write_eof()

    async def _read(self, reader: asyncio.StreamReader) -> None:
        rate = Rate(*MESSAGES)
        try:
            while (message := await read_frame(reader)) is not None:
                self._receive(message)
                await rate.wait(1 + len(message) // 1024)
                while len(self._peer.handling) >= MAX_HANDLED:
                    await asyncio.wait(self._peer.handling.values(), return_when=asyncio.FIRST_COMPLETED)
        except (OSError, ValueError) as error:
            self.kill(f"it sent what is no message of at most {MAX_FRAME} bytes: {error}")

    async def _wait(self, process: asyncio.subprocess.Process) -> None:
        status = await process.wait()
        cause = f"status {status}" if status >= 0 else signal.Signals(-status).name
        self._ended(f"its process ended ({cause})")
        # What it has started may still be there.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        if self._writer is not None:
            self._writer.close()

    async def _log_output(self, process: asyncio.subprocess.Process) -> None:
        output, rate = process.stdout, Rate(*LOG_RATE)
        assert output is not None  # noqa: S101 - a pipe was asked for
        logger = logging.getLogger(f"ipc_bridge.plugin.{self.name}")
        while True:
            try:
                line = await output.readline()
            except ValueError:
                # Longer than what is kept of a line.
                continue
            if not line:
                return
            if rate.try_take():
                logger.info("%s", line.decode(errors="replace").rstrip())
