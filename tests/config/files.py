"""Configurations as files, for the tests beside this one."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from pathlib import Path

import pytest

from ipc_bridge.config import Config, load_config
from ipc_bridge.errors import ConfigError

ACCOUNT = "account: {app_id: app, secret_key: key}\n"
HOME: Mapping[str, str] = {"HOME": "/home/bridge"}


def write(directory: Path, text: str) -> Path:
    path = directory / "config.yaml"
    path.write_text(textwrap.dedent(text), encoding="utf-8", newline="")
    return path


def load(directory: Path, text: str, environment: Mapping[str, str] = HOME, **more: str) -> Config:
    """Load ``text`` with an account behind it, so that lines count from its beginning."""
    return load_config(write(directory, textwrap.dedent(text) + ACCOUNT), {**environment, **more})


def problems(directory: Path, text: str, environment: Mapping[str, str] = HOME) -> list[str]:
    """The problems of exactly ``text``, without the directory's name."""
    with pytest.raises(ConfigError) as caught:
        load_config(write(directory, text), environment)
    return [line.replace(f"{directory}/", "").replace(f"{directory}", "DIR") for line in caught.value.problems]
