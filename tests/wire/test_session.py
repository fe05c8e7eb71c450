"""The client's session: every packet at every stage, and the clock."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipc_bridge.errors import FrameError, PayloadError, SequenceError, SilenceError, WireError
from ipc_bridge.wire.frame import Coverage, encode_frame
from ipc_bridge.wire.packet import DETECT_EVENT, FORMAT, PacketType
from ipc_bridge.wire.session import (
    ClientSession,
    Connected,
    Dialect,
    Disconnected,
    HeartbeatAnswered,
    Published,
    Refused,
    SessionEvent,
    State,
    Subscribed,
    Unsubscribed,
)
from ipc_bridge.wire.signing import Credentials
from tests.wire import vectors
from tests.wire.vectors import Vector, chunks_of, damaged, fuzz

NOW = 1000.0
KEEP_ALIVE = 30
DOCUMENTED = Dialect()
OTHER = Dialect(coverage=Coverage.FRAME, signs_keep_alive=False)


def connect(session: ClientSession, now: float = NOW) -> None:
    session.connect(Credentials("JO83UNV983U9OR", "12345678"), 1593029283, "289192", now)


def new(dialect: Dialect = DOCUMENTED) -> ClientSession:
    return ClientSession(KEEP_ALIVE, dialect)


def connecting(dialect: Dialect = DOCUMENTED) -> ClientSession:
    session = new(dialect)
    connect(session)
    return session


def connected(dialect: Dialect = DOCUMENTED) -> ClientSession:
    session = connecting(dialect)
    session.receive_data(vectors.CONNACK.by_payload)
    return forgotten(session)


def subscribing(dialect: Dialect = DOCUMENTED) -> ClientSession:
    session = connected(dialect)
    session.subscribe([DETECT_EVENT], NOW)
    return session


def subscribed(dialect: Dialect = DOCUMENTED) -> ClientSession:
    session = subscribing(dialect)
    session.receive_data(vectors.SUBACK.by_payload)
    return forgotten(session)


def unsubscribing(dialect: Dialect = DOCUMENTED) -> ClientSession:
    session = subscribed(dialect)
    session.unsubscribe([DETECT_EVENT], NOW)
    return session


def closed(dialect: Dialect = DOCUMENTED) -> ClientSession:
    session = subscribed(dialect)
    session.disconnect()
    return forgotten(session)


def forgotten(session: ClientSession) -> ClientSession:
    """``session`` without what it has to send and to tell so far."""
    session.data_to_send()
    session.events_received()
    return session


Stage = Callable[[], ClientSession]
STAGES: list[Stage] = [new, connecting, connected, subscribing, subscribed, unsubscribing]


# What is sent.


@pytest.mark.parametrize(
    ("dialect", "expected"),
    [
        (Dialect(), vectors.CONNECT.by_payload),
        (Dialect(coverage=Coverage.FRAME), vectors.CONNECT.by_frame),
        (Dialect(signs_keep_alive=False), vectors.CONNECT_PLAIN.by_payload),
        (OTHER, vectors.CONNECT_PLAIN.by_frame),
    ],
    ids=["as documented", "CRC over the frame", "keep_alive unsigned", "both"],
)
def test_connect_in_every_dialect(dialect: Dialect, expected: bytes) -> None:
    session = connecting(dialect)
    assert session.data_to_send() == expected
    assert session.state is State.CONNECTING


SENT: dict[str, tuple[Callable[[ClientSession], None], Vector]] = {
    "subscribe": (lambda session: session.subscribe([DETECT_EVENT], NOW), vectors.SUBSCRIBE),
    "unsubscribe": (lambda session: session.unsubscribe([DETECT_EVENT], NOW), vectors.UNSUBSCRIBE),
    "acknowledge": (lambda session: session.acknowledge(7), vectors.PUBACK),
    "heartbeat": (lambda session: session.heartbeat(NOW), vectors.PINGREQ),
    "disconnect": (lambda session: session.disconnect(), vectors.DISCONNECT),
}


@pytest.mark.parametrize(("action", "vector"), SENT.values(), ids=SENT)
def test_what_is_sent_once_connected(action: Callable[[ClientSession], None], vector: Vector) -> None:
    for dialect, expected in ((DOCUMENTED, vector.by_payload), (OTHER, vector.by_frame)):
        session = connected(dialect)
        action(session)
        assert session.data_to_send() == expected
        assert session.data_to_send() == b""


def test_what_is_sent_keeps_its_order() -> None:
    session = connected()
    session.subscribe([DETECT_EVENT], NOW)
    session.acknowledge(7)
    session.disconnect()
    sent = vectors.SUBSCRIBE.by_payload + vectors.PUBACK.by_payload + vectors.DISCONNECT.by_payload
    assert session.data_to_send() == sent


@pytest.mark.parametrize("event_id", [0, -1, 2**63, 2**64 - 1])
def test_every_event_id_that_json_can_carry_is_acknowledged(event_id: int) -> None:
    session = connected()
    session.acknowledge(event_id)
    assert b'{"event_id":%d}' % event_id in session.data_to_send()


@pytest.mark.parametrize("stage", [new, connecting, closed])
def test_nothing_is_acknowledged_without_a_connection(stage: Stage) -> None:
    session = forgotten(stage())
    session.acknowledge(7)
    assert session.data_to_send() == b""


@pytest.mark.parametrize("stage", [new, connecting, closed])
def test_disconnect_is_not_sent_without_a_connection(stage: Stage) -> None:
    session = forgotten(stage())
    session.disconnect()
    assert session.data_to_send() == b""
    assert session.is_closed


# What is received.

FROM_CAMERA = [
    vectors.CONNECT,
    vectors.CONNACK,
    vectors.CONNACK_5,
    vectors.PINGREQ,
    vectors.PINGRESP,
    vectors.SUBSCRIBE,
    vectors.SUBACK,
    vectors.SUBACK_310,
    vectors.UNSUBACK_PROSE,
    vectors.UNSUBACK,
    vectors.UNSUBACK_3,
    vectors.PUBLISH,
    vectors.PUBLISH_EMPTY,
    vectors.PUBACK,
    vectors.DISCONNECT,
    vectors.DISCONNECT_PROSE,
]

AT_ANY_TIME: dict[Vector, SessionEvent] = {
    vectors.DISCONNECT: Disconnected(),
    vectors.DISCONNECT_PROSE: Disconnected(),
}
ONCE_CONNECTED: dict[Vector, SessionEvent] = {**AT_ANY_TIME, vectors.PINGRESP: HeartbeatAnswered()}
EVENTS: dict[Vector, SessionEvent] = {
    vectors.PUBLISH: Published(b'{"event_id":7}'),
    vectors.PUBLISH_EMPTY: Published(b""),
}
IN_TURN: dict[Stage, dict[Vector, SessionEvent]] = {
    new: AT_ANY_TIME,
    connecting: {
        **AT_ANY_TIME,
        vectors.CONNACK: Connected(),
        vectors.CONNACK_5: Refused(PacketType.CONNECT, 5),
    },
    connected: ONCE_CONNECTED,
    subscribing: {
        **ONCE_CONNECTED,
        **EVENTS,
        vectors.SUBACK: Subscribed(),
        vectors.SUBACK_310: Refused(PacketType.SUBSCRIBE, 310),
    },
    subscribed: {**ONCE_CONNECTED, **EVENTS},
    unsubscribing: {
        **ONCE_CONNECTED,
        **EVENTS,
        vectors.UNSUBACK: Unsubscribed(),
        vectors.UNSUBACK_PROSE: Unsubscribed(),
        vectors.UNSUBACK_3: Refused(PacketType.UNSUBSCRIBE, 3),
    },
}
"""What each packet means at each stage; what is missing is out of turn."""

ENDS_THE_SESSION = {vectors.DISCONNECT, vectors.DISCONNECT_PROSE, vectors.CONNACK_5}

each_packet = pytest.mark.parametrize("packet", FROM_CAMERA, ids=lambda packet: packet.name)
each_stage = pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.__name__)


@each_stage
@each_packet
def test_every_packet_at_every_stage(stage: Stage, packet: Vector) -> None:
    for data in (packet.by_payload, packet.by_frame):
        session = stage()
        before = session.state
        event = IN_TURN[stage].get(packet)
        if event is None:
            with pytest.raises(SequenceError):
                session.receive_data(data)
            assert session.events_received() == []
            assert session.state is State.CLOSED
            continue
        session.receive_data(data)
        assert session.events_received() == [event]
        assert session.events_received() == []
        expected = State.CLOSED if packet in ENDS_THE_SESSION else before
        assert session.state is (State.CONNECTED if packet is vectors.CONNACK else expected)


@each_packet
def test_a_closed_session_reads_nothing(packet: Vector) -> None:
    session = closed()
    session.receive_data(packet.by_payload)
    assert session.events_received() == []
    assert session.data_to_send() == b""


OUT_OF_TURN: dict[str, tuple[Stage, Vector, str]] = {
    "CONNACK unasked": (new, vectors.CONNACK, "CONNACK without a CONNECT"),
    "CONNACK twice": (connected, vectors.CONNACK, "CONNACK without a CONNECT"),
    "PINGRESP early": (connecting, vectors.PINGRESP, "PINGRESP before CONNACK"),
    "PUBLISH early": (connecting, vectors.PUBLISH, "PUBLISH before CONNACK"),
    "PUBLISH unasked": (connected, vectors.PUBLISH, "PUBLISH before SUBSCRIBE"),
    "SUBACK twice": (subscribed, vectors.SUBACK, "SUBACK without a SUBSCRIBE"),
    "UNSUBACK unasked": (subscribed, vectors.UNSUBACK, "UNSUBACK without a UNSUBSCRIBE"),
    "UNSUBACK unasked, by the prose": (subscribed, vectors.UNSUBACK_PROSE, "UNSUBACK without a UNSUBSCRIBE"),
    "PINGREQ": (connected, vectors.PINGREQ, "PINGREQ, which only a client sends"),
    "PUBACK": (subscribed, vectors.PUBACK, "PUBACK, which only a client sends"),
}


@pytest.mark.parametrize(("stage", "packet", "message"), OUT_OF_TURN.values(), ids=OUT_OF_TURN)
def test_the_message_says_what_is_out_of_turn(stage: Stage, packet: Vector, message: str) -> None:
    with pytest.raises(SequenceError, match=f"^{message}$"):
        stage().receive_data(packet.by_payload)


def test_a_reply_is_expected_once() -> None:
    session = unsubscribing()
    session.receive_data(vectors.UNSUBACK.by_payload)
    with pytest.raises(SequenceError, match="UNSUBACK without"):
        session.receive_data(vectors.UNSUBACK_PROSE.by_payload)


def test_requests_are_answered_in_any_order_and_again() -> None:
    session = subscribing()
    session.unsubscribe([DETECT_EVENT], NOW)
    session.receive_data(vectors.UNSUBACK.by_payload + vectors.SUBACK_310.by_payload)
    session.subscribe([DETECT_EVENT], NOW)
    session.receive_data(vectors.SUBACK.by_payload)
    assert session.events_received() == [Unsubscribed(), Refused(PacketType.SUBSCRIBE, 310), Subscribed()]


def test_an_event_on_its_way_while_the_subscription_ends_is_taken() -> None:
    session = unsubscribing()
    session.receive_data(vectors.UNSUBACK.by_payload + vectors.PUBLISH.by_payload)
    assert session.events_received() == [Unsubscribed(), Published(b'{"event_id":7}')]


def test_an_events_payload_is_not_read() -> None:
    session = subscribed()
    for payload in (b"rubbish", b"\xff" * 65_535, b"[" * 1000):
        session.receive_data(encode_frame(FORMAT, PacketType.PUBLISH, payload, Coverage.PAYLOAD))
        assert session.events_received() == [Published(payload)]


WITHOUT_A_CODE = {
    "nothing": b"",
    "rubbish": b"rubbish",
    "no UTF-8": b'{"code":"\xff"}',
    "a list": b"[0]",
    "no code": b"{}",
    "another key": b'{"Code":0}',
    "text": b'{"code":"0"}',
    "a float": b'{"code":0.0}',
    "false": b'{"code":false}',
    "null": b'{"code":null}',
    "a list as code": b'{"code":[0]}',
    "beyond 64 bits": b'{"code":18446744073709551616}',
    "beyond a double": b'{"code":1e999}',
    "500 digits": b'{"code":' + b"9" * 500 + b"}",
    "a lone surrogate": b'{"code":0,"a":"\\ud800"}',
    "160 levels": b'{"code":0,"a":' + b"[" * 160 + b"]" * 160 + b"}",
    "1000 levels, never closed": b'{"code":0,"a":' + b"[" * 1000,
}
REPLIES: list[tuple[Stage, PacketType]] = [
    (connecting, PacketType.CONNACK),
    (subscribing, PacketType.SUBACK),
    (unsubscribing, PacketType.UNSUBACK),
]


@pytest.mark.parametrize(("stage", "reply"), REPLIES, ids=lambda value: getattr(value, "name", None))
@pytest.mark.parametrize("payload", WITHOUT_A_CODE.values(), ids=WITHOUT_A_CODE)
def test_a_reply_without_a_usable_code_ends_the_session(stage: Stage, reply: PacketType, payload: bytes) -> None:
    session = stage()
    with pytest.raises(PayloadError):
        session.receive_data(encode_frame(FORMAT, reply, payload, Coverage.FRAME))
    assert session.is_closed
    assert session.events_received() == []


def test_a_reply_may_carry_more_than_its_code() -> None:
    session = connecting()
    reply = encode_frame(FORMAT, PacketType.CONNACK, b'{"msg":"ok","code":0}', Coverage.PAYLOAD)
    session.receive_data(reply)
    assert session.events_received() == [Connected()]


def test_the_message_shows_a_reply_without_a_code_but_not_all_of_it() -> None:
    reply = encode_frame(FORMAT, PacketType.CONNACK, b'{"a":"' + b"x" * 900 + b'"}', Coverage.PAYLOAD)
    with pytest.raises(PayloadError, match=r"^CONNACK without a numeric code: b'.\"a\":\"x{74}'$"):
        connecting().receive_data(reply)


def test_what_came_before_an_error_is_not_lost() -> None:
    session = subscribed()
    with pytest.raises(FrameError):
        session.receive_data(vectors.PUBLISH.by_payload + vectors.PINGRESP.by_frame + b"rubbish")
    assert session.events_received() == [Published(b'{"event_id":7}'), HeartbeatAnswered()]
    assert session.is_closed


def test_what_comes_behind_the_end_is_not_read() -> None:
    session = subscribed()
    session.receive_data(vectors.DISCONNECT.by_payload + vectors.PUBLISH.by_payload + b"rubbish")
    assert session.events_received() == [Disconnected()]


@pytest.mark.parametrize(
    "rubbish",
    [bytes(70_000), bytes.fromhex("FF 3E 3E FF 01 09 FF FF") + bytes(69_992), bytes.fromhex("FF 3E 3E FF 01 02 04 01")],
    ids=["70,000 zeros", "70,000 bytes announced as an event", "a CONNACK too long"],
)
@each_stage
def test_rubbish_closes_the_session(stage: Stage, rubbish: bytes) -> None:
    session = forgotten(stage())
    with pytest.raises(FrameError):
        session.receive_data(rubbish)
    assert session.state is State.CLOSED
    session.receive_data(vectors.CONNACK.by_payload)
    assert session.events_received() == []
    session.disconnect()
    assert session.data_to_send() == b""
    assert session.next_deadline() is None


# The clock.


def test_nothing_is_due_before_connect_and_after_the_end() -> None:
    for session in (new(), closed()):
        assert session.next_deadline() is None
        session.deadline_reached(NOW + 1e9)
        assert session.data_to_send() == b""


@pytest.mark.parametrize(
    ("stage", "request_name"),
    [(connecting, "CONNECT"), (subscribing, "SUBSCRIBE"), (unsubscribing, "UNSUBSCRIBE")],
    ids=["CONNECT", "SUBSCRIBE", "UNSUBSCRIBE"],
)
def test_a_reply_may_take_10_seconds(stage: Stage, request_name: str) -> None:
    session = forgotten(stage())
    assert session.next_deadline() == NOW + 10
    session.deadline_reached(NOW + 9.99)
    assert session.next_deadline() == NOW + 10
    with pytest.raises(SilenceError, match=f"^no answer to {request_name} within 10 s$"):
        session.deadline_reached(NOW + 10)
    assert session.is_closed
    assert session.next_deadline() is None
    session.deadline_reached(NOW + 20)
    assert session.data_to_send() == b""


def test_each_reply_has_its_own_deadline() -> None:
    session = connected()
    session.subscribe([DETECT_EVENT], NOW + 1)
    session.unsubscribe([DETECT_EVENT], NOW + 4)
    assert session.next_deadline() == NOW + 11
    session.receive_data(vectors.SUBACK.by_payload)
    assert session.next_deadline() == NOW + 14
    with pytest.raises(SilenceError, match=r"^no answer to UNSUBSCRIBE"):
        session.deadline_reached(NOW + 14)


@pytest.mark.parametrize("reply", [vectors.SUBACK, vectors.SUBACK_310])
def test_an_answer_in_time_is_not_missed(reply: Vector) -> None:
    session = subscribing()
    session.receive_data(reply.by_payload)
    assert session.next_deadline() == NOW + 30


def test_a_heartbeat_goes_out_every_period() -> None:
    session = subscribed()
    for beat in range(1, 10):
        assert session.next_deadline() == NOW + 30 * beat
        session.deadline_reached(NOW + 30 * beat - 0.01)
        assert session.data_to_send() == b""
        session.deadline_reached(NOW + 30 * beat)
        assert session.data_to_send() == vectors.PINGREQ.by_payload
        session.receive_data(vectors.PINGRESP.by_payload)
        assert session.events_received() == [HeartbeatAnswered()]


def test_a_late_heartbeat_moves_the_next_one() -> None:
    session = connected()
    session.deadline_reached(NOW + 37)
    assert session.next_deadline() == NOW + 67


def test_three_heartbeats_without_an_answer_end_the_session() -> None:
    session = subscribed()
    for beat in (1, 2, 3):
        session.deadline_reached(NOW + 30 * beat)
        # Other packets are no answer: a camera that only sends may not read any more.
        session.receive_data(vectors.PUBLISH.by_payload)
    assert session.data_to_send() == vectors.PINGREQ.by_payload * 3
    session.deadline_reached(NOW + 119.99)
    assert session.next_deadline() == NOW + 120
    with pytest.raises(SilenceError, match=r"^3 heartbeats, 30 s apart, without an answer$"):
        session.deadline_reached(NOW + 120)
    assert session.is_closed
    assert session.data_to_send() == b""
    assert session.next_deadline() is None


def test_one_answer_makes_up_for_the_heartbeats_before_it() -> None:
    session = connected()
    for beat in (1, 2, 3):
        session.deadline_reached(NOW + 30 * beat)
    session.receive_data(vectors.PINGRESP.by_payload)
    for beat in (4, 5, 6):
        session.deadline_reached(NOW + 30 * beat)
    assert not session.is_closed
    with pytest.raises(SilenceError):
        session.deadline_reached(NOW + 210)


def test_a_heartbeat_ahead_of_its_time_moves_the_next_one_and_counts() -> None:
    session = connected()
    session.heartbeat(NOW + 12)
    assert session.next_deadline() == NOW + 42
    session.deadline_reached(NOW + 42)
    session.deadline_reached(NOW + 72)
    with pytest.raises(SilenceError):
        session.deadline_reached(NOW + 102)


# Misuse by the owner.

MISUSE: dict[str, tuple[list[Stage], Callable[[ClientSession], None]]] = {
    "connect": ([connecting, connected, closed], connect),
    "subscribe": ([new, connecting, closed], lambda session: session.subscribe([DETECT_EVENT], NOW)),
    "unsubscribe": ([new, connecting, closed], lambda session: session.unsubscribe([DETECT_EVENT], NOW)),
    "heartbeat": ([new, connecting, closed], lambda session: session.heartbeat(NOW)),
}


@pytest.mark.parametrize(
    ("stage", "action"),
    [
        pytest.param(stage, action, id=f"{name}-{stage.__name__}")
        for name, (stages, action) in MISUSE.items()
        for stage in stages
    ],
)
def test_misuse_is_an_error_of_the_program(stage: Stage, action: Callable[[ClientSession], None]) -> None:
    session = forgotten(stage())
    before = session.state
    with pytest.raises(RuntimeError, match=f"^the session is {before.value}, not (new|connected)$"):
        action(session)
    assert session.state is before
    assert session.data_to_send() == b""


# Properties.

REPEATABLE = [vectors.PUBLISH, vectors.PUBLISH_EMPTY, vectors.PINGRESP]
MEANING = {packet: event for table in IN_TURN.values() for packet, event in table.items()}


@given(
    st.lists(st.sampled_from(REPEATABLE), max_size=6),
    st.sampled_from([vectors.SUBACK, vectors.SUBACK_310]),
    st.sampled_from([vectors.UNSUBACK, vectors.UNSUBACK_PROSE, vectors.UNSUBACK_3]),
    st.sampled_from([vectors.DISCONNECT, vectors.DISCONNECT_PROSE]),
    st.data(),
)
@fuzz
def test_a_whole_session_survives_any_split(
    events: list[Vector], suback: Vector, unsuback: Vector, end: Vector, data: st.DataObject
) -> None:
    packets = [*data.draw(st.permutations([suback, unsuback, *events])), end]
    session = connecting()
    for chunk in data.draw(chunks_of(vectors.CONNACK.by_frame)):
        session.receive_data(chunk)
    session.subscribe([DETECT_EVENT], NOW)
    session.unsubscribe([DETECT_EVENT], NOW)
    stream = b"".join(data.draw(st.sampled_from([packet.by_payload, packet.by_frame])) for packet in packets)
    received = session.events_received()
    for chunk in data.draw(chunks_of(stream)):
        session.receive_data(chunk)
        received += session.events_received()
    assert received == [Connected(), *(MEANING[packet] for packet in packets)]
    assert session.is_closed


def assert_only_wire_errors(session: ClientSession, chunks: list[bytes]) -> None:
    for chunk in chunks:
        was_closed = session.is_closed
        try:
            session.receive_data(chunk)
        except WireError:
            assert not was_closed
            assert session.is_closed
        if was_closed:
            assert session.events_received() == []
            assert session.next_deadline() is None
        session.events_received()


@given(st.sampled_from([*STAGES, closed]), st.lists(st.binary(max_size=64), max_size=6))
@fuzz
def test_random_bytes_raise_nothing_but_wire_errors(stage: Stage, chunks: list[bytes]) -> None:
    assert_only_wire_errors(stage(), chunks)


@given(st.sampled_from(STAGES), st.lists(st.sampled_from(FROM_CAMERA), min_size=1, max_size=5), st.data())
@fuzz
def test_mutated_packets_raise_nothing_but_wire_errors(
    stage: Stage, packets: list[Vector], data: st.DataObject
) -> None:
    stream = data.draw(damaged(b"".join(packet.by_payload for packet in packets)))
    assert_only_wire_errors(stage(), data.draw(chunks_of(stream)))


@given(
    st.sampled_from(STAGES),
    st.lists(st.tuples(st.sampled_from(PacketType), st.binary(max_size=40) | damaged(b'{"code":0}')), max_size=6),
)
@fuzz
def test_whole_packets_with_any_payload_raise_nothing_but_wire_errors(
    stage: Stage, packets: list[tuple[PacketType, bytes]]
) -> None:
    frames = [encode_frame(FORMAT, kind, payload, Coverage.PAYLOAD) for kind, payload in packets]
    assert_only_wire_errors(stage(), frames)


@given(
    st.sampled_from([*STAGES, closed]),
    st.lists(
        st.tuples(st.floats(0, 40), st.sampled_from([None, vectors.PINGRESP, vectors.SUBACK, vectors.PUBLISH])),
        max_size=12,
    ),
)
@fuzz
def test_the_clock_raises_nothing_but_wire_errors_and_moves_on(
    stage: Stage, steps: list[tuple[float, Vector | None]]
) -> None:
    session = stage()
    now = NOW
    for seconds, packet in steps:
        now += seconds
        try:
            session.deadline_reached(now)
            if packet is not None:
                session.receive_data(packet.by_payload)
        except WireError:
            assert session.is_closed
        deadline = session.next_deadline()
        # What is due was done: an owner that waits for the deadline never spins.
        assert deadline is None or deadline > now
