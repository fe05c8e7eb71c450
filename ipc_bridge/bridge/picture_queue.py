"""Pictures that wait until there is nothing else to send, one under way at a time: an event is never behind two."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ipc_bridge.mqtt.connection import Message

MAX_WAITING = 32
"""Pictures: 6.4 MB at most. The oldest are dropped: nobody waits long for a picture."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture, and what tells whether anybody wants to see it still."""

    message: Message
    is_wanted: Callable[[], bool]


class PictureQueue:
    """Pictures by key, in the order in which they came; a new one takes the place of an old one with its key."""

    def __init__(self) -> None:
        self.dropped = 0
        """How many had to make room."""
        self._waiting: dict[str, Picture] = {}
        self._sent: tuple[str, Picture] | None = None

    def put(self, key: str, picture: Picture) -> None:
        """Have a picture wait."""
        self._waiting[key] = picture
        if len(self._waiting) > MAX_WAITING:
            self._waiting.pop(next(iter(self._waiting)))
            self.dropped += 1

    def next(self) -> Message | None:
        """Take the next one that is still wanted, which is under way until :meth:`done`; None where none may go."""
        while self._waiting and self._sent is None:
            key = next(iter(self._waiting))
            picture = self._waiting.pop(key)
            if picture.is_wanted():
                self._sent = key, picture
                return picture.message
        return None

    def done(self) -> None:
        """The broker has taken or refused the one that was under way."""
        self._sent = None

    def send_again(self) -> None:
        """The connection is gone: what is not done waits again, unless there is a newer one."""
        if self._sent is not None:
            key, picture = self._sent
            self._waiting = {key: picture, **self._waiting}
            self._sent = None

    def drop(self, topic: str) -> None:
        """Forget what waits for a topic that is cleared."""
        self._waiting = {key: one for key, one in self._waiting.items() if one.message.topic != topic}
