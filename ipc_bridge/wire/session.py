"""The client's side of one message channel, as a state machine without I/O.

The owner feeds it bytes (:meth:`ClientSession.receive_data`) and the time, and takes from it what
happened (:meth:`events_received`), what to send (:meth:`data_to_send`) and when to call again
(:meth:`next_deadline`). All times are seconds on one monotonic clock of the owner's choice.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ipc_bridge.errors import PayloadError, SequenceError, SilenceError
from ipc_bridge.wire.frame import Coverage, Frame, FrameDecoder, encode_frame
from ipc_bridge.wire.packet import FORMAT, UNSUBACK_IN_PROSE, PacketType
from ipc_bridge.wire.payload import decode_object, encode_object
from ipc_bridge.wire.signing import Credentials, public_params, sign

REPLY_TIMEOUT = 10.0
"""Seconds that CONNACK, SUBACK and UNSUBACK may take: a camera answers in milliseconds."""
MISSED_HEARTBEATS = 3
"""Periods without an answer after which a channel is dead, on both sides."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one camera reads what the documents leave open.

    ``coverage`` is what the CRC of our frames is taken over; ``signs_keep_alive`` whether
    ``keep_alive`` is part of what CONNECT signs. The defaults are what the documents say.
    """

    coverage: Coverage = Coverage.PAYLOAD
    signs_keep_alive: bool = True


class State(enum.Enum):
    """Where a session stands."""

    NEW = "new"
    """Nothing was sent."""
    CONNECTING = "connecting"
    """CONNECT is out; only CONNACK may come."""
    CONNECTED = "connected"
    """CONNACK was 0: heartbeats run, requests may be sent."""
    CLOSED = "closed"
    """It ended, on purpose, by refusal or by error; nothing more is sent or read."""


@dataclass(frozen=True, slots=True)
class Connected:
    """CONNACK accepted the session."""


@dataclass(frozen=True, slots=True)
class Subscribed:
    """SUBACK accepted the subscription."""


@dataclass(frozen=True, slots=True)
class Unsubscribed:
    """UNSUBACK accepted the end of the subscription."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The camera answered ``request`` with an error ``code`` (``catalog.codes``)."""

    request: PacketType
    code: int


@dataclass(frozen=True, slots=True)
class Published:
    """An event came; ``payload`` is its JSON text, unread. To be acknowledged once it is safe."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class HeartbeatAnswered:
    """PINGRESP came: the camera is there and reads what it is sent."""


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The camera ended the session."""


SessionEvent = Connected | Subscribed | Unsubscribed | Refused | Published | HeartbeatAnswered | Disconnected


class ClientSession:
    """One session, used once.

    Args:
        keep_alive: heartbeat period in whole seconds; the camera is told it in CONNECT.
        dialect: how to write what the documents leave open.
    """

    def __init__(self, keep_alive: int, dialect: Dialect) -> None:
        self.state = State.NEW
        self.dialect = dialect
        self._keep_alive = keep_alive
        self._decoder = FrameDecoder(FORMAT)
        self._events: list[SessionEvent] = []
        self._outgoing = bytearray()
        self._reply_due: dict[PacketType, float] = {}
        self._next_heartbeat: float | None = None
        self._unanswered_heartbeats = 0
        self._subscribed = False

    @property
    def is_closed(self) -> bool:
        """Whether the session is over."""
        return self.state is State.CLOSED

    # What the owner asks for.

    def connect(self, credentials: Credentials, timestamp: int, nonce: str, now: float) -> None:
        """Send CONNECT.

        Args:
            credentials: the account that signs.
            timestamp: Unix time in whole seconds.
            nonce: a fresh value of :func:`~ipc_bridge.wire.signing.make_nonce`.
            now: the owner's clock.
        """
        self._expect(State.NEW)
        params = public_params(credentials, timestamp, nonce)
        signed = {**params, "keep_alive": str(self._keep_alive)} if self.dialect.signs_keep_alive else params
        signature = sign(signed, credentials.secret_key)
        self._send(PacketType.CONNECT, {**params, "keep_alive": self._keep_alive, "sign": signature})
        self._reply_due[PacketType.CONNECT] = now + REPLY_TIMEOUT
        self.state = State.CONNECTING

    def subscribe(self, topics: Iterable[str], now: float) -> None:
        """Ask for the events of ``topics`` (``wire.packet.FACE_EVENT``, ``DETECT_EVENT``)."""
        self._request(PacketType.SUBSCRIBE, topics, now)
        # From here on: the first events may come ahead of SUBACK.
        self._subscribed = True

    def unsubscribe(self, topics: Iterable[str], now: float) -> None:
        """Ask for no more events of ``topics``."""
        self._request(PacketType.UNSUBSCRIBE, topics, now)

    def acknowledge(self, event_id: int) -> None:
        """Send PUBACK; an event that comes to be safe after the session's end is not acknowledged."""
        if self.state is State.CONNECTED:
            self._send(PacketType.PUBACK, {"event_id": event_id})

    def heartbeat(self, now: float) -> None:
        """Send PINGREQ now instead of at its time: is the camera still there?"""
        self._expect(State.CONNECTED)
        self._send(PacketType.PINGREQ)
        self._unanswered_heartbeats += 1
        self._next_heartbeat = now + self._keep_alive

    def disconnect(self) -> None:
        """End the session politely; nothing more is read."""
        if self.state is State.CONNECTED:
            self._send(PacketType.DISCONNECT)
        self.state = State.CLOSED

    # What the owner feeds and takes.

    def receive_data(self, data: bytes) -> None:
        """Read what the camera sent.

        What came whole before an error is still in :meth:`events_received`.

        Raises:
            WireError: the session is over, for the reason in the message.
        """
        if self.is_closed:
            return
        try:
            for frame in self._decoder.feed(data):
                self._handle(frame)
                if self.state is State.CLOSED:
                    return
        except Exception:
            self.state = State.CLOSED
            raise

    def events_received(self) -> list[SessionEvent]:
        """Return and forget what happened, in order."""
        events, self._events = self._events, []
        return events

    def data_to_send(self) -> bytes:
        """Return and forget what is to be written."""
        data = bytes(self._outgoing)
        self._outgoing.clear()
        return data

    def next_deadline(self) -> float | None:
        """When :meth:`deadline_reached` wants to be called; None while nothing is due."""
        if self.state is State.CLOSED:
            return None
        due = list(self._reply_due.values())
        if self._next_heartbeat is not None:
            due.append(self._next_heartbeat)
        return min(due, default=None)

    def deadline_reached(self, now: float) -> None:
        """Send the heartbeat that is due; nothing is due any more once the session is over.

        Raises:
            SilenceError: an answer did not come in time; the session is over.
        """
        if self.is_closed:
            return
        for request, due in self._reply_due.items():
            if now >= due:
                self.state = State.CLOSED
                raise SilenceError(f"no answer to {request.name} within {REPLY_TIMEOUT:g} s")
        if self._next_heartbeat is not None and now >= self._next_heartbeat:
            if self._unanswered_heartbeats >= MISSED_HEARTBEATS:
                self.state = State.CLOSED
                raise SilenceError(f"{MISSED_HEARTBEATS} heartbeats, {self._keep_alive} s apart, without an answer")
            self.heartbeat(now)

    # The inside.

    def _expect(self, state: State) -> None:
        if self.state is not state:
            raise RuntimeError(f"the session is {self.state.value}, not {state.value}")

    def _request(self, request: PacketType, topics: Iterable[str], now: float) -> None:
        self._expect(State.CONNECTED)
        self._send(request, {"event_list": list(topics)})
        self._reply_due[request] = now + REPLY_TIMEOUT

    def _send(self, packet_type: PacketType, fields: dict[str, Any] | None = None) -> None:
        payload = encode_object(fields) if fields is not None else b""
        self._outgoing += encode_frame(FORMAT, packet_type, payload, self.dialect.coverage)

    def _handle(self, frame: Frame) -> None:
        packet_type = PacketType(frame.type)
        if packet_type in (PacketType.DISCONNECT, PacketType.DISCONNECT_IN_PROSE):
            self.state = State.CLOSED
            self._events.append(Disconnected())
        elif packet_type is PacketType.CONNACK:
            self._handle_reply(PacketType.CONNECT, packet_type, frame.payload)
        elif self.state is not State.CONNECTED:
            raise SequenceError(f"{packet_type.name} before CONNACK")
        elif packet_type is PacketType.PUBLISH:
            if not self._subscribed:
                raise SequenceError("PUBLISH before SUBSCRIBE")
            self._events.append(Published(frame.payload))
        elif packet_type is PacketType.PINGRESP:
            self._unanswered_heartbeats = 0
            self._events.append(HeartbeatAnswered())
        elif packet_type is PacketType.SUBACK:
            self._handle_reply(PacketType.SUBSCRIBE, packet_type, frame.payload)
        elif packet_type in (PacketType.UNSUBACK, UNSUBACK_IN_PROSE):
            self._handle_reply(PacketType.UNSUBSCRIBE, PacketType.UNSUBACK, frame.payload)
        else:
            raise SequenceError(f"{packet_type.name}, which only a client sends")

    def _handle_reply(self, request: PacketType, reply: PacketType, payload: bytes) -> None:
        if request not in self._reply_due:
            raise SequenceError(f"{reply.name} without a {request.name}")
        code = decode_object(payload).get("code")
        if type(code) is not int:
            raise PayloadError(f"{reply.name} without a numeric code: {payload[:80]!r}")
        asked_at = self._reply_due.pop(request) - REPLY_TIMEOUT
        if code != 0:
            self._events.append(Refused(request, code))
            if request is PacketType.CONNECT:
                self.state = State.CLOSED
        elif request is PacketType.CONNECT:
            self.state = State.CONNECTED
            self._next_heartbeat = asked_at + self._keep_alive
            self._events.append(Connected())
        else:
            self._events.append(Subscribed() if request is PacketType.SUBSCRIBE else Unsubscribed())
