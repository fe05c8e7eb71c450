"""Keeps one channel subscribed to its camera's events."""

from __future__ import annotations

import asyncio
import logging

from ipc_bridge.catalog.codes import SUBSCRIBE_EVENT_NOT_EXIST
from ipc_bridge.device.channel import Channel
from ipc_bridge.errors import DeviceError, RefusedError
from ipc_bridge.models import Model
from ipc_bridge.wire.packet import DETECT_EVENT, FACE_EVENT

log = logging.getLogger(__name__)

SILENT_AFTER = 900.0
"""Seconds without an event after which the subscription is looked after."""
ANSWER_TIMEOUT = 5.0
"""Seconds that the camera then has to answer."""


class Subscription:
    """What a channel listens to.

    Args:
        sn: the camera's serial number.
        channel: the channel, open.
    """

    def __init__(self, sn: str, channel: Channel) -> None:
        self._sn = sn
        self._channel = channel
        self._topics = [DETECT_EVENT]
        self._heard_at = 0.0

    def heard(self) -> None:
        """An event came."""
        self._heard_at = asyncio.get_running_loop().time()

    async def begin(self, model: Model) -> None:
        """Subscribe to what ``model`` may have to tell.

        Raises:
            DeviceError: the camera refuses, or is gone.
        """
        if model.may_have_faces:
            self._topics = [DETECT_EVENT, FACE_EVENT]
        self.heard()
        await self._subscribe()

    async def keep(self) -> None:
        """Wait for the end of the channel; where nothing comes for long, see whether the subscription still stands.

        Heartbeats show that the camera is there, but not that it has anything to do with its events.
        """
        loop = asyncio.get_running_loop()
        closed = asyncio.ensure_future(self._channel.wait_closed())
        try:
            while not closed.done():
                await asyncio.wait([closed], timeout=self._heard_at + SILENT_AFTER - loop.time())
                if loop.time() < self._heard_at + SILENT_AFTER:
                    continue
                self.heard()
                try:
                    async with asyncio.timeout(ANSWER_TIMEOUT):
                        await self._subscribe()
                except (TimeoutError, DeviceError) as error:
                    log.warning("Camera %s has forgotten our subscription: %s", self._sn, str(error) or "no answer")
                    self._channel.abort()
        finally:
            closed.cancel()

    async def _subscribe(self) -> None:
        try:
            await self._channel.subscribe(self._topics)
        except RefusedError as error:
            if error.code != SUBSCRIBE_EVENT_NOT_EXIST or len(self._topics) == 1:
                raise
            await self._channel.subscribe([DETECT_EVENT])
