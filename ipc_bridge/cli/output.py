"""What commands print."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text


def plain(text: str) -> Text:
    """What a camera, or anybody in the network, can send, for a terminal: without markup and control characters."""
    return Text(text if text.isprintable() else repr(text))


def table(*columns: str) -> Table:
    """An empty table in the style of all commands."""
    return Table(*columns, box=None, pad_edge=False)


def show(what: object) -> None:
    """Print on standard output."""
    Console().print(what)
