"""``call``: every endpoint from the command line, its answers, and what is wrong with a command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from rich.console import Console

from ipc_bridge.catalog.device import ENDPOINTS, GET_LED_SWITCH
from ipc_bridge.catalog.endpoint import Auth, Effect, Endpoint
from ipc_bridge.catalog.fields import MAX_FILE, File, encode
from ipc_bridge.cli import main
from ipc_bridge.cli.answers import describe
from ipc_bridge.device.address import Address
from ipc_bridge.device.api import fetch_fingerprint
from ipc_bridge.simulator import Code
from ipc_bridge.simulator.portraits import JPEG
from tests.cli.cameras import HOST, Shop, opened
from tests.device.rig import trust

ANOTHER = "ab" * 32
"""A fingerprint that nobody has."""


def words_of(endpoint: Endpoint, values: dict[str, Any]) -> list[str]:
    return [f"{name}={encode(value)}" for name, value in values.items() if not isinstance(endpoint.fields[name], File)]


# Every endpoint.


@pytest.mark.parametrize("endpoint", ENDPOINTS.values(), ids=ENDPOINTS)
async def test_every_call(tmp_path: Path, endpoint: Endpoint) -> None:
    activated = endpoint.auth is Auth.ACCOUNT
    async with opened(tmp_path, activated=activated, reboot_seconds=3600) as shop:
        shop.configure(cameras=[{**shop.entry, "activation_code": "12345678"}])
        params = dict(endpoint.sample)
        if endpoint.path == "device/activate":
            params["sn"] = shop.camera.sn
        picture = tmp_path / "face.jpg"
        picture.write_bytes(JPEG)
        words = words_of(endpoint, params)
        words += [f"{name}=@{picture}" for name, field in endpoint.params.items() if isinstance(field, File)]
        result = await shop.call(endpoint.path, "--json", "--yes", *words)
        seen = shop.camera.calls
    assert [call.path for call in seen] == [endpoint.path], result.output
    (call,) = seen
    attributes = params.pop("attributes", {})
    sent = {name: encode(value) for name, value in params.items() if name not in call.files} | attributes
    assert {name: text for name, text in call.params.items() if name in sent} == sent
    assert all(file.size == len(JPEG) for file in call.files.values())
    assert call.code not in {1, 2, 5}
    if call.code == 0:
        assert (result.exit_code, result.stderr) == (0, "")
        assert json.loads(result.stdout).keys() >= endpoint.told.keys() - {"snap_size_thr"}
    else:
        assert (result.exit_code, result.stdout) == (1, "")
        assert result.stderr.startswith(f"Error: {endpoint.path} on {HOST}:")
        assert f"code {call.code} (" in result.stderr


# Answers.


async def test_an_answer_for_people(shop: Shop) -> None:
    shop.camera.controls.irmode = 2
    result = await shop.call("config/getIrMode")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "irmode  2 (auto)\n", "")
    result = await shop.call("config/setIrMode", "irmode=1")
    assert (result.exit_code, result.stdout) == (0, "Done.\n")
    assert shop.camera.controls.irmode == 1


async def test_records_are_a_table(shop: Shop) -> None:
    result = await shop.call("face/getFaceList", "group_name=vip")
    lines = [line.split() for line in result.stdout.splitlines()]
    (head,) = (line for line in lines if "faceid" in line)
    # Attributes that people gave to the group have their columns.
    assert {"faceid", "age", "age_range", "gender", "arrive_count", "hobby"} <= set(head)
    assert "00000001" in result.stdout
    assert "1 (male)" in result.stdout
    assert "7-12" in result.stdout


async def test_lists_and_units(shop: Shop) -> None:
    assert (await shop.call("config/getRotationAngles")).stdout == "angles  0, 90, 180, 270\n"
    assert (await shop.call("peopleFlow/getConfig")).stdout.splitlines()[0].split() == ["facerecog_interval", "10", "s"]
    assert (await shop.call("face/getFaceInfoItem", "group_name=stranger")).stdout.split() == [
        "num",
        "0",
        "name_list",
        "-",
    ]


async def test_secrets_are_not_shown(shop: Shop) -> None:
    shop.camera.controls.ssid, shop.camera.controls.password = "Shop", "the-password"
    for options in ((), ("--json",)):
        result = await shop.call("config/getWifiConf", *options)
        assert "Shop" in result.stdout
        assert "<redacted>" in result.stdout
        assert "the-password" not in result.output


async def test_a_camera_cannot_play_with_the_terminal(shop: Shop) -> None:
    shop.camera.controls.name = "[red]\x1b[2J"
    result = await shop.call("config/getName")
    assert "\x1b" not in result.stdout
    assert "[red]" in result.stdout


async def test_what_cannot_be_understood_is_shown_as_it_came(shop: Shop) -> None:
    shop.camera.controls.zoom = "wide"  # type: ignore[assignment] # what a camera should not do
    result = await shop.call("config/getZoomFocusConf")
    assert result.exit_code == 0
    assert ["zoom", "wide"] in [line.split() for line in result.stdout.splitlines()]


def test_what_is_new_in_an_answer_is_shown_too() -> None:
    console = Console(width=100)
    with console.capture() as capture:
        console.print(describe(GET_LED_SWITCH, {"led_switch": 1, "colour": {"name": "red", "rgb": [255, 0, 0]}}))
    rows = [line.split() for line in capture.get().splitlines()]
    assert rows == [["led_switch", "1", "(ON)"], ["colour", "name", "red"], ["rgb", "255,", "0,", "0"]]


# Mistakes: nothing is sent.


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["config/setZoom"], "config/setZoom needs zoom: a whole number from 0 to 500"),
        (["config/setZoom", "zoom=wide"], 'zoom may be a whole number from 0 to 500, not "wide"'),
        (["config/setZoom", "zoom=12.9"], "zoom may be a whole number from 0 to 500, not 12.9"),
        (["config/setZoom", "zoom=501"], "zoom may be a whole number from 0 to 500, not 501"),
        (["config/setZoom", "zoom=1", "focus=1"], 'config/setZoom takes zoom, not "focus"'),
        (["config/setZoom", "zoom=1", "zoom=2"], "zoom is given twice"),
        (["config/setZoom", "120"], "120 is no parameter: write name=value"),
        (["config/setZom", "zoom=1"], "cameras have no call config/setZom: did you mean config/setZoom?"),
        (["x"], "cameras have no call x: see `ipc-bridge endpoints`"),
        (["face/getFaceByPicture", "pic=@nowhere.jpg"], "nowhere.jpg cannot be read: No such file or directory"),
        (
            ["peopleFlow/setDoorLine", "resolution=0", "start_x=0", "start_y=0", "end_x=50", "end_y=0"],
            "at least 100 more",
        ),
        (["face/addFaceInfoItem", "num=1", "group_name=vip", "name_list=[1]"], "name_list may be a list of 1 to 5"),
        (["face/addFaceInfoItem", "num=2", "group_name=vip", 'name_list=["a"]'], "num must be the length of name_list"),
    ],
)
async def test_mistakes_are_named(shop: Shop, words: list[str], complaint: str) -> None:
    result = await shop.call(*words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert complaint in result.stderr
    assert not shop.camera.calls


@pytest.mark.parametrize("content", [b"GIF89a", b"", JPEG + bytes(MAX_FILE)], ids=["GIF", "empty", "too large"])
async def test_a_picture_that_is_none(shop: Shop, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "face.jpg"
    path.write_bytes(content)
    result = await shop.call("face/getFaceByPicture", f"pic=@{path}")
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"{path} is not a JPEG or PNG of at most 1920x1080 pixels and 1048576 bytes" in result.stderr
    assert not shop.camera.calls


# What destroys.


async def test_what_destroys_is_asked_for(shop: Shop) -> None:
    refused = await shop.call("config/formatMemoryCard", typed="n\n")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert f"config/formatMemoryCard on camera {shop.camera.sn}: format the SD card" in refused.stderr
    silent = await shop.call("config/formatMemoryCard")
    assert silent.exit_code == 1
    assert not shop.camera.calls
    assert (await shop.call("config/formatMemoryCard", typed="y\n")).exit_code == 0
    assert (await shop.call("config/formatMemoryCard", "--yes")).exit_code == 0
    assert len(shop.camera.calls) == 2


async def test_a_camera_is_not_activated_by_the_way(tmp_path: Path) -> None:
    async with opened(tmp_path, activated=False) as shop:
        shop.configure(cameras=[{**shop.entry, "activation_code": "12345678"}])
        result = await shop.call("config/getName")
        assert result.exit_code == 1
        assert "DEVICE_NOT_ACTIVATED" in result.stderr
        assert [call.path for call in shop.camera.calls] == ["config/getName"]


def test_only_what_destroys_is_asked_for() -> None:
    assert sum(endpoint.effect is Effect.DANGER for endpoint in ENDPOINTS.values()) == 9


# Where the camera is, and whether it is the right one.


async def pin_of(shop: Shop) -> str:
    return await fetch_fingerprint(Address(shop.camera.host, shop.camera.api_port), trust())


async def test_a_camera_that_the_bridge_remembers(shop: Shop) -> None:
    shop.configure(cameras=[], camera={"api_port": shop.camera.api_port})
    shop.remember(host=shop.camera.host, api_pin=await pin_of(shop))
    before = (shop.directory / "state" / "cameras.json").read_bytes()
    assert (await shop.call("config/getName")).stdout == "name  Front door\n"
    # It is the bridge's file.
    assert (shop.directory / "state" / "cameras.json").read_bytes() == before
    assert [path.name for path in (shop.directory / "state").iterdir()] == ["cameras.json"]


async def test_a_camera_that_nobody_knows(shop: Shop) -> None:
    shop.configure(cameras=[])
    result = await shop.call("config/getName")
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"nobody knows where camera {shop.camera.sn} is: give --host" in result.stderr
    result = await shop.call("config/getName", "--host", f"{shop.camera.host}:{shop.camera.api_port}")
    assert result.stdout == "name  Front door\n"


async def test_the_host_on_the_command_line_counts(shop: Shop) -> None:
    shop.configure(cameras=[{**shop.entry, "host": "127.30.7.99"}])
    result = await shop.call("config/getName", "--host", shop.camera.host)
    assert result.stdout == "name  Front door\n"


async def test_another_certificate_is_refused(shop: Shop) -> None:
    shop.remember(api_pin=ANOTHER)
    result = await shop.call("config/getName")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "the camera's certificate has changed" in result.stderr
    assert not shop.camera.calls
    assert json.loads((shop.directory / "state" / "cameras.json").read_text())["cameras"][0]["api_pin"] == ANOTHER


async def test_what_the_bridge_remembers_must_be_readable(shop: Shop) -> None:
    # Else the camera would be trusted unseen.
    (shop.directory / "state").mkdir()
    (shop.directory / "state" / "cameras.json").write_text("{", encoding="utf-8")
    result = await shop.call("config/getName")
    assert result.exit_code == 1
    assert "cameras.json cannot be read" in result.stderr
    assert not shop.camera.calls
    assert (shop.directory / "state" / "cameras.json").read_text() == "{"


async def test_nobody_there(shop: Shop) -> None:
    await shop.camera.stop()
    result = await shop.call("config/getName")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: no connection to")


async def test_wrong_credentials(shop: Shop) -> None:
    shop.configure(account={"app_id": "demo-app", "secret_key": "wrong"})
    result = await shop.call("config/getName")
    assert result.exit_code == 1
    assert Code.SECRET_KEY_INVALID.name in result.stderr


async def test_a_client_certificate_that_is_none(shop: Shop) -> None:
    (shop.directory / "openapi.p12").write_bytes(b"rubbish")
    shop.configure(account={"app_id": "demo-app", "secret_key": "demo-secret", "certificate": "openapi.p12"})
    result = await shop.call("config/getName")
    assert result.exit_code == 2
    assert "openapi.p12" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["call", "a/b", "config/getName"], "it must be a camera's serial number"),
        (["call", "FS-1", "config/getName", "--host", "no host"], "expected HOST or HOST:PORT"),
        (["call", "FS-1"], "Missing argument 'GROUP/ACTION'"),
    ],
)
async def test_mistakes_on_the_command_line(shop: Shop, arguments: list[str], complaint: str) -> None:
    result = await shop.invoke(*arguments)
    assert result.exit_code == 2
    assert complaint in result.stderr


# endpoints.


def endpoints(*arguments: str) -> Result:
    return CliRunner(env={"COLUMNS": "300"}).invoke(main, ["endpoints", *arguments])


def test_all_endpoints_are_listed() -> None:
    result = endpoints()
    assert result.exit_code == 0
    listed = [line.split()[0] for line in result.stdout.splitlines()[1:]]
    assert listed == list(ENDPOINTS)
    assert "pic group_name [faceid] [age]" in result.stdout


def test_a_group_of_them() -> None:
    result = endpoints("media")
    assert [line.split()[0] for line in result.stdout.splitlines()[1:]] == [
        path for path in ENDPOINTS if path.startswith("media/")
    ]


@pytest.mark.parametrize("endpoint", ENDPOINTS.values(), ids=ENDPOINTS)
def test_one_of_them(endpoint: Endpoint) -> None:
    result = endpoints(endpoint.path)
    assert result.exit_code == 0
    assert result.stdout.startswith(f"{endpoint.path}: {endpoint.title} ({endpoint.effect.value}")
    rows = [line.split() for line in result.stdout.splitlines()]
    for name in endpoint.fields:
        (row,) = (row for row in rows if row[:1] == [name])
        assert (row[1] == "optional") == (name in endpoint.optional)
    for code in endpoint.codes:
        assert [str(code)] in [row[:1] for row in rows]


def test_a_group_that_there_is_not() -> None:
    result = endpoints("faces")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "there is no faces: the groups are hook, peopleFlow, face, media, config, device" in result.stderr
