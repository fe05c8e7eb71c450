"""Outcomes as a table: on the terminal and in the documentation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table

from tests.faults.scenarios import Outcome

BEGIN, END = "<!-- faults: begin -->", "<!-- faults: end -->"


@dataclass(frozen=True, slots=True)
class Line:
    """One fault; ``outcome`` is None where it was not played to its end."""

    fault: str
    outcome: Outcome | None

    @property
    def passed(self) -> bool:
        """Whether nothing went wrong."""
        return self.outcome is not None and self.outcome.verdict.faultless


COLUMNS: tuple[tuple[str, Callable[[Outcome], str]], ...] = (
    ("times", lambda outcome: f"{outcome.times:,}"),
    ("events", lambda outcome: f"{outcome.verdict.events:,}"),
    ("lost", lambda outcome: f"{outcome.verdict.lost}"),
    ("duplicated", lambda outcome: f"{outcome.verdict.duplicated}"),
    ("reordered", lambda outcome: f"{outcome.verdict.reordered}"),
    ("gaps", lambda outcome: f"{outcome.verdict.gaps}"),
    ("acted on late", lambda outcome: f"{outcome.verdict.acted_on_late}"),
    ("repeated", lambda outcome: f"{outcome.verdict.repeated:,}"),
    ("seconds to recover", lambda outcome: f"{outcome.recovery:.1f}"),
    ("memory, MB", lambda outcome: f"{outcome.memory / 1e6:.0f}"),
    ("journal, MB", lambda outcome: f"{outcome.journal / 1e6:.1f}"),
)


def as_table(lines: Sequence[Line]) -> Table:
    """For the terminal."""
    table = Table(box=None, pad_edge=False)
    table.add_column("fault")
    for name, _figure in COLUMNS:
        table.add_column(name, justify="right")
    for line in lines:
        table.add_row(line.fault, *_figures(line), style=None if line.passed else "bold red")
    return table


def replace_table(document: Path, lines: Sequence[Line], machine: str) -> None:
    """Put the table where ``document`` has a place for it, between two comments.

    Raises:
        ValueError: it has none.
    """
    before, begin, rest = document.read_text(encoding="utf-8").partition(BEGIN)
    _old, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{document} has no place for the table: two lines, {BEGIN} and {END}")
    names = ["fault", *(name for name, _figure in COLUMNS)]
    rows = [names, ["---", *(["---:"] * len(COLUMNS))], *([line.fault, *_figures(line)] for line in lines)]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    document.write_text(f"{before}{begin}\n{table}\n\n{machine}.\n{end}{after}", encoding="utf-8")


def _figures(line: Line) -> list[str]:
    if line.outcome is None:
        return ["failed", *("" for _ in COLUMNS[1:])]
    return [figure(line.outcome) for _name, figure in COLUMNS]
