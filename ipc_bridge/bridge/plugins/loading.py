"""Starts plugins where they are to run, and asks them what they have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from threading import Thread
from typing import Any

import voluptuous as vol

from ipc_bridge.bridge.plugins.plan import Plan
from ipc_bridge.errors import PluginRefusedError
from ipc_bridge.hooks.host import Host, Serve
from ipc_bridge.hooks.loading import HOOKS
from ipc_bridge.hooks.process import ProcessHost
from ipc_bridge.hooks.thread import ThreadHost

LIMIT = 10.0
"""Seconds that a plugin may take to be imported, and to say what it has."""
MEGABYTE = 1_000_000
MAX_ENTITIES = 100
"""And verbs, of one plugin."""

VISIT = "person_visited"
EVENT_HOOKS = {"face": ("face_recognized", VISIT), "motion": ("motion_detected",)}
ANY_EVENT, LATE_EVENT = "event_received", "late_event_received"

_KEY = vol.Match(r"^[a-z0-9_]{1,64}$", msg="expected a-z, 0-9 and _")
_VERB = vol.Match(r"^[A-Za-z_][A-Za-z0-9_]{0,63}$", msg="expected a name")
_LEAF = vol.Match(r"^[^+#/\0]{1,64}(/[^+#/\0]{1,64}){0,7}$", msg="expected levels of a topic, without + and #")
_ENTITY = {
    "key": _KEY,
    "platform": _KEY,
    "name": vol.All(str, vol.Length(min=1, max=255)),
    "state": vol.Maybe(_LEAF),
    "command": vol.Maybe(_VERB),
    "attributes": bool,
    "options": {str: object},
}
_TOLD = vol.Schema(
    {
        "hooks": {vol.In(HOOKS): {"tryfirst": bool, "trylast": bool}},
        "entities": vol.All([_ENTITY], vol.Length(max=MAX_ENTITIES)),
        "verbs": vol.All([_VERB], vol.Length(max=MAX_ENTITIES)),
        "socket": vol.Maybe(str),
    },
    required=True,
)


@dataclass(frozen=True, slots=True)
class Places:
    """Where things are.

    Args:
        directory: ``plugins.directory``.
        base: what topics of plugins begin with, ``ipc_bridge/plugin/``.
        socket: where the plugin's routes are served.
    """

    directory: Path
    base: str
    socket: Path


@dataclass(frozen=True, slots=True)
class Description:
    """What a plugin has: its hooks with the order that they ask for, and what it adds."""

    hooks: Mapping[str, Mapping[str, bool]] = field(default_factory=dict)
    entities: tuple[Mapping[str, Any], ...] = ()
    verbs: tuple[str, ...] = ()
    socket: str | None = None

    @classmethod
    def read(cls, values: Any) -> Description:
        """Make one of what the guest tells, which need not be true.

        Raises:
            PluginRefusedError: it cannot be.
        """
        try:
            told = _TOLD(values)
        except vol.Invalid as error:
            where = ".".join(map(str, error.path))
            raise PluginRefusedError([((), f"what it adds cannot be used: {where}: {error.msg}")]) from error
        return cls(told["hooks"], tuple(told["entities"]), tuple(told["verbs"]), told["socket"])

    def hooks_for(self, kind: str, *, late: bool) -> list[str]:
        """The hooks that get an event of a kind."""
        wanted = [LATE_EVENT] if late else [ANY_EVENT, *EVENT_HOOKS.get(kind, ())]
        return [hook for hook in wanted if hook in self.hooks]

    @property
    def wants_events(self) -> bool:
        """Whether any hook gets events."""
        return any(hook in self.hooks for hook in (ANY_EVENT, LATE_EVENT, *chain.from_iterable(EVENT_HOOKS.values())))


def new_host(plan: Plan, places: Places, serve: Serve, stuck: list[Thread]) -> Host:
    """A place to run for a plugin; ``stuck`` are threads of its earlier lives that did not end."""
    if plan.isolation == "process":
        return ProcessHost(plan.name, serve, plan.deadline, round(plan.memory_megabytes * MEGABYTE))
    return ThreadHost(plan.name, serve, plan.deadline, places.directory / f"{plan.name}.py", stuck)


async def load(host: Host, plan: Plan, places: Places) -> Description:
    """Open ``host`` and load the plugin there.

    Raises:
        PluginRefusedError: it cannot be used.
        PluginError: it did not come so far.
    """
    await host.open()
    arguments = {
        "name": plan.name,
        "directory": str(places.directory),
        "base": places.base,
        "settings": plan.settings,
        "socket": str(places.socket),
    }
    description = Description.read(await host.call("load", arguments, LIMIT))
    return replace(description, socket=None if description.socket is None else str(places.socket))
