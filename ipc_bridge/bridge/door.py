"""A place where signed posts come in: a path that nobody guesses, room for a few at a time, and the check of each."""

from __future__ import annotations

import abc
import asyncio
import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager

from ipc_bridge.bridge.hook_refusals import Refusal
from ipc_bridge.clock import Clock
from ipc_bridge.wire.signing import Credentials, is_signed

MAX_SKEW = 300.0
"""Seconds that a post's time may be off; who asks for the time is off by less than one."""
MAX_UNDER_WAY = 32
"""Posts through one door at a time; a camera sends one after the other, or a few after an outage."""
SAFE_TIMEOUT = 10.0
"""Seconds that a sender is kept waiting for the disk; then it is to post again."""

FIELDS = frozenset({"app_id", "random", "timestamp", "payload"})
"""What a post has beside its signature."""
_TIMESTAMP = re.compile(r"[0-9]{1,12}")


def make_path(name: str, secret_key: str) -> str:
    """Return a path for what has ``name``: 32 letters, digits, ``_`` and ``-``.

    Nobody guesses it who could not sign as well, and it is the same after every restart, whatever the disk has lost:
    a camera goes on posting where it was told to.
    """
    digest = hmac.new(secret_key.encode(), f"ipc-bridge hook {name}".encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest[:24]).decode()


class Door(abc.ABC):
    """One place.

    Args:
        whose: whose posts come in, for the log: ``camera FS101D8BS00106``.
        path: see :func:`make_path`.
        credentials: who must have signed.
        clock: the bridge's.
    """

    content_types: Collection[str] = ("multipart/form-data",)
    """The forms that a post may have."""

    def __init__(self, whose: str, path: str, credentials: Credentials, clock: Clock) -> None:
        self.whose = whose
        self.path = path
        self.is_paused = False
        """Whether the sender is to keep what it has."""
        self._credentials = credentials
        self._clock = clock
        self._under_way = 0

    @abc.abstractmethod
    def check_address(self, remote: str | None) -> None:
        """Refuse who posts from somewhere else.

        Raises:
            HookRefusedError: ``remote`` is not the sender's address.
        """

    @abc.abstractmethod
    async def take(self, fields: Mapping[str, str]) -> None:
        """Take a post in; return once its event is on the disk, or of no use.

        Raises:
            HookRefusedError: it is not the sender's, or not safe.
        """

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

    def _check(self, fields: Mapping[str, str], clock_offset: float = 0.0) -> int:
        """Return the time of a post, Unix seconds.

        Args:
            fields: the post.
            clock_offset: seconds that the sender's clock is known to be ahead of ours: its own time is as good as ours.

        Raises:
            HookRefusedError: it is not signed by whom it must be, or old.
        """
        if not fields.get("sign"):
            raise Refusal.UNSIGNED.error()
        if not fields.keys() >= FIELDS or not _TIMESTAMP.fullmatch(fields["timestamp"]):
            raise Refusal.MALFORMED.error()
        if fields["app_id"] != self._credentials.app_id:
            raise Refusal.WRONG_ACCOUNT.error()
        if not is_signed(fields, self._credentials.secret_key):
            raise Refusal.WRONG_SIGNATURE.error()
        timestamp, now = int(fields["timestamp"]), self._clock.time()
        if all(abs(timestamp - time) > MAX_SKEW for time in (now, now + clock_offset)):
            raise Refusal.WRONG_TIME.error()
        return timestamp


async def until_safe(begin: Callable[[Callable[[], None]], None]) -> None:
    """Have an event written down: ``begin`` is given what is to be called once it is on the disk.

    Raises:
        HookRefusedError: it was not in time.
    """
    safe: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def on_safe() -> None:
        # The sender may have been told to post again meanwhile.
        if not safe.done():
            safe.set_result(None)

    begin(on_safe)
    try:
        async with asyncio.timeout(SAFE_TIMEOUT):
            await safe
    except TimeoutError as error:
        raise Refusal.NOT_SAFE.error() from error
