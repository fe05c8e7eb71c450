"""The program as a process, and configurations for it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import yaml

import ipc_bridge

PATIENCE = 20.0
"""Seconds after which what did not come will not come: a process takes one or two to start."""
STOP_SECONDS = 5.0
"""Within these the daemon promises to end."""
PROGRAM = (sys.executable, "-m", "ipc_bridge")


class Process:
    """A child with its output, read as it comes."""

    def __init__(self, child: asyncio.subprocess.Process) -> None:
        self.child = child
        self.stdout = bytearray()
        self.stderr = bytearray()
        self._changed = asyncio.Event()
        self._readers = [
            asyncio.create_task(self._read(child.stdout, self.stdout)),
            asyncio.create_task(self._read(child.stderr, self.stderr)),
        ]

    @property
    def output(self) -> str:
        return self.stdout.decode()

    @property
    def log(self) -> str:
        return self.stderr.decode()

    def say(self, line: str) -> None:
        assert self.child.stdin is not None
        self.child.stdin.write(f"{line}\n".encode())

    async def shows(self, text: str, count: int = 1) -> None:
        """Wait until its standard output or error holds ``text``.

        Raises:
            AssertionError: it ended, or did not show it in time.
        """
        try:
            async with asyncio.timeout(PATIENCE):
                while (self.output + self.log).count(text) < count:
                    assert not all(reader.done() for reader in self._readers), self.output + self.log
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise AssertionError(f"not shown: {text}\n{self.output}\n{self.log}") from None

    async def ends(self, timeout: float = PATIENCE) -> int:
        """Return its exit status, once all of its output was read."""
        async with asyncio.timeout(timeout):
            status = await self.child.wait()
        async with asyncio.timeout(PATIENCE):
            await asyncio.wait(self._readers)
        return status

    async def _read(self, stream: asyncio.StreamReader | None, into: bytearray) -> None:
        assert stream is not None
        while data := await stream.read(65536):
            into += data
            self._changed.set()
        self._changed.set()


@asynccontextmanager
async def started(
    *arguments: str, cwd: Path, program: tuple[str, ...] = PROGRAM, **environment: str
) -> AsyncIterator[Process]:
    """``ipc-bridge`` with ``arguments``; whatever is left of it is killed in the end."""
    pipe = asyncio.subprocess.PIPE
    child = await asyncio.create_subprocess_exec(
        *program,
        *arguments,
        cwd=cwd,
        stdin=pipe,
        stdout=pipe,
        stderr=pipe,
        # Installed or not, it is this one that is tested.
        env={**os.environ, "PYTHONPATH": str(Path(ipc_bridge.__file__).parents[1]), **environment},
        # Its own children end with it.
        start_new_session=True,
    )
    process = Process(child)
    try:
        yield process
    finally:
        if child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
        await process.ends()


async def finished(*arguments: str, cwd: Path, program: tuple[str, ...] = PROGRAM) -> tuple[int, str, str]:
    """Run it to its end; return exit status, standard output and standard error."""
    async with started(*arguments, cwd=cwd, program=program) as process:
        return await process.ends(), process.output, process.log


def script(text: str) -> tuple[str, ...]:
    """The program with something else done first, in place of a part that cannot be had on this machine."""
    return (sys.executable, "-c", f"{text}\nfrom ipc_bridge.cli import main\nmain(prog_name='ipc-bridge')\n")


def write_config(directory: Path, **sections: Any) -> Path:
    """A configuration on loopback addresses, changed by ``sections``."""
    path = directory / "config.yaml"
    content = {
        "mqtt": {"host": "127.30.4.1", "port": 1},
        "account": {"app_id": "demo-app", "secret_key": "demo-secret"},
        "discovery": {"enabled": False},
        "storage": {"directory": str(directory / "state")},
        "web": {"enabled": False},
        **sections,
    }
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def free_udp_port() -> int:
    """Free on every address."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("", 0))
        number: int = probe.getsockname()[1]
        return number


@contextmanager
def usual_ports_taken() -> Iterator[None]:
    """So that two demos on one machine never reach for the same: each takes free ones."""
    with contextlib.ExitStack() as stack:
        for number, kind in ((1883, 1), (8443, 1), (10021, 1), (10001, 2)):
            sock = stack.enter_context(socket.socket(socket.AF_INET, socket.SocketKind(kind)))
            with contextlib.suppress(OSError):
                sock.bind(("127.30.4.99", number))
        yield
