"""The camera's side of one message channel, as a state machine without I/O.

It never forgives: what is out of turn, damaged or of an unknown form ends the channel
(:class:`~ipc_bridge.errors.WireError`), what is whole but wrong is answered with a code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from ipc_bridge.errors import PayloadError, SequenceError
from ipc_bridge.simulator.refusals import Code, RefusalError
from ipc_bridge.simulator.state import CameraState
from ipc_bridge.wire.frame import Coverage, Frame, FrameDecoder, FrameFormat, encode_frame
from ipc_bridge.wire.packet import FORMAT, PacketType
from ipc_bridge.wire.payload import decode_object, encode_object

_FORMATS: dict[Coverage, FrameFormat] = {coverage: replace(FORMAT, coverages=(coverage,)) for coverage in Coverage}
"""A camera takes the one CRC that it knows, not either."""
_CONNECT_KEYS = {"app_id", "timestamp", "random", "keep_alive", "sign"}


@dataclass(frozen=True, slots=True)
class Answer:
    """A packet for the client; ``ends`` where the channel is closed behind it."""

    data: bytes
    ends: bool = False


class ServerSession:
    """One client. ``keep_alive`` is None until CONNACK accepted it."""

    def __init__(self, state: CameraState) -> None:
        self.keep_alive: int | None = None
        self.topics: set[str] = set()
        self.heartbeats = 0
        """PINGREQs that came."""
        self._state = state
        self._dialect = state.settings.dialect
        self._decoder = FrameDecoder(_FORMATS[self._dialect.coverage])
        prose = state.settings.prose_types
        self._unsuback = PacketType.UNSUBSCRIBE if prose else PacketType.UNSUBACK
        self._disconnect = PacketType.DISCONNECT_IN_PROSE if prose else PacketType.DISCONNECT
        self._handlers: dict[int, Callable[[bytes], Answer | None]] = {
            PacketType.PINGREQ: self._on_pingreq,
            PacketType.SUBSCRIBE: self._on_subscribe,
            PacketType.UNSUBSCRIBE: self._on_unsubscribe,
            PacketType.PUBACK: self._on_puback,
            PacketType.DISCONNECT: self._on_disconnect,
            PacketType.DISCONNECT_IN_PROSE: self._on_disconnect,
        }

    def receive_data(self, data: bytes) -> Iterator[Answer]:
        """Read what the client sent and yield what it gets for it.

        Raises:
            WireError: the channel is to be closed without another word.
        """
        for frame in self._decoder.feed(data):
            # A silent camera reads and forgets.
            if not self._state.faults.silent and (answer := self._handle(frame)) is not None:
                yield answer

    def disconnect(self) -> bytes:
        """The DISCONNECT that a camera may send before it closes."""
        return self._encode(self._disconnect, b"")

    def _encode(self, packet_type: int, payload: bytes) -> bytes:
        return encode_frame(FORMAT, packet_type, payload, self._dialect.coverage)

    def _handle(self, frame: Frame) -> Answer | None:
        name = PacketType(frame.type).name
        if self.keep_alive is None:
            if frame.type != PacketType.CONNECT:
                raise SequenceError(f"{name} before CONNECT")
            return self._on_connect(frame.payload)
        handler = self._handlers.get(frame.type)
        if handler is None:
            raise SequenceError(f"{name}, which a connected client does not send")
        return handler(frame.payload)

    def _on_connect(self, payload: bytes) -> Answer:
        self._state.connects += 1
        try:
            self.keep_alive = self._check_connect(payload)
        except RefusalError as refused:
            return self._code(PacketType.CONNACK, refused.code, ends=True)
        return self._code(PacketType.CONNACK, 0)

    def _check_connect(self, payload: bytes) -> int:
        """Return ``keep_alive`` of a CONNECT that is in order."""
        self._state.refuse_by_fault("connect")
        fields = _decode_params(payload)
        if fields.keys() != _CONNECT_KEYS:
            raise RefusalError(Code.PARAMS_INVALID)
        keep_alive = fields.pop("keep_alive")
        if type(keep_alive) is not int or keep_alive <= 0 or not all(isinstance(v, str) for v in fields.values()):
            raise RefusalError(Code.PARAMS_INVALID)
        self._state.check_public_params(fields)
        if not self._state.activated:
            raise RefusalError(Code.DEVICE_NOT_ACTIVATED)
        signed = {**fields, "keep_alive": str(keep_alive)} if self._dialect.signs_keep_alive else fields
        self._state.check_signature(signed, self._state.settings.secret_key)
        return keep_alive

    def _on_pingreq(self, payload: bytes) -> Answer:
        _expect_empty("PINGREQ", payload)
        self.heartbeats += 1
        return Answer(self._encode(PacketType.PINGRESP, b""))

    def _on_subscribe(self, payload: bytes) -> Answer:
        try:
            self._state.refuse_by_fault("subscribe")
            topics = self._decode_topics(payload)
        except RefusalError as refused:
            return self._code(PacketType.SUBACK, refused.code)
        self.topics |= topics
        resent = b""
        if self._state.settings.resend_unacknowledged:
            resent = b"".join(self._encode(PacketType.PUBLISH, event) for event in self._state.book.pending(topics))
        return Answer(self._code(PacketType.SUBACK, 0).data + resent)

    def _on_unsubscribe(self, payload: bytes) -> Answer:
        try:
            self.topics -= self._decode_topics(payload)
        except RefusalError as refused:
            return self._code(self._unsuback, refused.code)
        return self._code(self._unsuback, 0)

    def _decode_topics(self, payload: bytes) -> set[str]:
        topics = _decode_params(payload).get("event_list")
        if not isinstance(topics, list) or not topics or not all(isinstance(topic, str) for topic in topics):
            raise RefusalError(Code.PARAMS_INVALID)
        if not self._state.topics.issuperset(topics):
            raise RefusalError(Code.SUBSCRIBE_EVENT_NOT_EXIST)
        return set(topics)

    def _on_puback(self, payload: bytes) -> None:
        event_id = decode_object(payload).get("event_id")
        if type(event_id) is not int:
            raise PayloadError(f"PUBACK without a numeric event_id: {payload[:80]!r}")
        self._state.book.acknowledge(event_id)

    def _on_disconnect(self, payload: bytes) -> Answer:
        _expect_empty("DISCONNECT", payload)
        return Answer(b"", ends=True)

    def _code(self, packet_type: int, code: int, *, ends: bool = False) -> Answer:
        return Answer(self._encode(packet_type, encode_object({"code": code})), ends)


def _decode_params(payload: bytes) -> dict[str, Any]:
    try:
        return decode_object(payload)
    except PayloadError as error:
        raise RefusalError(Code.PARAMS_INVALID) from error


def _expect_empty(name: str, payload: bytes) -> None:
    if payload:
        raise PayloadError(f"{name} with a payload of {len(payload)} bytes, it has none")
