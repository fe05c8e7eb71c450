"""A plugin in a thread of the bridge, with a loop of its own: whatever blocks there stops nobody else."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ipc_bridge.errors import PluginGoneError
from ipc_bridge.hooks.guard import guard
from ipc_bridge.hooks.guest import Guest
from ipc_bridge.hooks.host import Host, Serve, log
from ipc_bridge.hooks.peer import describe

MAX_STUCK = 3
"""Threads of one plugin that did not end and cannot be ended; then it is not begun again."""
INTERRUPT_EVERY = 0.05
INTERRUPTS = 40
"""Tries to interrupt a thread, over two seconds."""
MOMENT = 0.001
"""Seconds that others may run, so that the thread gets what is raised in it."""
STEPS = 100
"""After which what is raised in the thread itself has long come."""
SWITCH_INTERVAL = 0.0005
"""Seconds after which a busy thread must let others run. Python's own 5 ms would be added to each step of an event."""


class Interrupted(BaseException):
    """Raised in the code of a plugin that is to end, wherever it is."""


def interrupt(thread: int) -> None:
    """Raise :class:`Interrupted` in a thread that runs Python code at this moment.

    One that sits in the system does not get it later either, wherever it may be then. And an exception that waits for
    its thread costs all others: up to Python 3.12 each of them looks at every step whether it is theirs, and one that
    is traced, as for coverage, looks for ever. That ends when somebody gets one: this function does, in the end.

    Args:
        thread: its ``ident``.
    """
    # No functions of ours are called in here: see above.
    target, own = ctypes.c_ulong(thread), ctypes.c_ulong(threading.get_ident())
    exception, nothing = ctypes.py_object(Interrupted), ctypes.py_object()
    raise_in = ctypes.pythonapi.PyThreadState_SetAsyncExc
    raise_in(target, exception)
    time.sleep(MOMENT)
    raise_in(target, nothing)
    try:
        raise_in(own, exception)
        for _ in range(STEPS):
            time.sleep(0)
    except Interrupted:
        return
    raise_in(own, nothing)


class ThreadHost(Host):
    """A plugin's thread.

    Args:
        name: the plugin's.
        serve: who does what it asks for.
        deadline: seconds that a call may take.
        file: the plugin's, if it is a file.
        stuck: threads of earlier lives that did not end; those of this one are put there.
    """

    def __init__(self, name: str, serve: Serve, deadline: float, file: Path, stuck: list[threading.Thread]) -> None:
        super().__init__(name, serve, deadline)
        self._file = str(file)
        self._stuck = stuck
        self._thread = threading.Thread(target=self._run, name=f"plugin {name}", daemon=True)
        self._opened: asyncio.Future[None] = self._loop.create_future()
        self._guest: Guest | None = None
        self._guest_loop: asyncio.AbstractEventLoop | None = None

    async def open(self) -> None:
        """See :class:`Host`."""
        self._stuck[:] = [thread for thread in self._stuck if thread.is_alive()]
        if len(self._stuck) >= MAX_STUCK:
            raise PluginGoneError(
                f"{MAX_STUCK} of its threads did not end and cannot be ended: mend it and restart the bridge, or give "
                "it isolation: process"
            )
        sys.setswitchinterval(min(SWITCH_INTERVAL, sys.getswitchinterval()))
        guard(self._thread)
        self._thread.start()
        await self._opened

    def kill(self, reason: str) -> None:
        """See :class:`Host`. A thread cannot be ended from outside, only asked and interrupted."""
        if self._ended(reason):
            self._ask_to_end()
            self._stuck.append(self._thread)
            self._interrupt(INTERRUPTS)

    def _send(self, message: bytes) -> None:
        if self._guest is not None:
            self._in_thread(self._guest.peer.receive, message)

    def _ask_to_end(self) -> None:
        if self._guest is not None:
            self._in_thread(self._guest.stop)

    def _in_thread(self, function: Callable[..., Any], *arguments: Any) -> None:
        # It may have ended a moment ago.
        with contextlib.suppress(RuntimeError):
            if self._guest_loop is not None:
                self._guest_loop.call_soon_threadsafe(function, *arguments)

    def _interrupt(self, tries: int) -> None:
        if not self._thread.is_alive():
            return
        if tries == 0:
            log.error("Plugin %s: its thread cannot be ended, and goes on", self.name)
            return
        plugin = self._guest.plugin if self._guest is not None else None
        own = self._file if plugin is None else plugin.folder
        # Only in code of the plugin's own, where it holds no lock that others need, as that of the log. Between the
        # look and the deed no other thread runs: who has just got Python's lock keeps it for the switch interval.
        time.sleep(0)
        frame = sys._current_frames().get(self._thread.ident or 0)  # noqa: SLF001 - the documented way
        if frame is not None and frame.f_code.co_filename.startswith(own):
            interrupt(self._thread.ident or 0)
        self._loop.call_later(INTERRUPT_EVERY, self._interrupt, tries - 1)

    # In the thread.

    def _run(self) -> None:
        reason = "its thread ended"
        try:
            with asyncio.Runner() as runner:
                runner.run(self._main())
        except BaseException as error:  # noqa: BLE001 - whatever ends a plugin ends nothing else
            reason = f"its thread ended: {describe(error)}"
        self._in_bridge(self._ended, reason)

    async def _main(self) -> None:
        self._guest_loop = asyncio.get_running_loop()
        self._guest = guest = Guest(lambda message: self._in_bridge(self._receive, message))
        self._in_bridge(self._opened.set_result, None)
        await guest.run()

    def _in_bridge(self, function: Callable[..., Any], *arguments: Any) -> None:
        # The bridge may have ended before a thread that did not want to.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(function, *arguments)
