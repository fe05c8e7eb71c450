"""Fills two gigabytes."""

from ipc_bridge import hookimpl

MEGABYTE = 1 << 20


@hookimpl
def event_received() -> list[bytearray]:
    return [bytearray(MEGABYTE) for _ in range(2048)]
