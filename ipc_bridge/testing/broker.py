"""A broker in memory: takes whatever is published, writes it down, and hands it to who has subscribed."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable

import orjson

from ipc_bridge.mqtt.client import Owner
from ipc_bridge.mqtt.connection import Message, Received
from ipc_bridge.mqtt.topics import matches


class MemoryBroker:
    """Takes the place of :class:`~ipc_bridge.mqtt.client.MqttClient` and of the broker behind it.

    Lives in the bridge's loop; :meth:`wait_for` and :attr:`messages` are for another thread.
    """

    room = 1_000

    def __init__(self) -> None:
        self.messages: list[Message] = []
        """All that was published, in order."""
        self.in_flight = 0
        self._changed = threading.Condition()
        self._topics: set[str] = set()
        self._owner: Owner | None = None

    async def run(self, owner: Owner) -> None:
        """Be connected until cancelled."""
        self._owner = owner
        owner.connected(self)
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            owner.disconnected()

    def wait_for(self, condition: Callable[[], bool], timeout: float) -> bool:
        """Wait until ``condition`` holds; it is looked at with each message. False after ``timeout`` seconds."""
        with self._changed:
            return self._changed.wait_for(condition, timeout)

    def receive(self, message: Message) -> None:
        """Somebody publishes."""
        with self._changed:
            self.messages.append(message)
            self._changed.notify_all()
        if self._owner is not None and any(matches(topic, message.topic) for topic in self._topics):
            self._owner.received(Received(message.topic, message.payload, retained=False))

    # What a publisher needs; see ``Carrier``.

    def room_for(self, _message: Message) -> int | None:
        """There is no limit."""
        return None

    def fits(self, _message: Message) -> bool:
        """Whatever it is."""
        return True

    def publish(self, message: Message, on_done: Callable[[bool], None]) -> None:
        """Take ``message``, and say so a moment later, as brokers do."""
        self.in_flight += 1
        asyncio.get_running_loop().call_soon(self._taken, message, on_done)

    def subscribe(self, topics: Iterable[str]) -> None:
        """Hand over what comes on ``topics``."""
        self._topics.update(topics)

    def _taken(self, message: Message, on_done: Callable[[bool], None]) -> None:
        self.in_flight -= 1
        self.receive(message)
        on_done(True)
        if self._owner is not None:
            self._owner.writable()


def content(payload: bytes) -> object:
    """A payload as JSON, as text or as bytes, whichever it is first."""
    try:
        return orjson.loads(payload)
    except orjson.JSONDecodeError:
        try:
            return payload.decode()
        except UnicodeDecodeError:
            return payload
