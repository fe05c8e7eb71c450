"""Where Home Assistant is installed, and the logs of all that took part beside a failure."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import pytest_runtest_makereport
from tests.live_homeassistant import root
from tests.requirements import require

__all__ = ["installed", "pytest_runtest_makereport"]

_HOW = "make test-homeassistant, as root"
_ROUTES = Path("/proc/net/route")


@pytest.fixture(scope="session")
def installed() -> Iterator[Path]:
    """The root with Home Assistant in it, in a network without a way out."""
    require(root.path().exists(), f"Home Assistant ({_HOW})")
    leads_out = any(line.split()[1] == "00000000" for line in _ROUTES.read_text(encoding="ascii").splitlines())
    require(not leads_out, f"a network of its own for Home Assistant, which looks around in this one ({_HOW})")
    with root.in_use() as path:
        yield path
