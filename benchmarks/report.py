"""Figures as a table: the daemon, the floor, and one divided by the other."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.journal import Load
from benchmarks.measure import Figures
from benchmarks.mqtt_clients import Cost
from benchmarks.pictures import Effect
from benchmarks.plugins import Tortured

BEGIN, END = "<!-- plugins: begin -->", "<!-- plugins: end -->"
WHERE = {"thread": "in line", "process": "process"}


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table; ``decimals`` of the value, and whether a ratio says anything."""

    name: str
    value: Callable[[Figures], float]
    decimals: int = 0
    compared: bool = True


ROWS = (
    Row("saturated, events/s", lambda f: f.saturated.rate),
    Row("  CPU, us an event", lambda f: f.saturated.cpu_per_event, 1),
    Row("  share of a core", lambda f: f.saturated.busy, 2),
    Row("20/s: p50, ms", lambda f: f.slow.arrivals.p50, 2),
    Row("  p99, ms", lambda f: f.slow.arrivals.p99, 2),
    Row("2,000/s: p50, ms", lambda f: f.fast.arrivals.p50, 2),
    Row("  p99, ms", lambda f: f.fast.arrivals.p99, 2),
    Row("  CPU, us an event", lambda f: f.fast.cpu_per_event, 1),
    Row("flood, events/s", lambda f: f.flood.rate),
    Row("  lost", lambda f: f.flood.lost, compared=False),
    Row("all channels subscribed after, s", lambda f: f.subscribed_after, 2),
    Row("memory without cameras, MB", lambda f: f.memory_empty, 1),
    Row("  with them, MB", lambda f: f.memory_idle, 1),
    Row("  after all this, MB", lambda f: f.memory_after, 1),
    Row("lost (but for the flood)", lambda f: f.lost, compared=False),
    Row("duplicated", lambda f: f.copies, compared=False),
    Row("unacknowledged", lambda f: f.unacknowledged, compared=False),
)


def print_figures(console: Console, runs: Sequence[Figures]) -> None:
    """Print the medians of ``runs``: a column each peer and number of cameras, and the ratios."""
    cameras = list(dict.fromkeys(run.cameras for run in runs))
    peers = list(dict.fromkeys(run.peer for run in runs))
    table = Table(box=None, pad_edge=False)
    table.add_column("")
    for count in cameras:
        for peer in peers:
            table.add_column(f"{peer}\n{_cameras(count)}", justify="right")
        if len(peers) == 2:
            table.add_column("ratio\n", justify="right")
    for row in ROWS:
        cells = [row.name]
        for count in cameras:
            values = [_median(row, runs, peer, count) for peer in peers]
            cells += [f"{value:,.{row.decimals}f}" for value in values]
            if len(values) == 2:
                cells.append(f"{values[0] / values[1]:.2f}" if row.compared and values[1] else "")
        table.add_row(*cells)
    console.print(table)


def print_starts(console: Console, count: int, starts: Iterable[tuple[str, float, float]]) -> None:
    """Print how long each peer took to subscribe ``count`` channels, and its memory then."""
    table = Table("", "all subscribed after, s", "memory, MB", box=None, pad_edge=False, title=_cameras(count))
    for peer, seconds, megabytes in starts:
        table.add_row(peer, f"{seconds:.2f}", f"{megabytes:.1f}")
    console.print(table)


def print_clients(console: Console, costs: Sequence[Cost]) -> None:
    """Print what a QoS 1 publication costs with each MQTT client, and how often ours fits into it."""
    table = Table("QoS 1, 500 bytes", "CPU, us a message", "messages/s", "CPU, ratio", box=None, pad_edge=False)
    for cost in costs:
        table.add_row(cost.client, f"{cost.cpu:.1f}", f"{cost.rate:,.0f}", f"{cost.cpu / costs[0].cpu:.2f}")
    console.print(table)
    if not any(cost.client.startswith("aiomqtt") for cost in costs):
        console.print("aiomqtt is not installed (pip install aiomqtt): not compared.")


def print_journal(console: Console, loads: Mapping[str, Sequence[Load]]) -> None:
    """Print how the journal stands beside a file that is flushed after each event."""
    table = Table("events until they are safe", box=None, pad_edge=False)
    for column in ("events/s", "p50, ms", "p99, ms", "kB written per 1,000"):
        table.add_column(column, justify="right")
    for name, of_name in loads.items():
        for load in of_name:
            figures = (f"{load.rate:,.0f}", f"{load.p50:.2f}", f"{load.p99:.2f}", f"{load.kilobytes_per_thousand:,.0f}")
            table.add_row(f"{name}, {load.name}", *figures)
    console.print(table)


def print_pictures(console: Console, effects: Sequence[Effect]) -> None:
    """Print each figure with pictures fetched and without, and the ratio."""
    table = Table(box=None, pad_edge=False)
    for column in ("50 cameras, faces of 60 kB", "with pictures", "without", "ratio"):
        table.add_column(column, justify="left" if column.startswith("50") else "right")
    for one in effects:
        ratio = f"{one.with_pictures / one.without:.2f}" if one.without else ""
        table.add_row(one.name, f"{one.with_pictures:,.2f}", f"{one.without:,.2f}", ratio)
    console.print(table)


def _median(row: Row, runs: Sequence[Figures], peer: str, cameras: int) -> float:
    return statistics.median(row.value(run) for run in runs if (run.peer, run.cameras) == (peer, cameras))


def _cameras(count: int) -> str:
    return "1 camera" if count == 1 else f"{count} cameras"


def plugins_rows(figures: Iterable[Tortured]) -> Iterator[str]:
    """The table of ``docs/plugins.md``, row by row."""
    yield "| plugin | where | p50, ms | p99, ms | p99 without, ms | ratio | lost | copies |"
    yield "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |"
    for one in figures:
        times = (f"{value:.2f}" for value in (one.p50, one.p99, one.p99_without, one.ratio))
        yield f"| {' | '.join((one.plugins, WHERE[one.isolation], *times, str(one.lost), str(one.copies)))} |"


def write_plugins(document: Path, rows: Iterable[str], machine: str) -> None:
    """Put the table where ``document`` has a place for it, between two comments.

    Raises:
        ValueError: it has none.
    """
    before, begin, rest = document.read_text(encoding="utf-8").partition(BEGIN)
    _old, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{document} has no place for the table: two lines, {BEGIN} and {END}")
    table = "\n".join(rows)
    document.write_text(f"{before}{begin}\n{table}\n\n{machine}.\n{end}{after}", encoding="utf-8")
