"""Begins tasks that never end."""

import asyncio

from ipc_bridge import hookimpl

tasks = []


@hookimpl
async def event_received():
    tasks.extend(asyncio.create_task(asyncio.Event().wait()) for _ in range(30))
