"""The peers: programs that do the same job, each as a child process."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import orjson
import yaml

from benchmarks.floor import Settings
from benchmarks.load import APP_ID, SECRET_KEY, Cameras
from benchmarks.processes import module


@dataclass(frozen=True, slots=True)
class Peer:
    """One of them.

    ``command`` writes its configuration into a directory and returns what to run there, for a broker
    and for cameras.
    """

    name: str
    command: Callable[[tuple[str, int], Cameras, Path], list[str | Path]]


def _daemon(
    broker: tuple[str, int], cameras: Cameras, directory: Path, sections: Mapping[str, Any] = MappingProxyType({})
) -> list[str | Path]:
    """The real one: ``ipc-bridge run`` with its defaults but for ``sections``, cameras listed by address."""
    config: dict[str, Any] = {
        "mqtt": {"host": broker[0], "port": broker[1]},
        "account": {"app_id": APP_ID, "secret_key": SECRET_KEY},
        "discovery": {"enabled": False},
        "camera": {"api_port": cameras.api_port, "channel_port": cameras.channel_port},
        "cameras": [{"sn": camera.sn, "host": camera.host} for camera in cameras.settings()],
        "storage": {"directory": str(directory / "state")},
        "web": {"enabled": False},
        "log": {"level": "warning"},
        **sections,
    }
    file = directory / "config.yaml"
    file.write_text(yaml.safe_dump(config), encoding="utf-8")
    return module("ipc_bridge", "run", "--config", file)


def _floor(broker: tuple[str, int], cameras: Cameras, directory: Path) -> list[str | Path]:
    """The least that does the job."""
    hosts = [(camera.sn, camera.host) for camera in cameras.settings()]
    settings = Settings(broker, hosts, cameras.channel_port, APP_ID, SECRET_KEY)
    file = directory / "floor.json"
    file.write_bytes(orjson.dumps(dataclasses.asdict(settings)))
    return module("benchmarks.floor", file)


def daemon_with(**sections: Mapping[str, Any]) -> Peer:
    """The real one, with sections of its configuration that are not as usual."""
    return Peer("daemon", partial(_daemon, sections=sections))


PEERS = (Peer("daemon", _daemon), Peer("floor", _floor))
