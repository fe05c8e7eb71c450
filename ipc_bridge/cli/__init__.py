"""The command line: a module for each group of commands, put together here.

Exit status: 0 done, or stopped as asked; 1 it could not be done, or a bug; 2 a mistake in the configuration or on the
command line.
"""

from __future__ import annotations

import click

from ipc_bridge import __version__
from ipc_bridge.cli import (
    calls,
    clips,
    cloud,
    daemon,
    discover,
    events,
    faces,
    firmware,
    flow,
    groups,
    plugins,
    simulation,
    streams,
)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="ipc-bridge")
def main() -> None:
    """Bring SUNMI cameras to MQTT and Home Assistant.

    Exit status: 0 stopped as asked, 1 a bug or what could not be done, 2 a mistake in the configuration or on the
    command line.
    """


for command in (
    daemon.run,
    daemon.check_config,
    discover.discover,
    events.events,
    calls.call,
    calls.endpoints,
    faces.faces,
    groups.groups,
    clips.clips,
    streams.streams,
    flow.flow,
    cloud.cloud,
    firmware.firmware_card,
    plugins.plugins,
    simulation.simulate,
    simulation.demo,
):
    main.add_command(command)
