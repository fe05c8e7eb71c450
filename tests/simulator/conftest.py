"""A camera on a loopback address, and who calls it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest

from ipc_bridge.simulator import CameraSettings, SimulatedCamera
from tests.simulator.api import Api, Clock
from tests.simulator.client import trusting_context


@pytest.fixture
async def camera() -> AsyncIterator[SimulatedCamera]:
    """An FM020 that listens on free ports, without discovery."""
    async with SimulatedCamera(CameraSettings(discovery_port=None)) as camera:
        yield camera


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    connector = aiohttp.TCPConnector(ssl=trusting_context(), force_close=True)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(5)) as session:
        yield session


@pytest.fixture
def api(http: aiohttp.ClientSession, camera: SimulatedCamera) -> Api:
    """Calls the camera of the test."""
    return Api(http, camera)


@pytest.fixture
def clock() -> Clock:
    """The time of :func:`timed_camera`."""
    return Clock()


@pytest.fixture
async def timed_camera(clock: Clock) -> AsyncIterator[SimulatedCamera]:
    """A camera that lives in the time of ``clock``."""
    async with SimulatedCamera(CameraSettings(discovery_port=None, clock=clock)) as camera:
        yield camera


@pytest.fixture
def timed_api(http: aiohttp.ClientSession, timed_camera: SimulatedCamera) -> Api:
    """Calls ``timed_camera``."""
    return Api(http, timed_camera)
