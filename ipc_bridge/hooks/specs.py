"""All hooks. Arguments are taken by name, in any order, and those that are not wanted are left out.

In three grammars: what happened is a past participle, its result is ignored; what is asked is a verb, and is waited
for, briefly; what is added is a plain function, called once when the plugin is loaded. All but the last may be plain or
async. ``docs/hooks.md`` is made of this file.
"""

# Hooks have no bodies: pluggy takes their names and arguments.
# mypy: disable-error-code="empty-body"

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import pluggy

from ipc_bridge.hooks.api import Bridge
from ipc_bridge.hooks.subjects import AnyEvent, Camera, Command, Entity, FaceEvent, MotionEvent, Setting

if TYPE_CHECKING:
    import voluptuous as vol
    from aiohttp import web

PROJECT = "ipc_bridge"

hookspec = pluggy.HookspecMarker(PROJECT)

ASKED = {"filter_event": 0.1, "authorize_command": 1.0}
"""Hooks of the second grammar, with the seconds that they may take."""
ADDED = ("config_schema", "register_entities", "register_commands", "register_routes")
"""Hooks of the third."""


# Something happened.


@hookspec
def startup(bridge: Bridge) -> None:
    """The plugin is loaded, and no other hook was called before. Where it fails, the plugin is begun again later."""


@hookspec
def shutdown(bridge: Bridge) -> None:
    """The bridge stops, or the plugin is loaded anew. There is a second for it."""


@hookspec
def camera_discovered(bridge: Bridge, camera: Camera) -> None:
    """A camera that was not known answered discovery."""


@hookspec
def camera_online(bridge: Bridge, camera: Camera) -> None:
    """A camera's channel is up, and it answers."""


@hookspec
def camera_offline(bridge: Bridge, camera: Camera) -> None:
    """A camera that was online went; ``camera.reason`` says why."""


@hookspec
def event_received(bridge: Bridge, camera: Camera, event: AnyEvent) -> None:
    """A camera sent an event of any kind, and it is news.

    A hook of events may raise ``NotNowError``: it is called again with the same event, after a pause.
    """


@hookspec
def face_recognized(bridge: Bridge, camera: Camera, event: FaceEvent) -> None:
    """A camera recognised a face, just now. Late events never come here: a door may open."""


@hookspec
def person_visited(bridge: Bridge, camera: Camera, event: FaceEvent) -> None:
    """A camera or the cloud saw a person, just now: once, though both may tell of it within ten seconds.

    Whoever the cloud does not know (``event.cloud_face_id`` is None) is a new visit each time.
    """


@hookspec
def motion_detected(bridge: Bridge, camera: Camera, event: MotionEvent) -> None:
    """A camera saw or heard something, just now. Late events never come here."""


@hookspec
def late_event_received(bridge: Bridge, camera: Camera, event: AnyEvent) -> None:
    """An event came that is history: older than ``events.max_age``, by the camera's doing or the plugin's own."""


@hookspec
def setting_changed(bridge: Bridge, camera: Camera, setting: Setting) -> None:
    """A property of a camera has another value than when it was read last, whoever changed it."""


@hookspec
def command_completed(bridge: Bridge, camera: Camera, command: Command) -> None:
    """A command for a camera that came over MQTT was carried out or refused; ``command.status`` says which."""


# May I change this?


@hookspec
def filter_event(bridge: Bridge, camera: Camera, event: AnyEvent) -> bool | Mapping[str, Any] | None:
    """Decide, within 0.1 s, what becomes of an event before it is kept.

    False drops it: the camera is told that it arrived, and nobody sees it. A mapping changes what the event says behind
    its head, such as ``{"age": None}``; ``seq`` and ``epoch`` are 0, because it has no number yet. All else lets it
    pass. It passes, too, where the plugin raises, takes longer or is down: no camera waits for a plugin.
    """


@hookspec
def authorize_command(bridge: Bridge, camera: Camera, command: Command) -> bool | str | None:
    """Decide, within 1 s, whether a command that came over MQTT is carried out.

    False, or text with the reason, answers it with ``forbidden``. All else lets it pass; every plugin is asked. Where
    the plugin raises, takes longer or is down the command is refused: who sets up a guard wants no gate without one.
    """


# What do you add?


@hookspec
def config_schema() -> vol.Schema | dict[Any, Any]:
    """Return a voluptuous schema for the plugin's own settings; ``bridge.settings`` is what it makes of them.

    Mistakes are reported with their line of the configuration, and the plugin is not loaded. Without this hook any
    settings are taken.
    """


@hookspec
def register_entities(bridge: Bridge) -> Iterable[Entity]:
    """Return entities for Home Assistant; they stand on a device of the plugin's own."""


@hookspec
def register_commands(bridge: Bridge) -> Mapping[str, Callable[[dict[str, Any]], Awaitable[Any]]]:
    """Return verbs with async functions.

    A message on ``ipc_bridge/plugin/NAME/request/VERB`` calls the function with its JSON object, or with
    ``{"payload": "text"}`` for plain text; what it returns is the answer's ``data`` on ``.../response/VERB``.
    """


@hookspec
def register_routes(bridge: Bridge) -> Iterable[web.AbstractRouteDef]:
    """Return aiohttp routes; the web server has them under ``/plugin/NAME``.

    They are served by the plugin's own loop.
    """
