"""Posts events to the callback URLs that a camera was given, one after the other."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from dataclasses import dataclass

import aiohttp

from ipc_bridge.simulator.posts import Post, write_post
from ipc_bridge.simulator.state import CameraState

_log = logging.getLogger(__name__)

MAX_WAITING = 10_000
"""Events that wait for one URL; a camera remembers fewer."""
_MAX_TOLD = 1000
_HEADERS = {"User-Agent": "libcurl/7.52.1 OpenSSL/1.0.2p", "Accept": "*/*"}


@dataclass(frozen=True, slots=True)
class PostedEvent:
    """One try to post an event; ``status`` is None where no answer came."""

    event_id: object
    url: str
    status: int | None


@dataclass(frozen=True, slots=True)
class _Waiting:
    event_id: object
    payload: bytes


class HookPoster:
    """One camera's."""

    def __init__(self, state: CameraState) -> None:
        self._state = state
        self.posted: deque[PostedEvent] = deque(maxlen=_MAX_TOLD)
        """The last tries, newest last."""
        self._waiting: dict[str, asyncio.Queue[_Waiting]] = {}
        self._workers: dict[str, asyncio.Task[None]] = {}

    @property
    def backlog(self) -> int:
        """Events that wait for an answer of their URL, or for their turn."""
        return sum(waiting.qsize() for waiting in self._waiting.values())

    def post(self, topic: str | None, event_id: object, payload: bytes) -> None:
        """Post an event to every callback of ``topic``; None for those of any topic."""
        hooks = self._state.hooks
        urls = (
            hooks.get(topic, []) if topic is not None else dict.fromkeys(url for urls in hooks.values() for url in urls)
        )
        for url in urls:
            if url not in self._workers:
                self._waiting[url] = asyncio.Queue(MAX_WAITING)
                self._workers[url] = asyncio.get_running_loop().create_task(self._work(url))
            try:
                self._waiting[url].put_nowait(_Waiting(event_id, payload))
            except asyncio.QueueFull:
                _log.warning("%s: an event is lost, too many wait for their hook", self._state.settings.sn)

    async def stop(self) -> None:
        """Lose what waits, as a camera does that reboots."""
        workers = list(self._workers.values())
        self._workers.clear()
        self._waiting.clear()
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)

    async def _work(self, url: str) -> None:
        waiting = self._waiting[url]
        # From the camera's own address, which on loopback is not the system's choice.
        connector = aiohttp.TCPConnector(local_addr=(self._state.host, 0), ssl=False, limit=1)
        timeout = aiohttp.ClientTimeout(total=self._state.settings.hook_timeout)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout, headers=_HEADERS) as session:
            while True:
                await self._deliver(session, url, await waiting.get())
                self._state.changes.notify()

    async def _deliver(self, session: aiohttp.ClientSession, url: str, event: _Waiting) -> None:
        settings, faults = self._state.settings, self._state.faults
        for attempt in range(settings.hook_attempts):
            if attempt:
                await asyncio.sleep(settings.hook_retry_seconds)
            await self._state.changes.wait_for(lambda: not faults.silent, timeout=None)
            post = write_post(self._state, event.payload)
            status = await self._send(session, url, event.event_id, post)
            if faults.hook_replay:
                await self._send(session, url, event.event_id, post)
            if status is not None and 200 <= status < 300:
                if type(event.event_id) is int:
                    self._state.book.acknowledge(event.event_id)
                return

    async def _send(self, session: aiohttp.ClientSession, url: str, event_id: object, post: Post) -> int | None:
        status: int | None = None
        try:
            async with session.post(
                url, data=post.body, headers={"Content-Type": post.content_type}, expect100=True, allow_redirects=False
            ) as response:
                status = response.status
                await response.read()
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            _log.debug("%s: a post fails: %s", self._state.settings.sn, error)
        self.posted.append(PostedEvent(event_id, url, status))
        self._state.changes.notify()
        return status
