"""The cloud's API: ``POST /openapi/<path>``, form-encoded or multipart, signed, of a shop that is known."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections import deque
from email.utils import formatdate
from typing import Any

import orjson
import voluptuous as vol
from aiohttp import web

from ipc_bridge.catalog.cloud import ENDPOINTS
from ipc_bridge.catalog.endpoint import Endpoint
from ipc_bridge.simulator.calls import ApiCall, note_call
from ipc_bridge.simulator.cloud.handlers import HANDLERS, own_camera
from ipc_bridge.simulator.cloud.refusals import CloudCode
from ipc_bridge.simulator.cloud.state import CloudState
from ipc_bridge.simulator.forms import Form, read_form
from ipc_bridge.simulator.parameters import PUBLIC, decode
from ipc_bridge.simulator.refusals import Code, RefusalError

_log = logging.getLogger(__name__)

_PREFIX = "/openapi/"
_MAX_BODY = 1_000_000
_MAX_CALLS = 1000
_SHUTDOWN_SECONDS = 0.1
_NOT_SIGNED = (CloudCode.SIGNATURE, CloudCode.TIMESTAMP)


class CloudServer:
    """The HTTP server."""

    def __init__(self, state: CloudState) -> None:
        self._state = state
        self.calls: deque[ApiCall] = deque(maxlen=_MAX_CALLS)
        """The last calls, newest last."""
        self.refusals: deque[int] = deque()
        """Codes that the next calls get, whatever they are; one of three digits is HTTP's status, without a body, and 0
        lets one pass."""
        self._http: web.Server | None = None
        self._server: asyncio.Server | None = None

    async def listen(self, host: str, port: int, context: ssl.SSLContext | None) -> int:
        """Start listening and return the port.

        Raises:
            OSError: the address cannot be had.
        """
        self._http = web.Server(self._respond, handler_cancellation=True, access_log=None)
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._http, host, port, ssl=context)
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
        if self.refusals and 100 <= self.refusals[0] < 1000:
            return web.Response(status=self.refusals.popleft())
        if (request.content_length or 0) > _MAX_BODY:
            return web.Response(status=413)
        form = Form()
        data: dict[str, Any] | None = None
        code = 0
        try:
            endpoint = self._find(request)
            form = await self._read_form(request, endpoint)
            data = self._call(endpoint, form)
        except RefusalError as refused:
            code = refused.code
        call = note_call(request.path.removeprefix(_PREFIX), form, code)
        _log.info("cloud: %s", call)
        self.calls.append(call)
        self._state.changes.notify()
        return self._answer(code, data)

    def _answer(self, code: int, data: dict[str, Any] | None) -> web.Response:
        answer: dict[str, Any] = {"code": code, "msg": "" if code else "succeed", "data": None if code else data or {}}
        if self._state.settings.stray_code and data is not None and "frequency_list" in data:
            answer |= {"code": 1, "msg": ""}
        return web.Response(
            body=orjson.dumps(answer),
            status=401 if code in _NOT_SIGNED else 200,
            content_type="application/json",
            headers={"Date": formatdate(self._state.now(), usegmt=True)},
        )

    def _find(self, request: web.BaseRequest) -> Endpoint:
        endpoint = ENDPOINTS.get(request.path.removeprefix(_PREFIX))
        if request.method != "POST" or not request.path.startswith(_PREFIX) or endpoint is None:
            raise RefusalError(CloudCode.PARAMETER)
        return endpoint

    async def _read_form(self, request: web.BaseRequest, endpoint: Endpoint) -> Form:
        try:
            return await read_form(request, multipart=endpoint.multipart)
        except RefusalError as refused:
            raise RefusalError(
                CloudCode.PARAMETER if refused.code == Code.PARAMS_INVALID else refused.code
            ) from refused

    def _call(self, endpoint: Endpoint, form: Form) -> dict[str, Any] | None:
        self._state.check_sender(form.texts)
        if self.refusals and (code := self.refusals.popleft()):
            raise RefusalError(code)
        values = _read(endpoint, form)
        values.pop("shop_id", None)
        if "sunmi_shop_no" in endpoint.params:
            values["shop"] = shop = self._state.shops.get(values.pop("sunmi_shop_no"))
            if shop is None:
                raise RefusalError(CloudCode.NO_SHOP)
            if "ipc_id" in endpoint.fields:
                try:
                    values["camera"] = own_camera(
                        self._state, shop, values.pop("ipc_id", None), values.pop("ipc_sn", None)
                    )
                except RefusalError as refused:
                    raise _own_refusal(endpoint, refused.code, CloudCode.NO_DATA, CloudCode.NOT_FOUND) from refused
        return HANDLERS[endpoint.path](self._state, **values)


def _read(endpoint: Endpoint, form: Form) -> dict[str, Any]:
    """The private parameters of a call.

    Raises:
        RefusalError: one is missing, unknown or unfit, or the period is.
    """
    given = (form.texts.keys() | form.files.keys()) - PUBLIC
    if "sunmi_shop_no" in endpoint.params and "sunmi_shop_no" not in given:
        raise RefusalError(CloudCode.NO_SHOP)
    fields = endpoint.fields
    camera_missing = "ipc_id" in fields and not given & {"ipc_id", "ipc_sn"}
    if not endpoint.params.keys() <= given <= fields.keys() or camera_missing:
        raise RefusalError(CloudCode.PARAMETER)
    try:
        values = {name: decode(fields[name], name, form) for name in fields if name in given}
    except vol.Invalid as error:
        raise RefusalError(CloudCode.PARAMETER) from error
    if "start_time" in values and values["end_time"] < values["start_time"]:
        raise _own_refusal(endpoint, CloudCode.TIME, CloudCode.PARAMETER)
    if endpoint.window is not None and endpoint.window.enforced and endpoint.window.is_exceeded(values):
        raise _own_refusal(endpoint, CloudCode.TOO_LONG, CloudCode.TIME)
    return values


def _own_refusal(endpoint: Endpoint, *codes: int) -> RefusalError:
    """The first of ``codes`` that the call's documents list; where they list none of them, the general one."""
    return RefusalError(next((code for code in codes if code in endpoint.codes), CloudCode.PARAMETER))
