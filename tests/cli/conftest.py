"""A camera for commands that talk to one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.cli.cameras import Shop, opened


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    """An FM020 with faces, and a configuration that knows it."""
    async with opened(tmp_path) as shop:
        yield shop
