"""Begins tasks that never end."""

import asyncio

from ipc_bridge import hookimpl

tasks: list[asyncio.Task[bool]] = []


@hookimpl
async def event_received() -> None:
    tasks.extend(asyncio.create_task(asyncio.Event().wait()) for _ in range(30))
