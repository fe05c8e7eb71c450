"""What people set, read and press, under the names of the MQTT contract."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import voluptuous as vol

from ipc_bridge.catalog import device
from ipc_bridge.catalog.endpoint import Effect, Endpoint, show
from ipc_bridge.catalog.fields import NUMBER, TEXT, Choice, Field, Int, ListOf, Record
from ipc_bridge.errors import ParameterError, ReplyError


@dataclass(frozen=True, slots=True, eq=False)
class Setting:
    """One property: a member of a getter's answer, and of its setter's parameters where it can be set.

    Args:
        name: the property.
        title: what people call it.
        key: the vendor's name for it; None where it is all that the getter tells.
        getter: tells it.
        setter: changes it; None for what can only be read.
        shape: the part of a longer answer that is shown.
        maximum: the property that limits a number.
        options: the property that lists the values.
        seldom: whether few people want it.
    """

    name: str
    title: str
    key: str | None
    getter: Endpoint
    setter: Endpoint | None = None
    shape: Field | None = field(default=None, kw_only=True)
    maximum: str | None = field(default=None, kw_only=True)
    options: str | None = field(default=None, kw_only=True)
    seldom: bool = field(default=False, kw_only=True)

    @property
    def field(self) -> Field:
        """What it may be on any camera; see :meth:`field_of`."""
        members = self.setter.params if self.setter else self.getter.reply
        return self.shape or (Record(members) if self.key is None else members[self.key])

    def field_of(self, state: Mapping[str, Any]) -> Field:
        """What it may be on a camera whose properties are ``state``."""
        limit, options = state.get(self.maximum or ""), state.get(self.options or "")
        if isinstance(self.field, Int) and limit is not None:
            return replace(self.field, maximum=min(limit, self.field.maximum))
        return Choice({option: option for option in options}, unit=self.field.unit) if options else self.field

    def read(self, answer: Mapping[str, Any]) -> Any:
        """Return the property's value out of what ``getter.read`` returned; None where the camera did not tell."""
        return self.field.to_public(answer if self.key is None else answer[self.key])

    def params(self, value: Any, state: Mapping[str, Any]) -> dict[str, Any]:
        """Return the setter's parameters that a new ``value`` changes; see :func:`changes`."""
        if self.setter is None:
            raise ParameterError(f"{self.name} can only be read")
        try:
            fit = self.field_of(state).from_public(value)
        except vol.Invalid as error:
            for part in error.path:
                value = value[part]
            where = ".".join(map(str, [self.name, *error.path]))
            raise ParameterError(f"{where} may be {error.msg}, not {show(value)}") from error
        return fit if self.key is None else {self.key: fit}


@dataclass(frozen=True, slots=True)
class Change:
    """One call of a setter: what changes is in ``params``, the rest of what it takes is asked of ``getter`` first."""

    setter: Endpoint
    getter: Endpoint
    params: dict[str, Any]

    @property
    def is_whole(self) -> bool:
        """Whether nothing has to be asked first."""
        return self.params.keys() == self.setter.params.keys()

    def complete(self, answer: Mapping[str, Any]) -> dict[str, Any]:
        """Return all parameters, with those that stay out of what ``getter.read`` returned.

        Raises:
            ReplyError: the camera did not tell one of them.
        """
        whole = {**{name: answer[name] for name in self.setter.params}, **self.params}
        if missing := [name for name, value in whole.items() if value is None]:
            raise ReplyError(f"{self.getter.path} does not tell {', '.join(missing)}, which {self.setter.path} needs")
        return whole


@dataclass(frozen=True, slots=True, eq=False)
class Action:
    """Something to press: a call with fixed parameters, or nothing but the bridge's own doing (``endpoint`` None)."""

    name: str
    title: str
    endpoint: Endpoint | None = None
    params: Mapping[str, Any] = field(default_factory=dict)


_ZOOM_FOCUS = device.GET_ZOOM_FOCUS_CONF
_DETECT = (device.GET_DYNAMIC_DETECT, device.SET_DYNAMIC_DETECT)
_FLOW = (device.GET_FLOW_CONFIG, device.SET_FLOW_CONFIG)
_AI_FACE = (device.GET_AI_FACE_CONFIG, device.SET_AI_FACE_CONFIG)
_MIGRATION = (device.GET_GROUP_LIST, device.UPDATE_MIGRATION)
_GROUPS = ListOf(Record({"name": TEXT, "count": NUMBER, "capacity": NUMBER}))

# Zooming focuses anew: the focus comes after the zoom.
_ROWS = (
    Setting("name", "Name", "name", device.GET_NAME, device.UPDATE_NAME),
    Setting("led", "LED", "led_switch", device.GET_LED_SWITCH, device.SET_LED_SWITCH),
    Setting("ir_mode", "Night vision", "irmode", device.GET_IR_MODE, device.SET_IR_MODE),
    Setting("zoom", "Zoom", "zoom", _ZOOM_FOCUS, device.SET_ZOOM, maximum="max_zoom"),
    Setting("focus", "Focus", "focus", _ZOOM_FOCUS, device.MANUAL_FOCUS, maximum="max_focus"),
    Setting("max_zoom", "Largest zoom", "max_zoom", _ZOOM_FOCUS, seldom=True),
    Setting("max_focus", "Largest focus", "max_focus", _ZOOM_FOCUS, seldom=True),
    Setting("rotation", "Rotation", "rotation", device.GET_ROTATION, device.SET_ROTATION, options="rotations"),
    Setting("rotations", "Possible rotations", "angles", device.GET_ROTATION_ANGLES, seldom=True),
    Setting("motion_level", "Motion sensitivity", "motion_level", *_DETECT),
    Setting("audio_level", "Sound sensitivity", "audio_level", *_DETECT),
    Setting("detect_days", "Detection days", "weekday", *_DETECT),
    Setting("detect_start", "Detection start", "start_time", *_DETECT),
    Setting("detect_stop", "Detection stop", "stop_time", *_DETECT),
    Setting("flow_mode", "Counting mode", "customer_judgemode", *_FLOW),
    Setting("face_interval", "Face interval", "facerecog_interval", *_FLOW),
    Setting("door_line", "Door line", None, device.GET_DOOR_LINE, device.SET_DOOR_LINE, seldom=True),
    Setting("face_optimize_seconds", "Face optimisation", "optimize_seconds", *_AI_FACE),
    Setting("face_groups", "Face groups", "face_group", device.GET_GROUP_LIST, shape=_GROUPS, seldom=True),
    Setting("regular_visits", "Visits of a regular", "arrive_times", *_MIGRATION),
    Setting("regular_days", "Days of these visits", "period", *_MIGRATION),
    Setting("sd_card", "SD card", "status", device.GET_MEMORY_CARD_STATUS),
    Setting("wifi_ssid", "Wi-Fi network", "ssid", device.GET_WIFI_CONF),
    Setting("ip_mode", "IP mode", "proto", device.GET_IP_CONFIGURATION, seldom=True),
)

SETTINGS: dict[str, Setting] = {setting.name: setting for setting in _ROWS}
"""Every property by its name, in the order that changes are made in."""

GETTERS: tuple[Endpoint, ...] = tuple(dict.fromkeys(setting.getter for setting in SETTINGS.values()))
"""What tells all of them; each once."""

_PRESSES = (
    Action("reboot", "Restart", device.REBOOT),
    # The middle of the picture.
    Action("auto_focus", "Auto focus", device.AUTO_FOCUS, {"focus_x": 50, "focus_y": 50}),
    Action("reset_zoom_focus", "Reset zoom and focus", device.RESET_ZOOM_FOCUS),
    Action("snapshot", "Take a snapshot", device.GET_SNAPSHOT),
    Action("refresh", "Refresh"),
    Action("format_sd_card", "Format the SD card", device.FORMAT_MEMORY_CARD),
    Action("factory_reset", "Factory reset", device.RESET),
)
ACTIONS: dict[str, Action] = {action.name: action for action in _PRESSES}
"""Everything to press by its name."""


def changes(values: Mapping[str, Any], state: Mapping[str, Any]) -> list[Change]:
    """Return the calls that give properties new ``values``, those of one setter together.

    Args:
        values: by property, as JSON has them; :meth:`Field.parse` makes them of plain text.
        state: the camera's properties.

    Raises:
        ParameterError: a property is unknown or can only be read, or a value does not fit; nothing should be sent.
    """
    found: dict[Endpoint, Change] = {}
    if unknown := values.keys() - SETTINGS.keys():
        raise ParameterError(f"there is no property {show(min(unknown))}: there are {', '.join(SETTINGS)}")
    for name in (name for name in SETTINGS if name in values):
        setting = SETTINGS[name]
        params = setting.params(values[name], state)
        if setting.setter is not None:
            found.setdefault(setting.setter, Change(setting.setter, setting.getter, {})).params.update(params)
    for change in found.values():
        if change.is_whole:
            change.setter.check(change.params)
    return list(found.values())


def getters_after(endpoint: Endpoint) -> tuple[Endpoint, ...]:
    """Return what has to be read again after a call: what it sets, else all of its group."""
    if endpoint.effect is Effect.READ:
        return ()
    own = tuple(setting.getter for setting in SETTINGS.values() if setting.setter is endpoint)
    return tuple(dict.fromkeys(own)) or tuple(getter for getter in GETTERS if getter.group == endpoint.group)
