"""Pictures of now, from a camera to the broker."""

from __future__ import annotations

from collections.abc import Callable

from ipc_bridge.bridge.camera import CameraRunner
from ipc_bridge.bridge.pictures import Pictures
from ipc_bridge.catalog.device import GET_SNAPSHOT
from ipc_bridge.clock import Clock
from ipc_bridge.errors import CommandError
from ipc_bridge.mqtt.connection import Message
from ipc_bridge.mqtt.topics import Topics


class Snapshots:
    """``camera/<sn>/snapshot``.

    Args:
        topics: the topic table.
        clock: tells when they were taken.
        pictures: where they go.
        camera_of: a camera's runner; None where there is none any more.
        retain: ``mqtt.retain_images.snapshots``.
    """

    def __init__(
        self,
        topics: Topics,
        clock: Clock,
        pictures: Pictures,
        camera_of: Callable[[str], CameraRunner | None],
        *,
        retain: bool,
    ) -> None:
        self._topics = topics
        self._clock = clock
        self._pictures = pictures
        self._camera_of = camera_of
        self._retain = retain

    async def take(self, sn: str, uid: str | None = None) -> None:
        """Have a camera take a picture, and publish it.

        Args:
            sn: the camera's serial number.
            uid: the event that it is about, where there is one.

        Raises:
            CommandError: the camera is not online.
            DeviceError: the picture cannot be had.
        """
        answer = await self._camera(sn).reachable_api().ask(GET_SNAPSHOT)
        await self.publish(sn, str(answer["snapshot_url"]), uid)

    async def publish(self, sn: str, url: str, uid: str | None = None) -> None:
        """Fetch the picture that a camera has taken, publish and keep it.

        Raises:
            CommandError: the camera is not online.
            DeviceError: it cannot be had, or not be made small enough for the broker.
        """
        picture = await self._camera(sn).reachable_api().fetch(url)
        taken_at = self._clock.time()
        topic = self._topics.camera(sn, "snapshot")
        user_properties = () if uid is None else (("uid", uid),)
        message = Message(topic, b"", self._retain, user_properties)
        # A camera that was forgotten meanwhile leaves none behind.
        await self._pictures.publish(topic, message, picture, lambda: self._camera_of(sn) is not None)
        await self._pictures.keep(f"{sn}:snapshot:{round(taken_at * 1000)}", taken_at, picture)

    def _camera(self, sn: str) -> CameraRunner:
        camera = self._camera_of(sn)
        if camera is None:
            raise CommandError("offline", f"camera {sn} was forgotten")
        return camera
