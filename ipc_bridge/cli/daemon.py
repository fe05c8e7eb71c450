"""``run`` and ``check-config``: the bridge itself."""

from __future__ import annotations

import os
from pathlib import Path

import click

from ipc_bridge import app, logs
from ipc_bridge.cli.configuration import config_option, load, refuse
from ipc_bridge.cli.loop import run_until_stopped
from ipc_bridge.config import load_config
from ipc_bridge.config.secrets import secrets_of
from ipc_bridge.errors import ConfigError
from ipc_bridge.service import ServiceManager


@click.command()
@config_option
def run(config_path: Path) -> None:
    """Run the bridge until SIGTERM or Ctrl-C."""
    config = load(config_path)
    logs.set_up(config.log.level, config.log.levels, config.log.format, secrets_of(config))
    try:
        run_until_stopped(
            lambda stop: app.run(
                config, ServiceManager(os.environ), stop, read_again=lambda: load_config(config_path, os.environ)
            )
        )
    except ConfigError as error:
        refuse(error)


@click.command("check-config")
@config_option
def check_config(config_path: Path) -> None:
    """Check the configuration and name every mistake in it."""
    config = load(config_path)
    cameras = f"{len(config.cameras)} cameras listed" if config.cameras else "no cameras listed"
    adopts = config.discovery.enabled and config.discovery.adopt == "all"
    others = "others are found by discovery" if adopts else "no others are adopted"
    click.echo(f"{config_path} is right: {cameras}, {others}.")
