"""Where the cloud posts that somebody came into a shop."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from ipc_bridge.bridge.door import Door, make_path, until_safe
from ipc_bridge.bridge.events import EventFlow
from ipc_bridge.clock import Clock
from ipc_bridge.cloud.events import SeenBy, camera_of, read_payload, read_visit
from ipc_bridge.errors import EventError
from ipc_bridge.wire.signing import Credentials


class ShopDoor(Door):
    """One shop's. The cloud may post from any address; its signature is all that tells it.

    Args:
        number: the shop's number.
        credentials: who must have signed.
        clock: the bridge's.
        flow: where events go.
        find: finds a camera by its ``ipc_id``.
    """

    content_types = ("multipart/form-data", "application/x-www-form-urlencoded", "application/json")

    def __init__(
        self,
        number: str,
        credentials: Credentials,
        clock: Clock,
        flow: EventFlow,
        find: Callable[[str], Awaitable[SeenBy]],
    ) -> None:
        # No serial number has a colon: this path is no camera's.
        super().__init__(f"shop {number}", make_path(f"shop:{number}", credentials.secret_key), credentials, clock)
        self._number = number
        self._flow = flow
        self._find = find

    def check_address(self, remote: str | None) -> None:
        """See :class:`~ipc_bridge.bridge.door.Door`."""

    async def take(self, fields: Mapping[str, str]) -> None:
        """See :class:`~ipc_bridge.bridge.door.Door`; what comes again is known to the journal."""
        timestamp = self._check(fields)
        try:
            payload = read_payload(fields, self._number)
            seen_by = await self._find(camera_of(payload))
            event = read_visit(payload, self._number, seen_by, timestamp, self._clock.time())
        except EventError as error:
            self._flow.unusable(f"Shop {self._number}", error)
            return
        await until_safe(lambda on_safe: self._flow.append(event, on_safe))
