"""Events' way to the broker while plugins do their worst: those of ``tests/hooks/torture``, alone and together."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.load import Paced
from benchmarks.measure import SETTLE, Phase, bench
from benchmarks.peers import daemon_with

PLUGINS = Path(__file__).parents[1] / "tests/hooks/torture/plugins"
TORTURES = tuple(sorted(file.stem for file in PLUGINS.glob("*.py")))
CAMERAS = 50
RATE = 100.0
"""Events a second, over all cameras."""
SECONDS = 15.0
DEADLINE = 2.0
"""Seconds that a plugin's call may take here: short, so that what has to be ended is ended and begun again often."""
ENDLESS = "spins"
DEADLY = "exits"


@dataclass(frozen=True, slots=True)
class Tortured:
    """What came of one set of plugins, over its runs: p50 and p99 are medians, in milliseconds."""

    plugins: str
    isolation: str
    p50: float
    p99: float
    lost: int
    copies: int


def measure_plugins(repeat: int) -> Iterator[Tortured]:
    """Measure without plugins, and then each set of them.

    Args:
        repeat: how often; in turn, because machines change their minds.

    Yields:
        The figures of one set; the first is of none.
    """
    runs: dict[tuple[str, str], list[Phase]] = {}
    for _ in range(repeat):
        for isolation, title, names in _sets():
            enabled = {name: {"isolation": isolation, "deadline": DEADLINE} for name in names}
            runs.setdefault((title, isolation), []).append(_run(enabled))
    for (title, isolation), phases in runs.items():
        yield Tortured(
            title,
            isolation,
            statistics.median(phase.arrivals.p50 for phase in phases),
            statistics.median(phase.arrivals.p99 for phase in phases),
            sum(phase.lost for phase in phases),
            sum(phase.arrivals.copies for phase in phases),
        )


def _sets() -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Isolation, title and names."""
    yield "", "none", ()
    for isolation in ("thread", "process"):
        possible = [name for name in TORTURES if (isolation, name) != ("thread", DEADLY)]
        for name in possible:
            yield isolation, name, (name,)
        if isolation == "thread":
            yield isolation, f"all but {ENDLESS}", tuple(name for name in possible if name != ENDLESS)
        yield isolation, "all", tuple(possible)


def _run(enabled: Mapping[str, Any]) -> Phase:
    with bench(daemon_with(plugins={"directory": str(PLUGINS), "enabled": dict(enabled)}), CAMERAS) as site:
        time.sleep(SETTLE)
        return site.run(Paced(RATE, SECONDS))
