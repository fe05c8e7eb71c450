"""Home Assistant's entities of the catalogue's settings and actions: what a property may be decides on the platform."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ipc_bridge.catalog.endpoint import Effect
from ipc_bridge.catalog.fields import ALWAYS, DAYS, Choice, Field, Flag, Int, MinuteOfDay, Text, Weekdays
from ipc_bridge.catalog.settings import ACTIONS, SETTINGS, Setting
from ipc_bridge.homeassistant.components import (
    CAMERA_COMPONENTS,
    CONFIG,
    COUNTS,
    DIAGNOSTIC,
    DISABLED,
    PICTURES,
    Component,
)
from ipc_bridge.homeassistant.groups import GROUPS, KEY_PREFIX, group_components
from ipc_bridge.models import Model


@dataclass(frozen=True, slots=True)
class Selection:
    """The components of one camera, and the ids, or what ids begin with, of those that it may have besides."""

    components: list[Component]
    undecided: frozenset[str]
    undecided_prefixes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Look:
    """What the catalogue does not say: keys of Home Assistant's, and the property that an action is about."""

    options: Mapping[str, Any] = field(default_factory=dict)
    needs: str | None = None


def _icon(name: str, needs: str | None = None) -> _Look:
    return _Look({"icon": f"mdi:{name}"}, needs)


_LOOKS: Mapping[str, _Look] = {
    "name": _icon("tag-text"),
    "led": _icon("led-on"),
    "ir_mode": _icon("weather-night"),
    "zoom": _icon("magnify-plus"),
    "focus": _icon("image-filter-center-focus"),
    "rotation": _icon("rotate-right"),
    "motion_level": _icon("motion-sensor"),
    "audio_level": _icon("ear-hearing"),
    "detect_days": _icon("calendar-week"),
    "detect_start": _icon("clock-start"),
    "detect_stop": _icon("clock-end"),
    "flow_mode": _icon("counter"),
    "face_interval": _icon("timer-outline"),
    "face_optimize_seconds": _icon("timer-cog-outline"),
    "regular_visits": _icon("account-heart"),
    "regular_days": _icon("calendar-account"),
    "sd_card": _icon("sd"),
    "wifi_ssid": _icon("wifi"),
    "ip_mode": _icon("ip-network-outline"),
    "reboot": _Look({"device_class": "restart"}),
    "auto_focus": _icon("focus-auto", needs="focus"),
    "reset_zoom_focus": _icon("restore", needs="zoom"),
    "snapshot": _icon("camera"),
    "refresh": _icon("refresh"),
    "format_sd_card": _icon("eraser", needs="sd_card"),
    "factory_reset": _icon("restore-alert"),
}

_DAY = f"({'|'.join(DAYS)})"
_PATTERNS: Mapping[type[Field], tuple[str, int]] = {
    Weekdays: (f"{ALWAYS}|{_DAY}(,{_DAY})*", len(",".join(DAYS))),
    MinuteOfDay: ("([01][0-9]|2[0-3]):[0-5][0-9]|24:00", len("24:00")),
}
"""Numbers that settings have as text: its form, and how long it may be."""
_LIMITS = frozenset(name for setting in SETTINGS.values() for name in (setting.maximum, setting.options) if name)
"""Properties that are seen in others."""


def select_components(
    model: Model,
    state: Mapping[str, Any],
    unsupported: Collection[str] = (),
    *,
    counts: bool | None = None,
    pictures: bool = True,
    allow_destructive: bool,
) -> Selection:
    """Return what a camera gets.

    Args:
        model: the camera's.
        state: its properties, as far as they are known.
        unsupported: paths of the calls that it turned out not to have.
        counts: whether it counts people; None while nobody knows.
        pictures: whether pictures of faces are fetched.
        allow_destructive: ``commands.allow_destructive``.
    """
    fixed = [row for row in CAMERA_COMPONENTS if model.has_faces or not row.faces]
    rows = [*fixed, *_actions(model, allow_destructive=allow_destructive)]
    unknown = frozenset(name for name, setting in SETTINGS.items() if not _is_known(setting, state))
    # Of what this camera cannot have, nothing is to come.
    awaited = frozenset(name for name in unknown if _may_come(SETTINGS[name], model, unsupported))
    if not pictures:
        unknown |= {PICTURES}
    if counts is False or (counts is None and not model.has_faces):
        unknown |= {COUNTS}
        awaited |= {COUNTS} if counts is None else set()
    shown = [row for row in rows if row.needs not in unknown]
    undecided = awaited | {row.key for row in rows if row.needs in awaited}
    may_have_groups = state.get(GROUPS) is None and _may_come(SETTINGS[GROUPS], model, unsupported)
    prefixes = (KEY_PREFIX,) if may_have_groups else ()
    return Selection([*shown, *_settings(state), *group_components(state)], undecided, prefixes)


def _is_known(setting: Setting, state: Mapping[str, Any]) -> bool:
    return setting.name in state and (setting.options is None or bool(state.get(setting.options)))


def _may_come(setting: Setting, model: Model, unsupported: Collection[str]) -> bool:
    getters = [SETTINGS[name].getter for name in (setting.name, setting.options) if name is not None]
    return all(getter.supports(model) and getter.path not in unsupported for getter in getters)


def _settings(state: Mapping[str, Any]) -> Iterator[Component]:
    for name, setting in SETTINGS.items():
        if name in _LIMITS or not _is_known(setting, state):
            continue
        project = _reading if setting.setter is None else _control
        if (projected := project(name, setting.field_of(state))) is None:
            continue
        platform, options = projected
        yield Component(
            name,
            platform,
            "state",
            {
                "name": setting.title,
                **_LOOKS.get(name, _Look()).options,
                **options,
                **(DIAGNOSTIC if setting.setter is None else CONFIG),
                **(DISABLED if setting.seldom else {}),
            },
            command=None if setting.setter is None else f"set/{name}",
            needs=name,
        )


def _actions(model: Model, *, allow_destructive: bool) -> Iterator[Component]:
    for name, action in ACTIONS.items():
        call, look = action.endpoint, _LOOKS.get(name, _Look())
        is_destructive = call is not None and call.effect is Effect.DANGER
        if (is_destructive and not allow_destructive) or (call is not None and not call.supports(model)):
            continue
        # A device class has a name of its own, in every language.
        title = {} if "device_class" in look.options else {"name": action.title}
        options = {**title, **look.options, **CONFIG, **(DISABLED if is_destructive else {})}
        yield Component(name, "button", None, options, command=f"press/{name}", needs=look.needs)


# Templates: an error for every message is what Home Assistant has for a value that does not fit. `None` is its word for
# one that is not known, except for text.


def _reading(name: str, shape: Field) -> tuple[str, dict[str, Any]] | None:
    template = {"value_template": f"{{{{ value_json.get('{name}') }}}}"}
    match shape:
        case Choice():
            return "sensor", {"device_class": "enum", "options": list(shape.choices.values()), **template}
        case Text():
            return "sensor", template
        case _:
            return None


def _control(name: str, shape: Field) -> tuple[str, dict[str, Any]] | None:
    value = f"value_json.get('{name}')"
    match shape:
        case Flag():
            return "switch", {"value_template": f"{{{{ {value} }}}}"}
        case Choice():
            options = [str(word) for word in shape.choices.values()]
            return "select", {"options": options, "value_template": _fit(f"{value} | string", f"in {options}")}
        case Weekdays() | MinuteOfDay():
            pattern, length = _PATTERNS[type(shape)]
            return "text", {**_text(value, length), "pattern": f"^({pattern})?$"}
        case Int() if shape.minimum < shape.maximum:
            unit = {} if shape.unit is None else {"unit_of_measurement": shape.unit}
            fit = f"is number and {shape.minimum} <= value <= {shape.maximum}"
            limits = {"min": shape.minimum, "max": shape.maximum, "step": 1}
            return "number", {**limits, **unit, "value_template": _fit(value, fit)}
        case Text():
            return "text", _text(value, shape.max_length)
        case _:
            return None


def _text(value: str, length: int) -> dict[str, Any]:
    """Text that may be empty: that is how one that is not known looks."""
    return {"max": length, "value_template": f"{{{{ ({value} or '')[:{length}] }}}}"}


def _fit(value: str, condition: str) -> str:
    return f"{{% set value = {value} %}}{{{{ value if value {condition} else None }}}}"
