"""One message channel to one camera: TCP, TLS, session. Used once.

``wire.session`` decides what is said; this gives it a socket and a clock.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
import time
from collections.abc import Callable, Iterable
from typing import cast

from ipc_bridge.device.address import Address
from ipc_bridge.device.refusal import refusal
from ipc_bridge.device.tls import Security, check_certificate, explain_failure
from ipc_bridge.errors import DeviceError, UnreachableError, WireError
from ipc_bridge.wire.packet import PacketType
from ipc_bridge.wire.session import (
    ClientSession,
    Connected,
    Dialect,
    Disconnected,
    HeartbeatAnswered,
    Published,
    Refused,
    Subscribed,
    Unsubscribed,
)
from ipc_bridge.wire.signing import Credentials, make_nonce

log = logging.getLogger(__name__)

OPEN_TIMEOUT = 10.0
"""Seconds for TCP and TLS; a camera in the same building needs 0.2."""
MAX_UNREAD = 256 * 1024
"""Bytes that a camera may let wait on our side before it counts as not reading any more."""


class HandshakeLostError(UnreachableError):
    """The connection ended, or stayed silent, between CONNECT and CONNACK.

    A camera that reads the CRC otherwise may do just that.
    """


class Channel(asyncio.Protocol):
    """One connection, used once: :meth:`open`, :meth:`subscribe`, :meth:`wait_closed`.

    Args:
        address: the camera's.
        security: how its certificate is judged.
        credentials: who signs CONNECT.
        keep_alive: heartbeat period in whole seconds.
        dialect: how to write what the documents leave open.
        on_event: called with each event's payload, in order, never after :meth:`close`.
        on_heartbeat: called when the camera has answered a heartbeat.
    """

    def __init__(
        self,
        address: Address,
        security: Security,
        credentials: Credentials,
        keep_alive: int,
        dialect: Dialect,
        on_event: Callable[[bytes], None],
        on_heartbeat: Callable[[], None],
    ) -> None:
        self.address = address
        self.fingerprint: str | None = None
        """What the camera showed, once :meth:`open` has returned."""
        self._security = security
        self._credentials = credentials
        self._session = ClientSession(keep_alive, dialect)
        self._on_event = on_event
        self._on_heartbeat = on_heartbeat
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._flush_scheduled = False
        self._reply: asyncio.Future[Connected | Subscribed | Refused] | None = None
        self._closed: asyncio.Future[DeviceError] = self._loop.create_future()
        self._reason: DeviceError | None = None
        self._heartbeat_answer: asyncio.Future[None] = self._loop.create_future()

    # What the owner calls.

    async def open(self) -> None:
        """Connect, check the certificate, sign in.

        Raises:
            UnreachableError: no connection; :class:`HandshakeLostError` where it ended before CONNACK.
            CertificateError: the camera's certificate is not to be trusted.
            RefusedError: the camera answered CONNECT with a code.
        """
        try:
            async with asyncio.timeout(OPEN_TIMEOUT):
                await self._loop.create_connection(
                    lambda: self, self.address.host, self.address.port, ssl=self._security.context
                )
        except TimeoutError as error:
            raise UnreachableError(f"{self.address} did not answer within {OPEN_TIMEOUT:g} s") from error
        except OSError as error:
            raise explain_failure(self.address, error) from error
        try:
            self.fingerprint = self._check_certificate()
            # The wall clock, because the camera may compare it with its own.
            self._session.connect(self._credentials, int(time.time()), make_nonce(), self._loop.time())
            await self._wait_for_reply(PacketType.CONNECT)
        except BaseException:
            self.abort()
            raise

    async def subscribe(self, topics: Iterable[str]) -> None:
        """Ask for events.

        Raises:
            RefusedError: the camera answered with a code; the channel stays open.
            UnreachableError: the channel ended.
        """
        if not self.is_open:
            raise self._ended("the channel has ended")
        self._session.subscribe(topics, self._loop.time())
        await self._wait_for_reply(PacketType.SUBSCRIBE)

    def acknowledge(self, event_id: int) -> None:
        """Send PUBACK for an event that is safe; nothing is sent on a channel that has ended."""
        if self.is_open:
            self._session.acknowledge(event_id)
            # Events are safe many at a time: one write for all of them.
            if not self._flush_scheduled:
                self._flush_scheduled = True
                self._loop.call_soon(self._flush)

    def pause(self) -> None:
        """Read nothing more until :meth:`resume`: the camera keeps what it has."""
        if self.is_open and self._transport is not None:
            self._transport.pause_reading()

    def resume(self) -> None:
        """Read on."""
        if self.is_open and self._transport is not None:
            self._transport.resume_reading()

    async def answers_heartbeat(self, timeout: float) -> bool:
        """Ask now whether the camera is still there; wait for at most ``timeout`` seconds."""
        if not self.is_open:
            return False
        answer = self._heartbeat_answer = self._loop.create_future()
        self._session.heartbeat(self._loop.time())
        self._flush()
        await asyncio.wait([answer, self._closed], timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        return answer.done()

    async def wait_closed(self) -> DeviceError:
        """Return why the channel ended, once it has."""
        return await asyncio.shield(self._closed)

    @property
    def peer_host(self) -> str | None:
        """The number of the address, where ``address`` may be a name."""
        peer = self._transport.get_extra_info("peername") if self._transport is not None else None
        return str(peer[0]) if peer else None

    @property
    def is_open(self) -> bool:
        """Whether the camera can still be talked to."""
        return self._transport is not None and not self._session.is_closed and not self._closed.done()

    def close(self) -> None:
        """Say DISCONNECT and hang up; does not wait."""
        self._session.disconnect()
        self._flush()
        self._reason = self._reason or UnreachableError("closed by the bridge")
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Hang up without a word."""
        if self._transport is not None:
            self._transport.abort()

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See :class:`asyncio.Protocol`."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=MAX_UNREAD)

    def data_received(self, data: bytes) -> None:
        """See :class:`asyncio.Protocol`."""
        error: WireError | None = None
        try:
            self._session.receive_data(data)
        except WireError as problem:
            error = problem
        for event in self._session.events_received():
            match event:
                case Published(payload):
                    # Whoever was called for the event before this one may have ended the channel.
                    if self._reason is None:
                        self._on_event(payload)
                case HeartbeatAnswered():
                    if not self._heartbeat_answer.done():
                        self._heartbeat_answer.set_result(None)
                    self._on_heartbeat()
                case Connected() | Subscribed() | Refused():
                    if self._reply is not None and not self._reply.done():
                        self._reply.set_result(event)
                case Disconnected():
                    self._end(UnreachableError("the camera ended the session"))
                case Unsubscribed():
                    pass
        if error is not None:
            self._end(UnreachableError(f"the camera broke the protocol: {error}"))
            return
        self._flush()

    def pause_writing(self) -> None:
        """See :class:`asyncio.Protocol`: a camera that lets so much wait does not read any more."""
        self._end(UnreachableError(f"the camera has not read {MAX_UNREAD // 1024} KiB that were sent to it"))

    def connection_lost(self, exc: Exception | None) -> None:
        """See :class:`asyncio.Protocol`."""
        if self._timer is not None:
            self._timer.cancel()
        self._session.disconnect()
        error = self._ended(_explain_end(self.address, exc))
        if self._reply is not None and not self._reply.done():
            self._reply.set_exception(error)
        if not self._closed.done():
            self._closed.set_result(error)

    # The inside.

    def _check_certificate(self) -> str:
        if self._transport is None:
            raise UnreachableError("the camera closed the connection")
        certificate = self._transport.get_extra_info("ssl_object").getpeercert(binary_form=True)
        return check_certificate(certificate, self._security)

    async def _wait_for_reply(self, request: PacketType) -> None:
        if self._closed.done():
            raise self._ended("the camera closed the connection")
        self._reply = self._loop.create_future()
        self._flush()
        try:
            reply = await self._reply
        except UnreachableError as error:
            if request is PacketType.CONNECT:
                raise HandshakeLostError(str(error)) from error
            raise
        finally:
            self._reply = None
        if isinstance(reply, Refused):
            raise refusal(f"the camera refused {request.name} with", reply.code)

    def _flush(self) -> None:
        """Write what the session has to say, and ask to be called when it wants to go on."""
        self._flush_scheduled = False
        data = self._session.data_to_send()
        if data and self._transport is not None:
            self._transport.write(data)
        deadline = self._session.next_deadline()
        # Kept beside the timer: uvloop's does not know when, where the moment has passed already.
        if self._timer is not None and self._timer_at != deadline:
            self._timer.cancel()
            self._timer = None
        if deadline is not None and self._timer is None:
            self._timer = self._loop.call_at(deadline, self._deadline_reached)
            self._timer_at = deadline

    def _deadline_reached(self) -> None:
        self._timer = None
        try:
            self._session.deadline_reached(self._loop.time())
        except WireError as error:
            self._end(UnreachableError(str(error)))
            return
        self._flush()

    def _end(self, reason: DeviceError) -> None:
        """Give the connection up; what caused it is what its owner is told."""
        self._reason = self._reason or reason
        self._session.disconnect()
        self._flush()
        self.abort()

    def _ended(self, otherwise: str) -> DeviceError:
        return self._reason or UnreachableError(otherwise)


def _explain_end(address: Address, error: Exception | None) -> str:
    if error is None:
        return "the camera closed the connection"
    if isinstance(error, ssl.SSLError):
        # TLS 1.3 tells only now that the client certificate will not do.
        return str(explain_failure(address, error))
    return f"the connection broke: {error}"
