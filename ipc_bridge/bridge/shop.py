"""One shop of the cloud: asked again and again how many came, and which of its cameras are there."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from ipc_bridge.backoff import Backoff
from ipc_bridge.bridge.messages import rfc3339
from ipc_bridge.bridge.registry import KnownShop
from ipc_bridge.bridge.shop_flow import ask_day, ask_today, is_empty
from ipc_bridge.catalog.cloud import GET_CAMERA_LIST, HOOK_ADD, PERSON_CAME
from ipc_bridge.clock import Clock
from ipc_bridge.cloud.api import CloudApi
from ipc_bridge.errors import CredentialsError, DeviceError
from ipc_bridge.logs import Once
from ipc_bridge.models import is_serial

log = logging.getLogger(__name__)

LONGEST_WAIT = 900.0
"""Seconds between two tries at last, and at once where the account is refused: only a person can help then."""
ASK_HISTORY_EVERY = 600.0
"""Seconds between two questions for yesterday, until its counts are there."""
EMPTY_IS_FINAL_AFTER = 12
"""O'clock: the cloud counts the day before in the night. Later, a day on which nobody came was one."""
BUG = "a bug in the bridge; please report the traceback in the log"
MAX_CAMERAS = 500
MAX_UNKNOWN = 100
"""Cameras that the cloud names and does not list, each asked for once."""


@dataclass(frozen=True, slots=True)
class ShopCamera:
    """A camera as the cloud lists it."""

    ipc_id: str
    sn: str
    name: str
    model: str | None
    firmware: str | None
    online: bool


class ShopRunner:
    """Asks for one shop.

    Args:
        known: the shop's record.
        interval: ``cloud.interval`` in seconds.
        clock: the bridge's.
        changed: called when there is something new to tell.
        hook_url: where the cloud is to post that somebody came; None: nowhere.
        uniform: draws a number between two others; tests give their own.
    """

    def __init__(
        self,
        known: KnownShop,
        interval: float,
        clock: Clock,
        changed: Callable[[], None],
        hook_url: str | None = None,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self.number = known.number
        self.known = known
        self.is_online = False
        """Whether the cloud answers for this shop."""
        self.reason: str | None = None
        """Why it is not."""
        self.cameras: dict[str, ShopCamera] = {}
        """By ``ipc_id``."""
        self.flow: dict[str, Any] | None = None
        """What ``shop/<no>/flow`` tells; None while nothing is known."""
        self._interval = interval
        self._clock = clock
        self._changed = changed
        self._hook_url = hook_url
        self._backoff = Backoff(uniform, 2 * interval, max(LONGEST_WAIT, interval))
        self._yesterday: dict[str, Any] | None = None
        self._ask_history_at = 0.0
        self._unknown: set[str] = set()
        self._complaints = Once()

    async def run(self, api: CloudApi, turns: asyncio.Semaphore) -> None:
        """Ask until cancelled, and each time only once it is this shop's turn."""
        while True:
            try:
                async with turns:
                    wait = await self.ask(api)
            except Exception:
                log.exception("Shop %s: %s", self.number, BUG)
                wait = self._fail(BUG)
            await asyncio.sleep(wait)

    async def ask(self, api: CloudApi) -> float:
        """Ask for everything once; return the seconds until the next time."""
        try:
            await self._ask_cameras(api)
            await self._register(api)
            await self._ask_flow(api)
        except DeviceError as error:
            self._complaints.warning(log, type(error).__name__, "Shop %s: %s", self.number, error)
            wait = self._fail(str(error))
            return max(wait, LONGEST_WAIT) if isinstance(error, CredentialsError) else wait
        self._backoff.reset()
        self._complaints = Once()
        self.is_online, self.reason = True, None
        self._changed()
        return self._interval

    async def find(self, api: CloudApi, ipc_id: str) -> ShopCamera | None:
        """The camera that the cloud calls ``ipc_id``; one that is new is asked for."""
        if ipc_id not in self.cameras and ipc_id not in self._unknown and len(self._unknown) < MAX_UNKNOWN:
            self._unknown.add(ipc_id)
            try:
                await self._ask_cameras(api)
            except DeviceError as error:
                self._complaints.warning(log, "find", "Shop %s: camera %s is not known: %s", self.number, ipc_id, error)
        return self.cameras.get(ipc_id)

    def _fail(self, reason: str) -> float:
        """Say that the cloud does not answer; return the wait: no shorter than usual, and longer each time."""
        self.is_online, self.reason = False, reason
        self._changed()
        return max(self._interval, self._backoff.next_delay())

    async def _ask_cameras(self, api: CloudApi) -> None:
        rows = (await api.ask(GET_CAMERA_LIST, sunmi_shop_no=self.number))["ipc_list"] or []
        # A serial becomes part of Home Assistant's ids.
        usable = [row for row in rows if row["ipc_id"] and is_serial(row["ipc_sn"])]
        self.cameras = {
            row["ipc_id"]: ShopCamera(
                row["ipc_id"],
                row["ipc_sn"],
                row["ipc_name"] or f"Camera {row['ipc_sn'][-4:]}",
                row["model_name"],
                row["software_version"],
                row["active_status"] == 1,
            )
            for row in usable[:MAX_CAMERAS]
        }

    async def _ask_flow(self, api: CloudApi) -> None:
        now = self._clock.time()
        today = _local(now).date()
        counts = await ask_today(api, self.number)
        await self._ask_yesterday(api, today - timedelta(1), now)
        midnight = datetime.combine(today, time()).timestamp()
        self.flow = {**counts, "since": rfc3339(midnight), "yesterday": self._yesterday}

    async def _ask_yesterday(self, api: CloudApi, yesterday: date, now: float) -> None:
        """The cloud tells of a day on the next one: what it tells then is final."""
        if self._yesterday is not None and self._yesterday["date"] == yesterday.isoformat():
            return
        if self._yesterday is not None:
            self._yesterday, self._ask_history_at = None, 0.0
        if now < self._ask_history_at:
            return
        self._ask_history_at = now + ASK_HISTORY_EVERY
        counts = await ask_day(api, self.number, yesterday)
        if not is_empty(counts) or _local(now).hour >= EMPTY_IS_FINAL_AFTER:
            self._yesterday = {"date": yesterday.isoformat(), **counts}

    async def _register(self, api: CloudApi) -> None:
        """Tell the cloud where to post, once: it posts to every address that it was ever told."""
        if self._hook_url in (None, self.known.hook_url):
            return
        await api.call(HOOK_ADD, sunmi_shop_no=self.number, http_callback=self._hook_url, event_list=[PERSON_CAME])
        self.known.hook_url = self._hook_url
        log.info("The cloud posts the events of shop %s to %s", self.number, self._hook_url)


def _local(seconds: float) -> datetime:
    """A Unix time by this machine's zone, which is taken for the shop's."""
    return datetime.fromtimestamp(seconds, UTC).astimezone()
