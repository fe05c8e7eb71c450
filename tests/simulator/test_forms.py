"""Bodies that are no form are refused, however they are wrong."""

from __future__ import annotations

import io
import time

import aiohttp
import pytest

from ipc_bridge.simulator import SimulatedCamera
from ipc_bridge.simulator.portraits import JPEG
from ipc_bridge.wire.signing import public_params, sign
from tests.simulator.client import CREDENTIALS

MULTIPART = "multipart/form-data; boundary=b"
PIC = b'--b\r\nContent-Disposition: form-data; name="pic"; filename="a.jpg"\r\n\r\n' + JPEG + b"\r\n"
END = b"--b--\r\n"


def field(name: str, value: bytes) -> bytes:
    return b'--b\r\nContent-Disposition: form-data; name="' + name.encode() + b'"\r\n\r\n' + value + b"\r\n"


def signed(**params: str) -> bytes:
    texts = {**public_params(CREDENTIALS, int(time.time()), "289192"), "group_name": "vip", **params}
    texts["sign"] = sign(texts, CREDENTIALS.secret_key)
    return b"".join(field(name, text.encode()) for name, text in texts.items())


async def post(http: aiohttp.ClientSession, camera: SimulatedCamera, body: bytes, content_type: str = MULTIPART) -> int:
    url = f"https://{camera.host}:{camera.api_port}/openapi/face/addFace"
    async with http.post(url, data=io.BytesIO(body), headers={"Content-Type": content_type}) as response:
        code: int = (await response.json(content_type=None))["code"]
        return code


async def test_a_form_in_order(http: aiohttp.ClientSession, camera: SimulatedCamera) -> None:
    assert await post(http, camera, signed() + PIC + END) == 0
    assert await post(http, camera, PIC + signed(hobby="Öl") + END) == 0
    assert camera.calls[-1].params["hobby"] == "Öl"
    assert camera.calls[-1].files["pic"].filename == "a.jpg"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no parts",
        signed() + PIC + PIC + END,
        signed() + PIC + field("group_name", b"staff") + END,
        signed() + PIC + field("pic", b"text") + END,
        signed() + PIC + field("", b"nameless") + END,
        signed() + PIC + field("hobby", b"\xff") + END,
        signed() + PIC + field("hobby", bytes(65537)) + END,
        signed() + PIC + b"".join(field(f"p{number}", b"") for number in range(100)) + END,
        signed() + PIC.replace(JPEG, bytes(2**21 + 1)) + END,
        signed() + PIC.replace(b"form-data;", b"form-data; x;").replace(b'name="pic"; ', b"") + END,
        signed() + b"--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\nx\r\n--c--\r\n" + END,
    ],
    ids=[
        "empty",
        "text",
        "file-twice",
        "text-twice",
        "both",
        "nameless",
        "utf-8",
        "long-text",
        "many",
        "large",
        "odd",
        "nested",
    ],
)
async def test_forms_that_are_none(http: aiohttp.ClientSession, camera: SimulatedCamera, body: bytes) -> None:
    before = len(camera.library.faces)
    assert await post(http, camera, body) == 2
    assert len(camera.library.faces) == before
    assert len(camera.calls) == 1


async def test_each_call_takes_the_form_it_takes(http: aiohttp.ClientSession, camera: SimulatedCamera) -> None:
    assert await post(http, camera, signed() + PIC + END, "application/x-www-form-urlencoded") == 2
    assert await post(http, camera, b"{}", "application/json") == 2
    assert await post(http, camera, signed() + PIC + END, "multipart/form-data") == 2


async def test_a_body_that_is_too_large(http: aiohttp.ClientSession, camera: SimulatedCamera) -> None:
    url = f"https://{camera.host}:{camera.api_port}/openapi/config/getName"
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    async with http.post(url, data=io.BytesIO(b"a=" + b"x" * 2**21), headers=headers) as response:
        assert await response.json(content_type=None) == {"code": 2}


async def test_files_take_no_part_in_the_signature(http: aiohttp.ClientSession, camera: SimulatedCamera) -> None:
    assert await post(http, camera, signed() + field("age", b"30") + PIC + END) == 5
    assert await post(http, camera, signed(age="30") + PIC + END) == 0
