"""Brings SUNMI cameras to MQTT and Home Assistant.

A plugin needs one name from here: ``from ipc_bridge import hookimpl``.
"""

from __future__ import annotations

import pluggy

__version__ = "0.1.0"

hookimpl = pluggy.HookimplMarker("ipc_bridge")
