"""Where one camera's posts come in: a path of its own, and what makes a post the camera's."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import re
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from ipc_bridge.bridge.hook_refusals import Refusal
from ipc_bridge.bridge.lateness import CameraClock
from ipc_bridge.bridge.link import OnEvent
from ipc_bridge.clock import Clock
from ipc_bridge.device.address import plain_number
from ipc_bridge.models import Transport
from ipc_bridge.wire.signing import Credentials, is_signed

MAX_SKEW = 300.0
"""Seconds that a post's time may be off; cameras that ask for the time are off by less than one."""
MAX_UNDER_WAY = 32
"""Posts of one camera at a time; it sends one after the other, or a few after an outage."""
MAX_REMEMBERED = 10_000
"""Signatures: within :data:`MAX_SKEW`, 17 posts a second. What is repeated after so many is still the same event to
the journal."""
SAFE_TIMEOUT = 10.0
"""Seconds that a camera is kept waiting for the disk; then it is to post again."""

FIELDS = frozenset({"app_id", "random", "timestamp", "payload"})
"""What a post has beside its signature."""
_TIMESTAMP = re.compile(r"[0-9]{1,12}")


def make_path(sn: str, secret_key: str) -> str:
    """Return a camera's path: 32 letters, digits, ``_`` and ``-``.

    Nobody guesses it who could not sign as well, and it is the same after every restart, whatever the disk has lost:
    a camera goes on posting where it was told to.
    """
    digest = hmac.new(secret_key.encode(), f"ipc-bridge hook {sn}".encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest[:24]).decode()


class HookDoor:
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
        self.sn = sn
        self.path = make_path(sn, credentials.secret_key)
        self.addresses: frozenset[str] = frozenset()
        """Numbers from which posts may come."""
        self.is_paused = False
        """Whether the camera is to keep what it has."""
        self._credentials = credentials
        self._camera_clock = camera_clock
        self._clock = clock
        self._on_event = on_event
        self._under_way = 0
        self._taken: OrderedDict[str, float] = OrderedDict()
        """Signatures of what was taken, with the monotonic time, oldest first."""

    def check_address(self, remote: str | None) -> None:
        """Refuse who is not the camera.

        Raises:
            HookRefusedError: ``remote`` is another address.
        """
        if remote is None or plain_number(remote) not in self.addresses:
            raise Refusal.WRONG_ADDRESS.error()

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Hold a place for one post while it is read and written down.

        Raises:
            HookRefusedError: there is none.
        """
        if self.is_paused:
            raise Refusal.NO_ROOM.error()
        if self._under_way >= MAX_UNDER_WAY:
            raise Refusal.TOO_MANY.error()
        self._under_way += 1
        try:
            yield
        finally:
            self._under_way -= 1

    async def take(self, fields: Mapping[str, str]) -> None:
        """Take a post in; return once its event is on the disk, or of no use.

        Raises:
            HookRefusedError: it is not the camera's, or not safe.
        """
        self._check(fields)
        safe: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def acknowledge(_event_id: int | None) -> None:
            # The camera may have been told to post again meanwhile.
            if not safe.done():
                safe.set_result(None)

        self._on_event(fields["payload"].encode(), Transport.HOOK, acknowledge)
        try:
            async with asyncio.timeout(SAFE_TIMEOUT):
                await safe
        except TimeoutError as error:
            raise Refusal.NOT_SAFE.error() from error
        self._remember(fields["sign"])

    def _check(self, fields: Mapping[str, str]) -> None:
        if not fields.get("sign"):
            raise Refusal.UNSIGNED.error()
        if not fields.keys() >= FIELDS or not _TIMESTAMP.fullmatch(fields["timestamp"]):
            raise Refusal.MALFORMED.error()
        if fields["app_id"] != self._credentials.app_id:
            raise Refusal.WRONG_ACCOUNT.error()
        if not is_signed(fields, self._credentials.secret_key):
            raise Refusal.WRONG_SIGNATURE.error()
        timestamp = float(fields["timestamp"])
        now = self._clock.time()
        # By our clock, or by the camera's own, wrong as it may be: its API has shown it.
        clocks = (now, now + (self._camera_clock.measured_offset or 0.0))
        if all(abs(timestamp - time) > MAX_SKEW for time in clocks):
            raise Refusal.WRONG_TIME.error()
        # The signature, because it covers all else: six random digits are the same for two events now and then.
        if fields["sign"] in self._taken:
            raise Refusal.REPLAYED.error()

    def _remember(self, sign: str) -> None:
        """Once it is safe, not before: what is not may come again, word for word."""
        now = self._clock.monotonic()
        self._taken[sign] = now
        # What came from the future is refused for its time only after twice the skew.
        while len(self._taken) > MAX_REMEMBERED or next(iter(self._taken.values())) < now - 2 * MAX_SKEW:
            self._taken.popitem(last=False)
