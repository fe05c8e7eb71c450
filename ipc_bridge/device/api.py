"""The camera's HTTPS API: one dispatcher for every row of the catalogue."""

from __future__ import annotations

import asyncio
import logging
import ssl
import time
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Self

import aiohttp

from ipc_bridge.catalog.codes import DEVICE_ACTIVATED, DEVICE_NOT_ACTIVATED, SUCCESS, explain
from ipc_bridge.catalog.device import ACTIVATE
from ipc_bridge.catalog.endpoint import Auth, Endpoint
from ipc_bridge.catalog.fields import encode
from ipc_bridge.device.address import Address
from ipc_bridge.device.tls import Security, Verify, check_certificate, explain_failure
from ipc_bridge.errors import CertificateError, PayloadError, RefusedError, ReplyError, UnreachableError
from ipc_bridge.picture_size import PNG_MAGIC
from ipc_bridge.wire.payload import decode_object
from ipc_bridge.wire.signing import Credentials, make_nonce, public_params, sign

log = logging.getLogger(__name__)

TIMEOUT = 10.0
"""Seconds for one call; a camera answers within one."""
MAX_CONNECTIONS = 2
"""Calls at a time: cameras are small."""
MAX_REPLY = 1024 * 1024
"""Bytes; the longest answer, 500 recordings, is 100 kB."""


class CameraApi:
    """Calls to one camera at one address; an async context manager.

    Args:
        sn: the camera's serial number.
        address: where it is.
        security: how its certificate is judged; without a pin the first one is trusted.
        credentials: who signs.
        activation_code: signs ``device/activate``.
    """

    def __init__(
        self,
        sn: str,
        address: Address,
        security: Security,
        credentials: Credentials,
        activation_code: str | None = None,
    ) -> None:
        self.pin = security.pin
        """The fingerprint that the camera must show; after the first call the one that it showed."""
        self.clock_offset: float | None = None
        """Seconds that the camera's clock is ahead of ours, by the Date of its last answer."""
        self._sn = sn
        self._address = address
        self._security = security
        self._credentials = credentials
        self._activation_code = activation_code
        self._session: aiohttp.ClientSession | None = None
        self._connecting = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def call(self, endpoint: Endpoint, /, **params: Any) -> dict[str, Any]:
        """Make one call, with ``params`` in the vendor's form, and return its ``data``.

        A camera that is not activated is, where there is an activation code, and then asked again.

        Raises:
            ParameterError: a parameter is missing, unknown or unfit; nothing was sent.
            UnreachableError: no connection, or no answer in time.
            CertificateError: the camera's certificate is not to be trusted.
            RefusedError: the camera answered with an error code.
            ReplyError: the answer is none.
        """
        values = endpoint.check(params)
        try:
            return await self._call(endpoint, values)
        except RefusedError as error:
            if error.code != DEVICE_NOT_ACTIVATED or self._activation_code is None:
                raise
        await self.activate()
        return await self._call(endpoint, values)

    async def activate(self) -> None:
        """Activate the camera with the activation code; one that is active already stays as it is.

        Raises:
            DeviceError: it could not be; without an activation code it is not tried.
        """
        try:
            await self._call(ACTIVATE, {"sn": self._sn})
        except RefusedError as error:
            if error.code != DEVICE_ACTIVATED:
                raise
        else:
            log.warning("Camera %s was not activated; it is now", self._sn)

    async def _call(self, endpoint: Endpoint, values: dict[str, Any]) -> dict[str, Any]:
        # The first of several calls at a time makes the session for all.
        async with self._connecting:
            session = await self._connect()
        body = self._encode(endpoint, values)
        url = f"https://{self._address}/openapi/{endpoint.path}"
        try:
            async with session.post(url, data=body, ssl=self._security.context, allow_redirects=False) as response:
                self._note_clock(response.headers.get("Date"))
                reply = await _read_bounded(response)
        except aiohttp.ServerFingerprintMismatch as error:
            raise CertificateError(
                f"the certificate of {self._address} has changed: accept it with bridge/request/trust", error.got.hex()
            ) from error
        except TimeoutError as error:
            raise UnreachableError(f"{endpoint.path} on {self._address}: no answer within {TIMEOUT:g} s") from error
        except (aiohttp.ClientError, OSError) as error:
            cause = error.__cause__
            if isinstance(cause, ssl.SSLError) or (
                isinstance(cause, OSError) and isinstance(error, aiohttp.ClientConnectorError)
            ):
                raise explain_failure(self._address, cause) from error
            raise UnreachableError(f"{endpoint.path} on {self._address}: {error}") from error
        return self._read(endpoint, response.status, reply)

    def _encode(self, endpoint: Endpoint, values: dict[str, Any]) -> aiohttp.FormData:
        files = {name: value for name, value in values.items() if isinstance(value, bytes)}
        form = {name: encode(value) for name, value in values.items() if name not in files}
        if endpoint.auth is not Auth.NONE:
            form |= public_params(self._credentials, int(time.time()), make_nonce())
            form["sign"] = sign(form, self._key(endpoint))
        body = aiohttp.FormData(default_to_multipart=endpoint.multipart)
        for name, text in form.items():
            body.add_field(name, text)
        for name, content in files.items():
            kind = "png" if content.startswith(PNG_MAGIC) else "jpeg"
            body.add_field(name, content, filename=f"{name}.{kind}", content_type=f"image/{kind}")
        return body

    def _read(self, endpoint: Endpoint, status: int, body: bytes) -> dict[str, Any]:
        where = f"{endpoint.path} on {self._address}"
        try:
            reply = decode_object(body)
        except PayloadError as error:
            raise ReplyError(f"{where} answered HTTP {status}, and {error}") from error
        code = reply.get("code")
        if type(code) is not int:
            raise ReplyError(f"{where} answered without a numeric code: {body[:80]!r}")
        if code != SUCCESS:
            raise RefusedError(f"{where} answered {explain(code)}", code)
        data = reply.get("data")
        return data if isinstance(data, dict) else {}

    def _key(self, endpoint: Endpoint) -> str:
        if endpoint.auth is Auth.ACTIVATION_CODE:
            if self._activation_code is None:
                raise RefusedError(
                    f"{endpoint.path} needs an activation code: give it under camera", DEVICE_NOT_ACTIVATED
                )
            return self._activation_code
        return self._credentials.secret_key

    async def _connect(self) -> aiohttp.ClientSession:
        if self._session is not None:
            return self._session
        if self._security.verify is Verify.PIN and self.pin is None:
            self.pin = await fetch_fingerprint(self._address, self._security)
        pinned = self._security.verify is Verify.PIN and self.pin is not None
        connector = aiohttp.TCPConnector(
            limit=MAX_CONNECTIONS,
            ssl=aiohttp.Fingerprint(bytes.fromhex(self.pin)) if pinned and self.pin else True,
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            timeout=aiohttp.ClientTimeout(total=TIMEOUT),
            # What a camera says of cookies, proxies or types is of no interest.
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
        )
        return self._session

    def _note_clock(self, date: str | None) -> None:
        if date is None:
            return
        try:
            self.clock_offset = parsedate_to_datetime(date).timestamp() - time.time()
        except (ValueError, OverflowError):
            self.clock_offset = None


async def _read_bounded(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > MAX_REPLY:
            raise ReplyError(f"{response.url.path} answered more than {MAX_REPLY // 1024} KiB")
    return bytes(body)


async def fetch_fingerprint(address: Address, security: Security) -> str:
    """Return the fingerprint that a camera's API shows, by a handshake and nothing more.

    Raises:
        UnreachableError: no connection.
        CertificateError: the certificate is not to be trusted.
    """
    try:
        async with asyncio.timeout(TIMEOUT):
            _reader, writer = await asyncio.open_connection(address.host, address.port, ssl=security.context)
    except TimeoutError as error:
        raise UnreachableError(f"{address} did not answer within {TIMEOUT:g} s") from error
    except OSError as error:
        raise explain_failure(address, error) from error
    try:
        return check_certificate(writer.get_extra_info("ssl_object").getpeercert(binary_form=True), security)
    finally:
        writer.transport.abort()
