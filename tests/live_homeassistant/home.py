"""A site with a Home Assistant in it: the stage of every test of this folder."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp

from ipc_bridge.catalog.settings import GETTERS, SETTINGS
from ipc_bridge.homeassistant.components import Component
from ipc_bridge.homeassistant.controls import select_components
from ipc_bridge.models import Model
from ipc_bridge.simulator import MOTION_MODEL, SimulatedCamera
from tests.e2e.harness import Broker, Site, Subscriber, online
from tests.live_homeassistant import root
from tests.live_homeassistant.hass import DEAD, PATIENCE, HomeAssistant
from tests.simulator.api import Api
from tests.simulator.client import trusting_context

AT_ONCE = 3
"""Sites that a worker has at a time. Most of it is waiting, but each start of Home Assistant takes a core for 3 s."""
FACE_SN, MOTION_SN = "FS101D8BS00101", "SS101D8BS00102"


@dataclass(frozen=True)
class Home:
    """Home Assistant, connected to the broker that the site's daemons use; ``hub`` hears all that is said there."""

    site: Site
    hass: HomeAssistant
    broker: Broker
    hub: Subscriber

    async def face_camera(self) -> SimulatedCamera:
        """An FM020 that is called "Front door"."""
        return await self.site.camera(FACE_SN, name="Front door", mac="02:00:00:00:00:0A", reboot_seconds=0.0)

    async def motion_camera(self) -> SimulatedCamera:
        """An FM010 that is called "Back door"."""
        return await self.site.camera(
            MOTION_SN, name="Back door", model=MOTION_MODEL, mac="02:00:00:00:00:0B", reboot_seconds=0.0
        )

    async def shown(self, *cameras: SimulatedCamera) -> None:
        """Return once these cameras are online, and Home Assistant shows them so, with all that is known of them."""
        for camera in cameras:
            await online(self.hub, camera.sn)
            connectivity = await self.hass.entity_id(f"ipc_bridge_{camera.sn}_connectivity")
            await self.hass.wait_state(connectivity, "on")
            for leaf in ("state", "flow"):
                await self.hub.wait_for(f"ipc_bridge/camera/{camera.sn}/{leaf}")
            await self.hass.wait_until(functools.partial(self._knows_all, camera), f"all entities of {camera.sn}")

    async def _knows_all(self, camera: SimulatedCamera) -> bool:
        rows = rows_of(camera.settings.model, self.properties()[camera.sn])
        return (await self.hass.entities()).keys() >= {f"ipc_bridge_{camera.sn}_{row.key}" for row in rows}

    def properties(self) -> dict[str, dict[str, Any]]:
        """What the bridge has read from each camera, by serial number."""
        messages = self.hub.messages("ipc_bridge/camera/+/state", lambda message: bool(message.payload))
        return {message.topic.split("/")[2]: message.json for message in messages}

    async def lively(self) -> dict[str, dict[str, Any]]:
        """Return our entities, once each that is enabled and has something to say says it."""
        entities = await self.hass.entities()
        expected = [
            entity["entity_id"]
            for unique_id, entity in entities.items()
            if entity["disabled_by"] is None
            and not may_be_unknown(entity["entity_id"])
            and unique_id not in self.untold()
        ]

        def silent() -> list[str]:
            return [entity_id for entity_id in expected if self.hass.state(entity_id) in (None, *DEAD)]

        await self.hass.wait_for(lambda: not silent(), f"life in all of {expected}")
        return entities

    async def shows_the_truth(self, *cameras: SimulatedCamera) -> None:
        """Return once every entity of a property shows what its camera says when it is asked past the bridge."""
        entities = await self.hass.entities()
        expected = {}
        for camera in cameras:
            for key, value in (await truth(camera)).items():
                entity = entities.get(f"ipc_bridge_{camera.sn}_{key}")
                if entity is not None and entity["disabled_by"] is None:
                    expected[entity["entity_id"]] = as_shown(entity["entity_id"], value)

        def wrong() -> dict[str, tuple[str, str | None]]:
            return {it: (what, shown) for it, what in expected.items() if (shown := self.hass.state(it)) != what}

        assert expected
        try:
            await self.hass.wait_for(lambda: not wrong(), "what the cameras say")
        except AssertionError:
            raise AssertionError(f"what the cameras say, and what is shown instead: {wrong()}") from None

    def untold(self) -> set[str]:
        """Unique ids of what cameras do not tell of themselves at present."""
        told = self.properties()
        return {f"ipc_bridge_{sn}_{key}" for sn in told for key, value in told[sn].items() if value is None}


def rows_of(model: str, properties: Mapping[str, Any], *, allow_destructive: bool = False) -> Sequence[Component]:
    """The rows of the component table for a camera; simulated ones count people, whatever their model."""
    return select_components(Model(model), properties, counts=True, allow_destructive=allow_destructive).components


async def truth(camera: SimulatedCamera) -> dict[str, Any]:
    """A camera's properties as it tells them itself; None for what it refuses to tell."""
    answers = {}
    connector = aiohttp.TCPConnector(ssl=trusting_context(), force_close=True)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(PATIENCE)) as http:
        for getter in GETTERS:
            if getter.supports(Model(camera.settings.model)):
                code, data = await Api(http, camera).call(getter)
                answers[getter] = None if code else getter.read(data)
    return {
        name: None if answer is None else setting.read(answer)
        for name, setting in SETTINGS.items()
        for answer in [answers.get(setting.getter)]
        if setting.getter in answers
    }


def as_shown(entity_id: str, value: Any) -> str:
    """The state of an entity whose property is ``value``."""
    if value is None:
        return "unknown"
    return str(value).lower() if entity_id.startswith("switch.") else str(value)


def may_be_unknown(entity_id: str) -> bool:
    """Whether an entity has nothing to say until something happens."""
    return entity_id.split(".", 1)[0] in ("button", "camera", "event", "image")


async def home(site: Site, *, persistence: bool = False) -> Home:
    """Set up a broker and a Home Assistant that was never used before.

    Args:
        site: where.
        persistence: whether the broker still has what it kept when it comes back.
    """
    broker = await site.broker(persistence=persistence)
    hub = await site.subscriber(broker.port)
    hass = HomeAssistant(root.path(), site.directory / "homeassistant")
    site.logs["Home Assistant"] = hass.log
    site.at_end(hass.kill)
    await hass.start()
    await hass.add_mqtt(broker.port)
    return Home(site, hass, broker, hub)


def at_home(
    *, outages: bool = False, persistence: bool = False
) -> Callable[[Callable[[Home], Awaitable[None]]], Callable[[Site], Awaitable[None]]]:
    """Decorate a story that takes a :class:`Home`, so that it takes a site; no problem may be in the log at its end.

    Args:
        outages: whether the story takes the broker away, of which Home Assistant may complain.
        persistence: see :func:`home`.
    """

    def decorate(story: Callable[[Home], Awaitable[None]]) -> Callable[[Site], Awaitable[None]]:
        @functools.wraps(story)
        async def told(site: Site) -> None:
            house = await home(site, persistence=persistence)
            await story(house)
            problems = house.hass.problems(outage=outages)
            assert not problems, "".join(problems)

        return told

    return decorate
