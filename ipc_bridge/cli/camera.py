"""One camera, as commands reach it: by the configuration, by what the bridge remembers of it, or by ``--host``."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click
import voluptuous as vol
from click.shell_completion import CompletionItem

from ipc_bridge.bridge.registry import KnownCamera, peek
from ipc_bridge.bridge.security import TlsContexts
from ipc_bridge.cli.configuration import DEFAULT, config_option, load
from ipc_bridge.config import CameraConfig, Config, load_config
from ipc_bridge.config.values import host_and_perhaps_port
from ipc_bridge.device.address import Address
from ipc_bridge.device.api import CameraApi, fetch_fingerprint
from ipc_bridge.device.tls import Security
from ipc_bridge.errors import BridgeError, ClientCertificateError, ParameterError
from ipc_bridge.models import is_serial
from ipc_bridge.wire.signing import Credentials

Host = tuple[str, int | None] | None
"""What ``--host`` gives."""

_Function = TypeVar("_Function", bound=Callable[..., Any])


class MistakeError(click.ClickException):
    """Something that the person who typed it has to change."""

    exit_code = 2


@contextmanager
def explained() -> Iterator[None]:
    """Turn our errors into what ends a command: status 2 for mistakes, 1 for what could not be done."""
    try:
        yield
    except (ParameterError, ClientCertificateError) as error:
        raise MistakeError(str(error)) from error
    except BridgeError as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        raise click.ClickException(f"{error.filename}: {error.strerror}" if error.filename else str(error)) from error


def complete_serial(
    context: click.Context, _parameter: click.Parameter | None, incomplete: str
) -> list[CompletionItem]:
    """Serials of the configuration and of those that the bridge remembers, with names."""
    try:
        config = load_config(context.params.get("config_path") or DEFAULT, os.environ)
        names = {sn: known.info(None).name for sn, known in peek(config.storage.directory).items()}
    except BridgeError:
        return []
    names |= {camera.sn: camera.name or names.get(camera.sn, camera.sn) for camera in config.cameras}
    return [CompletionItem(sn, help=name) for sn, name in sorted(names.items()) if sn.startswith(incomplete)]


def _serial(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    if not is_serial(value):
        raise click.BadParameter("it must be a camera's serial number")
    return value


def _host(_context: click.Context, _parameter: click.Parameter, value: str | None) -> Host:
    try:
        return None if value is None else host_and_perhaps_port(value)
    except vol.Invalid as error:
        raise click.BadParameter(f"expected {error.msg}") from error


def camera_options(command: _Function) -> _Function:
    """The argument and the options of a command that talks to a camera: ``sn``, ``host`` and ``config_path``."""
    argument = click.argument("sn", callback=_serial, shell_complete=complete_serial)
    host = click.option(
        "--host", metavar="HOST[:PORT]", callback=_host, help="Where it is, if neither configuration nor bridge know."
    )
    return argument(host(config_option(command)))


@dataclass(frozen=True, slots=True)
class Target:
    """A camera that can be called."""

    config: CameraConfig
    address: Address
    security: Security

    def open(self, *, activating: bool = False) -> CameraApi:
        """Its API; the activation code goes along only for ``activating``: it has the camera forget its faces."""
        account = self.config.account
        return CameraApi(
            self.config.sn,
            self.address,
            self.security,
            Credentials(account.app_id, account.secret_key),
            self.config.activation_code if activating else None,
        )


def find(config_path: Path, sn: str, host: Host) -> Target:
    """Return the camera ``sn``, trusted by the certificate that the bridge has pinned.

    Raises:
        ClickException: it cannot be found.
    """
    config = load(config_path)
    with explained():
        known = peek(config.storage.directory).get(sn) or KnownCamera(sn)
    return target_of(config, known, TlsContexts(config.tls), host)


def target_of(config: Config, known: KnownCamera, contexts: TlsContexts, host: Host = None) -> Target:
    """Return one of the cameras of a configuration like :func:`find`.

    Raises:
        ClickException: it cannot be found.
    """
    camera = config.camera_for(known.sn)
    with explained():
        security = contexts.security(camera.account, known.api_pin)
    where, port = host or (camera.host or known.host, None)
    if where is None:
        raise MistakeError(
            f"nobody knows where camera {known.sn} is: give --host, or its host under cameras, or let the bridge "
            "find it"
        )
    return Target(camera, Address(where, port or camera.api_port), security)


@asynccontextmanager
async def connected(target: Target, *, activating: bool = False) -> AsyncIterator[CameraApi]:
    """The camera's API, with errors explained."""
    with explained():
        if target.security.pin is not None:
            # The HTTP client looks, too, but does not wait until a connection to somebody else is closed.
            await fetch_fingerprint(target.address, target.security)
        async with target.open(activating=activating) as api:
            yield api
