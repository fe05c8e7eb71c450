"""Events that the camera posts to us over HTTP: for cameras whose channel port is out of reach."""

from __future__ import annotations

import asyncio
import contextlib
import logging

from ipc_bridge.bridge.hook_door import HookDoor
from ipc_bridge.bridge.hook_doors import HookDoors
from ipc_bridge.bridge.hook_registration import HookRegistration, ask_callbacks
from ipc_bridge.bridge.lateness import CameraClock
from ipc_bridge.bridge.link import OnEvent, Session
from ipc_bridge.bridge.registry import KnownCamera
from ipc_bridge.config import CameraConfig
from ipc_bridge.device.address import numbers_of
from ipc_bridge.device.api import CameraApi
from ipc_bridge.errors import BridgeError, DeviceError, UnreachableError
from ipc_bridge.models import Model
from ipc_bridge.wire.signing import Credentials

log = logging.getLogger(__name__)

GOODBYE_TIMEOUT = 0.8
"""Seconds for the camera to be told at the end: a stop waits for no camera any longer."""


class HookSession:
    """See :class:`~ipc_bridge.bridge.link.Session`. The camera is asked as often as a channel's heartbeats go out.

    Args:
        host: where the camera is.
        api: its API there.
        known: its record.
        registration: what it knows of us.
        door: where its posts come in.
        clock: what is known of the camera's own.
        period: seconds between two looks at the registration.
    """

    def __init__(
        self,
        host: str,
        api: CameraApi,
        known: KnownCamera,
        registration: HookRegistration,
        door: HookDoor,
        clock: CameraClock,
        period: float,
    ) -> None:
        self._host = host
        self._api = api
        self._known = known
        self._registration = registration
        self._door = door
        self._clock = clock
        self._period = period
        self._aborted = asyncio.Event()

    async def begin(self, model: Model) -> None:
        """See :class:`~ipc_bridge.bridge.link.Session`."""
        self._known.posts = True
        await self._registration.begin(self._api, model)

    async def keep(self) -> DeviceError:
        """See :class:`~ipc_bridge.bridge.link.Session`."""
        try:
            while True:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._period):
                        await self._aborted.wait()
                        return UnreachableError(f"the camera is not at {self._host} any more")
                if await self._registration.renew(self._api):
                    log.warning("Camera %s did not know any more where to post its events: told again", self._door.sn)
                # Behind its name it may have another number by now, and is still the same: its certificate was checked.
                self._door.addresses = await numbers_of(self._host)
                self._clock.heartbeat_answered()
        except DeviceError as error:
            return error
        except asyncio.CancelledError:
            await self._say_goodbye()
            raise

    async def answers(self, timeout: float) -> bool:
        """See :class:`~ipc_bridge.bridge.link.Session`."""
        try:
            async with asyncio.timeout(timeout):
                await ask_callbacks(self._api)
        except (TimeoutError, DeviceError):
            return False
        return True

    def is_at(self, host: str) -> bool:
        """See :class:`~ipc_bridge.bridge.link.Session`."""
        return host == self._host or host in self._door.addresses

    def abort(self) -> None:
        """See :class:`~ipc_bridge.bridge.link.Session`."""
        self._aborted.set()

    def close(self) -> None:
        """See :class:`~ipc_bridge.bridge.link.Session`; posts may come all the same."""

    async def _say_goodbye(self) -> None:
        try:
            async with asyncio.timeout(GOODBYE_TIMEOUT):
                await self._registration.remove(self._api)
                self._known.posts = False
        except (TimeoutError, DeviceError) as error:
            log.info("Camera %s could not be told to post no more: %s", self._door.sn, str(error) or "no answer")


class HookLink:
    """See :class:`~ipc_bridge.bridge.link.Link`.

    The door is open between two sessions as well: a camera that does not answer for a moment may still post.

    Args:
        known: the camera's record: its pin, and whether it posts.
        config: what holds for this camera.
        doors: where posts come in.
        clock: what is known of the camera's own.
        on_event: where events go.
    """

    def __init__(
        self, known: KnownCamera, config: CameraConfig, doors: HookDoors, clock: CameraClock, on_event: OnEvent
    ) -> None:
        credentials = Credentials(config.account.app_id, config.account.secret_key)
        self._known = known
        self._doors = doors
        self._clock = clock
        self._period = config.keep_alive
        self._door = HookDoor(known.sn, credentials, clock, doors.clock, on_event)
        self._registration = HookRegistration(known.sn, doors.url(self._door.path))

    async def open(self, host: str, api: CameraApi) -> Session:
        """See :class:`~ipc_bridge.bridge.link.Link`."""
        addresses = await numbers_of(host)
        if not self._door.addresses and host == self._known.host:
            # After a restart the camera goes on posting where it was told to: it need not answer first.
            self._door.addresses = addresses
        self._doors.open(self._door)
        await ask_callbacks(api)
        self._known.api_pin = api.pin
        self._door.addresses = addresses
        return HookSession(host, api, self._known, self._registration, self._door, self._clock, self._period)

    def failed(self, error: BridgeError) -> None:
        """See :class:`~ipc_bridge.bridge.link.Link`."""

    def pause(self) -> None:
        """See :class:`~ipc_bridge.bridge.link.Link`."""
        self._door.is_paused = True

    def resume(self) -> None:
        """See :class:`~ipc_bridge.bridge.link.Link`."""
        self._door.is_paused = False

    def end(self) -> None:
        """See :class:`~ipc_bridge.bridge.link.Link`."""
        self._doors.close(self._door)
