"""Sends notifications to phones, by mail, to chats: whatever apprise knows, with the picture of a face.

    notify:
      urls: ["ntfy://my-shop"]    # https://github.com/caronc/apprise/wiki
      groups: [vip]               # faces of these groups are notified of by themselves; none unless you say so
      text: "{group} at {camera}"
      title: IPC bridge
      picture: true

Needs `pip install 'ipc-bridge[notify]'`. Other plugins, and whoever can publish, have something sent by
`ipc_bridge/plugin/notify/request/send` with `{"text": "...", "title": "..."}`; `sn` and `uid` of a face add its
picture. Put the addresses into secrets.yaml: most hold a password. Give it `deadline: 30` where the other end is slow.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import voluptuous as vol

from ipc_bridge import hookimpl
from ipc_bridge.hooks import AnyEvent, Bridge, Camera, CommandError, FaceEvent

try:
    import apprise
    from apprise.attachment.memory import AttachMemory
except ImportError as error:
    raise ImportError("it needs apprise: pip install 'ipc-bridge[notify]'") from error

NEWEST = 100
"""Events of a camera among which the one with a `uid` is looked for: its picture is of just now."""


def url(value: str) -> str:
    """An address that apprise can send to."""
    if not apprise.Apprise().add(value):
        raise vol.Invalid("expected an address that apprise knows, such as ntfy://TOPIC")
    return value


def template(value: str) -> str:
    """Text with the names of what is known."""
    try:
        value.format(group="", camera="", face_id="")
    except (LookupError, ValueError, AttributeError) as error:
        raise vol.Invalid("expected text with {group}, {camera} or {face_id}") from error
    return value


@hookimpl
def config_schema() -> dict[Any, Any]:
    """See above."""
    return {
        vol.Required("urls"): vol.All([url], vol.Length(min=1)),
        vol.Optional("groups", default=list): [str],
        vol.Optional("title", default="IPC bridge"): str,
        vol.Optional("text", default="{group} at {camera}"): template,
        vol.Optional("picture", default=True): bool,
    }


@hookimpl
async def face_recognized(bridge: Bridge, camera: Camera, event: FaceEvent) -> None:
    """Notify of faces of the groups in the settings."""
    if event.group in bridge.settings["groups"]:
        text = bridge.settings["text"].format(group=event.group, camera=camera.name, face_id=event.face_id)
        await send(bridge, text, bridge.settings["title"], event)


@hookimpl
def register_commands(bridge: Bridge) -> Mapping[str, Callable[[dict[str, Any]], Awaitable[Any]]]:
    """``send``."""

    async def send_for_others(params: dict[str, Any]) -> None:
        text = params.get("text") or params.get("payload")
        if not isinstance(text, str):
            raise CommandError("invalid", "text is missing")
        events = await bridge.events(params["sn"], limit=NEWEST) if "sn" in params and "uid" in params else []
        event = next((event for event in events if event.uid == params["uid"]), None)
        await send(bridge, text, str(params.get("title") or bridge.settings["title"]), event)

    return {"send": send_for_others}


async def send(bridge: Bridge, text: str, title: str, event: AnyEvent | None) -> None:
    """Send one notification to all addresses.

    Raises:
        OSError: one of them did not take it.
    """
    picture = await bridge.picture(event) if event is not None and bridge.settings["picture"] else None
    attachment = None
    if picture is not None:
        kind = "png" if picture.startswith(b"\x89PNG") else "jpeg"
        attachment = AttachMemory(content=picture, name=f"face.{kind}", mimetype=f"image/{kind}")
    sender = apprise.Apprise()
    sender.add(bridge.settings["urls"])
    if not await sender.async_notify(text, title, attach=attachment):
        raise OSError("not every address took the notification; apprise has logged which")
