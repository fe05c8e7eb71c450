"""The configuration: one YAML file, checked completely, as frozen dataclasses.

``yaml_file`` reads values and lines, ``values`` says what a single value may be, ``keys`` turns dataclasses into a
voluptuous schema, ``schema`` is the table of all keys.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import voluptuous as vol

from ipc_bridge.config.keys import Section
from ipc_bridge.config.schema import (
    Account,
    CameraConfig,
    CameraDefaults,
    Cloud,
    Commands,
    Config,
    Discovery,
    Events,
    HomeAssistant,
    Journal,
    Log,
    Mqtt,
    MqttTls,
    Pictures,
    Plugins,
    RetainImages,
    State,
    Storage,
    Tls,
    Web,
    shallow,
)
from ipc_bridge.config.values import UnfitError, kind
from ipc_bridge.config.yaml_file import Document, KeyPath, Source, Tagged, read_document
from ipc_bridge.errors import ConfigError

__all__ = [
    "Account",
    "CameraConfig",
    "CameraDefaults",
    "Cloud",
    "Commands",
    "Config",
    "Discovery",
    "Events",
    "HomeAssistant",
    "Journal",
    "Log",
    "Mqtt",
    "MqttTls",
    "Pictures",
    "Plugins",
    "RetainImages",
    "Source",
    "State",
    "Storage",
    "Tls",
    "Web",
    "load_config",
]


def load_config(path: Path, environment: Mapping[str, str]) -> Config:
    """Read and check the configuration.

    Args:
        path: the YAML file; paths in it are counted from its directory.
        environment: what ``!env`` reads, and where the state directory may be named.

    Raises:
        ConfigError: with every problem of the file, in the order of its lines.
    """
    document = read_document(path, environment)
    # The first problem of a key counts: a value that cannot be read is not also missing.
    problems: dict[KeyPath, str] = {}
    for problem in document.problems:
        problems.setdefault(problem.path, problem.text)
    directory = path.parent.absolute()
    values: dict[str, Any] = {}
    try:
        values = Section(Config, directory, dict)(document.root)
    except vol.Invalid as error:
        for broken in error.errors if isinstance(error, vol.MultipleInvalid) else [error]:
            at = tuple(step if isinstance(step, int) else str(step) for step in broken.path)
            problems.setdefault(at, _sentence(broken, document.at(at)))
    storage = _state_directory(environment)
    if storage is None and document.at(("storage", "directory")) is None:
        problems.setdefault(("storage", "directory"), "is missing, expected a path, because HOME is not set either")
    if problems:
        at_lines = sorted(problems.items(), key=lambda item: document.source.line_of(item[0]))
        raise ConfigError([document.source.problem(at, text) for at, text in at_lines])
    config = Config(**{**values, "cameras": ()}, source=document.source)
    return _complete(config, values.get("cameras", ()), document, directory, storage)


def _complete(
    config: Config, entries: Sequence[Mapping[str, Any]], document: Document, directory: Path, storage: Path | None
) -> Config:
    """Fill in what one part of the file takes from another, or from the place where it runs."""

    def is_missing(*at: str) -> bool:
        return document.at(at) is None

    mqtt, camera, kept = config.mqtt, config.camera, config.storage
    if mqtt.tls is not None and is_missing("mqtt", "port"):
        mqtt = replace(mqtt, port=8883)
    if is_missing("camera", "account"):
        camera = replace(camera, account=config.account)
    if storage is not None and is_missing("storage", "directory"):
        kept = Storage(directory=storage)
    return replace(
        config,
        mqtt=mqtt,
        camera=camera,
        cameras=tuple(CameraConfig(**{**shallow(camera), **entry}) for entry in entries),
        plugins=replace(config.plugins, directory=directory / config.plugins.directory),
        storage=kept,
    )


def _state_directory(environment: Mapping[str, str]) -> Path | None:
    """Where state is kept unless the file says so: systemd's place, else the platform's, if either is known."""
    systemd = environment.get("STATE_DIRECTORY", "").split(":")[0]
    if systemd:
        return Path(systemd)
    state = environment.get("XDG_STATE_HOME", "")
    # The XDG rules want a relative path to be ignored.
    if Path(state).is_absolute():
        return Path(state) / "ipc-bridge"
    home = environment.get("HOME", "")
    return Path(home) / ".local/state/ipc-bridge" if home else None


def _sentence(error: vol.Invalid, value: object) -> str:
    if not isinstance(error, UnfitError):
        return error.msg
    return f"{_shown(value, secret=error.secret)} is wrong, expected {error.msg}"


def _shown(value: object, *, secret: bool) -> str:
    """What stands there, as far as it may be shown."""
    if isinstance(value, Tagged):
        return f"what {value.origin} gives"
    # Beside secrets: an address with "@" may hold a password.
    if secret or (isinstance(value, str) and "@" in value):
        return "this value"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float | str):
        shown = repr(value)
        return shown if len(shown) <= 64 else f"{shown[:61]}..."
    return kind(value)
