"""What commands print."""

from __future__ import annotations

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text


def plain(text: str) -> Text:
    """What a camera, or anybody in the network, can send, for a terminal: without markup and control characters."""
    return Text(text if text.isprintable() else repr(text))


def table(*columns: str | Text) -> Table:
    """An empty table in the style of all commands."""
    empty = Table(box=None, pad_edge=False)
    for column in columns:
        empty.add_column(column)
    return empty


def show(what: object) -> None:
    """Print on standard output."""
    Console().print(what)


def progress_bar() -> Progress:
    """A bar on standard error, where that is a terminal."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, disable=not console.is_terminal)
