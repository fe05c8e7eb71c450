"""Publishes without an end."""

from ipc_bridge import hookimpl
from ipc_bridge.hooks import Bridge


@hookimpl
async def event_received(bridge: Bridge) -> None:
    while True:
        await bridge.publish("torture/flood", "x" * 1000)
