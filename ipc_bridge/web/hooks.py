"""Receives what cameras and the cloud post: ``POST /hook/<path>``, answered once the event is safe."""

from __future__ import annotations

from aiohttp import HttpVersion11, web

from ipc_bridge.bridge.door import Door
from ipc_bridge.bridge.hook_doors import HookDoors
from ipc_bridge.errors import HookRefusedError
from ipc_bridge.web.forms import check_head, read_fields

RETRY_AFTER = "5"
"""Seconds after which a camera may post again what there was no room for."""


class HookReceiver:
    """The HTTP side of :class:`~ipc_bridge.bridge.hook_doors.HookDoors`.

    Args:
        doors: where posts go in.
    """

    def __init__(self, doors: HookDoors) -> None:
        self._doors = doors

    async def receive(self, request: web.Request) -> web.Response:
        """Take one post in, or refuse it."""
        door: Door | None = None
        try:
            door = self._doors.find(request.match_info["path"])
            # The connection's own address: what a header says of it, anybody can write.
            door.check_address(request.remote)
            check_head(request, door.content_types)
            with door.entered():
                await _continue(request)
                await door.take(await read_fields(request))
        except HookRefusedError as error:
            self._doors.count_refused(error, request.remote, door)
            return _refuse(error)
        self._doors.received += 1
        return web.json_response({"code": 0})


async def expect(request: web.Request) -> None:
    """Look at ``Expect``: what it asks for is sent by the receiver, once the head of the post is right."""
    if request.headers["Expect"].lower() != "100-continue":
        raise web.HTTPExpectationFailed


async def _continue(request: web.Request) -> None:
    if "Expect" in request.headers and request.version == HttpVersion11:
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        # That was not the answer yet.
        request.writer.output_size = 0


def _refuse(error: HookRefusedError) -> web.Response:
    response = web.json_response({"code": error.status, "message": str(error)}, status=error.status)
    if error.status == web.HTTPUnauthorized.status_code:
        response.headers["WWW-Authenticate"] = "Signature"
    if error.status in (web.HTTPTooManyRequests.status_code, web.HTTPServiceUnavailable.status_code):
        response.headers["Retry-After"] = RETRY_AFTER
    # Its body may not have been read.
    response.force_close()
    return response
