"""The camera's HTTPS API: ``POST /openapi/<group>/<action>``, form-encoded and signed.

It also hands out the pictures that events point to.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import formatdate
from typing import Any
from urllib.parse import parse_qsl

import orjson
from aiohttp import web

from ipc_bridge.simulator.endpoints import ENDPOINTS, Auth, Endpoint
from ipc_bridge.simulator.pictures import JPEG, is_picture_address
from ipc_bridge.simulator.state import (
    ACTIVATION_FAILED,
    NOT_ACTIVATED,
    PARAMS_INVALID,
    URL_NOT_FOUND,
    CameraState,
    RefusalError,
)

_PREFIX = "/openapi/"
_FORM = "application/x-www-form-urlencoded"
_PUBLIC = frozenset({"app_id", "timestamp", "random", "sign"})
_MAX_FIELDS = 100
_MAX_CALLS = 1000
_SHUTDOWN_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class ApiCall:
    """One call as it came, and what it got."""

    path: str
    params: Mapping[str, str]
    code: int


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
        self._http = web.Server(self._respond, handler_cancellation=True, access_log=None)
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

    async def _respond(self, request: web.BaseRequest) -> web.StreamResponse:
        faults = self._state.faults
        await self._state.changes.wait_for(lambda: not faults.silent, timeout=None)
        if request.method == "GET" and is_picture_address(request.path_qs, self._state.settings.secret_key):
            return web.Response(body=JPEG, content_type="image/jpeg")
        path = request.path.removeprefix(_PREFIX)
        params: dict[str, str] = {}
        data: dict[str, Any] | None = None
        code = 0
        try:
            endpoint = self._find(request)
            params = await _read_form(request)
            data = self._call(endpoint, params)
        except RefusalError as refused:
            code = refused.code
        self.calls.append(ApiCall(path, params, code))
        self._state.changes.notify()
        if faults.delay:
            await asyncio.sleep(faults.delay)
        # Who reads it must not depend on the type: the documents name none.
        answer = {"code": code} if data is None else {"code": code, "data": data}
        # The Date is the camera's own, right or wrong.
        headers = {"Date": formatdate(self._state.now(), usegmt=True)}
        return web.Response(body=orjson.dumps(answer), content_type="text/plain", headers=headers)

    def _find(self, request: web.BaseRequest) -> Endpoint:
        self._state.refuse_by_fault("api")
        if request.method != "POST" or not request.path.startswith(_PREFIX):
            raise RefusalError(URL_NOT_FOUND)
        endpoint = ENDPOINTS.get(request.path.removeprefix(_PREFIX))
        if endpoint is None:
            raise RefusalError(URL_NOT_FOUND)
        return endpoint

    def _call(self, endpoint: Endpoint, params: dict[str, str]) -> dict[str, Any] | None:
        settings = self._state.settings
        if endpoint.auth is not Auth.NONE:
            self._state.check_public_params(params)
        if endpoint.auth is Auth.ACTIVATION:
            # This call's list of codes has 8 in place of 5.
            self._state.check_signature(params, settings.activation_code, ACTIVATION_FAILED)
        elif not self._state.activated:
            raise RefusalError(NOT_ACTIVATED)
        elif endpoint.auth is Auth.SIGNED:
            self._state.check_signature(params, settings.secret_key)
        private = {name: value for name, value in params.items() if name not in _PUBLIC}
        if not endpoint.required <= private.keys() <= endpoint.required | endpoint.optional:
            raise RefusalError(PARAMS_INVALID)
        return endpoint.handler(self._state, private)


async def _read_form(request: web.BaseRequest) -> dict[str, str]:
    if request.content_type != _FORM:
        raise RefusalError(PARAMS_INVALID)
    try:
        pairs = parse_qsl(
            (await request.read()).decode("ascii"),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=_MAX_FIELDS,
        )
    except ValueError as error:
        raise RefusalError(PARAMS_INVALID) from error
    params = dict(pairs)
    if len(params) != len(pairs):
        raise RefusalError(PARAMS_INVALID)
    return params
