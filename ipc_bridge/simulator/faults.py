"""What can be wrong with a camera: one table of switches, all off at first.

A switch is read where its effect is (channel, API, discovery). Faults that happen once (``drop``,
``abort``, ``rubbish``, ``raw``, ``flood``, ``reboot``, ``move``, ``change_certificate``) are methods
of the camera.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, fields
from typing import Literal

from ipc_bridge.simulator.changes import Changes

Refusable = Literal["connect", "subscribe", "api"]


@dataclass(slots=True)
class Refusal:
    """The next ``count`` requests are answered with ``code``."""

    code: int
    count: int


@dataclass(slots=True)
class Faults:
    """The switches of one camera.

    ``silent`` and ``refusals`` are set by :meth:`silence` and :meth:`refuse`, the others directly.
    """

    changes: Changes

    silent: bool = False
    """It accepts and reads but answers nothing and sends nothing, on every interface."""
    damage_crc: int = 0
    """That many of the next channel frames have a wrong CRC."""
    split: int = 0
    """Bytes of the channel go out in pieces of this size, each a write of its own; 0: whole."""
    merge: int = 0
    """Events are held back until that many are there, then leave in one write; 0: at once."""
    delay: float = 0.0
    """Answers of channel, API and discovery come that many seconds late."""
    cut_downloads: int = 0
    """Downloads of files break off after so many bytes; 0: they are whole."""
    refusals: dict[Refusable, Refusal] = field(default_factory=dict)
    """Requests that get an error code whatever they say."""
    lacking: dict[str, int] = field(default_factory=dict)
    """Calls of the API, by path, that get this code as if the camera did not have them."""
    duplicate: bool = False
    """Each event is sent twice."""
    wrong_serial: str | None = None
    """Events name this serial number instead of the camera's own."""
    discovery_ip: str | None = None
    """The ``ip`` that its discovery answers claim instead of the true one."""
    no_discovery: bool = False
    """It does not answer to discovery."""
    hook_unsigned: bool = False
    """Its posts are not signed."""
    hook_wrong_key: bool = False
    """Its posts are signed with another key."""
    hook_age: float = 0.0
    """Seconds by which the time in its posts lies back."""
    hook_replay: bool = False
    """Each post is sent a second time, word for word."""
    clock_offset: float = 0.0
    """Seconds by which its clock runs ahead of what the settings say."""

    _end_of_silence: asyncio.TimerHandle | None = None

    def silence(self, seconds: float | None = None) -> None:
        """Be silent for ``seconds``, or until :meth:`speak` where None."""
        self.speak()
        self.silent = True
        if seconds is not None:
            self._end_of_silence = asyncio.get_running_loop().call_later(seconds, self.speak)

    def speak(self) -> None:
        """End the silence."""
        self.silent = False
        if self._end_of_silence is not None:
            self._end_of_silence.cancel()
            self._end_of_silence = None
        self.changes.notify()

    def refuse(self, what: Refusable, code: int, count: int = 1) -> None:
        """Answer the next ``count`` requests of the kind ``what`` with the error ``code``."""
        self.refusals[what] = Refusal(code, count)

    def take_refusal(self, what: Refusable) -> int | None:
        """The code that this request is to be refused with, if it is; counts it."""
        refusal = self.refusals.get(what)
        if refusal is None:
            return None
        refusal.count -= 1
        if refusal.count <= 0:
            del self.refusals[what]
        return refusal.code

    def clear(self) -> None:
        """Switch everything off again."""
        self.speak()
        sound = Faults(self.changes)
        for switch in fields(self):
            setattr(self, switch.name, getattr(sound, switch.name))
        self.changes.notify()
