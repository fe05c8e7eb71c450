"""Blocks for a minute, without letting go."""

import time

from ipc_bridge import hookimpl


@hookimpl
async def event_received():
    time.sleep(60)
