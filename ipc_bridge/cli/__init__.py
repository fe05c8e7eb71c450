"""The command line: a module for each group of commands, put together here.

Exit status: 0 done, or stopped as asked; 1 it could not be done, or a bug; 2 a mistake in the configuration or on the
command line.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping

import click

from ipc_bridge import __version__

COMMANDS: Mapping[str, str] = {
    "run": "daemon.run",
    "check-config": "daemon.check_config",
    "discover": "discover.discover",
    "events": "events.events",
    "call": "calls.call",
    "endpoints": "calls.endpoints",
    "faces": "faces.faces",
    "groups": "groups.groups",
    "clips": "clips.clips",
    "streams": "streams.streams",
    "flow": "flow.flow",
    "cloud": "cloud.cloud",
    "firmware-card": "firmware.firmware_card",
    "plugins": "plugins.plugins",
    "simulate": "simulation.simulate",
    "demo": "simulation.demo",
}
"""Every command, and where it stands in this folder."""


class _Commands(click.Group):
    """The commands; the module of one is imported when somebody asks for it: a bridge needs no simulator in memory."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - as click calls it
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - the same
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(".")
        command: click.Command = getattr(importlib.import_module(f"{__name__}.{module}"), name)
        return command


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="ipc-bridge")
def main() -> None:
    """Bring SUNMI cameras to MQTT and Home Assistant.

    Exit status: 0 stopped as asked, 1 a bug or what could not be done, 2 a mistake in the configuration or on the
    command line.
    """
