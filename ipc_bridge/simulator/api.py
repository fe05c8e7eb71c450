"""The camera's HTTPS API: ``POST /openapi/<group>/<action>``, form-encoded or multipart, and signed.

It also hands out the files that events and answers point to.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections import deque
from email.utils import formatdate
from typing import Any

import orjson
from aiohttp import web

from ipc_bridge.catalog.device import ENDPOINTS
from ipc_bridge.catalog.endpoint import Auth, Endpoint
from ipc_bridge.simulator.calls import ApiCall, note_call
from ipc_bridge.simulator.files import File, fetch, first_byte
from ipc_bridge.simulator.forms import Form, read_form
from ipc_bridge.simulator.handlers import HANDLERS
from ipc_bridge.simulator.parameters import read_parameters
from ipc_bridge.simulator.refusals import Code, RefusalError
from ipc_bridge.simulator.state import CameraState

_log = logging.getLogger(__name__)

_PREFIX = "/openapi/"
_MAX_CALLS = 1000
_SHUTDOWN_SECONDS = 0.1


class ApiServer:
    """One camera's HTTPS server."""

    def __init__(self, state: CameraState) -> None:
        self._state = state
        self.calls: deque[ApiCall] = deque(maxlen=_MAX_CALLS)
        """The last calls, newest last."""
        self._http: web.Server | None = None
        self._server: asyncio.Server | None = None

    async def listen(self, host: str, port: int, context: ssl.SSLContext) -> int:
        """Start listening and return the port.

        Raises:
            OSError: the address cannot be had.
        """
        self._http = http = web.Server(
            lambda request: self._respond(http, request), handler_cancellation=True, access_log=None
        )
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._http, host, port, ssl=context, ssl_handshake_timeout=10.0)
        bound: int = self._server.sockets[0].getsockname()[1]
        return bound

    async def close(self) -> None:
        """Stop listening and cut every connection."""
        if self._server is not None:
            self._server.close()
            self._server = None
        if self._http is not None:
            await self._http.shutdown(_SHUTDOWN_SECONDS)
            self._http = None

    async def _respond(self, http: web.Server, request: web.BaseRequest) -> web.StreamResponse:
        if http is not self._http and request.transport is not None:
            # Its handshake was under way when all connections were cut.
            request.transport.abort()
            return web.Response()
        faults = self._state.faults
        await self._state.changes.wait_for(lambda: not faults.silent, timeout=None)
        if request.method == "GET" and "auth_key" in request.query:
            return await self._download(request)
        form = Form()
        data: dict[str, Any] | None = None
        code = 0
        try:
            endpoint = self._find(request)
            form = await read_form(request, multipart=endpoint.multipart)
            data = self._call(endpoint, form)
        except RefusalError as refused:
            code = refused.code
        call = note_call(request.path.removeprefix(_PREFIX), form, code)
        _log.info("%s: %s", self._state.settings.sn, call)
        self.calls.append(call)
        self._state.changes.notify()
        if faults.delay:
            await asyncio.sleep(faults.delay)
        return self._answer({"code": code} if data is None else {"code": code, "data": data})

    async def _download(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            file = fetch(self._state, request.path_qs)
        except RefusalError as refused:
            return self._answer({"code": refused.code}, status=404)
        return await self._send(request, file)

    async def _send(self, request: web.BaseRequest, file: File) -> web.StreamResponse:
        size = len(file.content)
        begin = first_byte(request.headers.get("Range"), size) if self._state.settings.serves_ranges else 0
        response = web.StreamResponse(status=206 if begin else 200)
        response.content_type = file.content_type
        response.content_length = size - begin
        if begin:
            response.headers["Content-Range"] = f"bytes {begin}-{size - 1}/{size}"
        await response.prepare(request)
        cut = self._state.faults.cut_downloads
        await response.write(file.content[begin : begin + cut] if cut else file.content[begin:])
        if cut and request.transport is not None:
            request.transport.close()
        return response

    def _answer(self, answer: dict[str, Any], status: int = 200) -> web.Response:
        # The Date is the camera's own, right or wrong.
        headers = {"Date": formatdate(self._state.now(), usegmt=True)}
        # Who reads it must not depend on the type: the documents name none.
        return web.Response(body=orjson.dumps(answer), status=status, content_type="text/plain", headers=headers)

    def _find(self, request: web.BaseRequest) -> Endpoint:
        self._state.refuse_by_fault("api")
        if request.method != "POST" or not request.path.startswith(_PREFIX):
            raise RefusalError(Code.URL_NOT_FOUND)
        endpoint = ENDPOINTS.get(request.path.removeprefix(_PREFIX))
        if endpoint is None:
            raise RefusalError(Code.URL_NOT_FOUND)
        if endpoint.models and self._state.settings.model not in {model.value for model in endpoint.models}:
            raise RefusalError(self._state.settings.unsupported)
        if (code := self._state.faults.lacking.get(endpoint.path)) is not None:
            raise RefusalError(code)
        return endpoint

    def _call(self, endpoint: Endpoint, form: Form) -> dict[str, Any] | None:
        self._check_sender(endpoint, form)
        self._check_face_service(endpoint)
        return HANDLERS[endpoint.path](self._state, **read_parameters(endpoint, form))

    def _check_sender(self, endpoint: Endpoint, form: Form) -> None:
        settings = self._state.settings
        if endpoint.auth is Auth.NONE:
            if self._state.activated:
                raise RefusalError(Code.OP_NOT_ALLOWED)
            return
        self._state.check_public_params(form.texts)
        if endpoint.auth is Auth.ACTIVATION_CODE:
            # This call's list of codes has 8 in place of 5.
            self._state.check_signature(form.texts, settings.activation_code, Code.DEVICE_ACTIVATE_FAILED)
        elif not self._state.activated:
            raise RefusalError(Code.DEVICE_NOT_ACTIVATED)
        else:
            self._state.check_signature(form.texts, settings.secret_key)

    def _check_face_service(self, endpoint: Endpoint) -> None:
        """Faces and counts are kept on the SD card: without one their service does not run."""
        if Code.FACE_SERVICE_NOT_RUNNING in endpoint.codes and not self._state.card.works:
            no_card = Code.SDCARD_NOT_PLUGGED
            raise RefusalError(no_card if no_card in endpoint.codes else Code.FACE_SERVICE_NOT_RUNNING)
