"""A cloud, its time, and a client, for one test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from ipc_bridge.cloud.api import CloudApi
from ipc_bridge.simulator.cloud import SimulatedCloud
from tests.bridge.samples import StoppedClock
from tests.cloud.rig import a_wednesday, opened, settings


@pytest.fixture
def clock() -> StoppedClock:
    return a_wednesday()


@pytest.fixture
async def cloud(clock: StoppedClock) -> AsyncIterator[SimulatedCloud]:
    async with SimulatedCloud(settings(clock)) as cloud:
        yield cloud


@pytest.fixture
async def api(cloud: SimulatedCloud, clock: StoppedClock) -> AsyncIterator[CloudApi]:
    async with opened(cloud, clock) as api:
        yield api
