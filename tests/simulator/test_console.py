"""Every command of the console does what it says, and says what it did."""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from ipc_bridge.catalog.device import SET_WIFI_CONF, SET_ZOOM
from ipc_bridge.simulator import CameraSettings, CardStatus, Code, Fleet, FleetSettings, Flow
from ipc_bridge.simulator.commands import COMMANDS
from ipc_bridge.simulator.console import Console
from ipc_bridge.wire.payload import decode_object
from tests.simulator.api import Api
from tests.simulator.client import subscription

SN = "FS101D8BS00101"
OTHER = "SS101D8BS00102"


@pytest.fixture
async def fleet() -> AsyncIterator[Fleet]:
    async with Fleet(FleetSettings(2, camera=CameraSettings(discovery_port=None))) as fleet:
        yield fleet


async def test_list_and_help(fleet: Fleet) -> None:
    console = Console(fleet)
    listed = await console.execute("list")
    camera = fleet[SN]
    assert listed["cameras"][0] == {
        "sn": SN,
        "model": "FM020",
        "name": "Front door",
        "host": "127.0.0.2",
        "api_port": camera.api_port,
        "channel_port": camera.channel_port,
        "discovery_port": None,
        "mac": "02:00:00:00:00:01",
        "fingerprint": camera.fingerprint,
    }
    assert (await console.execute("help"))["commands"].keys() == COMMANDS.keys()


async def test_face(fleet: Fleet) -> None:
    async with subscription(fleet[SN]) as client:
        line = f"face {SN} group_name=vip age=41 age_range=null hobby='table tennis' event_id=9"
        assert await Console(fleet).execute(line) == {"ok": True, "command": "face", "sn": SN, "event_id": 9}
        event = await client.event()
        assert (event["group_name"], event["age"], event["age_range"]) == ("vip", 41, None)
        assert (event["hobby"], event["event_id"]) == ("table tennis", 9)


async def test_motion_everywhere(fleet: Fleet) -> None:
    answer = await Console(fleet).execute("motion all detect_type=3")
    assert answer == {"ok": True, "command": "motion", "cameras": {SN: {"event_id": 1}, OTHER: {"event_id": 1}}}


async def test_raw_flood_and_status(fleet: Fleet) -> None:
    console = Console(fleet)
    async with subscription(fleet[SN]) as client:
        assert (await console.execute(f"""raw {SN} '{{"event_id": 7}}'"""))["ok"]
        assert await client.event() == {"event_id": 7}
        client.acknowledge(7)
        assert (await console.execute(f"flood {SN} 3"))["ok"]
        await fleet[SN].wait_for_acknowledged(1)
        status = await console.execute(f"status {SN}")
        expected = {"running": True, "activated": True, "clients": 1, "subscribers": 1, "sent": 4, "calls": 0}
        assert expected.items() <= status.items()
        assert (status["acknowledged"], status["unacknowledged"]) == (1, 3)


async def test_a_face_of_the_library(fleet: Fleet) -> None:
    console, camera = Console(fleet), fleet[SN]
    assert (await console.execute(f"face {SN} faceid=00000003"))["event_id"] == 1
    event = decode_object(camera.unacknowledged[1].payload)
    assert (event["faceid"], event["group_name"], event["shift"]) == ("00000003", "staff", "early")
    assert (await console.execute(f"stranger {SN}"))["event_id"] == 2
    listed = await console.execute(f"faces {SN} staff")
    assert (listed["total"], [face["arrivals"] for face in listed["faces"]]) == (2, [1, 0])
    assert listed["faces"][0] == {
        "faceid": "00000003",
        "group_name": "staff",
        "age": 31,
        "age_range": 5,
        "gender": 2,
        "arrivals": 1,
        "attributes": {"shift": "early"},
    }
    assert (await console.execute(f"faces {SN}"))["total"] == 10
    groups = await console.execute(f"groups {SN}")
    assert {group["name"]: group["count"] for group in groups["groups"]} == {
        "regular": 2,
        "stranger": 4,
        "vip": 2,
        "staff": 2,
    }
    assert (groups["times"], groups["period"]) == (5, 7)


async def test_of_very_many_faces_the_first_are_shown(fleet: Fleet) -> None:
    for _ in range(200):
        fleet[SN].library.add_face("regular")
    listed = await Console(fleet).execute(f"faces {SN} regular")
    assert (listed["total"], len(listed["faces"])) == (202, 100)


async def test_people_and_the_card(fleet: Fleet) -> None:
    console, camera = Console(fleet), fleet[SN]
    assert (await console.execute(f"people {SN} out 3"))["ok"]
    assert (await console.execute(f"people {SN} in"))["ok"]
    assert [sum(slot.total for slot in camera.statistics.slots(flow, 0, 2**40, 2**40)) for flow in Flow] == [1, 3, 0]
    assert (await console.execute(f"card {SN} out"))["ok"]
    assert camera.card is CardStatus.OUT
    answer = await console.execute(f"face {SN}")
    assert not answer["ok"]
    assert "SD card" in answer["error"]
    assert (await console.execute(f"controls {SN}"))["card"] == "OUT"
    assert (await console.execute(f"card {SN} working"))["ok"]
    assert (await console.execute(f"face {SN}"))["ok"]


async def test_calls_and_controls(fleet: Fleet, http: aiohttp.ClientSession) -> None:
    console, camera = Console(fleet), fleet[SN]
    api = Api(http, camera)
    await api.call(SET_ZOOM, zoom=120)
    await api.call(SET_WIFI_CONF, ssid="WeWork", password="secret")
    await api.call(SET_ZOOM, zoom=501)
    assert (await console.execute(f"calls {SN} 2"))["calls"] == [
        "config/setWifiConf ssid=WeWork password=*** -> 0 SUCCESS",
        "config/setZoom zoom=501 -> 110 LENS_ZOOM_PARAM_INVALID",
    ]
    assert len((await console.execute(f"calls {SN}"))["calls"]) == 3
    assert (await console.execute(f"calls {SN} 0"))["calls"] == []
    controls = (await console.execute(f"controls {SN}"))["controls"]
    assert (controls["zoom"], controls["door_line"]["resolution"]) == (120, 0)


@pytest.mark.parametrize("command", ["drop", "abort", "change_certificate", "reboot", "move"])
async def test_commands_that_end_connections(fleet: Fleet, command: str) -> None:
    arguments = {"reboot": "0", "move": "127.0.0.79"}.get(command, "")
    async with subscription(fleet[SN]) as client:
        assert (await Console(fleet).execute(f"{command} {SN} {arguments}"))["ok"]
        if command == "abort":
            await fleet[SN].wait_for_no_client()
        else:
            assert await client.is_closed()
    await fleet[SN].wait_until(lambda: fleet[SN].running)


async def test_rubbish(fleet: Fleet) -> None:
    async with subscription(fleet[SN]) as client:
        assert (await Console(fleet).execute(f"rubbish {SN} 5"))["ok"]
        assert len(await client.reader.readexactly(5)) == 5


@pytest.mark.parametrize(
    ("line", "switch", "value"),
    [
        ("silent {} 30", "silent", True),
        ("silent {}", "silent", True),
        ("damage_crc {}", "damage_crc", 1),
        ("damage_crc {} 5", "damage_crc", 5),
        ("split {} 7", "split", 7),
        ("merge {} 4", "merge", 4),
        ("delay {} 1.5", "delay", 1.5),
        ("cut {} 500", "cut_downloads", 500),
        ("lack {} config/setZoom", "lacking", {"config/setZoom": Code.OP_NOT_SUPPORT}),
        ("lack {} config/setZoom 12", "lacking", {"config/setZoom": 12}),
        ("duplicate {}", "duplicate", True),
        ("wrong_serial {} X1", "wrong_serial", "X1"),
        ("discovery_ip {} 192.168.0.9", "discovery_ip", "192.168.0.9"),
        ("no_discovery {}", "no_discovery", True),
        ("clock {} -3600", "clock_offset", -3600.0),
    ],
)
async def test_switches(fleet: Fleet, line: str, switch: str, value: Any) -> None:
    console, faults = Console(fleet), fleet[SN].faults
    before = copy.copy(getattr(faults, switch))
    assert (await console.execute(line.format(SN)))["ok"]
    assert getattr(faults, switch) == value != before
    assert (await console.execute(f"clear {SN}"))["ok"]
    assert getattr(faults, switch) == before


async def test_speak_and_refuse(fleet: Fleet) -> None:
    console, faults = Console(fleet), fleet[SN].faults
    await console.execute(f"silent {SN}")
    assert (await console.execute(f"speak {SN}"))["ok"]
    assert not faults.silent
    assert (await console.execute(f"refuse {SN} subscribe 12"))["ok"]
    assert (await console.execute(f"refuse {SN} api 5 2"))["ok"]
    assert [faults.take_refusal("subscribe"), faults.take_refusal("subscribe")] == [12, None]
    assert [faults.take_refusal("api") for _ in range(3)] == [5, 5, None]


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("", "empty line"),
        ("dance all", "no command dance"),
        ("face", "usage: face SN"),
        ("drop all 1", "usage: drop SN"),
        ("drop FS0", "no camera FS0"),
        (f"face {SN} age", "age is not key=value"),
        (f"face {SN} omit=age", "omit=age is not key=value"),
        (f"face {SN} event_id=x", "event_id is a whole number"),
        (f"silent {SN} soon", "soon is no number"),
        (f"silent {SN} -1", "-1 seconds"),
        (f"delay {SN} nan", "nan seconds"),
        (f"flood {SN} 1000000", "1000000 is no whole number from 0 to 50000"),
        (f"split {SN} -1", "-1 is no whole number"),
        (f"refuse {SN} everything 5", "everything cannot be refused"),
        (f"lack {SN} config/nothing", "the API has no config/nothing"),
        (f"move {SN} 240.0.0.1", "240.0.0.1"),
        (f"card {SN} in", "in is none of out, unformatted, working, unknown"),
        (f"people {SN} up", "up is none of in, out, pass"),
        (f"faces {SN} nobody", "nobody is none of regular, stranger, vip, staff"),
        (f"face {SN} 'name=x", "No closing quotation"),
        (f"raw {SN} {'x' * 65536}", "65536 bytes"),
    ],
)
async def test_mistakes_are_told_and_change_nothing(fleet: Fleet, line: str, error: str) -> None:
    answer = await Console(fleet).execute(line)
    assert not answer["ok"]
    assert error in answer["error"]
    assert fleet[SN].running
    assert fleet[SN].sent_count == 0
