"""Returns what nobody can use, wherever it is asked."""

from typing import Any

from ipc_bridge import hookimpl


@hookimpl
async def event_received() -> object:
    return object()


@hookimpl
def filter_event() -> dict[str, Any]:
    return {"time": object(), "no such detail": 1j}
