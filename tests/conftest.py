"""What all tests share: the policy for missing parts (see ``tests/requirements.py``)."""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.requirements import MISSING, VARIABLE

pytest_plugins = ["pytester"]

# A machine that has other work to do is no reason to fail. CI judges a change by the same examples each time; those who
# work on it look for new ones.
settings.register_profile(
    "ours", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=os.environ.get(VARIABLE) == "all"
)
settings.load_profile("ours")


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    """A command that is called in this process sets its log up, for itself and not for the tests behind it."""
    root = logging.getLogger()
    level = root.level
    yield
    root.setLevel(level)
    for handler in root.handlers:
        # Not pytest's own, which are of other kinds.
        if type(handler) is logging.StreamHandler:
            root.removeHandler(handler)


def pytest_configure() -> None:
    """Refuses a misspelt value, which would pass for "skip what is missing"."""
    value = os.environ.get(VARIABLE, "")
    if value not in {"", "all"}:
        message = f"{VARIABLE} is {value!r}: leave it unset, or set it to 'all'"
        raise pytest.UsageError(message)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Says loudly what was not tested, and what to install."""
    left_out = config.rootpath / "tests" / "live_homeassistant"
    if any(Path(argument).resolve() in left_out.parents for argument in config.args):
        terminalreporter.section("NOT TESTED: a real Home Assistant (make test-homeassistant)", yellow=True, bold=True)
    parts: Counter[str] = Counter()
    for report in terminalreporter.stats.get("skipped", []):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        _, found, part = reason.partition(MISSING)
        if found:
            parts[part] += 1
    if parts:
        terminalreporter.section("NOT TESTED: parts missing on this machine", yellow=True, bold=True)
        for part, tests in sorted(parts.items()):
            terminalreporter.line(f"{part}: {tests} skipped", yellow=True)
