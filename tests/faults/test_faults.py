"""Every fault in its short form; ``make faults`` plays the long one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.harness import Site
from tests.faults.scenarios import SCENARIOS, Scenario, play

MOST_MEMORY = 150e6
"""Bytes that the bridge may take at any backlog; it needs 60 MB to start."""
MOST_JOURNAL = 64e6


@pytest.fixture
def stage(tmp_path: Path) -> Site:
    """Opened and ended by the scenario."""
    return Site(tmp_path)


@pytest.mark.timeout(170)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
async def test_nothing_is_lost_and_nothing_late_passes_for_fresh(stage: Site, scenario: Scenario) -> None:
    outcome = await play(scenario, scenario.short, stage)
    assert outcome.verdict.faultless, outcome.verdict
    assert outcome.verdict.events >= scenario.short.events // 2
    assert outcome.memory < MOST_MEMORY
    assert outcome.journal < MOST_JOURNAL
