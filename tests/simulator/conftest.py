"""A camera on a loopback address."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from ipc_bridge.simulator import CameraSettings, SimulatedCamera


@pytest.fixture
async def camera() -> AsyncIterator[SimulatedCamera]:
    """An FM020 that listens on free ports, without discovery."""
    async with SimulatedCamera(CameraSettings(discovery_port=None)) as camera:
        yield camera
