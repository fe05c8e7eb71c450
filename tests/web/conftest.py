"""A server for each test that asks for one."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.web.rig import Served, serving


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    """On loopback, without a token."""
    async with serving() as served:
        yield served
