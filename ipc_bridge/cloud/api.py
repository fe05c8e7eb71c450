"""The cloud's HTTPS API: one dispatcher for every row of its catalogue."""

from __future__ import annotations

import asyncio
import logging
import os
import ssl
from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self

import aiohttp

from ipc_bridge.calls.form import make_form
from ipc_bridge.calls.offset import NOTEWORTHY_OFFSET, offset_by
from ipc_bridge.calls.reply import decode_reply, read_bounded
from ipc_bridge.calls.session import open_session
from ipc_bridge.catalog.cloud import GET_FREQUENCY, GET_GROUP, KEYS, MAX_BODY, UPDATE_GROUP
from ipc_bridge.catalog.codes import SUCCESS
from ipc_bridge.catalog.endpoint import Endpoint
from ipc_bridge.catalog.fields import encode
from ipc_bridge.catalog.windows import END, START
from ipc_bridge.clock import Clock
from ipc_bridge.cloud.merging import merge
from ipc_bridge.cloud.pace import Pace
from ipc_bridge.cloud.refusal import refusal
from ipc_bridge.errors import (
    CertificateError,
    CredentialsError,
    FileTooLargeError,
    NoAnswerError,
    ParameterError,
    ReplyError,
    UnreachableError,
)
from ipc_bridge.logs import Once
from ipc_bridge.wire.signing import Credentials

log = logging.getLogger(__name__)

TIMEOUT = 10.0
"""Seconds for one call, without the wait for its turn."""
KEEP_CONNECTION = 10.0
"""Seconds: several calls in a row share a connection, and nothing is sent on one that the cloud is about to close."""
MAX_REPLY = 8 * 1024 * 1024
"""Bytes; the faces of a full group of 10,000 take half of it."""

_STRAY_CODE = 1
"""What the frequency call answers beside data in the documents' example."""
_GROUP_MEMBERS = {"name": "group_name", **{name: name for name in ("capacity", "description", *KEYS)}}
"""What a change of a group takes, by the names under which the group tells it."""


class CloudApi:
    """Calls to the cloud in the name of one account; an async context manager.

    Args:
        base_url: of the API, to the end of ``/openapi``, as the vendor handed it out.
        credentials: who signs.
        clock: stamps calls and says what today is.
        pace: whose turn it is.
        context: how certificates are judged; None: by the authorities that this machine trusts.
        timeout: seconds for one call.
    """

    def __init__(
        self,
        base_url: str,
        credentials: Credentials,
        clock: Clock,
        pace: Pace | None = None,
        context: ssl.SSLContext | None = None,
        timeout: float = TIMEOUT,
    ) -> None:
        self._base_url = base_url
        self._credentials = credentials
        self._clock = clock
        self._pace = pace or Pace(clock)
        self._context = context or ssl.create_default_context()
        self._timeout = timeout
        self._session: aiohttp.ClientSession | None = None
        self._changing_group = asyncio.Lock()
        self._complaints = Once()

    async def __aenter__(self) -> Self:
        self._session = open_session(aiohttp.TCPConnector(keepalive_timeout=KEEP_CONNECTION), self._timeout)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def call(self, endpoint: Endpoint, /, **params: Any) -> dict[str, Any]:
        """Make one call, with ``params`` in the vendor's form, and return its ``data`` as the cloud sent it.

        A period that is longer than one call tells of is asked for in parts, whose answers are read and become one.

        Raises:
            ParameterError: a parameter is missing, unknown or unfit; nothing was sent.
            FileTooLargeError: the request would be over the cloud's limit.
            UnreachableError: no connection, or it broke.
            NoAnswerError: no answer in time.
            CertificateError: the cloud's certificate is not to be trusted.
            CredentialsError: the account is not accepted.
            RefusedError: the cloud answered with an error code.
            ReplyError: the answer is none.
        """
        parts = endpoint.plan(params)
        self._look_at_period(endpoint, parts[0])
        if endpoint.experimental:
            message = "%s is experimental: the vendor calls it unfinished"
            self._complaints.warning(log, endpoint.path, message, endpoint.path)
        if len(parts) > 1:
            return merge(endpoint, [endpoint.read(await self._post(endpoint, values)) for values in parts])
        if endpoint is not UPDATE_GROUP:
            return await self._post(endpoint, parts[0])
        # One after the other: what was read must still be so when it is written.
        async with self._changing_group:
            return await self._post(endpoint, await self._complete_group(parts[0]))

    async def ask(self, endpoint: Endpoint, /, **params: Any) -> dict[str, Any]:
        """Make a call like :meth:`call`; return every documented member of its ``data``.

        Raises:
            DeviceError: like :meth:`call`, and ``ReplyError`` where a member is of a wrong type.
        """
        return endpoint.read(await self.call(endpoint, **params))

    def _look_at_period(self, endpoint: Endpoint, values: Mapping[str, Any]) -> None:
        window = endpoint.window
        if window is None:
            return
        today = datetime.fromtimestamp(self._clock.time(), UTC).astimezone().date().isoformat()
        if window.before_today and values[END] >= today:
            raise ParameterError(f"{END} of {endpoint.path} must be before today, {today}")
        if not window.enforced and window.is_exceeded(values):
            message = "%s from %d to %d may be refused: recordings are told of for %s at a time"
            log.warning(message, endpoint.path, values[START], values[END], window)

    async def _complete_group(self, values: dict[str, Any]) -> dict[str, Any]:
        """What stays as it is goes along with what changes: whether the cloud takes a part alone is not documented."""
        shop = {name: values[name] for name in ("sunmi_shop_no", "shop_id", "group_id") if name in values}
        group = await self.ask(GET_GROUP, **shop)
        known = {name: group[member] for name, member in _GROUP_MEMBERS.items() if group[member] is not None}
        return {**known, **values}

    async def _post(self, endpoint: Endpoint, values: Mapping[str, Any]) -> dict[str, Any]:
        where = f"{endpoint.path} in the cloud"
        async with self._pace:
            _check_size(endpoint, sum(len(one if isinstance(one, bytes) else encode(one)) for one in values.values()))
            # Stamped with the time once its turn has come.
            body = make_form(endpoint, values, self._credentials, self._clock.time())()
            _check_size(endpoint, body.size or 0)
            response, content = await self._exchange(f"{self._base_url}/{endpoint.path}", body, where)
        is_account = response.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
        try:
            reply = decode_reply(where, response.status, content)
        except ReplyError as error:
            if not is_account:
                raise
            advice = self._advise(response)
            raise CredentialsError(f"{where} answered HTTP {response.status}: {advice}", response.status) from error
        if reply.code == _STRAY_CODE and endpoint is GET_FREQUENCY and "frequency_list" in reply.data:
            self._complaints.warning(log, "stray code", "%s answered code 1 beside data: taken for success", where)
        elif reply.code != SUCCESS:
            raise refusal(endpoint.path, reply.code, reply.message, self._advise(response), is_account=is_account)
        return reply.data

    async def _exchange(self, url: str, body: aiohttp.Payload, where: str) -> tuple[aiohttp.ClientResponse, bytes]:
        if self._session is None:
            raise UnreachableError(f"{where}: nobody has opened a connection")
        try:
            async with self._session.post(url, data=body, ssl=self._context, allow_redirects=False) as response:
                return response, await read_bounded(response, where, MAX_REPLY)
        except TimeoutError as error:
            raise NoAnswerError(f"{where}: no answer within {self._timeout:g} s") from error
        except aiohttp.ClientConnectorCertificateError as error:
            raise CertificateError(
                f"{where}: its certificate is not to be trusted: {error.certificate_error}"
            ) from error
        except aiohttp.ClientConnectorError as error:
            number = error.os_error.errno or 0
            reason = os.strerror(number) if number > 0 else error.os_error
            raise UnreachableError(f"{where}: no connection to {error.host}:{error.port}: {reason}") from error
        except (aiohttp.ClientError, OSError) as error:
            raise UnreachableError(f"{where}: {error}") from error

    def _advise(self, response: aiohttp.ClientResponse) -> str:
        """What to look at where the account is not accepted."""
        offset = offset_by(response.headers.get("Date", ""), self._clock.time())
        if offset is None or abs(offset) < NOTEWORTHY_OFFSET:
            return "look at cloud.app_id and cloud.secret_key"
        ahead = "behind" if offset > 0 else "ahead"
        return f"this machine's clock is {abs(offset):.0f} s {ahead}: set its time, then look at cloud.secret_key"


def _check_size(endpoint: Endpoint, size: int) -> None:
    if size > MAX_BODY:
        raise FileTooLargeError(f"{endpoint.path} would have {size} bytes or more, and the cloud takes {MAX_BODY}")
