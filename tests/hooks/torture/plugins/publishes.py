"""Publishes without an end."""

from ipc_bridge import hookimpl


@hookimpl
async def event_received(bridge):
    while True:
        await bridge.publish("torture/flood", "x" * 1000)
