"""What can be set and read on one camera: read from it again and again, and kept."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from ipc_bridge.bridge.registry import KnownCamera
from ipc_bridge.catalog.codes import (
    APP_ID_INVALID,
    DEVICE_NOT_ACTIVATED,
    OP_NOT_ALLOWED,
    OP_NOT_SUPPORT,
    SECRET_KEY_INVALID,
    URL_NOT_FOUND,
)
from ipc_bridge.catalog.endpoint import Endpoint
from ipc_bridge.catalog.settings import GETTERS, SETTINGS
from ipc_bridge.device.api import CameraApi
from ipc_bridge.errors import DeviceError, NoAnswerError, RefusedError, ReplyError
from ipc_bridge.logs import Once
from ipc_bridge.models import Model

log = logging.getLogger(__name__)

RETRY_AFTER = 60.0
"""Seconds after which a getter that failed is asked again, once: services need their time after a reboot."""
READS_AT_ONCE = 8
"""Cameras that are asked for settings at a time: when the bridge starts all of them come, and events go first."""
JITTER = 0.1
"""By this part of it an interval varies, so that many cameras are not asked at the same moment."""

UNSUPPORTED = frozenset({URL_NOT_FOUND, OP_NOT_ALLOWED, OP_NOT_SUPPORT})
_NOT_THIS_GETTER = frozenset({APP_ID_INVALID, SECRET_KEY_INVALID, DEVICE_NOT_ACTIVATED})
"""Refusals that say nothing of what was asked: any call gets them."""

_NAMES = {getter: tuple(name for name, setting in SETTINGS.items() if setting.getter is getter) for getter in GETTERS}


@dataclass(frozen=True, slots=True)
class Pace:
    """How often and how patiently cameras are asked; one for all of them.

    Args:
        interval: ``state.interval`` in seconds.
        timeout: seconds for one call; None: what is usual.
        flow_interval: ``state.flow_interval`` in seconds.
        turns: taken for each getter.
    """

    interval: float
    timeout: float | None = None
    flow_interval: float = 60.0
    turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(READS_AT_ONCE))


class CameraState:
    """One camera's properties.

    Args:
        known: the camera's record; it remembers what the camera does not have.
        pace: how often it is read.
        changed: called when a property has changed and all of them have been read at least once.
        lacks: called when the camera turned out not to have some.
        uniform: draws a number between two others; tests give their own.
    """

    def __init__(
        self,
        known: KnownCamera,
        pace: Pace,
        changed: Callable[[], None],
        lacks: Callable[[], None],
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self.values: dict[str, Any] = {}
        """By property, under the names and in the words of the contract. What the camera does not have is left out;
        None is what it does not tell now."""
        self.lock = asyncio.Lock()
        """Held while something is changed, and while a getter is asked: no old answer may follow a new value."""
        self._known = known
        self._pace = pace
        self._changed = changed
        self._lacks = lacks
        self._uniform = uniform
        self._told: dict[str, Any] = {}
        self._unread = set(GETTERS)
        self._wanted: set[Endpoint] = set()
        self._wake = asyncio.Event()
        self._complaints = Once()

    async def run(self, api: CameraApi) -> None:
        """Read everything now and every interval, and what is wanted as it comes; until cancelled."""
        loop = asyncio.get_running_loop()
        due = dict.fromkeys(GETTERS, loop.time())
        failing: set[Endpoint] = set()
        while True:
            getters = [getter for getter, at in due.items() if at <= loop.time() or getter in self._wanted]
            self._wanted.clear()
            self._wake.clear()
            try:
                failed = await self.read(api, getters)
            except DeviceError as error:
                self._complaints.warning(log, "all", "Camera %s does not tell its settings: %s", self._known.sn, error)
                failed = set(getters)
            else:
                self._complaints.forget("all")
            now = loop.time()
            later = now + self._pace.interval * self._uniform(1 - JITTER, 1 + JITTER)
            due.update(dict.fromkeys(getters, later))
            due.update(dict.fromkeys(failed - failing, min(later, now + RETRY_AFTER)))
            failing = failing.difference(getters) | failed
            try:
                async with asyncio.timeout_at(min(due.values())):
                    await self._wake.wait()
            except TimeoutError:
                pass

    def want(self, getters: Iterable[Endpoint]) -> None:
        """Have ``getters`` asked soon: what they tell may have changed."""
        self._wanted.update(getters)
        if self._wanted:
            self._wake.set()

    async def read(self, api: CameraApi, getters: Iterable[Endpoint] = GETTERS) -> set[Endpoint]:
        """Ask ``getters``, one after the other; return those that the camera answered with no sense or an error.

        Raises:
            DeviceError: the camera is gone, or refuses every call.
        """
        failed = set()
        try:
            for getter in getters:
                async with self._pace.turns, self.lock:
                    if not await self._ask(api, getter):
                        failed.add(getter)
        finally:
            self._tell()
        return failed

    async def read_back(self, api: CameraApi, getters: Iterable[Endpoint]) -> None:
        """Ask ``getters`` after a change, with :attr:`lock` held.

        Raises:
            DeviceError: see :meth:`read`.
        """
        try:
            for getter in getters:
                await self._ask(api, getter)
        finally:
            self._tell()

    async def _ask(self, api: CameraApi, getter: Endpoint) -> bool:
        """Take over what a getter tells; return whether it told anything."""
        names = _NAMES[getter]
        has_it = getter.path not in self._known.unsupported and getter.supports(Model.parse(self._known.model_name))
        answer: dict[str, Any] | None = None
        try:
            answer = await api.ask(getter) if has_it else None
        except RefusedError as error:
            if error.code in _NOT_THIS_GETTER:
                raise
            if error.code in UNSUPPORTED:
                has_it = False
                self._known.unsupported.append(getter.path)
                log.info("Camera %s does not have %s: %s", self._known.sn, ", ".join(names), error)
                self._lacks()
            else:
                self._complain(getter, error)
        except (NoAnswerError, ReplyError) as error:
            self._complain(getter, error)
        else:
            self._complaints.forget(getter.path)
        self._unread.discard(getter)
        for name in names:
            if has_it:
                self.values[name] = None if answer is None else SETTINGS[name].read(answer)
            else:
                self.values.pop(name, None)
        return not has_it or answer is not None

    def _complain(self, getter: Endpoint, error: DeviceError) -> None:
        names = ", ".join(_NAMES[getter])
        self._complaints.warning(log, getter.path, "Camera %s does not tell %s: %s", self._known.sn, names, error)

    def _tell(self) -> None:
        if not self._unread and self.values != self._told:
            self._told = dict(self.values)
            self._changed()
