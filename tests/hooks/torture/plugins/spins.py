"""Never ends, and needs all of a core."""

from ipc_bridge import hookimpl


@hookimpl
def event_received() -> None:
    while True:
        pass
