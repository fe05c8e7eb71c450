"""``events``: what is in the journal, beside a bridge that may be running."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import click
from rich.text import Text

from ipc_bridge.bridge.lateness import Lateness
from ipc_bridge.bridge.messages import event_payload
from ipc_bridge.bridge.requests import FIRST_TIME
from ipc_bridge.cli.camera import complete_serial
from ipc_bridge.cli.configuration import config_option, load
from ipc_bridge.cli.loop import run_until_stopped
from ipc_bridge.cli.output import plain, show, table
from ipc_bridge.cli.since import EXAMPLES, parse_since
from ipc_bridge.clock import SystemClock
from ipc_bridge.errors import JournalDamagedError, StorageError
from ipc_bridge.journal.entry import Entry
from ipc_bridge.journal.history import DEFAULT_LIMIT, MAX_LIMIT, Query, read_events
from ipc_bridge.journal.store import FILE_NAME
from ipc_bridge.models import Event, FaceEvent, MotionEvent

POLL_SECONDS = 0.5
"""Between two looks into the journal."""
MAX_NEWEST = 10_000
"""The newest are in memory all at once: 15 MB."""


@click.command()
@click.option("--sn", metavar="SN", shell_complete=complete_serial, help="One camera's only.")
@click.option(
    "--since",
    metavar="WHEN",
    help=f"From then on instead of the newest: {EXAMPLES}, Unix seconds, or with --sn one of its seq numbers.",
)
@click.option("--follow", "-f", is_flag=True, help="Go on with those to come, until Ctrl-C.")
@click.option(
    "--limit",
    type=click.IntRange(1, MAX_NEWEST),
    help=f"How many at most: of the newest {DEFAULT_LIMIT} unless told, since WHEN all.",
)
@click.option("--json", "as_json", is_flag=True, help="A JSON object a line, as it is sent over MQTT.")
@config_option
def events(
    config_path: Path, sn: str | None, since: str | None, limit: int | None, *, follow: bool, as_json: bool
) -> None:
    """List what cameras have seen, out of the journal; a bridge may be running or not."""
    config = load(config_path)
    beginning = None if since is None else _beginning(sn, since)
    tell: Callable[[Sequence[Entry]], None]
    tell = JsonLines(Lateness(config.events.max_age, SystemClock())) if as_json else EventTable()
    path = config.storage.directory / FILE_NAME
    reader = _Reader(path, tell, follow=follow)
    try:
        run_until_stopped(lambda stop: reader.run(stop, beginning or Query(sn), limit))
    except JournalDamagedError as error:
        raise click.ClickException(f"the journal {path} cannot be read: {error}") from error
    except StorageError as error:
        raise click.ClickException(str(error)) from error
    if not reader.found and not follow:
        click.echo("There are no such events in the journal.", err=True)


def _beginning(sn: str | None, since: str) -> Query:
    """Where reading begins.

    Raises:
        BadParameter: nobody knows.
    """
    if since.isascii() and since.isdigit():
        number = int(since)
        if number >= FIRST_TIME:
            return Query(sn, since=float(number))
        if sn is None:
            raise click.BadParameter("a seq number counts one camera's events: give --sn, too", param_hint="--since")
        return Query(sn, from_seq=number)
    try:
        return Query(sn, since=parse_since(since, time.time()))
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--since") from error


class _Reader:
    """Reads the journal page by page.

    Args:
        path: its file.
        tell: gets each page.
        follow: whether to wait for more in the end.
    """

    def __init__(self, path: Path, tell: Callable[[Sequence[Entry]], None], *, follow: bool) -> None:
        self.found = False
        self._path = path
        self._tell = tell
        self._follow = follow

    async def run(self, stop: asyncio.Event, query: Query, limit: int | None) -> None:
        """Tell of all that ``query`` asks for, until ``stop`` is set; ``query.limit`` does not count.

        Raises:
            StorageError: the journal cannot be read.
        """
        if query.since is not None or query.from_seq is not None:
            await self._pages(stop, query, limit)
            return
        newest = await self._read(replace(query, limit=limit or DEFAULT_LIMIT))
        if self._follow:
            await self._pages(stop, replace(query, after=newest[-1].position if newest else 0), None)

    async def _pages(self, stop: asyncio.Event, query: Query, left: int | None) -> None:
        while left is None or left > 0:
            size = MAX_LIMIT if left is None else min(left, MAX_LIMIT)
            page = await self._read(replace(query, limit=size))
            if page:
                query = replace(query, after=page[-1].position)
                left = None if left is None else left - len(page)
            is_last = len(page) < size
            if (is_last and not self._follow) or await _is_set(stop, POLL_SECONDS if is_last else 0.0):
                return

    async def _read(self, query: Query) -> list[Entry]:
        entries = await asyncio.to_thread(read_events, self._path, query)
        if entries:
            self.found = True
            self._tell(entries)
        return entries


async def _is_set(event: asyncio.Event, seconds: float) -> bool:
    """Whether ``event`` is set, at the latest after so many seconds."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True


class JsonLines:
    """Prints events as MQTT has them; what is late is late now.

    Args:
        lateness: what is history. Nothing is known here of cameras' clocks.
    """

    def __init__(self, lateness: Lateness) -> None:
        self._lateness = lateness

    def __call__(self, entries: Sequence[Entry]) -> None:
        """Print a page."""
        for entry in entries:
            click.echo(event_payload(entry, late=self._lateness.is_late(entry)))


class EventTable:
    """Prints events for people, the head of the table above the first page."""

    def __init__(self) -> None:
        self._has_head = False

    def __call__(self, entries: Sequence[Entry]) -> None:
        """Print a page; columns are as wide on each."""
        page = table()
        page.show_header = not self._has_head
        page.add_column("Time", width=19)
        page.add_column("Camera", width=14, no_wrap=True)
        page.add_column("Seq", width=6, justify="right")
        page.add_column("Event", width=12)
        page.add_column("What", overflow="fold")
        for entry in entries:
            event = entry.event
            when = datetime.fromtimestamp(event.time).astimezone().strftime("%Y-%m-%d %H:%M:%S")
            kind = event.event_type.replace("_and_", "+")
            page.add_row(when, plain(event.camera), str(entry.seq), kind, _what(event))
        show(page)
        self._has_head = True


def _what(event: Event) -> Text:
    if isinstance(event, FaceEvent):
        visit = f"visit {event.arrivals}" if event.arrivals else None
        words = [event.group, event.gender, event.age_range, visit]
        words += [f"{name}={value}" for name, value in event.attributes.items()]
    elif isinstance(event, MotionEvent):
        words = [event.video_url]
    else:
        words = [str(event.details())]
    return plain(" ".join(word for word in words if word))
