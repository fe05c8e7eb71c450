"""How a plugin is run: what stands beside its own settings under ``plugins.enabled.NAME``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import voluptuous as vol

from ipc_bridge.config.values import UnfitError, choice, flag, positive
from ipc_bridge.errors import PluginRefusedError

_KEYS = {
    "isolation": choice("thread", "process"),
    "memory_megabytes": positive("megabytes"),
    "catch_up": flag,
    "deadline": positive("seconds"),
}


@dataclass(frozen=True, slots=True)
class Plan:
    """One plugin.

    Args:
        name: its name.
        settings: its own.
        isolation: ``thread`` or ``process``.
        memory_megabytes: what its process may use.
        catch_up: whether it gets what was sent while it was down or behind, as late events.
        deadline: seconds that a call may take.
    """

    name: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    isolation: str = "thread"
    memory_megabytes: float = 256.0
    catch_up: bool = True
    deadline: float = 10.0


def read_plan(name: str, settings: Mapping[str, Any]) -> Plan:
    """Take a plugin's settings apart.

    Raises:
        PluginRefusedError: one that is the bridge's business is wrong.
    """
    values: dict[str, Any] = {}
    problems: list[tuple[tuple[str | int, ...], str]] = []
    for key, fit in _KEYS.items():
        if key in settings:
            try:
                values[key] = fit(settings[key])
            except UnfitError as error:
                problems.append(((key,), f"{settings[key]!r} is wrong, expected {error.msg}"))
            except vol.Invalid as error:
                problems.append(((key,), error.msg))
    if problems:
        raise PluginRefusedError(problems)
    own = {key: value for key, value in settings.items() if key not in _KEYS}
    return Plan(name, own, **values)
