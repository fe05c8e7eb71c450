"""Returns what nobody can use, wherever it is asked."""

from ipc_bridge import hookimpl


@hookimpl
async def event_received():
    return object()


@hookimpl
def filter_event():
    return {"time": object(), "no such detail": 1j}
