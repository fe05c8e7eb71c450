"""The camera's HTTPS API: one dispatcher for every row of the catalogue."""

from __future__ import annotations

import asyncio
import logging
import ssl
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self

import aiohttp

from ipc_bridge.calls.form import make_form
from ipc_bridge.calls.offset import explain_offset, offset_by
from ipc_bridge.calls.reply import decode_reply, read_bounded
from ipc_bridge.calls.session import open_session
from ipc_bridge.catalog.codes import (
    APP_ID_INVALID,
    DEVICE_ACTIVATED,
    DEVICE_NOT_ACTIVATED,
    SECRET_KEY_INVALID,
    SUCCESS,
)
from ipc_bridge.catalog.device import ACTIVATE
from ipc_bridge.catalog.endpoint import Effect, Endpoint
from ipc_bridge.device.address import Address
from ipc_bridge.device.file_address import path_on, where
from ipc_bridge.device.refusal import refusal
from ipc_bridge.device.tls import Security, Verify, check_certificate, explain_failure
from ipc_bridge.errors import (
    CertificateError,
    NoAnswerError,
    RefusedError,
    RejectedFileError,
    ReplyError,
    UnreachableError,
)
from ipc_bridge.picture_size import picture_size
from ipc_bridge.wire.signing import Credentials

log = logging.getLogger(__name__)

TIMEOUT = 10.0
"""Seconds for one call; a camera answers within one."""
MAX_CONNECTIONS = 2
"""Calls at a time: cameras are small."""
MAX_REPLY = 1024 * 1024
"""Bytes; the longest answer, 500 recordings, is 100 kB."""
MAX_DOWNLOADS = 2
"""Files at a time, beside the calls: a slow one must not keep commands waiting."""
MAX_PICTURE = 2 * 1024 * 1024
"""Bytes."""
PICTURE_TIMEOUT = 10.0
"""Seconds for a whole picture, however slowly it comes."""

_BROKEN = (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError, aiohttp.ClientPayloadError)


class _BrokenError(UnreachableError):
    """The connection broke in the middle of a call."""


class CameraApi:
    """Calls to one camera at one address; an async context manager.

    Args:
        sn: the camera's serial number.
        address: where it is.
        security: how its certificate is judged; without a pin the first one is trusted.
        credentials: who signs.
        activation_code: signs ``device/activate``.
        timeout: seconds for one call; None: :data:`TIMEOUT`.
        clock_measured: told with each answer how many seconds the camera's clock is ahead of ours.
    """

    def __init__(
        self,
        sn: str,
        address: Address,
        security: Security,
        credentials: Credentials,
        activation_code: str | None = None,
        timeout: float | None = None,
        clock_measured: Callable[[float], None] = lambda _offset: None,
    ) -> None:
        self.pin = security.pin
        """The fingerprint that the camera must show; after the first call the one that it showed."""
        self.clock_offset: float | None = None
        """Seconds that the camera's clock is ahead of ours, by the Date of its last answer."""
        self.address = address
        """Where it is."""
        self._sn = sn
        self._security = security
        self._credentials = credentials
        self._activation_code = activation_code
        self._timeout = TIMEOUT if timeout is None else timeout
        self._clock_measured = clock_measured
        self._session: aiohttp.ClientSession | None = None
        self._connecting = asyncio.Lock()
        # Ours, because aiohttp's own cancels who waits when it is closed.
        self._slots = asyncio.Semaphore(MAX_CONNECTIONS)
        self._downloads = asyncio.Semaphore(MAX_DOWNLOADS)
        self._closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._closed = True
        if self._session is not None:
            await self._session.close()

    async def call(self, endpoint: Endpoint, /, **params: Any) -> dict[str, Any]:
        """Make one call, with ``params`` in the vendor's form, and return its ``data`` as the camera sent it.

        What only tells something is asked once more where the connection breaks. A camera that is not activated is,
        where there is an activation code, and then asked again.

        Raises:
            ParameterError: a parameter is missing, unknown or unfit; nothing was sent.
            UnreachableError: no connection, or it broke.
            NoAnswerError: no answer in time.
            CertificateError: the camera's certificate is not to be trusted.
            RefusedError: the camera answered with an error code.
            ReplyError: the answer is none.
        """
        return await self.send(endpoint, endpoint.check(params))

    async def send(self, endpoint: Endpoint, values: Mapping[str, Any]) -> dict[str, Any]:
        """Make a call like :meth:`call`, with what :meth:`Endpoint.check` returned."""
        try:
            return await self._send(endpoint, values)
        except RefusedError as error:
            if error.code != DEVICE_NOT_ACTIVATED or self._activation_code is None:
                raise
        await self.activate()
        return await self._send(endpoint, values)

    async def ask(self, endpoint: Endpoint) -> dict[str, Any]:
        """Make a call without parameters; return every documented member of its ``data``, None where it is missing.

        Raises:
            DeviceError: like :meth:`call`, and ``ReplyError`` where a member is of a wrong type.
        """
        return endpoint.read(await self.call(endpoint))

    async def activate(self) -> None:
        """Activate the camera with the activation code; one that is active already stays as it is.

        Raises:
            ParameterError: there is no activation code.
            DeviceError: it could not be.
        """
        try:
            await self._send(ACTIVATE, {"sn": self._sn})
        except RefusedError as error:
            if error.code != DEVICE_ACTIVATED:
                raise
        else:
            log.warning("Camera %s was not activated; it is now", self._sn)

    async def _send(self, endpoint: Endpoint, values: Mapping[str, Any]) -> dict[str, Any]:
        try:
            return await self._post(endpoint, values)
        except _BrokenError:
            if endpoint.effect is not Effect.READ:
                raise
        return await self._post(endpoint, values)

    async def fetch(self, url: str) -> bytes:
        """Return the picture behind an address that the camera gave out, of at most :data:`MAX_PICTURE` bytes.

        Raises:
            DeviceError: it cannot be had within :data:`PICTURE_TIMEOUT` seconds; ``RejectedFileError`` where it is not
                on this camera, too large, or no picture; ``ReplyError`` where it is not there, or not any more.
        """
        try:
            async with asyncio.timeout(PICTURE_TIMEOUT):
                path = await path_on(self.address, url)
                async with self.get(path, aiohttp.ClientTimeout()) as response:
                    picture = await read_bounded(response, where(path, self.address), MAX_PICTURE, RejectedFileError)
        except TimeoutError as error:
            raise NoAnswerError(f"no picture from {self.address} within {PICTURE_TIMEOUT:g} s") from error
        is_gone = response.status >= HTTPStatus.BAD_REQUEST
        if is_gone or response.status != HTTPStatus.OK or picture_size(picture) is None:
            problem = f"{where(path, self.address)} answered HTTP {response.status} and no picture"
            raise (ReplyError if is_gone else RejectedFileError)(problem)
        return picture

    @asynccontextmanager
    async def get(
        self, path: str, timeout: aiohttp.ClientTimeout, **headers: str
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Open a file by path and query, see :func:`~ipc_bridge.device.file_address.path_on`; redirects are answers.

        Raises:
            DeviceError: there is no answer.
        """
        # What is packed could be of any size when it is unpacked.
        headers = {"Accept-Encoding": "identity", **headers}
        async with self._request(
            self._downloads, "GET", path, headers=headers, timeout=timeout, auto_decompress=False
        ) as response:
            yield response

    async def _post(self, endpoint: Endpoint, values: Mapping[str, Any]) -> dict[str, Any]:
        form = make_form(endpoint, values, self._credentials, time.time(), self._activation_code)
        status, body = await self._exchange(f"/openapi/{endpoint.path}", form)
        what = f"{endpoint.path} on {self.address}"
        reply = decode_reply(what, status, body)
        if reply.code != SUCCESS:
            is_signature = reply.code in (APP_ID_INVALID, SECRET_KEY_INVALID)
            raise refusal(f"{what} answered", reply.code, explain_offset(self.clock_offset) if is_signature else "")
        return reply.data

    async def _exchange(self, path: str, form: aiohttp.FormData) -> tuple[int, bytes]:
        """Make one call; return status and body of the answer."""
        async with self._request(self._slots, "POST", path, data=form) as response:
            return response.status, await read_bounded(response, where(path, self.address), MAX_REPLY)

    @asynccontextmanager
    async def _request(
        self, slots: asyncio.Semaphore, method: str, path: str, **options: Any
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Make one HTTP request, with errors explained."""
        what = where(path, self.address)
        try:
            async with slots:
                session = await self._connect()
                url = f"https://{self.address}{path}"
                async with session.request(
                    method, url, ssl=self._security.context, allow_redirects=False, **options
                ) as response:
                    self._note_clock(response.headers.get("Date"))
                    yield response
        except aiohttp.ServerFingerprintMismatch as error:
            raise CertificateError(
                f"the certificate of {self.address} has changed: accept it with bridge/request/trust", error.got.hex()
            ) from error
        except TimeoutError as error:
            raise NoAnswerError(f"{what}: no answer within {self._timeout:g} s") from error
        except (aiohttp.ClientError, OSError) as error:
            raise self._explain(what, error) from error

    def _note_clock(self, date: str | None) -> None:
        self.clock_offset = None if date is None else offset_by(date, time.time())
        if self.clock_offset is not None:
            self._clock_measured(self.clock_offset)

    def _explain(self, where: str, error: Exception) -> Exception:
        cause = error.__cause__
        could_not_connect = isinstance(error, aiohttp.ClientConnectorError)
        if isinstance(cause, ssl.SSLError) or (isinstance(cause, OSError) and could_not_connect):
            return explain_failure(self.address, cause)
        broken = isinstance(error, _BROKEN) and not could_not_connect
        return (_BrokenError if broken else UnreachableError)(f"{where}: {error}")

    async def _connect(self) -> aiohttp.ClientSession:
        # The first of several calls at a time makes the session for all.
        async with self._connecting:
            if self._session is None and self._security.verify is Verify.PIN and self.pin is None:
                self.pin = await fetch_fingerprint(self.address, self._security)
            if self._closed:
                raise UnreachableError(f"the channel to camera {self._sn} has ended, and calls with it")
            if self._session is None:
                self._session = self._open_session()
            return self._session

    def _open_session(self) -> aiohttp.ClientSession:
        pinned = self._security.verify is Verify.PIN and self.pin is not None
        connector = aiohttp.TCPConnector(
            limit=0,
            ssl=aiohttp.Fingerprint(bytes.fromhex(self.pin)) if pinned and self.pin else True,
        )
        return open_session(connector, self._timeout)


async def fetch_fingerprint(address: Address, security: Security) -> str:
    """Return the fingerprint that a camera's API shows, by a handshake and nothing more.

    Raises:
        UnreachableError: no connection.
        NoAnswerError: no answer in time.
        CertificateError: the certificate is not to be trusted.
    """
    try:
        async with asyncio.timeout(TIMEOUT):
            _reader, writer = await asyncio.open_connection(address.host, address.port, ssl=security.context)
    except TimeoutError as error:
        raise NoAnswerError(f"{address} did not answer within {TIMEOUT:g} s") from error
    except OSError as error:
        raise explain_failure(address, error) from error
    try:
        return check_certificate(writer.get_extra_info("ssl_object").getpeercert(binary_form=True), security)
    finally:
        writer.transport.abort()
