"""A hook that stayed behind when a camera's transport was changed to the channel, and it could not be told."""

from __future__ import annotations

import logging

from ipc_bridge.bridge.hook_door import HookDoor
from ipc_bridge.bridge.hook_doors import HookDoors
from ipc_bridge.bridge.hook_registration import ask_callbacks
from ipc_bridge.bridge.lateness import CameraClock
from ipc_bridge.bridge.link import OnEvent
from ipc_bridge.bridge.registry import KnownCamera
from ipc_bridge.catalog.device import HOOK_DELETE
from ipc_bridge.device.address import numbers_of
from ipc_bridge.device.api import CameraApi
from ipc_bridge.wire.signing import Credentials

log = logging.getLogger(__name__)


class HookLeftover:
    """Takes what the camera still posts, and has it stop. The journal knows what comes both ways for one event.

    Args:
        known: the camera's record.
        credentials: who must have signed.
        doors: where posts come in.
        clock: what is known of the camera's own.
        on_event: where events go.
    """

    def __init__(
        self, known: KnownCamera, credentials: Credentials, doors: HookDoors, clock: CameraClock, on_event: OnEvent
    ) -> None:
        self.door = HookDoor(known.sn, credentials, clock, doors.clock, on_event)
        self._known = known
        self._doors = doors

    async def open(self, host: str) -> None:
        """Let posts from ``host`` in.

        Raises:
            UnreachableError: nobody knows the name.
        """
        self.door.addresses = await numbers_of(host)
        self._doors.open(self.door)

    async def remove(self, api: CameraApi) -> None:
        """Have nothing posted any more.

        Raises:
            DeviceError: the camera refuses, or is gone.
        """
        callbacks = await ask_callbacks(api)
        topics = [topic for topic, urls in callbacks.items() if any(url.endswith(self.door.path) for url in urls)]
        if topics:
            await api.call(HOOK_DELETE, event_list=topics)
            log.info("Camera %s posts no more: its events come over the channel now", self.door.sn)
        self._known.posts = False
        self.close()

    def close(self) -> None:
        """Let nothing in any more."""
        self._doors.close(self.door)
