"""A part of the past, as options of a command."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

import click

from ipc_bridge.cli.since import EXAMPLES, parse_since

_Function = TypeVar("_Function", bound=Callable[..., Any])


def _moment(_context: click.Context, _parameter: click.Parameter, value: str | None) -> float | None:
    try:
        return None if value is None else parse_since(value, time.time())
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def period_options(first: str, last: str, begin: str, default: str) -> Callable[[_Function], _Function]:
    """The options ``begin`` and ``end`` of a command, in Unix seconds.

    Args:
        first: the option for the beginning.
        last: the option for the end, which is now where it is not given.
        begin: what begins there.
        default: when that is, unless told.
    """

    def decorate(command: _Function) -> _Function:
        beginning = click.option(
            first,
            "begin",
            metavar="WHEN",
            default=default,
            show_default=True,
            callback=_moment,
            help=f"{begin}: {EXAMPLES}.",
        )
        end = click.option(last, "end", metavar="WHEN", callback=_moment, help="Until when.  [default: now]")
        return beginning(end(command))

    return decorate


def check_period(begin: float, end: float | None) -> tuple[int, int]:
    """Return a period in whole Unix seconds.

    Raises:
        UsageError: it ends before it begins.
    """
    until = time.time() if end is None else end
    if until <= begin:
        raise click.UsageError("That period ends before it begins.")
    return int(begin), int(until)
