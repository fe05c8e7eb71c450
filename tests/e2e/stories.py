"""Stories that run at the same time, each with a test of its own: most of their time is waiting.

:class:`Stories` have a site each. Those that are :func:`told` share one daemon and have a camera each, so that none may
disturb another: that, too, is what is tested.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ipc_bridge.simulator import SimulatedCamera
from tests.e2e.harness import Broker, Daemon, Site, Subscriber

AT_ONCE = 4
"""Sites that are alive at a time: a daemon takes a core for half a second to start."""


class Stories(dict[str, Callable[[Site], Awaitable[None]]]):
    """The stories of a module by name."""

    def tell(self, story: Callable[[Site], Awaitable[None]]) -> Callable[[Site], Awaitable[None]]:
        """Decorate a story."""
        self[story.__name__] = story
        return story


@dataclass(frozen=True)
class Act:
    """A story that is being told; its test waits for ``end``."""

    site: Site
    end: asyncio.Task[None]


@contextlib.asynccontextmanager
async def side_by_side(directory: Path, stories: Stories, at_once: int = AT_ONCE) -> AsyncIterator[dict[str, Act]]:
    """Begin all stories, ``at_once`` at a time, each on a site of its own."""
    limit = asyncio.Semaphore(at_once)

    async def act(site: Site, story: Callable[[Site], Awaitable[None]]) -> None:
        async with limit:
            site.directory.mkdir()
            async with site:
                await story(site)
            assert not site.bugs()

    acts = {}
    for name, story in stories.items():
        site = Site(directory / name[:40])
        acts[name] = Act(site, asyncio.create_task(act(site, story)))
    try:
        yield acts
    finally:
        for each in acts.values():
            each.end.cancel()
        await asyncio.gather(*(each.end for each in acts.values()), return_exceptions=True)


@dataclass(frozen=True)
class Stage:
    """What all stories share."""

    site: Site
    broker: Broker
    hub: Subscriber
    daemon: Daemon
    stories: dict[str, asyncio.Task[None]] = field(default_factory=dict)


@dataclass(frozen=True)
class Story:
    """``tell`` is what happens with a camera that has ``settings``.

    ``entry`` is its own under ``cameras`` of the configuration; None: the daemon finds it by discovery. ``before`` is
    done with the camera before the daemon starts.
    """

    tell: Callable[[Stage, SimulatedCamera], Awaitable[None]]
    settings: Mapping[str, Any] = field(default_factory=dict)
    entry: Mapping[str, Any] | None = None
    before: Callable[[SimulatedCamera], None] = lambda _camera: None

    @property
    def name(self) -> str:
        """The test's id."""
        return self.tell.__name__

    async def run(self, stage: Stage, camera: SimulatedCamera) -> None:
        """Tell it."""
        await self.tell(stage, camera)


@contextlib.asynccontextmanager
async def told(
    directory: Path, stories: Sequence[Story], files: Mapping[str, bytes] | None = None, **config: Any
) -> AsyncIterator[Stage]:
    """Begin all stories; their tests wait for the end of each.

    Args:
        directory: for all that is written.
        stories: with a camera each.
        files: what lies beside the configuration.
        **config: sections of the configuration, on top of :meth:`Site.config`.
    """
    async with Site(directory) as site:
        broker = await site.broker()
        hub = await site.subscriber(broker.port)
        cameras = []
        entries = []
        for number, story in enumerate(stories, 1):
            camera = await site.camera(f"FS101D8BS{number:05d}", **story.settings)
            story.before(camera)
            cameras.append(camera)
            if story.entry is not None:
                entries.append({"sn": camera.sn, "host": camera.host, **story.entry})
        daemon = await site.daemon(broker, files=files, cameras=entries, homeassistant={"enabled": False}, **config)
        stage = Stage(site, broker, hub, daemon)
        for story, camera in zip(stories, cameras, strict=True):
            stage.stories[story.name] = asyncio.create_task(story.run(stage, camera))
        try:
            yield stage
        finally:
            for task in stage.stories.values():
                task.cancel()
            await asyncio.gather(*stage.stories.values(), return_exceptions=True)
    assert not site.bugs()
