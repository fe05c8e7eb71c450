"""Calls the camera without an end."""

from ipc_bridge import hookimpl


@hookimpl
async def event_received(camera):
    while True:
        await camera.call("face/getGroupList")
