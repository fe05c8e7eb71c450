"""Faults of the disk, and of the journal on it."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import re
from collections.abc import AsyncIterator
from pathlib import Path

from ipc_bridge.journal.database import PAGE_SIZE
from tests.faults.scene import Scene
from tests.requirements import require_mounts

RATE = 150.0
SIZE = "8m"
"""Of the file system that is filled."""
BALLAST = 64 * 1024
INDEX_LEAF = 10
"""The first byte of such a page."""


async def full(scene: Scene) -> None:
    """Not a byte is left while the bridge runs; later there is room again."""
    async with _small_disk(scene):
        await scene.open(pictures={"enabled": False})
        await scene.camera.events(scene.share // 4, RATE)
        await scene.all_delivered()
        for _ in range(scene.times):
            since = scene.hub.mark()
            logged = len(scene.daemon.log())
            ballast = _fill(scene.state)
            await scene.camera.events(scene.share // 2, RATE)
            await scene.all_arrived()
            await scene.health("memory", since)
            await scene.daemon.wait_for_log("ournal", since=logged)
            since = scene.hub.mark()
            ballast.unlink()
            await scene.camera.events(scene.share // 4, RATE)
            await scene.recovered()
            await scene.health("ok", since)
        await scene.kill_bridge()
        await scene.daemon.start()
        await scene.watched()
        await scene.recovered()
        await scene.stop_bridge()


async def read_only(scene: Scene) -> None:
    """The bridge starts on a journal that it cannot write, with events in it that the broker has not got."""
    async with _small_disk(scene):
        await scene.open(relayed=True)
        for number in range(scene.times):
            await scene.watched()
            await scene.relay.shut()
            await scene.camera.events(scene.share // 2, RATE)
            await scene.taken_over()
            # In order all is in one file, and otherwise in what SQLite keeps beside it.
            await (scene.kill_bridge() if number % 2 else scene.stop_bridge())
            await scene.grow_old()
            await _mount("-o", "remount,ro", scene.state)
            await scene.relay.open()
            since, logged = scene.hub.mark(), len(scene.daemon.log())
            await scene.daemon.start()
            await scene.watched()
            fresh = [scene.camera.event() for _ in range(scene.share // 2)]
            await scene.arrived(fresh)
            await scene.health("memory", since)
            await scene.daemon.wait_for_log("ournal", since=logged)
            since = scene.hub.mark()
            await _mount("-o", "remount,rw", scene.state)
            await scene.recovered()
            await scene.health("ok", since)
        await scene.stop_bridge()


async def out_of_reach(scene: Scene) -> None:
    """The bridge starts where its journal cannot be opened at all, with events in it that the broker has not got."""
    await scene.open(relayed=True)
    hidden = scene.site.directory / "hidden"
    for number in range(scene.times):
        await scene.watched()
        await scene.relay.shut()
        await scene.camera.events(scene.share // 2, RATE)
        await scene.taken_over()
        await (scene.kill_bridge() if number % 2 else scene.stop_bridge())
        await scene.grow_old()
        _hide(scene.state, hidden)
        await scene.relay.open()
        since, logged = scene.hub.mark(), len(scene.daemon.log())
        await scene.daemon.start()
        await scene.watched()
        fresh = [scene.camera.event() for _ in range(scene.share // 2)]
        await scene.arrived(fresh)
        await scene.health("memory", since)
        await scene.daemon.wait_for_log("ERROR", "cannot be used", since=logged)
        since = scene.hub.mark()
        _reveal(scene.state, hidden)
        await scene.recovered()
        await scene.health("ok", since)
    await scene.kill_bridge()
    await scene.daemon.start()
    await scene.watched()
    await scene.recovered()
    await scene.stop_bridge()
    assert not scene.journal.with_suffix(".damaged").exists(), "a good file is no damaged one"


async def header_damaged(scene: Scene) -> None:
    """Rubbish where the journal begins, found at the next start."""
    await scene.open()
    for _ in range(scene.times):
        await scene.watched()
        await scene.camera.events(scene.share, RATE)
        await scene.all_delivered()
        await scene.stop_bridge()
        logged = len(scene.daemon.log())
        _overwrite(scene.journal, 0, os.urandom(200))
        await _starts(scene)
        await scene.daemon.wait_for_log("ERROR", "is damaged", since=logged)


async def damaged_while_events_wait(scene: Scene) -> None:
    """Rubbish in the index of the journal, with events in it that the broker has not got."""
    await scene.open(relayed=True)
    for _ in range(scene.times):
        await scene.watched()
        await scene.camera.events(20, RATE)
        await scene.all_delivered()
        await scene.relay.shut()
        await scene.camera.events(scene.share, RATE)
        await scene.taken_over()
        await scene.stop_bridge()
        await scene.grow_old()
        logged = len(scene.daemon.log())
        for place in _index_pages(scene.journal):
            _overwrite(scene.journal, place, os.urandom(PAGE_SIZE))
        await scene.relay.open()
        await _starts(scene)
        # Copies of the next event are looked for on these pages.
        await scene.camera.events(1, RATE)
        await scene.daemon.wait_for_log("ERROR", "is damaged", since=logged)
        await scene.daemon.wait_for_log("are taken over from journal.damaged", since=logged)


async def pages_damaged(scene: Scene) -> None:
    """Rubbish everywhere behind the journal's first page, while the bridge runs; later it is killed."""
    await scene.open()
    for _ in range(scene.times):
        await scene.watched()
        await scene.camera.events(scene.share // 2, RATE)
        await scene.all_delivered()
        # A bridge that ends in order leaves all in the one file.
        await scene.stop_bridge()
        await _starts(scene)
        logged = len(scene.daemon.log())
        _overwrite(scene.journal, PAGE_SIZE, os.urandom(scene.journal.stat().st_size - PAGE_SIZE))
        await scene.camera.events(scene.share // 2, RATE)
        await scene.all_delivered()
        await scene.kill_bridge()
        await _starts(scene)
        await scene.daemon.wait_for_log("ERROR", "is damaged", since=logged)


async def log_damaged(scene: Scene) -> None:
    """Rubbish in what SQLite keeps beside the journal, in the middle of what is not in the one file yet."""
    await scene.open()
    for _ in range(scene.times):
        await scene.watched()
        await scene.camera.events(scene.share, RATE)
        await scene.all_delivered()
        await scene.kill_bridge()
        logged = len(scene.daemon.log())
        log = scene.journal.with_name("journal.sqlite-wal")
        _overwrite(log, scene.chance.randrange(log.stat().st_size // 4, log.stat().st_size // 2), os.urandom(4096))
        await _starts(scene)
        await scene.daemon.wait_for_log("ERROR", "is damaged", since=logged)


async def _starts(scene: Scene) -> None:
    """The bridge begins again, and all is well."""
    since = scene.hub.mark()
    await scene.daemon.start()
    await scene.watched()
    await scene.recovered()
    await scene.health("ok", since)


def _hide(state: Path, hidden: Path) -> None:
    """Take the journal away, and leave in its place what no file can be made of."""
    hidden.mkdir()
    for part in state.glob("journal.sqlite*"):
        part.rename(hidden / part.name)
    (state / "journal.sqlite").mkdir()


def _reveal(state: Path, hidden: Path) -> None:
    (state / "journal.sqlite").rmdir()
    # The file itself last: it is tried at any moment.
    for part in sorted(hidden.iterdir(), reverse=True):
        part.rename(state / part.name)
    hidden.rmdir()


def _index_pages(path: Path) -> list[int]:
    """Where the pages lie on which copies are looked for."""
    content = path.read_bytes()
    pages = range(PAGE_SIZE, len(content), PAGE_SIZE)
    uid = re.compile(rb":(face|motion):")
    return [place for place in pages if content[place] == INDEX_LEAF and uid.search(content, place, place + PAGE_SIZE)]


def _overwrite(path: Path, position: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(position)
        file.write(data)


def _fill(directory: Path) -> Path:
    """Write a file until there is no room for one byte more."""
    ballast = directory / "ballast"
    with ballast.open("wb", buffering=0) as file:
        piece = BALLAST
        while piece:
            try:
                if file.write(bytes(piece)) == piece:
                    continue
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
            piece //= 2
    return ballast


@contextlib.asynccontextmanager
async def _small_disk(scene: Scene) -> AsyncIterator[None]:
    """The state directory is a small file system of its own, in memory."""
    require_mounts()
    scene.state.mkdir()
    await _mount("-t", "tmpfs", "-o", f"size={SIZE},mode=700", "tmpfs", scene.state)
    try:
        yield
    finally:
        # Lazily, because the bridge may still be there where something went wrong.
        await _run("umount", "--lazy", scene.state)


async def _mount(*arguments: str | Path) -> None:
    await _run("mount", *arguments)


async def _run(*command: str | Path) -> None:
    process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.PIPE)
    _output, errors = await process.communicate()
    assert process.returncode == 0, f"{command}: {errors.decode()}"
