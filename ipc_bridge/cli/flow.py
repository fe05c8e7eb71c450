"""``flow``: people that a camera counted, as a table with a plot, or as CSV."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from ipc_bridge.bridge.state import UNSUPPORTED
from ipc_bridge.cli.camera import Host, Target, camera_options, connected, find
from ipc_bridge.cli.flow_table import Counts, as_csv, as_table, days, hours, make_rows
from ipc_bridge.cli.output import show
from ipc_bridge.cli.period import check_period, period_options
from ipc_bridge.device.people_flow import DIRECTIONS, HOUR, Slot, count_people
from ipc_bridge.errors import RefusedError

MAX_HOURS = 24 * 400
"""A little more than a year: its answer has half a megabyte."""
_FORMS = {"hour": "%Y-%m-%d %H:%M", "day": "%Y-%m-%d"}


@click.command()
@camera_options
@period_options("--from", "--to", "From when", "today")
@click.option("--period", type=click.Choice(list(_FORMS)), default="hour", show_default=True, help="What a row is.")
@click.option("--csv", "comma_separated", is_flag=True, help="As CSV, with ages.")
def flow(
    config_path: Path,
    sn: str,
    host: Host,
    begin: float,
    end: float | None,
    period: str,
    *,
    comma_separated: bool,
) -> None:
    """Show how many people the camera SN counted: in, out and passing by.

    Days are those of this machine's time zone.
    """
    first, last = check_period(begin, end)
    starts = days(first, last) if period == "day" else hours(first, last)
    if last - starts[0] > MAX_HOURS * 3600:
        raise click.UsageError("That is more than a camera tells at a time: give a period of at most 400 days.")
    rows = make_rows(starts, asyncio.run(_count(find(config_path, sn, host), starts[0], last)))
    if comma_separated:
        click.echo(as_csv(rows), nl=False)
    else:
        show(as_table(rows, _FORMS[period]))


async def _count(target: Target, begin: int, end: int) -> Counts:
    counts: dict[str, list[Slot] | None] = {}
    async with connected(target) as api:
        for direction in DIRECTIONS:
            try:
                # Hours, for days as well: the camera's own would all have 24 of them.
                counts[direction] = await count_people(api, direction, begin, end, HOUR)
            except RefusedError as error:
                if error.code not in UNSUPPORTED or direction == "in":
                    raise
                counts[direction] = None
    return counts
