"""``python -m benchmarks``: measures and prints; README.md in this directory says what it means."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import click
from rich.console import Console

from benchmarks.journal import measure_journal
from benchmarks.measure import Durations, measure, measure_start
from benchmarks.mqtt_clients import measure_clients
from benchmarks.peers import PEERS
from benchmarks.pictures import measure_pictures
from benchmarks.plugins import CAMERAS, RATE, SECONDS, measure_plugins
from benchmarks.processes import BenchmarkError, allow_many_files
from benchmarks.report import (
    plugins_rows,
    print_clients,
    print_figures,
    print_journal,
    print_pictures,
    print_starts,
    write_plugins,
)

USUAL = ("peers", "clients", "journal")
ALL = (*USUAL, "pictures", "plugins")
DOCUMENT = Path(__file__).parents[1] / "docs/plugins.md"


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--cameras", "counts", type=click.IntRange(1, 500), multiple=True, default=(1, 50), show_default=True)
@click.option(
    "--repeat", type=click.IntRange(1, 10), default=1, show_default=True, help="Print medians of so many runs."
)
@click.option("--channels", type=click.IntRange(1, 500), help="Also time the start with so many cameras.")
@click.option("--part", "parts", type=click.Choice(ALL), multiple=True, default=USUAL, show_default=True)
@click.option("--write", is_flag=True, help="Put the table of the part `plugins` into docs/plugins.md.")
def main(counts: tuple[int, ...], repeat: int, channels: int | None, parts: tuple[str, ...], *, write: bool) -> None:
    """Measure the daemon beside the floor, all on loopback addresses of this machine."""
    console = Console(highlight=False, width=110)
    console.print(f"Python {platform.python_version()}, {platform.machine()}; see benchmarks/README.md")
    allow_many_files()
    try:
        if "peers" in parts:
            runs = [measure(peer, count, Durations()) for count in counts for _ in range(repeat) for peer in PEERS]
            print_figures(console, runs)
            console.print("Node-RED is not part of this: it would have to be installed, and is not.\n")
        if channels is not None:
            starts = ((peer.name, *measure_start(peer, channels)) for peer in PEERS)
            print_starts(console, channels, starts)
        if "clients" in parts:
            print_clients(console, measure_clients())
        if "journal" in parts:
            print_journal(console, measure_journal())
        if "pictures" in parts:
            print_pictures(console, measure_pictures(repeat))
        if "plugins" in parts:
            load, cores = os.getloadavg()[1], os.cpu_count()
            rows = []
            for row in plugins_rows(measure_plugins(repeat)):
                rows.append(row)
                print(row, flush=True)
            machine = (
                f"{CAMERAS} cameras, {RATE:g} events a second, {SECONDS:g} s, {repeat} times; Python "
                f"{platform.python_version()}, {platform.machine()}, {cores} cores, a load of {load:.1f} from others"
            )
            if write:
                write_plugins(DOCUMENT, rows, machine)
    except BenchmarkError as error:
        raise click.ClickException(str(error)) from error


if __name__ == "__main__":
    main()
