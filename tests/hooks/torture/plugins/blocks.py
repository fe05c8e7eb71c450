"""Blocks for a minute, without letting go."""

import time

from ipc_bridge import hookimpl


@hookimpl
async def event_received() -> None:
    time.sleep(60)  # noqa: ASYNC251 - its mischief
