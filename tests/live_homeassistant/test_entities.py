"""Every row of the component table is the entity that it says, in a Home Assistant that was never used before."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from ipc_bridge import __version__
from ipc_bridge.catalog.settings import SETTINGS
from ipc_bridge.homeassistant.components import BRIDGE_COMPONENTS, Component
from ipc_bridge.models import Model
from ipc_bridge.simulator import SimulatedCamera
from tests.e2e.harness import Site
from tests.live_homeassistant import root
from tests.live_homeassistant.hass import DEAD
from tests.live_homeassistant.home import FACE_SN, MOTION_SN, Home, home, may_be_unknown, rows_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

BRIDGE = "ipc_bridge_bridge"
FACE, MOTION = f"ipc_bridge_{FACE_SN}", f"ipc_bridge_{MOTION_SN}"
NAMES = {BRIDGE: "IPC bridge", FACE: "Front door", MOTION: "Back door"}
SHOWN = ("unit_of_measurement", "state_class", "event_types", "options", "min", "max", "step", "mode", "pattern")
"""Options of a component that its state has as attributes of the same name."""
DROPPED_KEYS = Path(__file__).with_name("dropped_keys.py")


@dataclass(frozen=True)
class Stage:
    """What all these tests look at, and nobody changes. ``site`` is for the logs beside a failure."""

    site: Site
    home: Home
    face: SimulatedCamera
    motion: SimulatedCamera
    devices: dict[str, dict[str, Any]]
    entities: dict[str, dict[str, Any]]

    def rows(self, device: str) -> Sequence[Component]:
        """The table's rows for a device."""
        if device == BRIDGE:
            return BRIDGE_COMPONENTS
        camera = self.face if device == FACE else self.motion
        return rows_of(camera.settings.model, self.properties(device), allow_destructive=True)

    def properties(self, device: str) -> dict[str, Any]:
        """What the bridge has read from a camera."""
        return self.home.properties()[device.removeprefix("ipc_bridge_")]


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["device", "component"])
async def stage(
    request: pytest.FixtureRequest, installed: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stage]:
    """Both models and the bridge, by either form of discovery."""
    async with Site(tmp_path_factory.mktemp(request.param)) as site:
        house = await home(site)
        face, motion = await house.face_camera(), await house.motion_camera()
        await site.daemon(
            house.broker, homeassistant={"discovery": request.param}, commands={"allow_destructive": True}
        )
        await house.shown(face, motion)
        entities = await house.lively()
        yield Stage(site, house, face, motion, await house.hass.devices(), entities)


def name_of(row: Component) -> str | None:
    """What the entity is called: without a name of its own as its device class is."""
    name: str | None = row.options.get("name", row.options.get("device_class", "").capitalize())
    return name


def entity_id(device: str, row: Component) -> str:
    words = f"{NAMES[device]} {name_of(row) or ''}".lower()
    return f"{row.platform}.{'_'.join(re.findall('[a-z0-9]+', words))}"


async def test_the_devices_are_the_bridge_and_its_cameras(stage: Stage) -> None:
    assert stage.devices.keys() == NAMES.keys()
    assert {identifier: device["name"] for identifier, device in stage.devices.items()} == NAMES
    bridge = stage.devices[BRIDGE]
    assert (bridge["sw_version"], bridge["via_device_id"]) == (__version__, None)
    for identifier, camera in ((FACE, stage.face), (MOTION, stage.motion)):
        device = stage.devices[identifier]
        assert device["via_device_id"] == bridge["id"]
        assert device["connections"] == [["mac", camera.settings.mac.lower()]]
        facts = ("manufacturer", "model", "serial_number", "sw_version", "hw_version", "configuration_url")
        assert {fact: device[fact] for fact in facts} == {
            "manufacturer": "SUNMI",
            "model": camera.settings.model,
            "serial_number": camera.sn,
            "sw_version": camera.settings.firmware,
            "hw_version": camera.settings.hardware,
            "configuration_url": f"https://{camera.host}:{camera.api_port}",
        }


async def test_there_are_no_other_entities(stage: Stage) -> None:
    assert sorted(stage.entities) == sorted(f"{device}_{row.key}" for device in NAMES for row in stage.rows(device))


@pytest.mark.parametrize("device", NAMES)
async def test_an_entity_is_registered_as_its_row_says(stage: Stage, device: str) -> None:
    declared = {
        row.key: {
            "device_id": stage.devices[device]["id"],
            "entity_id": entity_id(device, row),
            "original_name": name_of(row),
            "original_device_class": row.options.get("device_class"),
            "original_icon": row.options.get("icon"),
            "entity_category": row.options.get("entity_category"),
            "disabled_by": None if row.options.get("enabled_by_default", True) else "integration",
        }
        for row in stage.rows(device)
    }
    registered = {key: stage.entities[f"{device}_{key}"] for key in declared}
    assert {key: {fact: registered[key][fact] for fact in facts} for key, facts in declared.items()} == declared


@pytest.mark.parametrize("device", NAMES)
async def test_an_entity_is_shown_as_its_row_says(stage: Stage, device: str) -> None:
    for row in stage.rows(device):
        state = stage.home.hass.states.get(entity_id(device, row))
        if not row.options.get("enabled_by_default", True):
            assert state is None
            continue
        assert state is not None
        attributes = state["attributes"]
        assert attributes["friendly_name"] == " ".join(filter(None, [NAMES[device], name_of(row)]))
        declared = {key: row.options[key] for key in SHOWN if key in row.options}
        assert {key: attributes.get(key) for key in declared} == declared
        assert ("unit_of_measurement" in attributes) == ("unit_of_measurement" in row.options)
        assert state["state"] != "unavailable"
        may_be = may_be_unknown(state["entity_id"]) or f"{device}_{row.key}" in stage.home.untold()
        assert state["state"] != "unknown" or may_be


async def test_the_states_are_the_cameras(stage: Stage) -> None:
    hass = stage.home.hass
    assert hass.state("binary_sensor.ipc_bridge_connectivity") == "on"
    assert hass.state("sensor.ipc_bridge_cameras_online") == "2"
    assert hass.state("sensor.ipc_bridge_version") == __version__
    for camera, name in ((stage.face, "front_door"), (stage.motion, "back_door")):
        assert hass.state(f"binary_sensor.{name}_connectivity") == "on"
        assert hass.state(f"sensor.{name}_firmware") == camera.settings.firmware
        assert hass.state(f"sensor.{name}_address") == camera.host
        assert {hass.state(f"binary_sensor.{name}_{what}") for what in ("motion", "sound", "person")} == {"off"}
        assert hass.state(f"event.{name}_motion_event") in DEAD
    assert hass.state("event.front_door_face") == "unknown"


@pytest.mark.parametrize("device", [FACE, MOTION])
async def test_every_property_of_the_model_is_known(stage: Stage, device: str) -> None:
    model = Model((stage.face if device == FACE else stage.motion).settings.model)
    assert stage.properties(device).keys() == {it for it, row in SETTINGS.items() if row.getter.supports(model)}


async def test_the_properties_are_the_cameras(stage: Stage) -> None:
    await stage.home.shows_the_truth(stage.face, stage.motion)
    for name in ("front_door", "back_door"):
        assert stage.home.hass.state(f"binary_sensor.{name}_sd_card_problem") == "off"


async def test_home_assistant_knows_every_key(stage: Stage) -> None:
    components: dict[str, Any] = {}
    for topic, payload in (await stage.home.site.kept(stage.home.broker.port)).items():
        if re.fullmatch("homeassistant/device/.+/config", topic):
            message = json.loads(payload)
            name = message["device"]["identifiers"][0]
            components |= {f"{name} {key}": component for key, component in message["components"].items()}
        elif match := re.fullmatch("homeassistant/(.+)/(.+)/(.+)/config", topic):
            message = json.loads(payload)
            # These two are for the message as a whole; it says at once what it does not know of them.
            component = {key: value for key, value in message.items() if key not in ("device", "origin")}
            components[f"{match[2]} {match[3]}"] = {"platform": match[1], **component}
    assert len(components) == len(stage.entities)
    process = await asyncio.create_subprocess_exec(
        *root.inside(root.path(), root.INTERPRETER, "-c", DROPPED_KEYS.read_text(encoding="utf-8")),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    answer, _ = await process.communicate(json.dumps(components).encode())
    assert process.returncode == 0
    assert json.loads(answer) == {name: [] for name in components}


async def test_home_assistant_has_nothing_to_complain_of(stage: Stage) -> None:
    assert stage.home.hass.problems() == []
