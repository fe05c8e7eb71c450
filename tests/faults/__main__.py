"""``python -m tests.faults``: plays every fault in its full form, prints the table, puts it into the documentation."""

from __future__ import annotations

import asyncio
import platform
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path

import click
import pytest
from rich.console import Console

from tests.faults.report import Line, as_table, replace_table
from tests.faults.scenarios import SCENARIOS, Scenario, play, site_at

DOCUMENT = Path(__file__).parents[2] / "docs" / "reliability.md"


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--short", is_flag=True, help="The form that CI runs; its figures do not go into the documentation.")
@click.option("--jobs", type=click.IntRange(1, 8), default=1, help="Faults at a time.", show_default=True)
@click.option("--keep", type=click.Path(path_type=Path, file_okay=False), help="Leave logs and files there.")
@click.argument("names", nargs=-1)
def main(*, short: bool, jobs: int, keep: Path | None, names: tuple[str, ...]) -> None:
    """Play the faults that match one of NAMES, such as `brokers.killed` or `disks.*`; all without one."""
    console = Console(highlight=False, width=160)
    chosen = [
        scenario for scenario in SCENARIOS if not names or any(fnmatchcase(scenario.name, name) for name in names)
    ]
    with tempfile.TemporaryDirectory() as directory, ProcessPoolExecutor(jobs) as pool:
        places = [(keep or Path(directory)) / scenario.name for scenario in chosen]
        lines = list(pool.map(partial(_line, short=short), chosen, places))
    console.print(as_table(lines))
    if len(chosen) == len(SCENARIOS) and not short:
        replace_table(DOCUMENT, lines, f"Python {platform.python_version()}, {platform.machine()}")
    sys.exit(not all(line.passed for line in lines))


def _line(scenario: Scenario, directory: Path, *, short: bool) -> Line:
    """Play one scenario; whatever it says, the others are played, too."""
    extent = scenario.short if short else scenario.full
    try:
        outcome = asyncio.run(play(scenario, extent, site_at(directory)))
    except (
        AssertionError,
        TimeoutError,
        OSError,
        ExceptionGroup,
        pytest.skip.Exception,
        pytest.fail.Exception,
    ) as error:
        click.echo(f"{scenario.name}: {type(error).__name__}: {error}")
        return Line(scenario.fault, None)
    click.echo(f"{scenario.name}: {scenario.fault}: played")
    return Line(scenario.fault, outcome)


if __name__ == "__main__":
    main()
