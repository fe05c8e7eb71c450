"""Where one camera's posts come in: from its own address, each once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping

from ipc_bridge.bridge.door import MAX_SKEW, Door, make_path, until_safe
from ipc_bridge.bridge.hook_refusals import Refusal
from ipc_bridge.bridge.lateness import CameraClock
from ipc_bridge.bridge.link import OnEvent
from ipc_bridge.clock import Clock
from ipc_bridge.device.address import plain_number
from ipc_bridge.models import Transport
from ipc_bridge.wire.signing import Credentials

MAX_REMEMBERED = 10_000
"""Signatures: within :data:`MAX_SKEW`, 17 posts a second. What is repeated after so many is still the same event to
the journal."""


class HookDoor(Door):
    """One camera's.

    Args:
        sn: the camera's serial number.
        credentials: who must have signed.
        camera_clock: what is known of the camera's clock.
        clock: the bridge's.
        on_event: where events go.
    """

    def __init__(
        self, sn: str, credentials: Credentials, camera_clock: CameraClock, clock: Clock, on_event: OnEvent
    ) -> None:
        super().__init__(f"camera {sn}", make_path(sn, credentials.secret_key), credentials, clock)
        self.sn = sn
        self.addresses: frozenset[str] = frozenset()
        """Numbers from which posts may come."""
        self._camera_clock = camera_clock
        self._on_event = on_event
        self._taken: OrderedDict[str, float] = OrderedDict()
        """Signatures of what was taken, with the monotonic time, oldest first."""

    def check_address(self, remote: str | None) -> None:
        """See :class:`~ipc_bridge.bridge.door.Door`."""
        if remote is None or plain_number(remote) not in self.addresses:
            raise Refusal.WRONG_ADDRESS.error()

    async def take(self, fields: Mapping[str, str]) -> None:
        """See :class:`~ipc_bridge.bridge.door.Door`."""
        # A clock that is wrong is known by what the camera's API has shown.
        self._check(fields, self._camera_clock.measured_offset or 0.0)
        # The signature, because it covers all else: six random digits are the same for two events now and then.
        if fields["sign"] in self._taken:
            raise Refusal.REPLAYED.error()
        payload = fields["payload"].encode()
        await until_safe(lambda on_safe: self._on_event(payload, Transport.HOOK, lambda _event_id: on_safe()))
        self._remember(fields["sign"])

    def _remember(self, sign: str) -> None:
        """Once it is safe, not before: what is not may come again, word for word."""
        now = self._clock.monotonic()
        self._taken[sign] = now
        # What came from the future is refused for its time only after twice the skew.
        while len(self._taken) > MAX_REMEMBERED or next(iter(self._taken.values())) < now - 2 * MAX_SKEW:
            self._taken.popitem(last=False)
