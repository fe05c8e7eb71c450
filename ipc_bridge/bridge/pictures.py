"""What is done with every picture, whatever it shows: it is made small enough, published, and kept."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from ipc_bridge.bridge.publisher import Publisher
from ipc_bridge.errors import StorageError
from ipc_bridge.logs import Once
from ipc_bridge.mqtt.connection import Message
from ipc_bridge.pictures.scaling import fit, is_fit
from ipc_bridge.pictures.store import PictureStore

log = logging.getLogger(__name__)

MAX_PUBLISHED = 200_000
"""Bytes: Home Assistant keeps the last ten of each entity in memory."""
EXPIRE_EVERY = 3600.0
"""Seconds between two looks for what is too old, whether or not anything new comes."""

_T = TypeVar("_T")


class Pictures:
    """The way of pictures to the broker and into the store.

    Args:
        publisher: where they are published.
        store: where they are kept; None: they are not.
    """

    def __init__(self, publisher: Publisher, store: PictureStore | None) -> None:
        self.counters: Counter[str] = Counter()
        """Pictures: published, unsaved."""
        self._publisher = publisher
        self._store = store
        # One thread: two large pictures at a time would be too much for a small machine's memory.
        self._thread = ThreadPoolExecutor(1, "pictures")
        self._complaints = Once()
        self._kept = asyncio.Event()
        """Set when a picture is kept; then there is another one."""

    async def run(self) -> None:
        """Open the store, and see to its age until cancelled; pictures are published without it, too."""
        if self._store is None:
            return
        await self._guarded(self._store.open)
        while True:
            await asyncio.sleep(EXPIRE_EVERY)
            await self._guarded(self._store.expire)

    def close(self) -> None:
        """Let what is under way come to its end, by itself."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def find(self, uid: str, came_at: float) -> bytes | None:
        """Return the kept picture of what came at that Unix time; None where there is none."""
        return None if self._store is None else await self._guarded(partial(self._store.get, uid, came_at))

    async def expect(self, uid: str, came_at: float, seconds: float) -> bytes | None:
        """Like :meth:`find`, but wait for it as long as ``seconds``: pictures come behind their events."""
        if self._store is None:
            return None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while True:
                    kept = self._kept
                    if (picture := await self.find(uid, came_at)) is not None:
                        return picture
                    await kept.wait()
        return None

    async def keep(self, uid: str, came_at: float, picture: bytes) -> None:
        """Keep a picture; where it cannot be kept, that is counted."""
        if self._store is not None:
            if await self._guarded(partial(self._put, uid, came_at, picture)):
                self._complaints.forget("store")
            else:
                self.counters["unsaved"] += 1
        self._kept.set()
        self._kept = asyncio.Event()

    async def publish(
        self, key: str, message: Message, picture: bytes, is_wanted: Callable[[], bool] = lambda: True
    ) -> None:
        """Publish a picture, scaled down where that is needed.

        Args:
            key: what it shows.
            message: everything of the publication but the picture.
            picture: JPEG or PNG.
            is_wanted: asked when it is its turn.

        Raises:
            RejectedFileError: it is damaged, or cannot be made small enough for the broker.
        """
        room = self._publisher.room_for(message)
        limit = MAX_PUBLISHED if room is None else min(room, MAX_PUBLISHED)
        if not is_fit(picture, limit):
            picture = await self._in_thread(partial(fit, picture, limit))
        self.counters["published"] += 1
        self._publisher.picture(key, replace(message, payload=picture), is_wanted)

    def figures(self) -> dict[str, Any]:
        """For ``bridge/health``."""
        kept = {} if self._store is None else {"kept": self._store.pictures, "bytes": self._store.size}
        return {**kept, "published": self.counters["published"], "unsaved": self.counters["unsaved"]}

    def _put(self, uid: str, came_at: float, picture: bytes) -> bool:
        if self._store is not None:
            self._store.put(uid, came_at, picture)
        return True

    async def _guarded(self, work: Callable[[], _T]) -> _T | None:
        """Use the store; a disk that is full or gone is told of once, until a picture can be kept again."""
        try:
            return await self._in_thread(work)
        except StorageError as error:
            self._complaints.warning(log, "store", "%s; going on without", error)
            return None

    async def _in_thread(self, work: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)
