"""Plugins: what they see, and where they run.

Plugins take their types from here; the rest of this folder is the bridge's own. ``specs`` are all hooks, ``api`` what
a plugin may do, ``subjects`` what hooks are about. A plugin runs as a ``guest``, apart from the bridge: in a ``thread``
or in a process (``process`` starts it, ``worker`` runs in it). The bridge talks to it through its ``host``, in messages
of JSON (``peer``), so that both ways behave alike and nothing is shared.
"""

from __future__ import annotations

from ipc_bridge.errors import CommandError, NotNowError
from ipc_bridge.hooks.api import Bridge
from ipc_bridge.hooks.subjects import (
    AnyEvent,
    Camera,
    Command,
    Entity,
    Event,
    FaceEvent,
    MotionEvent,
    OtherEvent,
    Setting,
)

__all__ = [
    "AnyEvent",
    "Bridge",
    "Camera",
    "Command",
    "CommandError",
    "Entity",
    "Event",
    "FaceEvent",
    "MotionEvent",
    "NotNowError",
    "OtherEvent",
    "Setting",
]
