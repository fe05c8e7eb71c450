"""``clips``: videos on a camera, listed and brought here."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path

import click
from rich.progress import Progress, TaskID

from ipc_bridge.catalog.codes import CLIP_FRAGMENT_NOT_READY
from ipc_bridge.catalog.device import GET_CUR_VIDEOS
from ipc_bridge.cli.camera import Host, Target, camera_options, connected, explained, find
from ipc_bridge.cli.configuration import load
from ipc_bridge.cli.output import plain, progress_bar, show, table
from ipc_bridge.cli.period import check_period, period_options
from ipc_bridge.cli.recordings import Video, list_detections, list_recordings, video_name
from ipc_bridge.cli.video_file import bring, bring_clip
from ipc_bridge.device.api import CameraApi
from ipc_bridge.device.downloads import POLL_SECONDS
from ipc_bridge.errors import RefusedError, ReplyError
from ipc_bridge.journal.store import FILE_NAME

SOME_MISSING = 1
CUT_WITHIN = 30.0
"""Seconds for a clip of now: the camera cuts it 4 to 12 s after its last moment."""
_PARTS = click.Choice(["0", "4", "8"])


@click.command()
@camera_options
@period_options("--since", "--until", "Since when", "1h")
@click.option(
    "--out",
    "directory",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Download them to DIR; else they are listed.",
)
@click.option("--motion", is_flag=True, help="The clips of motion events in the bridge's journal.")
@click.option("--now", is_flag=True, help="Have the camera cut a clip around now.")
@click.option("--preceding", type=_PARTS, default="8", show_default=True, help="With --now: seconds before now.")
@click.option("--following", type=_PARTS, default="8", show_default=True, help="With --now: seconds after now.")
def clips(
    config_path: Path,
    sn: str,
    host: Host,
    begin: float,
    end: float | None,
    directory: Path | None,
    preceding: str,
    following: str,
    *,
    motion: bool,
    now: bool,
) -> None:
    """List the recordings of the camera SN, or download them.

    The same command goes on where it was interrupted: what is whole is left as it is, and what is half there is gone on
    with. The exit status is 1 where a video could not be had.
    """
    if now and motion:
        raise click.UsageError("--now and --motion exclude each other: give one of them.")
    target = find(config_path, sn, host)
    if now:
        path = asyncio.run(_cut(target, _made(directory or Path()), int(preceding), int(following)))
        click.echo(f"The clip is in {path}.")
        return
    period = check_period(begin, end)
    journal = load(config_path).storage.directory / FILE_NAME if motion else None
    if directory is None:
        _list(asyncio.run(_find(target, journal, period)))
        return
    missing = asyncio.run(_download(target, journal, period, _made(directory)))
    if missing:
        click.echo(f"\n{len(missing)} could not be had:")
        rows = table("Video", "Why")
        for video, reason in missing:
            rows.add_row(video.name, plain(reason))
        show(rows)
        sys.exit(SOME_MISSING)


def _made(directory: Path) -> Path:
    with explained():
        directory.mkdir(parents=True, exist_ok=True)
    return directory


async def _find(target: Target, journal: Path | None, period: tuple[int, int]) -> list[Video]:
    async with connected(target) as api:
        return await _videos(api, target.config.sn, journal, period)


async def _videos(api: CameraApi, sn: str, journal: Path | None, period: tuple[int, int]) -> list[Video]:
    if journal is None:
        return await list_recordings(api, sn, *period)
    return await asyncio.to_thread(list_detections, journal, sn, *period)


def _list(videos: Sequence[Video]) -> None:
    rows = table("Begin", "Seconds", "Video")
    for video in videos:
        begin = datetime.fromtimestamp(video.begin).astimezone()
        seconds = "-" if video.end is None else f"{video.end - video.begin:.0f}"
        rows.add_row(f"{begin:%Y-%m-%d %H:%M:%S}", seconds, video.name)
    if videos:
        show(rows)
    click.echo(f"{_count(videos)}. Give --out to download." if videos else "There are none in that time.", err=True)


async def _download(
    target: Target, journal: Path | None, period: tuple[int, int], directory: Path
) -> list[tuple[Video, str]]:
    """Download what is not there yet; return what could not be had, and why."""
    missing = []
    async with connected(target) as api:
        videos = await _videos(api, target.config.sn, journal, period)
        wanted = [video for video in videos if not (directory / video.name).exists()]
        with progress_bar() as progress:
            bar = progress.add_task("", total=len(wanted))
            for number, video in enumerate(wanted):
                progress.update(bar, description=video.name, completed=number)
                try:
                    await _bring(
                        api, target.config.sn, video, directory / video.name, partial(_show, progress, bar, number)
                    )
                except (ReplyError, RefusedError) as error:
                    missing.append((video, str(error)))
            progress.update(bar, completed=len(wanted))
    there = len(videos) - len(wanted)
    click.echo(f"{_count(wanted, less=len(missing))} downloaded to {directory}, {there} there already.")
    return missing


def _show(progress: Progress, bar: TaskID, done: int, got: int, size: int | None) -> None:
    progress.update(bar, completed=done + (got / size if size else 0))


async def _bring(api: CameraApi, sn: str, video: Video, path: Path, told: Callable[[int, int | None], None]) -> None:
    try:
        await bring(api, video.url, path, told)
    except ReplyError:
        # The key in its address may have run out while others were downloaded.
        fresh = [] if video.end is None else await list_recordings(api, sn, int(video.begin), int(video.end))
        urls = [other.url for other in fresh if other.begin == video.begin]
        if not urls:
            raise
        await bring(api, urls[0], path, told)


async def _cut(target: Target, directory: Path, preceding: int, following: int) -> Path:
    async with connected(target) as api:
        url = await _ask_to_cut(api, preceding, following)
        path = directory / video_name(target.config.sn, time.time(), f"clip_{preceding}_{following}")
        with progress_bar() as progress:
            bar = progress.add_task("The camera cuts the clip", total=None)
            await bring_clip(
                api,
                url,
                path,
                following + CUT_WITHIN,
                lambda got, size: progress.update(bar, completed=got, total=size),
            )
    return path


async def _ask_to_cut(api: CameraApi, preceding: int, following: int) -> str:
    loop = asyncio.get_running_loop()
    end = loop.time() + CUT_WITHIN
    while True:
        try:
            data = await api.call(GET_CUR_VIDEOS, preceding=preceding, following=following)
            return str(GET_CUR_VIDEOS.read(data)["url"])
        except RefusedError as error:
            # It has only just begun to record.
            if error.code != CLIP_FRAGMENT_NOT_READY or loop.time() >= end:
                raise
        await asyncio.sleep(POLL_SECONDS)


def _count(videos: Sequence[Video], less: int = 0) -> str:
    number = len(videos) - less
    return "1 video" if number == 1 else f"{number} videos"
