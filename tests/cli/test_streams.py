"""``streams``: what other programs are to be given."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import Result
from hypothesis import given
from hypothesis import strategies as st

from ipc_bridge.cli.stream_formats import FORMATS, Login, Streams, write
from ipc_bridge.simulator import Code
from tests.cli.cameras import HOST, Shop, opened
from tests.cli.rig import write_config

PLACEHOLDER = "# A login is that of cameras as they are delivered"


async def streams(shop: Shop, *words: str, typed: str | None = None) -> tuple[Result, Any]:
    result = await shop.invoke("streams", *words, typed=typed)
    return result, yaml.safe_load(result.stdout)


def url(shop: Shop, size: str, login: str = "admin:admin") -> str:
    (told,) = {call.path for call in shop.camera.calls}
    assert told == "media/getLiveStream"
    token = hashlib.md5(shop.camera.sn.encode(), usedforsecurity=False).hexdigest()
    return f"rtsp://{login}@{HOST}/{token}/live_{size}.sdp"


async def test_go2rtc_is_the_usual_one(shop: Shop) -> None:
    result, content = await streams(shop)
    assert result.exit_code == 0
    assert result.stdout.startswith(PLACEHOLDER)
    key = "camera_0101"
    assert content == {"streams": {key: [url(shop, "fhd")], f"{key}_hd": [url(shop, "hd")]}}


async def test_frigate(shop: Shop) -> None:
    _result, content = await streams(shop, shop.camera.sn, "--format", "frigate")
    inputs = [{"path": url(shop, "fhd"), "roles": ["record"]}, {"path": url(shop, "hd"), "roles": ["detect"]}]
    assert content == {"cameras": {"camera_0101": {"ffmpeg": {"inputs": inputs}}}}


async def test_home_assistant(shop: Shop) -> None:
    shop.configure(cameras=[{**shop.entry, "name": "Hintertür"}])
    result, content = await streams(shop, "--format", "homeassistant")
    (camera,) = content["camera"]
    assert camera == {"platform": "ffmpeg", "name": "Hintertür", "input": f"-rtsp_transport tcp -i {url(shop, 'fhd')}"}
    assert "Hintertür" in result.stdout


async def test_a_login_of_ones_own(shop: Shop, tmp_path: Path) -> None:
    path = tmp_path / "password"
    path.write_text("p@ss/word:{x}\n", encoding="utf-8")
    result, content = await streams(shop, "--username", "ich", "--password-file", str(path))
    assert PLACEHOLDER not in result.stdout
    assert content["streams"]["camera_0101"] == [url(shop, "fhd", "ich:p%40ss%2Fword%3A%7Bx%7D")]
    result, content = await streams(shop, "--username", "ich", typed="geheim\n")
    assert content["streams"]["camera_0101"] == [url(shop, "fhd", "ich:geheim")]
    assert "RTSP password of ich" in result.stderr
    _result, content = await streams(shop, "--password-file", str(path))
    assert content["streams"]["camera_0101"][0].startswith("rtsp://admin:p%40ss")


@pytest.mark.parametrize(
    ("keys", "login"),
    [
        ({"rtsp_username": "shop", "rtsp_password": "p@ss"}, "shop:p%40ss"),
        ({"rtsp_password": "geheim"}, "admin:geheim"),
        ({"rtsp_username": "shop"}, "shop:admin"),
    ],
)
async def test_a_login_of_the_configuration(shop: Shop, tmp_path: Path, keys: dict[str, str], login: str) -> None:
    shop.configure(camera={"api_port": shop.camera.api_port, **keys}, cameras=[shop.entry])
    result, content = await streams(shop)
    assert PLACEHOLDER not in result.stdout
    assert content["streams"]["camera_0101"] == [url(shop, "fhd", login)]
    # A camera's own goes ahead, and the command line's ahead of both.
    shop.configure(cameras=[{**shop.entry, "rtsp_username": "one", "rtsp_password": "two"}])
    _result, content = await streams(shop)
    assert content["streams"]["camera_0101"] == [url(shop, "fhd", "one:two")]
    _result, content = await streams(shop, "--username", "ich", typed="geheim\n")
    assert content["streams"]["camera_0101"] == [url(shop, "fhd", "ich:geheim")]


async def test_what_the_bridge_remembers_is_asked_and_what_does_not_answer_is_told(tmp_path: Path) -> None:
    async with opened(tmp_path, sn="FS101D8BS00107") as shop:
        listed = {"sn": "FS101D8BS00108", "host": HOST, "api_port": 1}
        shop.configure(cameras=[listed, {"sn": "FS101D8BS00109"}], camera={"api_port": shop.camera.api_port})
        shop.remember(host=HOST, own_name="Front door")
        result, content = await streams(shop)
        assert result.exit_code == 1
        assert list(content["streams"]) == ["front_door", "front_door_hd"]
        assert "nobody knows where camera FS101D8BS00109 is" in result.stderr
        assert "Camera 0108 (FS101D8BS00108): no connection" in result.stderr
        shop.camera.faults.refuse("api", Code.OP_NOT_SUPPORT)
        result = await shop.invoke("streams", shop.camera.sn)
        assert (result.exit_code, result.stdout) == (1, "")


@pytest.mark.parametrize("stream", ["rtsp://127.0.0.9/live.sdp", "http://127.30.7.1/live.sdp", "file:///etc/passwd"])
async def test_a_login_goes_to_the_camera_alone(shop: Shop, stream: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ipc_bridge.simulator.handlers.media._stream", lambda _camera, _name: stream)
    result = await shop.invoke("streams")
    assert (result.exit_code, result.stdout) == (1, "")
    assert f"it names {stream} as its stream, which is not on it" in result.stderr


async def test_a_camera_without_streams(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ipc_bridge.simulator.handlers.media._stream", lambda _camera, _name: "")
    result = await shop.invoke("streams")
    assert (result.exit_code, "it names no stream" in result.stderr) == (1, True)


async def test_cameras_that_nobody_knows(shop: Shop) -> None:
    result = await shop.invoke("streams", "FS101D8BS00999")
    assert (result.exit_code, "there is no camera FS101D8BS00999" in result.stderr) == (2, True)
    shop.config = write_config(shop.directory)
    result = await shop.invoke("streams")
    assert (result.exit_code, result.stdout, "There are no cameras" in result.stderr) == (0, "", True)


# What is made of cameras.


def camera(sn: str, name: str, large: str | None = "rtsp://1/a", small: str | None = "rtsp://1/b") -> Streams:
    return Streams(sn, name, large, small)


def test_names_that_are_the_same_or_none() -> None:
    cameras = [camera("A1", "Door"), camera("A2", "door!"), camera("A3", "门"), camera("A4", "Shop")]
    keys = list(yaml.safe_load(write("frigate", cameras))["cameras"])
    assert keys == ["door_a1", "door_a2", "a3", "shop"]


@pytest.mark.parametrize(("large", "small"), [("rtsp://1/a", None), (None, "rtsp://1/a"), ("rtsp://1/a", "rtsp://1/a")])
def test_a_camera_with_one_stream(large: str | None, small: str | None) -> None:
    one = [camera("A1", "Door", large, small)]
    frigate = yaml.safe_load(write("frigate", one))["cameras"]["door"]["ffmpeg"]["inputs"]
    assert frigate == [{"path": "rtsp://1/a", "roles": ["record", "detect"]}]
    assert yaml.safe_load(write("go2rtc", one))["streams"]["door"] == ["rtsp://1/a"]
    assert yaml.safe_load(write("homeassistant", one))["camera"][0]["input"].endswith("-i rtsp://1/a")


@given(form=st.sampled_from(sorted(FORMATS)), name=st.text(max_size=30), password=st.text(max_size=10))
def test_whatever_a_name_or_password_is_it_can_be_read_back(form: str, name: str, password: str) -> None:
    address = Login("me", password).at("rtsp://host/live.sdp")
    text = write(form, [camera("A1", name, address, None)])
    assert address in str(yaml.safe_load(text))
    assert address.count("@") == 1
    if form == "homeassistant":
        assert yaml.safe_load(text)["camera"][0]["name"] == name


def test_a_login_takes_the_place_of_another_one() -> None:
    assert Login("a", "b").at("rtsp://x:y@host:554/live.sdp?x=1") == "rtsp://a:b@host:554/live.sdp?x=1"
