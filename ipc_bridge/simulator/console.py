"""Commands for a running simulator: one a line, each answered with one line of JSON.

A command that concerns a camera takes its serial number first, or ``all``.
"""

from __future__ import annotations

import shlex
from collections.abc import Coroutine
from typing import Any

from ipc_bridge.errors import WireError
from ipc_bridge.simulator.camera import SimulatedCamera
from ipc_bridge.simulator.commands import COMMANDS, UsageError, describe
from ipc_bridge.simulator.events import NotSeenError
from ipc_bridge.simulator.fleet import Fleet


class Console:
    """Carries commands out on a fleet."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet

    async def execute(self, line: str) -> dict[str, Any]:
        """Carry out one line and return its answer: ``ok``, and ``error`` or what there is to tell."""
        try:
            words = shlex.split(line)
            return {"ok": True, **await self._run(words)}
        except (UsageError, NotSeenError, ValueError, WireError, OSError) as error:
            return {"ok": False, "error": str(error)}

    async def _run(self, words: list[str]) -> dict[str, Any]:
        if not words:
            raise UsageError("an empty line; help lists the commands")
        name, *arguments = words
        if name == "help":
            return {"commands": {c.name: f"{c.name} SN {c.usage}".strip() + f": {c.help}" for c in COMMANDS.values()}}
        if name == "list":
            return {"cameras": [describe(camera) for camera in self._fleet.cameras]}
        command = COMMANDS.get(name)
        if command is None:
            raise UsageError(f"there is no command {name}; help lists them")
        if not command.least <= len(arguments) - 1 <= command.most:
            raise UsageError(f"usage: {name} SN {command.usage}".strip())
        results: dict[str, dict[str, Any]] = {}
        for camera in self._cameras(arguments[0]):
            result = command.run(camera, arguments[1:])
            if isinstance(result, Coroutine):
                await result
                result = None
            results[camera.sn] = result or {}
        if len(results) == 1:
            ((sn, answer),) = results.items()
            return {"command": name, "sn": sn, **answer}
        return {"command": name, "cameras": results}

    def _cameras(self, sn: str) -> list[SimulatedCamera]:
        if sn == "all":
            return self._fleet.cameras
        try:
            return [self._fleet[sn]]
        except KeyError as error:
            raise UsageError(f"there is no camera {sn}; list names them") from error
