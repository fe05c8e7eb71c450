"""Raises each time."""

from ipc_bridge import hookimpl


@hookimpl
async def event_received() -> None:
    raise ValueError("this plugin is broken")
