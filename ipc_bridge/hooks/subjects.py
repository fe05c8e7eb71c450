"""What hooks are about: frozen, with attributes named as the keys of the MQTT contract."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Self

from ipc_bridge.hooks.values import dumps

Do = Callable[[str, dict[str, Any]], Awaitable[Any]]
"""Has the bridge do something: takes the operation and its arguments, returns what came of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """The head of every event. Times are aware; ``camera`` is the camera's name.

    Where an event is encoded again, as by ``event.json()`` or ``bridge.publish``, it has the form of the contract.
    """

    uid: str
    event_type: str
    sn: str
    camera: str
    seq: int
    epoch: int
    event_id: int | None
    time: datetime
    received_at: datetime
    late: bool
    transport: str

    @classmethod
    def read(cls, values: Mapping[str, Any]) -> Self:
        """Make one of the contract's payload; keys that are newer than this program are left out."""
        known = {item.name: values[item.name] for item in fields(cls)}
        times = {name: datetime.fromisoformat(known[name]) for name in ("time", "received_at")}
        return cls(**{**known, **times})

    def json(self) -> str:
        """The event as the contract has it."""
        return dumps(self).decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceEvent(Event):
    """A face was recognised; a value that the camera did not give is None."""

    face_id: str | None
    cloud_face_id: str | None
    group: str | None
    gender: str | None
    age: int | None
    age_range: str | None
    arrivals: int | None
    picture_url: str | None
    attributes: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class MotionEvent(Event):
    """Something moved or was heard."""

    motion: bool
    sound: bool
    human: bool
    video_url: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherEvent(Event):
    """An event of a type that the bridge does not know; ``raw`` is all that the camera sent."""

    raw: dict[str, Any]


AnyEvent = FaceEvent | MotionEvent | OtherEvent


def read_event(values: Mapping[str, Any]) -> AnyEvent:
    """Make an event of the contract's payload."""
    for kind, key in ((FaceEvent, "attributes"), (MotionEvent, "motion")):
        if key in values:
            return kind.read(values)
    return OtherEvent.read(values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Camera:
    """One camera, as it was when the hook was called; ``state`` has its properties as ``set`` takes them."""

    sn: str
    name: str
    model: str | None
    host: str | None
    firmware: str | None
    status: str
    reason: str | None
    state: dict[str, Any]
    _do: Do = field(repr=False, compare=False)

    @classmethod
    def read(cls, values: Mapping[str, Any], do: Do) -> Camera:
        """Make one of what the bridge tells; ``do`` carries out what is asked of it."""
        known = {item.name: values[item.name] for item in fields(cls) if item.name != "_do"}
        return cls(**known, _do=do)

    async def call(self, path: str, /, **params: Any) -> dict[str, Any]:
        """Make any call of the camera's API, such as ``face/getFaceList``; see ``docs/endpoints.md``.

        Returns:
            The answer's data, in the vendor's words.

        Raises:
            CommandError: it is not made, or the camera refused; ``kind`` says why.
        """
        answer: dict[str, Any] = await self._do("call", {"sn": self.sn, "path": path, "params": params})
        return answer

    async def set(self, **values: Any) -> dict[str, Any]:
        """Give properties new values: ``await camera.set(led="ON")``.

        Returns:
            What the camera reads back.

        Raises:
            CommandError: see :meth:`call`.
        """
        answer: dict[str, Any] = await self._do("set", {"sn": self.sn, "values": values})
        return answer

    async def press(self, action: str) -> dict[str, Any]:
        """Press a button, such as ``reboot``.

        Raises:
            CommandError: see :meth:`call`.
        """
        answer: dict[str, Any] = await self._do("press", {"sn": self.sn, "action": action})
        return answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What somebody asks of a camera over MQTT.

    ``name`` is the rest of its topic, such as ``set``, ``press/reboot`` or ``request/face/getFaceList``; ``params`` are
    properties with their new values, or the call's parameters. ``status`` is ``ok`` or ``error`` once it is answered;
    ``error`` has the answer's ``kind``, ``code``, ``name`` and ``message``.
    """

    sn: str
    name: str
    params: dict[str, Any]
    status: str | None = None
    error: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A camera's property that changed, under the contract's name."""

    sn: str
    name: str
    old: Any
    new: Any


@dataclass(frozen=True, slots=True)
class Entity:
    """An entity for Home Assistant, on the plugin's own device.

    Args:
        key: its id, for ever: of a-z, 0-9 and ``_``.
        platform: Home Assistant's, such as ``event`` or ``sensor``.
        name: what people read.
        state: the rest of its state topic under ``ipc_bridge/plugin/NAME/``.
        command: the verb of ``register_commands`` that it sends its commands to.
        attributes: whether the state is a JSON object whose members are shown as attributes.
        options: further keys, as Home Assistant names them.
    """

    key: str
    platform: str
    name: str
    state: str | None = None
    command: str | None = None
    attributes: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)
