"""``streams``: cameras' live streams for other programs."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import click

from ipc_bridge.bridge.registry import KnownCamera, peek
from ipc_bridge.bridge.security import TlsContexts
from ipc_bridge.cli.camera import Target, complete_serial, connected, explained, target_of
from ipc_bridge.cli.configuration import config_option, load
from ipc_bridge.cli.stream_formats import FORMATS, Login, Streams, write
from ipc_bridge.config import CameraConfig
from ipc_bridge.device.description import ask_streams
from ipc_bridge.device.file_address import is_host
from ipc_bridge.errors import ReplyError

SOME_MISSING = 1
ASKED_AT_ONCE = 8
"""Cameras."""
AS_DELIVERED = Login("admin", "admin")
_PLACEHOLDER = (
    "# A login is that of cameras as they are delivered: put yours into the configuration (camera.rtsp_username and\n"
    "# rtsp_password), or give --username and --password-file."
)


@click.command()
@click.argument("serials", metavar="[SN]...", nargs=-1, shell_complete=complete_serial)
@click.option("--format", "form", type=click.Choice(list(FORMATS)), default="go2rtc", show_default=True)
@click.option(
    "--username",
    help="The cameras' RTSP user, in place of the configuration's; its password is asked for where no file is given.",
)
@click.option(
    "--password-file",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Holds the password of that user.",
)
@config_option
def streams(
    config_path: Path, serials: tuple[str, ...], form: str, username: str | None, password_file: Path | None
) -> None:
    """Print the live streams of all cameras, or of those named, as another program's configuration takes them.

    The exit status is 1 where a camera does not tell its streams.
    """
    config = load(config_path)
    with explained():
        records = peek(config.storage.directory)
    known = dict.fromkeys([*(camera.sn for camera in config.cameras), *records])
    unknown = [sn for sn in serials if sn not in known]
    if unknown:
        raise click.BadParameter(f"there is no camera {unknown[0]}: there are {', '.join(known) or 'none'}")
    given = _login(username, password_file)
    contexts = TlsContexts(config.tls)
    problems: list[str] = []
    targets: list[tuple[str, Target]] = []
    for sn in serials or known:
        camera = records.get(sn) or KnownCamera(sn)
        try:
            targets.append((camera.info(config.camera_for(sn).name).name, target_of(config, camera, contexts)))
        except click.ClickException as error:
            problems.append(error.message)
    logins = {target.config.sn: given or _configured(target.config) for _name, target in targets}
    found = asyncio.run(_ask(targets, logins, problems))
    if any(logins[camera.sn] is AS_DELIVERED for camera in found):
        click.echo(_PLACEHOLDER)
    if found:
        click.echo(write(form, found), nl=False)
    for problem in problems:
        click.echo(problem, err=True)
    if not (found or problems):
        click.echo("There are no cameras: list them under cameras, or let the bridge find them.", err=True)
    if problems:
        sys.exit(SOME_MISSING)


def _configured(config: CameraConfig) -> Login:
    if config.rtsp_username is None and config.rtsp_password is None:
        return AS_DELIVERED
    return Login(config.rtsp_username or AS_DELIVERED.username, config.rtsp_password or AS_DELIVERED.password)


def _login(username: str | None, password_file: Path | None) -> Login | None:
    """The login that the command line gives."""
    if username is None and password_file is None:
        return None
    user = username or AS_DELIVERED.username
    if password_file is None:
        return Login(user, click.prompt(f"RTSP password of {user}", hide_input=True, err=True))
    with explained():
        return Login(user, password_file.read_text(encoding="utf-8").rstrip("\r\n"))


async def _ask(
    targets: Sequence[tuple[str, Target]], logins: Mapping[str, Login], problems: list[str]
) -> list[Streams]:
    """Return the streams of all cameras that tell them; ``problems`` gets a sentence for each other one."""
    turns = asyncio.Semaphore(ASKED_AT_ONCE)

    async def one(name: str, target: Target) -> Streams | None:
        try:
            async with turns:
                return await _ask_one(name, target, logins[target.config.sn])
        except click.ClickException as error:
            problems.append(f"{name} ({target.config.sn}): {error.message}")
            return None

    answers = await asyncio.gather(*(one(name, target) for name, target in targets))
    return [streams for streams in answers if streams is not None]


async def _ask_one(name: str, target: Target, login: Login) -> Streams:
    async with connected(target) as api:
        told = await ask_streams(api)
        urls = [told[key] for key in ("stream_fhd", "stream_hd")]
        for url in filter(None, urls):
            # The login goes along with it.
            place = urlsplit(url)
            if place.scheme != "rtsp" or not await is_host(target.address.host, place):
                raise ReplyError(f"it names {url} as its stream, which is not on it")
        if not any(urls):
            raise ReplyError("it names no stream")
        large, small = (None if url is None else login.at(url) for url in urls)
        return Streams(target.config.sn, name, large, small)
