"""``ipc-bridge run`` on a clock that a test can set: ``python -m tests.faults.daemon --clock FILE --config FILE``."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import click

from ipc_bridge import app, logs
from ipc_bridge.cli.loop import run_until_stopped
from ipc_bridge.clock import SystemClock
from ipc_bridge.config import load_config
from ipc_bridge.config.secrets import secrets_of
from ipc_bridge.service import ServiceManager


@dataclass(frozen=True)
class SteppedClock(SystemClock):
    """The machine's, but for an offset of what people read.

    Args:
        offset: a file with the seconds by which it is ahead.
    """

    offset: Path

    def time(self) -> float:
        """See :class:`~ipc_bridge.clock.Clock`."""
        return super().time() + float(self.offset.read_text(encoding="ascii"))


@click.command()
@click.option("--clock", type=click.Path(path_type=Path), required=True)
@click.option("--config", "config_path", type=click.Path(path_type=Path), required=True)
def main(clock: Path, config_path: Path) -> None:
    """Run the bridge until SIGTERM."""
    config = load_config(config_path, os.environ)
    logs.set_up(config.log.level, config.log.levels, config.log.format, secrets_of(config))
    run_until_stopped(lambda stop: app.run(config, ServiceManager(os.environ), stop, SteppedClock(clock)))


if __name__ == "__main__":
    main()
