"""A cloud with two cameras on a loopback address, a client of it, and the time in which both live."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from ipc_bridge.cloud.api import CloudApi
from ipc_bridge.cloud.pace import Pace
from ipc_bridge.simulator.cloud import CloudSettings, SimulatedCloud
from ipc_bridge.wire.signing import Credentials
from tests.bridge.samples import StoppedClock

CREDENTIALS = Credentials("demo-app", "demo-secret")
SHOP = "100939020409"
OTHER_SHOP = "560279010307"
FRONT, BACK = "FS101D8BS00106", "FS101D8BS00107"
FREE, FREE_MAC = "C201D8BS00089", "0C25766F5705"
HOST = "127.30.7.1"


def a_wednesday() -> StoppedClock:
    """A quarter past ten by this machine's zone."""
    return StoppedClock(datetime(2026, 9, 23, 10, 15).timestamp())  # noqa: DTZ001 - this machine's zone


def settings(clock: StoppedClock | None = None, **changes: Any) -> CloudSettings:
    """A cloud that two shops share a camera each of, and a camera that is nobody's."""
    return CloudSettings(
        **{
            "host": HOST,
            "shops": (SHOP, OTHER_SHOP),
            "cameras": ((FRONT, "020000000106"), (BACK, "020000000107")),
            "unbound": ((FREE, FREE_MAC),),
            "clock": clock.time if clock is not None else time.time,
            **changes,
        }
    )


@asynccontextmanager
async def opened(
    cloud: SimulatedCloud, clock: StoppedClock, credentials: Credentials = CREDENTIALS, **options: Any
) -> AsyncIterator[CloudApi]:
    """A client of ``cloud`` that waits for nothing."""
    pace = Pace(clock, interval=0)
    async with CloudApi(options.pop("base_url", cloud.base_url), credentials, clock, pace, **options) as api:
        yield api
