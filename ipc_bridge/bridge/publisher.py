"""Delivery to the broker: what is retained, what is news, and every camera's events in order.

One sliding window over one connection, filled in this order: retained state and other messages,
then events, then what is only for display, then pictures. Nothing is done until the broker has acknowledged it:
what a lost connection leaves unacknowledged is decided and encoded anew on the next one.
"""

from __future__ import annotations

import asyncio
import enum
import logging
from collections import Counter, deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from ipc_bridge.bridge.lanes import Lanes
from ipc_bridge.bridge.messages import event_payload
from ipc_bridge.bridge.picture_queue import Picture, PictureQueue
from ipc_bridge.journal.entry import Entry
from ipc_bridge.logs import Once
from ipc_bridge.mqtt.connection import Carrier, Message, Received
from ipc_bridge.mqtt.topics import Topics, matches

log = logging.getLogger(__name__)

MAX_NEWS = 1_000
"""Messages that are neither state nor event and wait for the broker."""
POST_EVERY = 0.05
"""Seconds between two posts while events wait: those of others must not hold them up."""
DISPLAY_EVERY = 1.0
"""Seconds after which what is for display goes out even between events."""


class Rank(enum.IntEnum):
    """In what order retained topics go out on a new connection."""

    DISCOVERY = 0
    STATE = 1


@dataclass(frozen=True, slots=True)
class _Retained:
    message: Message
    rank: Rank


@dataclass(frozen=True, slots=True, eq=False)
class Post:
    """A message on behalf of somebody who waits for the broker to have it; ``on_done`` is told whether it took it."""

    message: Message
    on_done: Callable[[bool], None]


class Publisher:
    """What the bridge wants the broker to know, whether or not there is a connection now.

    Args:
        topics: the topic table.
        is_late: whether an event, handed over now, is history.
        drop_late: leave late events out (``events.late: drop``).
    """

    def __init__(
        self,
        topics: Topics,
        is_late: Callable[[Entry], bool],
        *,
        drop_late: bool,
    ) -> None:
        self.counters: Counter[str] = Counter()
        """Events: delivered, late, refused."""
        self._topics = topics
        self._is_late = is_late
        self._drop_late = drop_late
        self._listeners: list[Callable[[Entry, bytes, bool], None]] = []
        self._on_done: Callable[[int], None] = lambda _position: None
        self._when_idle: dict[Callable[[], None], None] = {}
        self._loop = asyncio.get_running_loop()
        self._connection: Carrier | None = None
        self._subscriptions: dict[str, Callable[[Received], None]] = {}
        self._retained: dict[str, _Retained] = {}
        self._urgent: dict[str, Message] = {}
        self._again: dict[str, None] = {}
        self._news: deque[Message] = deque()
        self._news_sent: dict[int, Message] = {}
        self._posts: deque[Post] = deque()
        self._posts_sent: dict[int, Post] = {}
        self._post_due = 0.0
        self._display: dict[str, Message] = {}
        self._display_sent: dict[str, Message] = {}
        self._display_due = 0.0
        self._pictures = PictureQueue()
        self._then: dict[str, Callable[[], None]] = {}
        self._lanes = Lanes()
        self._number = 0
        self._pump_scheduled = False
        self._idle = asyncio.Event()
        self._complaints = Once()

    # What the bridge wants published.

    def subscribe(self, topic: str, handler: Callable[[Received], None]) -> None:
        """Subscribe on this and every later connection; a level of ``topic`` may be ``+``."""
        self._subscriptions[topic] = handler
        if self._connection is not None:
            self._connection.subscribe([topic])

    def on_handed(self, listener: Callable[[Entry, bytes, bool], None]) -> None:
        """Have ``listener`` called with each event handed to the broker, its payload and whether it is late."""
        self._listeners.append(listener)

    def retain(
        self, topic: str, payload: bytes, rank: Rank = Rank.STATE, then: Callable[[], None] | None = None
    ) -> None:
        """Have the broker keep ``payload`` under ``topic``; empty clears it.

        It goes out now and again on every new connection, because a broker may have forgotten it; what clears
        a topic only until the broker has it. ``then`` is called once, when the broker has taken or refused it
        for the first time.
        """
        kept = self._retained.get(topic)
        if kept is not None and kept.message.payload == payload and then is None:
            return
        message = Message(topic, payload, retain=True)
        self._retained[topic] = _Retained(message, rank)
        if then is not None:
            self._then[topic] = then
        self._display.pop(topic, None)
        self._pictures.drop(topic)
        self._urgent[topic] = message
        self._wake()

    def say_again(self, topic: str) -> None:
        """Send what is retained under ``topic`` once more, behind the news that waits now."""
        self._again[topic] = None
        self._wake()

    def announce(self, topic: str, payload: bytes, then: Callable[[], None] | None = None) -> None:
        """Like :meth:`retain`, ahead of all state on a new connection."""
        self.retain(topic, payload, Rank.DISCOVERY, then)

    def flash(self, topic: str, payload: bytes) -> None:
        """Publish ``payload`` live, in the place of what is retained under ``topic``.

        Nothing of it is kept or repeated: :meth:`retain` ends it.
        """
        self._retained.pop(topic, None)
        self._urgent[topic] = Message(topic, payload)
        self._wake()

    def show(self, topic: str, payload: bytes) -> None:
        """Have the broker keep ``payload`` for display: when there is time, and not again later."""
        if not self._display:
            self._display_due = self._loop.time() + DISPLAY_EVERY
        self._display[topic] = Message(topic, payload, retain=True)
        self._wake()

    def picture(self, key: str, message: Message, is_wanted: Callable[[], bool] = lambda: True) -> None:
        """Publish a picture when there is nothing else to send.

        Args:
            key: what it shows; a newer picture of the same takes its place while it waits.
            message: with the picture.
            is_wanted: asked when it is its turn, perhaps on another connection.
        """
        self._pictures.put(key, Picture(message, is_wanted))
        self._wake()

    @property
    def dropped_pictures(self) -> int:
        """Pictures that the broker was too slow for."""
        return self._pictures.dropped

    def when_idle(self, work: Callable[[], None]) -> None:
        """Have ``work`` called once, as soon as there is nothing to send."""
        self._when_idle[work] = None
        self._wake()

    def room_for(self, message: Message) -> int | None:
        """Bytes of payload that the broker takes in ``message``; None where it names no limit."""
        return None if self._connection is None else self._connection.room_for(message)

    def fits(self, topic: str, payload: bytes, correlation: bytes | None = None) -> bool:
        """Whether the broker takes a message of this size; True while there is none."""
        message = Message(topic, payload, correlation=correlation)
        return self._connection is None or self._connection.fits(message)

    def send(self, topic: str, payload: bytes, correlation: bytes | None = None) -> None:
        """Publish news that nobody keeps, in order."""
        if len(self._news) >= MAX_NEWS:
            self._news.popleft()
            self._complaints.warning(
                log, "news", "The broker is away: more than %d messages wait, the oldest are dropped", MAX_NEWS
            )
        self._news.append(Message(topic, payload, correlation=correlation))
        self._wake()

    def post(self, post: Post) -> None:
        """Publish for somebody who waits; how many there are at most is the caller's business."""
        self._posts.append(post)
        self._wake()

    def withdraw(self, post: Post) -> None:
        """Nobody waits for ``post`` any more: what has not gone out yet does not."""
        with suppress(ValueError):
            self._posts.remove(post)

    def on_done(self, listener: Callable[[int], None]) -> None:
        """Have ``listener`` told of the position of each event that is done with."""
        self._on_done = listener

    def append(self, entry: Entry) -> None:
        """Deliver an event, behind the earlier ones of its camera."""
        self._lanes.append(entry)
        self._wake()

    def hold(self, source: str) -> None:
        """Keep the events of a source back until :meth:`release`."""
        self._lanes.hold(source)

    def release(self, source: str) -> None:
        """Let the events of a source go."""
        self._lanes.release(source)
        self._wake()

    def repeat(self) -> None:
        """Send all that is retained again, except what is for display: a hub has started."""
        for topic, retained in sorted(self._retained.items(), key=lambda item: item[1].rank):
            self._urgent.setdefault(topic, retained.message)
        self._wake()

    async def drained(self, timeout: float) -> bool:
        """Wait until the broker has everything but held events; False after ``timeout`` seconds or without a broker."""
        if self._connection is None:
            return False
        self._idle.clear()
        self._wake()
        try:
            async with asyncio.timeout(timeout):
                await self._idle.wait()
        except TimeoutError:
            return False
        return self._connection is not None

    # What the MQTT client calls.

    def connected(self, connection: Carrier) -> None:
        """See :class:`~ipc_bridge.mqtt.client.Owner`."""
        self._connection = connection
        if self._subscriptions:
            connection.subscribe(self._subscriptions)
        self.repeat()

    def disconnected(self) -> None:
        """See :class:`~ipc_bridge.mqtt.client.Owner`: what was not acknowledged waits again, in its order."""
        self._connection = None
        # On the next connection all that is retained is sent.
        self._again.clear()
        self._lanes.send_again()
        self._news.extendleft(reversed(self._news_sent.values()))
        self._news_sent.clear()
        self._posts.extendleft(reversed(self._posts_sent.values()))
        self._posts_sent.clear()
        self._display = {**self._display_sent, **self._display}
        self._display_sent.clear()
        self._pictures.send_again()
        self._idle.set()

    def writable(self) -> None:
        """See :class:`~ipc_bridge.mqtt.client.Owner`."""
        self._wake()

    def received(self, message: Received) -> None:
        """See :class:`~ipc_bridge.mqtt.client.Owner`."""
        for topic, handler in self._subscriptions.items():
            if matches(topic, message.topic):
                handler(message)
                return

    # The inside.

    def _wake(self) -> None:
        if not self._pump_scheduled:
            self._pump_scheduled = True
            self._loop.call_soon(self._pump)

    def _pump(self) -> None:
        """Fill the window."""
        self._pump_scheduled = False
        connection = self._connection
        if connection is None:
            return
        while connection.room > 0:
            if not self._send_next(connection):
                if connection.in_flight == 0:
                    self._idle.set()
                self._do_what_waits()
                break

    def _do_what_waits(self) -> None:
        waiting, self._when_idle = self._when_idle, {}
        for work in waiting:
            work()

    def _send_next(self, connection: Carrier) -> bool:
        if self._urgent:
            message = self._urgent.pop(next(iter(self._urgent)))
            self._hand_over(connection, message, partial(self._state_done, message))
        elif self._news:
            message = self._news.popleft()
            self._number += 1
            self._news_sent[self._number] = message
            self._hand_over(connection, message, partial(self._news_done, self._number))
        elif self._again:
            topic = next(iter(self._again))
            del self._again[topic]
            if (kept := self._retained.get(topic)) is not None:
                self._hand_over(connection, kept.message, partial(self._state_done, kept.message))
        elif self._posts and (not self._lanes.has_next or self._loop.time() >= self._post_due):
            self._post_due = self._loop.time() + POST_EVERY
            post = self._posts.popleft()
            self._number += 1
            self._posts_sent[self._number] = post
            self._hand_over(connection, post.message, partial(self._post_done, self._number))
        elif self._display and (not self._lanes.has_next or self._loop.time() >= self._display_due):
            topic = next(iter(self._display))
            message = self._display_sent[topic] = self._display.pop(topic)
            self._hand_over(connection, message, partial(self._display_done, message))
        elif (entry := self._lanes.next()) is not None:
            self._send_event(connection, entry)
        elif (picture := self._pictures.next()) is not None:
            self._hand_over(connection, picture, partial(self._picture_done, picture.topic))
        else:
            return False
        return True

    def _send_event(self, connection: Carrier, entry: Entry) -> None:
        late = self._is_late(entry)
        if late:
            self.counters["late"] += 1
            if self._drop_late:
                self._lanes.done(entry)
                self._on_done(entry.position)
                return
        payload = event_payload(entry, late=late)
        topic = self._event_topic(entry)
        self._hand_over(connection, Message(topic, payload), partial(self._event_done, entry))
        for listener in self._listeners:
            listener(entry, payload, late)

    def _hand_over(self, connection: Carrier, message: Message, on_done: Callable[[bool], None]) -> None:
        if connection.fits(message):
            connection.publish(message, on_done)
            return
        self._complaints.warning(
            log, message.topic, "%s: %d bytes are more than the broker takes", message.topic, len(message.payload)
        )
        on_done(False)

    def _state_done(self, message: Message, accepted: bool) -> None:
        if not accepted:
            self._refused(message.topic)
        kept = self._retained.get(message.topic)
        if kept is None or kept.message is not message:
            return  # There is something newer, whose answer counts.
        if accepted and not message.payload:
            del self._retained[message.topic]
        # After a refusal too: whoever waits for a hub's discovery would wait for ever.
        then = self._then.pop(message.topic, None)
        if then is not None:
            then()

    def _news_done(self, number: int, accepted: bool) -> None:
        message = self._news_sent.pop(number)
        if not accepted:
            self._refused(message.topic)

    def _post_done(self, number: int, accepted: bool) -> None:
        self._posts_sent.pop(number).on_done(accepted)

    def _display_done(self, message: Message, accepted: bool) -> None:
        if self._display_sent.get(message.topic) is message:
            del self._display_sent[message.topic]
        if not accepted:
            self._refused(message.topic)

    def _picture_done(self, topic: str, accepted: bool) -> None:
        self._pictures.done()
        if not accepted:
            self._refused(topic)

    def _event_done(self, entry: Entry, accepted: bool) -> None:
        self._lanes.done(entry)
        self.counters["delivered" if accepted else "refused"] += 1
        if not accepted:
            self._refused(self._event_topic(entry))
        self._on_done(entry.position)

    def _event_topic(self, entry: Entry) -> str:
        event = entry.event
        leaf = f"event/{event.kind}"
        return self._topics.camera(event.sn, leaf) if event.shop is None else self._topics.shop(event.shop, leaf)

    def _refused(self, topic: str) -> None:
        self._complaints.warning(
            log, topic, "The broker refused a message on %s: allow it in the broker's access control list", topic
        )
