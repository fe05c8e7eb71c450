"""Simulated cameras, as a command finds them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from ipc_bridge.cli import main
from ipc_bridge.simulator import CameraSettings, SimulatedCamera
from tests.cli.rig import write_config

HOST = "127.30.7.1"


class Shop:
    """One camera, and a configuration that knows it."""

    def __init__(self, directory: Path, camera: SimulatedCamera) -> None:
        self.directory = directory
        self.camera = camera
        self.configure()

    @property
    def entry(self) -> dict[str, Any]:
        """The camera's own part of the configuration."""
        return {"sn": self.camera.sn, "host": self.camera.host, "api_port": self.camera.api_port}

    def configure(self, **sections: Any) -> None:
        """Write the configuration anew."""
        self.config = write_config(self.directory, **{"cameras": [self.entry], **sections})

    def remember(self, **record: Any) -> None:
        """As a bridge does in its state directory."""
        state = self.directory / "state"
        state.mkdir(exist_ok=True)
        content = {"cameras": [{"sn": self.camera.sn, **record}]}
        (state / "cameras.json").write_text(json.dumps(content), encoding="utf-8")

    async def invoke(self, *arguments: str, typed: str | None = None) -> Result:
        """Run a command to its end, beside the camera."""
        words = [*arguments, "--config", str(self.config)]
        return await asyncio.to_thread(CliRunner(env={"COLUMNS": "200"}).invoke, main, words, input=typed)

    async def call(self, *words: str, typed: str | None = None) -> Result:
        """``call`` of this camera."""
        return await self.invoke("call", self.camera.sn, *words, typed=typed)


@asynccontextmanager
async def opened(directory: Path, **settings: Any) -> AsyncIterator[Shop]:
    """A shop whose camera is there."""
    async with SimulatedCamera(CameraSettings(**{"host": HOST, "discovery_port": None, **settings})) as camera:
        yield Shop(directory, camera)
