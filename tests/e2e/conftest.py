"""A site for each test, and its logs where the test fails."""

from __future__ import annotations

from collections.abc import AsyncIterator, Generator
from pathlib import Path

import pytest

from tests.e2e.harness import Site
from tests.e2e.stories import Act, Stage

_LAST = 20_000
"""Characters of a log that are printed."""


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    """Nothing is running in it yet; what the test starts ends with it."""
    async with Site(tmp_path) as site:
        yield site
    assert not site.bugs()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Put the logs of the site's daemons and brokers beside a failure."""
    report = yield
    if report.failed and isinstance(item, pytest.Function):
        for site in _sites(item):
            for name, log in site.logs.items():
                report.sections.append((f"log of {name}", log()[-_LAST:]))
    return report


def _sites(item: pytest.Function) -> list[Site]:
    """What the test used: a site of its own, the one that its module shares, or that of its story."""
    found = []
    for value in item.funcargs.values():
        act = value.get(item.funcargs.get("name")) if isinstance(value, dict) else value
        found.append(act.site if isinstance(act, Stage | Act) else act)
    return [value for value in found if isinstance(value, Site)]
