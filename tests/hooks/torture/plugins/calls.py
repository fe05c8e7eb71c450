"""Calls the camera without an end."""

from ipc_bridge import hookimpl
from ipc_bridge.hooks import Camera


@hookimpl
async def event_received(camera: Camera) -> None:
    while True:
        await camera.call("face/getGroupList")
