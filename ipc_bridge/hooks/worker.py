"""``python -m ipc_bridge.hooks.worker FD BYTES``: a plugin's process, which the bridge starts and talks to on FD."""

from __future__ import annotations

import asyncio
import ctypes
import logging
import os
import resource
import signal
import socket
import sys

from ipc_bridge.hooks.frames import frame, read_frame
from ipc_bridge.hooks.guest import Guest

NICE = 10
"""Whatever a plugin does, the bridge comes first."""
OPEN_FILES = 256
_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Run until the bridge closes its end."""
    fd, memory = int(sys.argv[1]), int(sys.argv[2])
    limit(memory)
    asyncio.run(serve(socket.socket(fileno=fd)))
    # Threads that the plugin has left behind are not waited for.
    os._exit(0)


def limit(memory: int) -> None:
    """Bound what this process may use: ``memory`` in bytes of address space, open files, and its share of the CPU."""
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES, OPEN_FILES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.nice(NICE)
    # A loop without an end would not notice that the bridge is gone.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


async def serve(sock: socket.socket) -> None:
    """Be the guest at the other end of ``sock``."""
    reader, writer = await asyncio.open_unix_connection(sock=sock)
    guest = Guest(lambda message: writer.write(frame(message)))
    root = logging.getLogger()
    root.handlers = [_ToBridge(guest)]
    root.setLevel(logging.DEBUG)
    running = asyncio.create_task(guest.run())
    # A task takes its first step later; what is asked for needs it ready.
    await asyncio.sleep(0)
    while (message := await read_frame(reader)) is not None:
        guest.peer.receive(message)
    guest.stop()
    await running


class _ToBridge(logging.Handler):
    """Hands log lines to the bridge."""

    def __init__(self, guest: Guest) -> None:
        super().__init__()
        self._guest = guest
        self._loop = asyncio.get_running_loop()

    def emit(self, record: logging.LogRecord) -> None:
        line = {"level": record.levelno, "logger": record.name, "message": self.format(record)}
        self._loop.call_soon_threadsafe(self._guest.peer.tell, "log", line)


if __name__ == "__main__":
    main()
