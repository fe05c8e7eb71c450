"""The cloud as commands reach it: by the configuration's ``cloud``."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

from ipc_bridge.cli.camera import MistakeError, explained
from ipc_bridge.cli.configuration import config_option, load
from ipc_bridge.clock import SystemClock
from ipc_bridge.cloud.api import CloudApi
from ipc_bridge.config import Cloud, Config
from ipc_bridge.wire.signing import Credentials

_Function = TypeVar("_Function", bound=Callable[..., Any])


def shop_options(command: _Function) -> _Function:
    """The options of a command about one shop: ``shop`` and ``config_path``."""
    option = click.option("--shop", metavar="SHOP", help="Its sunmi_shop_no; not needed where cloud.shops has one.")
    return option(config_option(command))


def load_cloud(path: Path) -> tuple[Config, Cloud]:
    """The configuration, and its ``cloud``.

    Raises:
        MistakeError: there is none.
    """
    config = load(path)
    if config.cloud is None:
        raise MistakeError(f"{path} has no cloud: fill in its base_url, app_id, secret_key and shops")
    return config, config.cloud


def shop_of(cloud: Cloud, shop: str | None) -> str:
    """The shop that is meant.

    Raises:
        MistakeError: it is not clear which.
    """
    if shop is not None:
        return shop
    if len(cloud.shops) != 1:
        raise MistakeError(f"say which with --shop: cloud.shops has {', '.join(cloud.shops) or 'none'}")
    return cloud.shops[0]


@asynccontextmanager
async def connected(cloud: Cloud) -> AsyncIterator[CloudApi]:
    """The cloud's API, with errors explained."""
    credentials = Credentials(cloud.app_id, cloud.secret_key)
    with explained():
        async with CloudApi(cloud.base_url, credentials, SystemClock()) as api:
            yield api
