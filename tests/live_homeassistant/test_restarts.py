"""Home Assistant, broker, bridge and camera go and come in any order: what is shown stays true, nothing is doubled."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from ipc_bridge.simulator import SimulatedCamera
from tests.e2e.harness import Daemon
from tests.e2e.stories import Act, Stories, side_by_side
from tests.live_homeassistant.home import Home, at_home

STORIES = Stories()

ORDERS = (
    ("hass", "broker", "bridge", "camera"),
    ("camera", "bridge", "broker", "hass"),
    ("broker", "hass", "camera", "bridge"),
    ("bridge", "camera", "hass", "broker"),
)
"""Each part before and after each other one, and each first and last once."""
FACE, MOTION_EVENT = "event.front_door_face", "event.front_door_motion_event"
MOTION = "binary_sensor.front_door_motion"
CONNECTIVITY = "binary_sensor.front_door_connectivity"
BRIDGE = "binary_sensor.ipc_bridge_connectivity"


@dataclass(frozen=True)
class Parts:
    """What goes and comes."""

    home: Home
    camera: SimulatedCamera
    daemon: Daemon

    async def end(self, part: str) -> None:
        """Stop one part in order."""
        await {
            "hass": self.home.hass.stop,
            "broker": self.home.broker.stop,
            "bridge": self.daemon.end,
            "camera": self.camera.stop,
        }[part]()

    async def begin(self, part: str) -> None:
        """Start it again."""
        starts: dict[str, Callable[[], Awaitable[None]]] = {
            "hass": self.home.hass.start,
            "broker": self.home.broker.start,
            "bridge": self.daemon.start,
            "camera": self.camera.start,
        }
        await starts[part]()

    async def registered(self) -> dict[str, dict[str, Any]]:
        """Our entities by their unique ids, without the times at which they were looked at, once all show something."""
        await self.home.hass.wait_state(BRIDGE, "on")
        await self.home.hass.wait_state(CONNECTIVITY, "on")
        entities = await self.home.lively()
        return {unique_id: {**entity, "modified_at": None} for unique_id, entity in entities.items()}

    async def fires(self, count: int) -> None:
        """Something happens, for the ``count``-th time: once, in all that tells of it."""
        hass = self.home.hass
        self.camera.emit_face(group_name="vip")
        self.camera.emit_motion(detect_type=1)
        for entity_id in (FACE, MOTION_EVENT):
            await hass.fires(entity_id, count)
        await hass.wait_state(MOTION, "on")
        await hass.wait_state(MOTION, "off")
        assert [len(hass.fired(FACE)), len(hass.fired(MOTION_EVENT))] == [count, count]


async def parts(home: Home) -> Parts:
    """All of them, at work."""
    camera = await home.face_camera()
    daemon = await home.site.daemon(home.broker)
    await home.shown(camera)
    return Parts(home, camera, daemon)


async def any_order(home: Home, order: tuple[str, ...]) -> None:
    """All go and come in this order; then one after the other, which nobody waits for to be noticed."""
    site = await parts(home)
    await site.fires(1)
    devices, entities = await home.hass.devices(), await site.registered()
    for part in order:
        await site.end(part)
    # Nobody saw that it was changed.
    site.camera.controls.led_switch, site.camera.controls.zoom = 0, 120
    for part in order:
        await site.begin(part)
    assert await site.registered() == entities
    await home.shows_the_truth(site.camera)
    await site.fires(2)
    for part in order:
        await site.end(part)
        await site.begin(part)
    assert await site.registered() == entities
    await home.shows_the_truth(site.camera)
    await site.fires(3)
    after = await home.hass.devices()
    assert after.keys() == devices.keys()
    assert {name: device["id"] for name, device in after.items()} == {name: it["id"] for name, it in devices.items()}


for _number, _order in enumerate(ORDERS):
    _story = functools.partial(any_order, order=_order)
    _story.__name__ = "_".join(_order)  # type: ignore[attr-defined]  # what a story is known by
    # Half of the brokers come back with nothing.
    STORIES.tell(at_home(outages=True, persistence=_number % 2 == 1)(_story))


@STORIES.tell
@at_home(outages=True)
async def what_is_away_is_not_shown_as_if_it_were_there(home: Home) -> None:
    site = await parts(home)
    entities = await site.registered()
    hass = home.hass
    events = {FACE, MOTION_EVENT}
    ours = {entity["entity_id"] for entity in entities.values() if entity["disabled_by"] is None}
    of_bridge = {entity_id for entity_id in ours if ".ipc_bridge_" in entity_id}

    def unavailable() -> set[str]:
        return {entity_id for entity_id in ours if hass.state(entity_id) == "unavailable"}

    # The camera: it is known to be away, and what is known of it stays.
    await site.end("camera")
    await hass.wait_state(CONNECTIVITY, "off")
    await hass.wait_state(MOTION, "unavailable")
    await hass.wait_state("sensor.ipc_bridge_cameras_online", "0")
    stays = {CONNECTIVITY, "sensor.front_door_firmware", "sensor.front_door_address"}
    assert unavailable() == ours - of_bridge - stays - events
    await site.begin("camera")
    await site.registered()

    # The bridge, without a word: it alone is known to be away.
    await site.daemon.kill()
    await hass.wait_state(BRIDGE, "off")
    await hass.wait_for(lambda: unavailable() == ours - {BRIDGE} - events, "all that the bridge tells unavailable")
    await site.begin("bridge")
    await site.registered()

    # The broker: nothing is known. What happened before does not happen again; only a killed bridge may repeat it.
    await site.fires(1)
    fired = {entity_id: hass.state(entity_id) for entity_id in events}
    await site.end("broker")
    await hass.wait_for(lambda: unavailable() == ours, "all unavailable")
    await site.begin("broker")
    assert await site.registered() == entities
    assert {entity_id: hass.state(entity_id) for entity_id in events} == fired
    await site.fires(2)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def acts(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[dict[str, Act]]:
    async with side_by_side(tmp_path_factory.mktemp("restarts"), STORIES, len(STORIES)) as acts:
        yield acts


@pytest.mark.timeout(480)
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", STORIES)
async def test_restarts(acts: dict[str, Act], name: str) -> None:
    await acts[name].end
