"""The event loop of a command, which signals stop."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

STOP_LIMIT = 4.5
"""Seconds after which a stop that hangs is ended for good: somebody's time-out begins at five."""

_T = TypeVar("_T")


def run_until_stopped(main_task: Callable[[asyncio.Event], Coroutine[Any, Any, _T]]) -> _T:
    """Run ``main_task`` in an event loop; SIGTERM and SIGINT set the event that it is given."""

    async def until_signalled() -> _T:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, _request_stop, stop)
        return await main_task(stop)

    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(until_signalled())


async def until(stop: asyncio.Event, work: Coroutine[Any, Any, None]) -> None:
    """Do ``work`` until it ends or ``stop`` is set."""
    working = asyncio.create_task(work)
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait([working, stopping], return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if working.done():
        await working
        return
    working.cancel()
    await asyncio.wait([working])


def _request_stop(stop: asyncio.Event) -> None:
    stop.set()
    # A thread, because what hangs may be the loop, or a name look-up that nothing can cancel.
    limit = threading.Timer(STOP_LIMIT, os._exit, [0])
    limit.daemon = True
    limit.start()


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Prefer uvloop where it is installed: a TLS connection takes an eighth of the memory."""
    try:
        import uvloop  # noqa: PLC0415 - not to be had on every machine
    except ImportError:
        return None
    return uvloop.new_event_loop
