"""The configuration as commands take it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NoReturn

import click

from ipc_bridge.config import Config, load_config
from ipc_bridge.errors import ConfigError

DEFAULT = Path("config.yaml")
WRONG_CONFIGURATION = 2

config_option = click.option(
    "--config",
    "config_path",
    metavar="FILE",
    type=click.Path(path_type=Path),
    default=DEFAULT,
    show_default=True,
    help="The configuration (config.example.yaml explains it).",
)


def load(path: Path) -> Config:
    """Return the configuration; one that cannot be used ends the program."""
    try:
        return load_config(path, os.environ)
    except ConfigError as error:
        refuse(error)


def refuse(error: ConfigError) -> NoReturn:
    """Name every mistake in the configuration, and end the program."""
    for problem in error.problems:
        click.echo(problem, err=True)
    sys.exit(WRONG_CONFIGURATION)
