"""Delivery to a broker: order, window, losses, limits."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from ipc_bridge.bridge import publisher as module
from ipc_bridge.bridge.publisher import Post
from ipc_bridge.mqtt.connection import Message, Received
from tests.bridge.rig import TOPICS, Rig, events_in, seqs
from tests.bridge.samples import SN, entry, face_event, motion_event, other_event
from tests.mqtt.broker import Listener, eventually, mosquitto, retained_on
from tests.mqtt.fake_broker import FakeBroker, fake_broker

EVENTS = TOPICS.camera(SN, "event/motion")
FACE = TOPICS.camera(SN, "face")


# What goes out, and in what order.


async def test_discovery_before_state_before_news_before_events_before_display(tmp_path: Path) -> None:
    rig = Rig()
    rig.publisher.show("test/display", b"d")
    rig.append(1, 2)
    rig.publisher.send("test/news", b"n")
    rig.publisher.retain("test/state", b"s")
    rig.publisher.announce("test/discovery", b"a")
    async with mosquitto(tmp_path) as broker, Listener(broker.port) as listener, rig.connected(broker.port):
        await listener.hears_topic("test/display")
        assert listener.topics == ["test/state", "test/discovery", "test/news", EVENTS, EVENTS, "test/display"]
        assert await rig.publisher.drained(5)


async def test_on_a_new_connection_discovery_goes_ahead_of_state() -> None:
    rig = Rig()
    async with fake_broker() as broker, rig.connected(broker.port):
        for number in range(3):
            rig.publisher.retain(f"test/state{number}", b"s")
            rig.publisher.announce(f"test/discovery{number}", b"a")
        await broker.published(6)
        broker.publications.clear()
        broker.cut()
        await broker.published(6)
        kinds = [one.topic.rstrip("012") for one in broker.publications]
        assert kinds == ["test/discovery"] * 3 + ["test/state"] * 3
        assert all(one.retain for one in broker.publications)


async def test_cameras_take_turns_and_each_keeps_its_order(tmp_path: Path) -> None:
    rig = Rig()
    rig.append(*range(1, 51), sn="A")
    rig.append(*range(1, 51), sn="B")
    async with mosquitto(tmp_path) as broker, Listener(broker.port) as listener, rig.connected(broker.port):
        await listener.hears(lambda: len(listener.messages) == 100)
        for sn in "AB":
            assert seqs(listener.payloads(TOPICS.camera(sn, "event/motion"))) == list(range(1, 51))
        assert len(set(listener.topics[:2])) == 2
        await eventually(lambda: rig.publisher.counters["delivered"] == 100)


async def test_events_are_never_retained_and_state_is(tmp_path: Path) -> None:
    rig = Rig()
    async with mosquitto(tmp_path) as broker, rig.connected(broker.port):
        rig.append(1)
        rig.publisher.retain("test/state", b"s")
        rig.publisher.send("test/news", b"n")
        rig.publisher.show(FACE, b"f")
        rig.publisher.flash("test/flash", b"ON")
        await eventually(lambda: rig.publisher.counters["delivered"] == 1)
        assert await rig.publisher.drained(5)
        assert await retained_on(broker.port) == {"test/state": b"s", FACE: b"f"}


async def test_an_empty_payload_clears_a_topic(tmp_path: Path) -> None:
    rig = Rig()
    async with mosquitto(tmp_path) as broker, rig.connected(broker.port):
        rig.publisher.retain("test/state", b"s")
        rig.publisher.retain("test/other", b"o")
        await eventually(lambda: rig.publisher._connection is not None)
        assert await rig.publisher.drained(5)
        rig.publisher.retain("test/state", b"")
        assert await rig.publisher.drained(5)
        assert await retained_on(broker.port) == {"test/other": b"o"}


async def test_a_clearing_that_a_lost_connection_swallowed_is_repeated() -> None:
    rig = Rig()
    async with fake_broker() as broker, rig.connected(broker.port):
        rig.publisher.retain("test/state", b"s")
        await broker.published(1)
        await eventually(lambda: rig.publisher._connection is not None and rig.publisher._connection.in_flight == 0)
        broker.acknowledges = False
        rig.publisher.retain("test/state", b"")
        await broker.published(2)
        broker.cut()
        broker.acknowledges = True
        await broker.published(3)
        assert broker.payloads() == [b"s", b"", b""]
        await eventually(lambda: rig.publisher._connection is not None and rig.publisher._connection.in_flight == 0)
        # Once the broker has it, it is done for good.
        broker.cut()
        await eventually(lambda: len(broker.levels) == 3)
        rig.publisher.retain("test/marker", b"m")
        await broker.published(4)
        assert broker.publications[3].topic == "test/marker"


async def test_state_that_is_the_same_is_not_sent_twice() -> None:
    rig = Rig()
    async with fake_broker() as broker, rig.connected(broker.port):
        rig.publisher.retain("test/state", b"a")
        await broker.published(1)
        rig.publisher.retain("test/state", b"a")
        rig.publisher.retain("test/state", b"b")
        await broker.published(2)
        rig.publisher.retain("test/marker", b"m")
        await broker.published(3)
        assert broker.payloads() == [b"a", b"b", b"m"]


async def test_state_that_changes_while_it_waits_goes_out_once() -> None:
    rig = Rig()
    for number in range(5):
        rig.publisher.retain("test/state", b"%d" % number)
    async with fake_broker() as broker, rig.connected(broker.port):
        rig.publisher.send("test/marker", b"m")
        await broker.published(2)
        assert broker.payloads() == [b"4", b"m"]


async def test_what_is_for_display_waits_for_events_but_not_for_ever() -> None:
    rig = Rig()
    async with fake_broker(FakeBroker(receive_maximum=1, acknowledges=False)) as broker, rig.connected(broker.port):
        rig.append(1, 2, 3)
        await broker.published(1)
        rig.publisher.show(FACE, b"old")
        broker.acknowledge_all()
        await broker.published(2)
        assert broker.publications[1].topic == EVENTS
        rig.publisher.show(FACE, b"new")
        # A second has gone by, as far as it knows.
        rig.publisher._display_due = 0.0
        broker.acknowledge_all()
        await broker.published(3)
        broker.acknowledge_all()
        await broker.published(4)
        assert [one.topic for one in broker.publications] == [EVENTS, EVENTS, FACE, EVENTS]
        assert broker.publications[2].payload == b"new"


async def test_posts_wait_for_events_but_not_for_ever_and_are_told_of() -> None:
    rig = Rig()
    taken: list[tuple[str, bool]] = []

    def post(name: str) -> Post:
        return Post(Message(f"test/{name}", b"p"), lambda accepted: taken.append((name, accepted)))

    async with fake_broker(FakeBroker(receive_maximum=1, acknowledges=False)) as broker, rig.connected(broker.port):
        rig.append(1)
        await broker.published(1)
        withdrawn = post("withdrawn")
        for each in (post("first"), withdrawn, post("second")):
            rig.publisher.post(each)
        rig.publisher.withdraw(withdrawn)
        # The first has its turn at once, the second only when no event waits.
        rig.append(2, 3)
        for count in range(2, 6):
            rig.publisher._post_due += 100 if count == 3 else 0
            broker.acknowledge_all()
            await broker.published(count)
        topics = [one.topic for one in broker.publications]
        assert topics == [EVENTS, "test/first", EVENTS, EVENTS, "test/second"]
        assert taken == [("first", True)]
        broker.acknowledge(broker.publications[-1].mid, 0x87)
        await eventually(lambda: taken == [("first", True), ("second", False)])
        # Nobody minds that it is gone.
        rig.publisher.withdraw(withdrawn)


async def test_posts_are_sent_again_on_the_next_connection() -> None:
    rig = Rig()
    taken: list[bool] = []
    async with fake_broker(FakeBroker(acknowledges=False)) as broker, rig.connected(broker.port):
        for number in range(2):
            rig.publisher.post(Post(Message(f"test/{number}", b"p"), taken.append))
        await broker.published(2)
        broker.acknowledges = True
        broker.cut()
        await broker.published(4)
        assert [one.topic for one in broker.publications] == ["test/0", "test/1"] * 2
        await eventually(lambda: taken == [True, True])


# The window.


async def test_no_more_than_the_broker_allows_is_on_the_way() -> None:
    rig = Rig()
    async with fake_broker(FakeBroker(receive_maximum=1)) as broker, rig.connected(broker.port):
        rig.append(*range(1, 31))
        for number in range(10):
            rig.publisher.retain(f"test/{number}", b"s")
        await broker.published(40)
        assert broker.most_unacknowledged == 1
        assert seqs([one.payload for one in broker.publications if one.topic == EVENTS]) == list(range(1, 31))


async def test_a_window_that_is_full_waits_for_acknowledgements() -> None:
    rig = Rig()
    async with fake_broker(FakeBroker(receive_maximum=3, acknowledges=False)) as broker, rig.connected(broker.port):
        rig.append(*range(1, 6))
        await broker.published(3)
        broker.send(0xD0, b"")  # what comes and is no acknowledgement opens nothing
        assert not await rig.publisher.drained(0.05)
        assert len(broker.publications) == 3
        broker.acknowledge(broker.publications[1].mid)
        await broker.published(4)
        broker.acknowledge_all()
        await broker.published(5)
        broker.acknowledge_all()
        assert await rig.publisher.drained(5)
        assert rig.publisher.counters["delivered"] == 5


# A connection that is lost.


async def test_what_was_not_acknowledged_is_sent_again_in_order_and_encoded_anew() -> None:
    rig = Rig()
    async with fake_broker(FakeBroker(acknowledges=False)) as broker, rig.connected(broker.port):
        rig.append(1, 2, 3, 4)
        await broker.published(4)
        # The second one is done; of the others nobody knows.
        broker.acknowledge(broker.publications[1].mid)
        await eventually(lambda: rig.publisher.counters["delivered"] == 1)
        assert [event["late"] for event in events_in(broker)] == [False] * 4
        rig.late = True
        broker.publications.clear()
        broker.acknowledges = True
        broker.cut()
        await broker.published(3)
        rig.append(5)
        await broker.published(4)
        assert [(event["seq"], event["late"]) for event in events_in(broker)] == [
            (1, True),
            (3, True),
            (4, True),
            (5, True),
        ]
        assert not any(one.dup for one in broker.publications)
        await eventually(lambda: rig.publisher.counters["delivered"] == 5)
        assert rig.publisher.counters["late"] == 4


async def test_news_and_display_are_sent_again_too() -> None:
    rig = Rig()
    async with fake_broker(FakeBroker(acknowledges=False)) as broker, rig.connected(broker.port):
        rig.publisher.send("test/news", b"1")
        rig.publisher.send("test/news", b"2")
        rig.publisher.show(FACE, b"old")
        rig.publisher.show("test/other", b"o")
        await broker.published(4)
        broker.publications.clear()
        broker.cut()
        rig.publisher.show(FACE, b"new")
        broker.acknowledges = True
        await broker.published(4)
        assert [(one.topic, one.payload) for one in broker.publications] == [
            ("test/news", b"1"),
            ("test/news", b"2"),
            (FACE, b"new"),
            ("test/other", b"o"),
        ]


async def test_what_is_shown_while_the_last_one_is_on_its_way() -> None:
    rig = Rig()
    async with fake_broker(FakeBroker(acknowledges=False)) as broker, rig.connected(broker.port):
        rig.publisher.show(FACE, b"1")
        await broker.published(1)
        rig.publisher.show(FACE, b"2")
        await broker.published(2)
        broker.acknowledge(broker.publications[0].mid)
        await eventually(lambda: rig.publisher._connection is not None and rig.publisher._connection.in_flight == 1)
        broker.publications.clear()
        broker.cut()
        broker.acknowledges = True
        await broker.published(1)
        assert broker.payloads() == [b"2"], "only the newest of what has no acknowledgement"


async def test_a_live_state_is_not_repeated() -> None:
    rig = Rig()
    async with fake_broker(FakeBroker(acknowledges=False)) as broker, rig.connected(broker.port):
        rig.publisher.retain("test/motion", b"OFF")
        await broker.published(1)
        rig.publisher.flash("test/motion", b"ON")
        await broker.published(2)
        assert not broker.publications[1].retain
        broker.publications.clear()
        broker.cut()
        broker.acknowledges = True
        rig.publisher.retain("test/marker", b"m")
        await broker.published(1)
        assert broker.payloads() == [b"m"]


# Hold, release, drained.


async def test_a_camera_that_is_held_keeps_its_events(tmp_path: Path) -> None:
    rig = Rig()
    rig.publisher.hold("A")
    async with mosquitto(tmp_path) as broker, Listener(broker.port) as listener, rig.connected(broker.port):
        rig.append(1, 2, sn="A")
        rig.append(1, sn="B")
        await listener.hears_topic(TOPICS.camera("B", "event/motion"))
        assert await rig.publisher.drained(5), "held events are not waited for"
        await listener.catches_up()
        assert TOPICS.camera("A", "event/motion") not in listener.topics
        rig.publisher.release("A")
        await listener.hears(lambda: seqs(listener.payloads(TOPICS.camera("A", "event/motion"))) == [1, 2])


async def test_a_hold_in_the_middle_stops_what_is_in_line() -> None:
    rig = Rig()
    rig.append(1, 2)
    rig.publisher.hold(SN)
    async with fake_broker() as broker, rig.connected(broker.port):
        rig.publisher.send("test/marker", b"m")
        await broker.published(1)
        assert await rig.publisher.drained(5)
        assert len(broker.publications) == 1
        rig.publisher.release(SN)
        await broker.published(3)
        assert [event["seq"] for event in events_in(broker)] == [1, 2]


async def test_then_is_called_once_the_broker_has_it() -> None:
    rig = Rig()
    called: list[str] = []
    async with fake_broker(FakeBroker(acknowledges=False)) as broker, rig.connected(broker.port):
        rig.publisher.announce("test/a", b"a", lambda: called.append("a"))
        await broker.published(1)
        assert not called
        broker.acknowledge_all()
        await eventually(lambda: called == ["a"])
        rig.publisher.announce("test/a", b"a", lambda: called.append("again"))
        await broker.published(2)
        broker.cut()
        await broker.published(3)
        assert called == ["a"]
        broker.acknowledge_all()
        await eventually(lambda: called == ["a", "again"])


async def test_then_does_not_belong_to_an_earlier_message() -> None:
    rig = Rig()
    called: list[str] = []
    async with fake_broker(FakeBroker(acknowledges=False)) as broker, rig.connected(broker.port):
        rig.publisher.announce("test/a", b"old")
        await broker.published(1)
        rig.publisher.announce("test/a", b"new", lambda: called.append("new"))
        await broker.published(2)
        broker.acknowledge(broker.publications[0].mid)
        await eventually(lambda: rig.publisher._connection is not None and rig.publisher._connection.in_flight == 1)
        assert not called
        broker.acknowledge(broker.publications[1].mid)
        await eventually(lambda: called == ["new"])


async def test_drained_without_a_broker() -> None:
    rig = Rig()
    rig.append(1)
    assert not await rig.publisher.drained(5)


async def test_drained_ends_when_the_connection_does() -> None:
    rig = Rig()
    async with fake_broker(FakeBroker(acknowledges=False)) as broker, rig.connected(broker.port):
        rig.append(1)
        await broker.published(1)
        waiting = asyncio.create_task(rig.publisher.drained(60))
        broker.hangs_up_on = frozenset({4, 5})
        broker.cut()
        assert await waiting is False


# Limits and refusals.


async def test_what_is_too_big_for_the_broker_is_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rig = Rig()
    rig.publisher.append(entry(other_event(1, raw="x" * 1000)))
    async with (
        mosquitto(tmp_path, "allow_anonymous true", "max_packet_size 600") as broker,
        Listener(broker.port) as listener,
        rig.connected(broker.port),
    ):
        rig.append(2)
        await listener.hears_topic(EVENTS)
        rig.publisher.retain("test/state", bytes(1000))
        rig.publisher.send("test/news", bytes(1000))
        rig.publisher.show("test/display", bytes(1000))
        rig.publisher.retain("test/small", b"s")
        await listener.hears_topic("test/small")
        assert await rig.publisher.drained(5)
        assert listener.topics == [EVENTS, "test/small"]
    assert rig.publisher.counters["refused"] == 1
    for topic in (TOPICS.camera(SN, "event/other"), "test/state", "test/news", "test/display"):
        assert f"{topic}: " in caplog.text
    assert "bytes are more than the broker takes" in caplog.text


async def test_what_the_access_list_forbids_is_told_of_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "acl").write_text("topic readwrite test/#\ntopic write ipc_bridge/bridge/#\n", encoding="utf-8")
    rig = Rig()
    async with (
        mosquitto(tmp_path, "allow_anonymous true", f"acl_file {tmp_path / 'acl'}") as broker,
        Listener(broker.port, ["test/#"]) as listener,
        rig.connected(broker.port),
    ):
        rig.append(1, 2)
        rig.publisher.retain("forbidden/state", b"x")
        rig.publisher.send("forbidden/news", b"x")
        rig.publisher.show("forbidden/display", b"x")
        rig.publisher.retain("test/state", b"s")
        await listener.hears_topic("test/state")
        await eventually(lambda: rig.publisher.counters["refused"] == 2)
        assert await rig.publisher.drained(5)
    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    for topic in (EVENTS, "forbidden/state", "forbidden/news", "forbidden/display"):
        assert len([line for line in warnings if topic in line and "access control list" in line]) == 1


async def test_events_do_not_wait_for_a_discovery_that_the_broker_refuses(tmp_path: Path) -> None:
    (tmp_path / "acl").write_text("topic readwrite ipc_bridge/#\ntopic readwrite test/#\n", encoding="utf-8")
    rig = Rig()
    async with (
        mosquitto(tmp_path, "allow_anonymous true", f"acl_file {tmp_path / 'acl'}") as broker,
        Listener(broker.port, ["ipc_bridge/#", "test/#"]) as listener,
        rig.connected(broker.port),
    ):
        rig.publisher.hold(SN)
        rig.publisher.announce(TOPICS.device_discovery("x"), b"{}", lambda: rig.publisher.release(SN))
        rig.append(1)
        await listener.hears_topic(EVENTS)


async def test_what_is_done_is_told_once_through_losses() -> None:
    rig = Rig()
    done: list[int] = []
    rig.publisher.on_done(done.append)
    async with fake_broker(FakeBroker(acknowledges=False)) as broker, rig.connected(broker.port):
        rig.append(1, 2)
        for number in (2, 4):
            await broker.published(number)
            broker.cut()
        await broker.published(6)
        assert done == []
        broker.acknowledge_all()
        assert await rig.publisher.drained(5)
    assert done == [1, 2]
    assert rig.publisher.counters["delivered"] == 2


async def test_news_that_nobody_takes_is_bounded(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "MAX_NEWS", 3)
    rig = Rig()
    for number in range(6):
        rig.publisher.send("test/news", b"%d" % number)
    async with fake_broker() as broker, rig.connected(broker.port):
        await broker.published(3)
        assert broker.payloads() == [b"3", b"4", b"5"]
    assert "more than 3 messages wait" in caplog.text


# Late events.


async def test_late_events_are_marked() -> None:
    rig = Rig()
    rig.late = True
    async with fake_broker() as broker, rig.connected(broker.port):
        rig.append(1)
        await broker.published(1)
        assert events_in(broker)[0]["late"] is True
        assert [late for _, _, late in rig.handed] == [True]


async def test_late_events_can_be_left_out() -> None:
    rig = Rig(drop_late=True)
    rig.late = True
    async with fake_broker() as broker, rig.connected(broker.port):
        rig.append(1, 2)
        await eventually(lambda: rig.publisher.counters["late"] == 2)
        rig.late = False
        rig.append(3)
        await broker.published(1)
        assert [event["seq"] for event in events_in(broker)] == [3]
        assert [one.seq for one, _, _ in rig.handed] == [3]
        assert await rig.publisher.drained(5)


async def test_listeners_get_what_goes_out() -> None:
    rig = Rig()
    async with fake_broker() as broker, rig.connected(broker.port):
        rig.append(1)
        await broker.published(1)
        ((one, payload, late),) = rig.handed
        assert (one.seq, payload, late) == (1, broker.payloads()[0], False)


# Subscriptions and repetition.


async def test_subscriptions_are_made_on_every_connection(tmp_path: Path) -> None:
    rig = Rig()
    early: list[Received] = []
    live: list[Received] = []
    rig.publisher.subscribe("test/early", early.append)
    async with mosquitto(tmp_path) as broker, Listener(broker.port) as listener, rig.connected(broker.port):
        await eventually(lambda: rig.publisher._connection is not None)
        rig.publisher.subscribe("test/live", live.append)
        rig.publisher.retain("test/marker", b"m")
        await listener.hears_topic("test/marker")
        listener.publish("test/early", b"e")
        listener.publish("test/live", b"l")
        await eventually(lambda: bool(early and live))
        assert (early[0].payload, live[0].payload) == (b"e", b"l")
    rig.publisher.received(Received("test/nobody", b"", retained=False))
    assert len(early) == len(live) == 1


async def test_repeat_sends_state_but_neither_faces_nor_live_states() -> None:
    rig = Rig()
    async with fake_broker() as broker, rig.connected(broker.port):
        rig.publisher.retain("test/motion", b"OFF")
        rig.publisher.retain("test/sound", b"OFF")
        rig.publisher.announce("test/discovery", b"d")
        rig.publisher.show(FACE, b"f")
        rig.publisher.flash("test/motion", b"ON")
        rig.append(1)
        await eventually(lambda: rig.publisher.counters["delivered"] == 1)
        assert await rig.publisher.drained(5)
        broker.publications.clear()
        rig.publisher.repeat()
        assert await rig.publisher.drained(5)
        assert [(one.topic, one.payload) for one in broker.publications] == [
            ("test/discovery", b"d"),
            ("test/sound", b"OFF"),
        ]


async def test_repeat_does_not_go_back_behind_what_waits() -> None:
    rig = Rig()
    rig.publisher.retain("test/state", b"1")
    rig.publisher.repeat()
    rig.publisher.retain("test/state", b"2")
    rig.publisher.repeat()
    async with fake_broker() as broker, rig.connected(broker.port):
        await broker.published(1)
        assert await rig.publisher.drained(5)
        assert broker.payloads() == [b"2"]


async def test_state_can_be_said_again_behind_the_news() -> None:
    rig = Rig()
    async with fake_broker() as broker, rig.connected(broker.port):
        rig.publisher.retain("test/state", b"a")
        await broker.published(1)
        rig.publisher.say_again("test/state")
        rig.publisher.say_again("test/state")
        rig.publisher.say_again("test/nothing")
        rig.publisher.send("test/answer", b"no")
        assert await rig.publisher.drained(5)
        assert [(one.payload, one.retain) for one in broker.publications] == [
            (b"a", True),
            (b"no", False),
            (b"a", True),
        ]
        # What is newer by then goes out, and never the old behind it.
        rig.publisher.say_again("test/state")
        rig.publisher.retain("test/state", b"b")
        assert await rig.publisher.drained(5)
        assert broker.payloads()[3:] == [b"b", b"b"]
        # A new connection gets everything anyway.
        rig.publisher.say_again("test/state")
        broker.cut()
        await eventually(lambda: len(broker.levels) == 2)
        assert await rig.publisher.drained(5)
        rig.publisher.retain("test/marker", b"m")
        assert await rig.publisher.drained(5)
        assert broker.payloads()[5:][-2:] == [b"b", b"m"]


async def test_retaining_what_was_shown_takes_its_place() -> None:
    rig = Rig()
    rig.publisher.show(FACE, b"shown")
    rig.publisher.retain(FACE, b"")
    async with fake_broker() as broker, rig.connected(broker.port):
        await broker.published(1)
        assert await rig.publisher.drained(5)
        assert broker.payloads() == [b""]


async def test_events_of_all_kinds_have_their_topic() -> None:
    rig = Rig()
    async with fake_broker() as broker, rig.connected(broker.port):
        rig.publisher.append(entry(face_event(1)))
        rig.publisher.append(entry(motion_event(2)))
        await broker.published(2)
        assert [one.topic for one in broker.publications] == [TOPICS.camera(SN, "event/face"), EVENTS]
