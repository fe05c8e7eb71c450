"""Signed calls to a camera's HTTPS API."""

from __future__ import annotations

import asyncio
import gzip
import logging
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from ipc_bridge.catalog.codes import explain
from ipc_bridge.catalog.device import (
    ACTIVATE,
    ADD_FACE,
    GET_INFO,
    GET_LIVE_STREAM,
    GET_SNAPSHOT,
    HOOK_ADD,
    HOOK_QUERY,
    REBOOT,
    SET_WIFI_CONF_WITHOUT_AUTH,
    UPDATE_FACE,
    UPDATE_NAME,
)
from ipc_bridge.device import api as api_module
from ipc_bridge.device.address import Address
from ipc_bridge.device.api import CameraApi, fetch_fingerprint
from ipc_bridge.device.refusal import refusal
from ipc_bridge.device.tls import Security, Verify
from ipc_bridge.errors import (
    CertificateError,
    NoAnswerError,
    ParameterError,
    RefusedError,
    RejectedFileError,
    ReplyError,
    UnreachableError,
)
from ipc_bridge.simulator import (
    CameraSettings,
    KeyType,
    SimulatedCamera,
    make_identity,
    server_context,
    shared_authority,
    shared_identity,
)
from ipc_bridge.wire.signing import Credentials, is_signed
from tests.device.rig import CREDENTIALS, HOST, PATIENCE, fingerprint_of, openssl_server, tls_server, trust, write_p12

SN = "FS101D8BS00101"
Respond = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


def settings(**changes: Any) -> CameraSettings:
    return CameraSettings(**{"host": "127.30.3.1", "discovery_port": None, "sn": SN, **changes})


@pytest.fixture
async def camera() -> AsyncIterator[SimulatedCamera]:
    async with SimulatedCamera(settings()) as camera:
        yield camera


def api_of(
    camera: SimulatedCamera | Address,
    security: Security | None = None,
    credentials: Credentials = CREDENTIALS,
    activation_code: str | None = None,
) -> CameraApi:
    address = camera if isinstance(camera, Address) else Address(camera.host, camera.api_port)
    return CameraApi(SN, address, security or trust(), credentials, activation_code)


@asynccontextmanager
async def server(respond: Respond) -> AsyncIterator[Address]:
    """An HTTPS server that answers everything with ``respond``."""
    http = web.Server(respond, handler_cancellation=True, access_log=None)
    context = server_context(shared_identity(KeyType.EC), None)
    listening = await asyncio.get_running_loop().create_server(http, HOST, 0, ssl=context)
    try:
        yield Address(HOST, listening.sockets[0].getsockname()[1])
    finally:
        listening.close()
        await http.shutdown(0.1)


def always(body: bytes, status: int = 200, **headers: str) -> Respond:
    async def respond(_request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(body=body, status=status, headers=headers)

    return respond


# A call.


async def test_get_info(camera: SimulatedCamera) -> None:
    async with api_of(camera) as api:
        info = await api.call(GET_INFO)
        assert info["sn"] == SN
        assert (await api.call(GET_LIVE_STREAM))["hd_live_url"].startswith("rtsp://")
    (first, second) = camera.calls
    assert (first.path, first.code, second.path) == ("device/getInfo", 0, "media/getLiveStream")
    assert first.params.keys() == {"app_id", "timestamp", "random", "sign"}
    assert is_signed(first.params, "demo-secret")
    assert first.params["random"] != second.params["random"]
    assert abs(int(first.params["timestamp"]) - time.time()) < 60


async def test_parameters_are_signed_as_they_are() -> None:
    forms: list[dict[str, str]] = []

    async def respond(request: web.BaseRequest) -> web.StreamResponse:
        assert request.path == "/openapi/config/updateName"
        forms.append({name: str(value) for name, value in (await request.post()).items()})
        return web.Response(body=b'{"code": 0}')

    name = "Tür & Hof = 100 % + \N{SNOWMAN}"
    async with server(respond) as address, api_of(address) as api:
        assert await api.call(UPDATE_NAME, name=name) == {}
    (form,) = forms
    assert form["name"] == name
    assert is_signed(form, "demo-secret")


async def test_a_picture_goes_as_a_file_and_is_not_signed() -> None:
    parts: dict[str, Any] = {}

    async def respond(request: web.BaseRequest) -> web.StreamResponse:
        assert request.content_type == "multipart/form-data"
        parts.update(await request.post())
        upload = parts.pop("pic")
        assert isinstance(upload, web.FileField)
        assert (upload.file.read(), upload.filename, upload.content_type) == (picture, "pic.png", "image/png")
        return web.Response(body=b'{"code": 0, "data": {"faceid": "7"}}')

    picture = ADD_FACE.check(ADD_FACE.sample)["pic"]
    async with server(respond) as address, api_of(address) as api:
        data = await api.call(ADD_FACE, pic=picture, group_name="vip", age=30, attributes={"hobby": "tennis"})
    assert data == {"faceid": "7"}
    assert (parts["group_name"], parts["age"], parts["hobby"]) == ("vip", "30", "tennis")
    assert is_signed(parts, "demo-secret")


async def test_without_a_picture_it_is_multipart_all_the_same() -> None:
    async def respond(request: web.BaseRequest) -> web.StreamResponse:
        assert request.content_type == "multipart/form-data"
        assert (await request.post())["faceid"] == "7"
        return web.Response(body=b'{"code": 0}')

    async with server(respond) as address, api_of(address) as api:
        assert await api.call(UPDATE_FACE, group_name="vip", faceid="7", gender=1) == {}


async def test_a_list_is_signed_as_the_json_that_is_sent(camera: SimulatedCamera) -> None:
    async with api_of(camera) as api:
        await api.call(HOOK_ADD, event_list=["dynamic_detect_event"], http_callback="http://127.30.3.1/msg")
        assert (await api.call(HOOK_QUERY))["num"] == 1
    assert camera.calls[0].params["event_list"] == '["dynamic_detect_event"]'


async def test_a_call_before_activation_is_not_signed() -> None:
    async with SimulatedCamera(settings(activated=False)) as camera, api_of(camera) as api:
        await api.call(SET_WIFI_CONF_WITHOUT_AUTH, ssid="shop", password="")
        assert camera.calls[0].params == {"ssid": "shop", "password": ""}


async def test_nothing_is_sent_that_the_catalogue_refuses(camera: SimulatedCamera) -> None:
    async with api_of(camera) as api:
        with pytest.raises(ParameterError, match="name may be text of 1 to 36 characters"):
            await api.call(UPDATE_NAME, name="x" * 37)
    assert not camera.calls


@pytest.mark.parametrize(
    ("credentials", "code", "name"),
    [
        (Credentials("nobody", "demo-secret"), 1, "APPID_INVALID"),
        (Credentials("demo-app", "wrong"), 5, "SECRET_KEY_INVALID"),
    ],
)
async def test_refused_credentials(camera: SimulatedCamera, credentials: Credentials, code: int, name: str) -> None:
    async with api_of(camera, credentials=credentials) as api:
        with pytest.raises(
            RefusedError, match=rf"device/getInfo on 127\.30\.3\.1:\d+ answered code {code} \({name}"
        ) as e:
            await api.call(GET_INFO)
        assert e.value.code == code


@pytest.mark.parametrize(("code", "words"), [(6, "URL_NOT_FOUND"), (4711, "which the vendor does not document")])
async def test_refused_calls(camera: SimulatedCamera, code: int, words: str) -> None:
    camera.faults.refuse("api", code)
    async with api_of(camera) as api:
        with pytest.raises(RefusedError, match=words) as caught:
            await api.call(GET_INFO)
        assert caught.value.code == code
        # Once more, on the same connection.
        assert (await api.call(GET_INFO))["sn"] == SN


def test_a_refusal_names_its_code() -> None:
    known = refusal("device/getInfo answered", 5, "; its clock is wrong")
    assert (known.code, known.name) == (5, "SECRET_KEY_INVALID")
    assert str(known) == f"device/getInfo answered {explain(5)}; its clock is wrong"
    assert refusal("x", 4711).name is None


# Activation.


async def test_a_camera_is_activated_on_the_way(caplog: pytest.LogCaptureFixture) -> None:
    async with SimulatedCamera(settings(activated=False)) as camera, api_of(camera, activation_code="12345678") as api:
        assert (await api.call(GET_INFO))["sn"] == SN
        assert camera.activated
        assert [call.path for call in camera.calls] == ["device/getInfo", "device/activate", "device/getInfo"]
        (warning,) = (record.message for record in caplog.records if record.levelno == logging.WARNING)
        assert warning == f"Camera {SN} was not activated; it is now"
        # What is active stays so, and nobody is told otherwise.
        caplog.clear()
        await api.activate()
        assert not caplog.records


async def test_without_a_code_nothing_is_activated() -> None:
    async with SimulatedCamera(settings(activated=False)) as camera, api_of(camera) as api:
        with pytest.raises(RefusedError, match="not activated") as caught:
            await api.call(GET_INFO)
        assert caught.value.code == 7
        with pytest.raises(ParameterError, match="device/activate needs an activation code"):
            await api.call(ACTIVATE, sn=SN)
        assert len(camera.calls) == 1


async def test_a_wrong_activation_code() -> None:
    async with SimulatedCamera(settings(activated=False)) as camera, api_of(camera, activation_code="87654321") as api:
        with pytest.raises(RefusedError, match="DEVICE_ACTIVATE_FAILED") as caught:
            await api.call(GET_INFO)
        assert caught.value.code == 8
        assert not camera.activated


# Trust.


async def test_the_first_certificate_is_pinned(camera: SimulatedCamera) -> None:
    async with api_of(camera) as api:
        assert api.pin is None
        await api.call(GET_INFO)
        assert str(api.pin) == camera.fingerprint
    async with api_of(camera, trust(pin=camera.fingerprint)) as api:
        await api.call(GET_INFO)


async def test_a_changed_certificate_gets_no_call(camera: SimulatedCamera) -> None:
    first = camera.fingerprint
    await camera.change_certificate()
    async with api_of(camera, trust(pin=first)) as api:
        with pytest.raises(CertificateError, match="has changed: accept it with bridge/request/trust") as caught:
            await api.call(GET_INFO)
        assert caught.value.fingerprint == camera.fingerprint
    assert not camera.calls


async def test_a_certificate_that_changes_between_two_calls(camera: SimulatedCamera) -> None:
    async with api_of(camera) as api:
        await api.call(GET_INFO)
        await camera.change_certificate()
        with pytest.raises(CertificateError, match="has changed"):
            await api.call(GET_INFO)
    assert len(camera.calls) == 1


async def test_by_authority(tmp_path: Path) -> None:
    authority = make_identity("CA of the shop", KeyType.EC, authority=True)
    (tmp_path / "right.pem").write_bytes(authority.certificate)
    (tmp_path / "other.pem").write_bytes(shared_authority().certificate)
    identity = make_identity("SUNMI IPC", KeyType.EC, authority)
    async with SimulatedCamera(settings(identity=identity)) as camera:
        async with api_of(camera, trust(Verify.CA, ca=tmp_path / "right.pem")) as api:
            await api.call(GET_INFO)
            assert api.pin is None
        async with api_of(camera, trust(Verify.CA, ca=tmp_path / "other.pem")) as api:
            with pytest.raises(CertificateError, match=r"not from the CA in tls\.ca: unable to get local issuer"):
                await api.call(GET_INFO)
    assert len(camera.calls) == 1


async def test_unchecked(camera: SimulatedCamera) -> None:
    async with api_of(camera, trust(Verify.OFF, pin="00" * 32)) as api:
        await api.call(GET_INFO)


async def test_a_key_that_is_too_small(tmp_path: Path) -> None:
    identity = make_identity("SUNMI IPC", KeyType.WEAK)
    ca = tmp_path / "ca.pem"
    ca.write_bytes(identity.certificate)
    async with SimulatedCamera(settings(identity=identity)) as camera:
        for security in (trust(), trust(Verify.CA, ca=ca)):
            async with api_of(camera, security) as api:
                with pytest.raises(CertificateError, match=r"tls\.legacy: true"):
                    await api.call(GET_INFO)
        assert not camera.calls
        for security in (trust(legacy=True), trust(Verify.CA, ca=ca, legacy=True)):
            async with api_of(camera, security) as api:
                await api.call(GET_INFO)


async def test_a_demanded_client_certificate(tmp_path: Path) -> None:
    authority = shared_authority()
    path = write_p12(tmp_path / "openapi.p12", make_identity("openapi", KeyType.EC, authority), "secret")
    async with SimulatedCamera(settings(client_authority=authority.certificate)) as camera:
        async with api_of(camera, trust(certificate=path, password="secret")) as api:
            await api.call(GET_INFO)
        async with api_of(camera, trust(pin=camera.fingerprint)) as api:
            with pytest.raises(UnreachableError, match=r"hung up: .*see account\.certificate"):
                await api.call(GET_INFO)


@pytest.mark.parametrize(("version", "reason"), [("-tls1_2", "HANDSHAKE_FAILURE"), ("-tls1_3", "account.certificate")])
async def test_the_advice_for_a_client_certificate(tmp_path: Path, version: str, reason: str) -> None:
    (tmp_path / "ca.pem").write_bytes(shared_authority().certificate)
    identity = make_identity("camera", KeyType.EC)
    demand = ["-Verify", "1", "-verify_return_error", "-CAfile", "ca.pem"]
    with openssl_server(tmp_path, identity, version, *demand) as address:
        # With a pin, the first connection is the call's own.
        async with api_of(address, trust(pin=fingerprint_of(identity))) as api:
            with pytest.raises(UnreachableError) as caught:
                await api.call(GET_INFO)
    if version == "-tls1_2":
        assert f"{reason}: the camera wants the vendor's client certificate" in str(caught.value)
    else:
        # TLS 1.3 lets us begin to write; what we hear of it is a matter of who is faster.
        assert "device/getInfo" in str(caught.value) or reason in str(caught.value)


# Answers that are none.


@pytest.mark.parametrize(
    ("body", "status", "complaint"),
    [
        (b"<html>Not Found</html>", 404, "answered HTTP 404, and the payload is not JSON"),
        (b"", 200, "answered HTTP 200, and the payload is not JSON"),
        (b"[0]", 200, "is JSON, but list and not an object"),
        (b'{"code": \xe2\x80\x9c0\xe2\x80\x9d}', 200, "is not JSON"),
        (b"{}", 200, "without a numeric code: b'{}'"),
        (b'{"code": "0"}', 200, "without a numeric code"),
        (b'{"code": true}', 200, "without a numeric code"),
        (b'{"code": null, "data": {}}', 200, "without a numeric code"),
    ],
)
async def test_answers_that_are_none(body: bytes, status: int, complaint: str) -> None:
    async with server(always(body, status)) as address, api_of(address) as api:
        with pytest.raises(ReplyError, match=complaint):
            await api.call(GET_INFO)


@pytest.mark.parametrize(
    ("body", "data"),
    [
        (b'{"code": 0}', {}),
        (b'{"code": 0, "data": null}', {}),
        (b'{"code": 0, "data": [1]}', {}),
        (b'{"code":0,"data":{"a":1}}', {"a": 1}),
    ],
)
async def test_answers_without_data(body: bytes, data: dict[str, Any]) -> None:
    # Whatever type and status it has: the documents name none.
    async with server(always(body, 500, **{"Content-Type": "image/png"})) as address, api_of(address) as api:
        assert await api.call(GET_INFO) == data


@pytest.mark.parametrize("chunked", [False, True])
async def test_an_answer_that_is_too_long(chunked: bool) -> None:
    async def respond(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        if chunked:
            response.enable_chunked_encoding()
        else:
            response.content_length = 64 * 2**16
        await response.prepare(request)
        for _ in range(64):
            await response.write(bytes(2**16))
        return response

    async with server(respond) as address, api_of(address) as api:
        with pytest.raises(ReplyError, match=r"getInfo on .* answered more than 1024 KiB"):
            await api.call(GET_INFO)


async def test_an_answer_as_long_as_it_may_be() -> None:
    body = b'{"code": 0, "data": {"a": "' + b"x" * (api_module.MAX_REPLY - 30) + b'"}}'
    assert len(body) == api_module.MAX_REPLY
    async with server(always(body)) as address, api_of(address) as api:
        assert len((await api.call(GET_INFO))["a"]) == api_module.MAX_REPLY - 30


async def test_redirects_are_not_followed() -> None:
    paths: list[str] = []

    async def respond(request: web.BaseRequest) -> web.StreamResponse:
        paths.append(request.path)
        return web.Response(status=302, headers={"Location": "/elsewhere"})

    async with server(respond) as address, api_of(address) as api:
        with pytest.raises(ReplyError, match="answered HTTP 302"):
            await api.call(GET_INFO)
    assert paths == ["/openapi/device/getInfo"]


async def test_cookies_are_not_kept() -> None:
    cookies: list[str | None] = []

    async def respond(request: web.BaseRequest) -> web.StreamResponse:
        cookies.append(request.headers.get("Cookie"))
        return web.Response(body=b'{"code": 0}', headers={"Set-Cookie": "session=1"})

    async with server(respond) as address, api_of(address) as api:
        await api.call(GET_INFO)
        await api.call(GET_INFO)
    assert cookies == [None, None]


# The camera's clock.


@pytest.mark.parametrize("code", [1, 5])
@pytest.mark.parametrize(
    ("offset", "advice"),
    [
        (0.0, r"\)$"),
        (3600.0, r"; its clock is (3600|3599) s ahead, which may be the reason$"),
        (-86400.0, r"; its clock is 8640[012] s behind, which may be the reason$"),
    ],
)
async def test_the_clock_by_the_date_of_the_answer(code: int, offset: float, advice: str) -> None:
    date = formatdate(time.time() + offset, usegmt=True)
    measured: list[float] = []
    async with (
        server(always(b'{"code": %d}' % code, Date=date)) as address,
        CameraApi(SN, address, trust(), CREDENTIALS, clock_measured=measured.append) as api,
    ):
        assert api.clock_offset is None
        # Most of all where a signature is refused.
        with pytest.raises(RefusedError, match=advice):
            await api.call(GET_INFO)
        assert measured == [api.clock_offset] == pytest.approx([offset], abs=30.0)


@pytest.mark.parametrize("date", ["", "yesterday", "Mon, 99 Foo 2026 99:99:99 GMT", "Thu, 01 Jan 99999 00:00:00 GMT"])
async def test_a_date_that_is_none(date: str) -> None:
    async with server(always(b'{"code": 0}', Date=date)) as address, api_of(address) as api:
        await api.call(GET_INFO)
        assert api.clock_offset is None


async def test_no_date_at_all() -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"sign=")
        writer.write(b'HTTP/1.0 200 OK\r\nContent-Length: 11\r\n\r\n{"code": 0}')
        await reader.read()

    async with tls_server(handle) as address, api_of(address) as api:
        assert await api.call(GET_INFO) == {}
        assert api.clock_offset is None


# Pictures.


async def test_a_picture_is_fetched_from_the_camera_that_gave_its_address(camera: SimulatedCamera) -> None:
    async with api_of(camera) as api:
        url = (await api.call(GET_SNAPSHOT))["snapshot_url"]
        assert (await api.fetch(url)).startswith(b"\xff\xd8\xff")
        with pytest.raises(ReplyError, match=r"/tmp/snapshot/.*\.jpg on .* answered HTTP 404 and no picture"):
            await api.fetch(url + "0")


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("https://127.30.3.2/tmp/snapshot/1.jpg?auth_key=1", "which is not on this camera"),
        ("http://127.30.3.1/tmp/snapshot/1.jpg?auth_key=1", "which is not on this camera"),
        ("file:///etc/passwd", "which is not on this camera"),
        ("/tmp/snapshot/1.jpg", "which is not on this camera"),
        ("", "which is not on this camera"),
        ("https://[127.30.3.1/1.jpg", "which is no address"),
        ("https://camera@169.254.169.254/127.30.3.1", "which is not on this camera"),
    ],
)
async def test_nobody_else_is_asked_for_a_picture(camera: SimulatedCamera, url: str, complaint: str) -> None:
    async with api_of(camera) as api:
        with pytest.raises(ReplyError, match=complaint):
            await api.fetch(url)
        assert api._session is None


async def test_a_picture_that_is_none_or_too_large() -> None:
    async def respond(request: web.BaseRequest) -> web.StreamResponse:
        large = request.path == "/large.jpg"
        return web.Response(body=bytes(api_module.MAX_PICTURE + 1) if large else b"GIF89a", status=200)

    async with server(respond) as address, api_of(address) as api:
        with pytest.raises(ReplyError, match=r"/small.jpg on .* answered HTTP 200 and no picture"):
            await api.fetch(f"https://{address}/small.jpg?auth_key=1")
        with pytest.raises(ReplyError, match=r"/large.jpg on .* answered more than 2048 KiB"):
            await api.fetch(f"https://{address}/large.jpg?auth_key=1")


async def never_ends(request: web.BaseRequest) -> web.StreamResponse:
    """10 GB, and none of it twice as fast as the other."""
    response = web.StreamResponse(headers={"Content-Length": str(10 * 2**30)})
    await response.prepare(request)
    while True:
        await response.write(bytes(65536))


async def a_byte_at_a_time(request: web.BaseRequest) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(b"\xff")
        await asyncio.sleep(0.05)


async def test_a_picture_without_an_end_is_given_up_at_its_limit() -> None:
    async with server(never_ends) as address, api_of(address) as api:
        with pytest.raises(RejectedFileError, match="more than 2048 KiB"):
            await api.fetch(f"https://{address}/1.jpg?auth_key=1")


async def test_a_picture_that_drips_is_given_up_in_time_and_keeps_no_call_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(api_module, "PICTURE_TIMEOUT", 0.5)

    async def respond(request: web.BaseRequest) -> web.StreamResponse:
        if request.method == "GET":
            return await a_byte_at_a_time(request)
        return web.Response(body=b'{"code": 0}')

    async with server(respond) as address, api_of(address) as api:
        url = f"https://{address}/1.jpg?auth_key=1"
        drips = [asyncio.create_task(api.fetch(url)) for _ in range(2 * api_module.MAX_DOWNLOADS)]
        for _ in range(3):
            assert await api.call(GET_INFO) == {}
        assert not any(drip.done() for drip in drips)
        for drip in drips:
            with pytest.raises(NoAnswerError, match=rf"no picture from {address} within 0.5 s"):
                await drip


async def test_a_picture_that_points_to_itself() -> None:
    asked: list[str] = []

    async def respond(request: web.BaseRequest) -> web.StreamResponse:
        asked.append(request.path)
        return web.Response(status=302, headers={"Location": str(request.url)})

    async with server(respond) as address, api_of(address) as api:
        with pytest.raises(RejectedFileError, match="HTTP 302 and no picture"):
            await api.fetch(f"https://{address}/1.jpg?auth_key=1")
    assert asked == ["/1.jpg"]


async def test_what_is_packed_is_not_unpacked() -> None:
    async def respond(_request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(body=gzip.compress(bytes(10**8)), headers={"Content-Encoding": "gzip"})

    async with server(respond) as address, api_of(address) as api:
        with pytest.raises(RejectedFileError, match="HTTP 200 and no picture"):
            await api.fetch(f"https://{address}/1.jpg?auth_key=1")


async def test_a_camera_that_is_known_by_name_gives_out_its_number(camera: SimulatedCamera) -> None:
    # Whatever it says, it is asked where it is known: the port is its own, and the vendor's addresses name none.
    async with api_of(camera) as api:
        url = (await api.call(GET_SNAPSHOT))["snapshot_url"]
        assert (await api.fetch(url.replace(f":{camera.api_port}", ""))).startswith(b"\xff\xd8\xff")
    named = SimulatedCamera(settings(host="127.0.0.1"))
    async with named, api_of(Address("localhost", named.api_port)) as api:
        url = (await api.call(GET_SNAPSHOT))["snapshot_url"]
        assert "127.0.0.1" in url
        assert (await api.fetch(url)).startswith(b"\xff\xd8\xff")
        with pytest.raises(RejectedFileError, match="not on this camera"):
            await api.fetch(url.replace("127.0.0.1", "127.0.0.2"))
    async with api_of(Address("camera.invalid", 443)) as api:
        with pytest.raises(RejectedFileError, match="not on this camera"):
            await api.fetch("https://127.0.0.1/1.jpg")


# What is worth another try.


def breaks(first: int) -> tuple[Respond, list[str]]:
    """A server that hangs up on the first calls, and the paths that it was asked."""
    paths: list[str] = []

    async def respond(request: web.BaseRequest) -> web.StreamResponse:
        paths.append(request.path.removeprefix("/openapi/"))
        if len(paths) <= first:
            assert request.transport is not None
            request.transport.abort()
        return web.Response(body=b'{"code": 0, "data": {"name": "x"}}')

    return respond, paths


async def test_a_question_is_asked_once_more_where_the_connection_breaks() -> None:
    respond, paths = breaks(1)
    async with server(respond) as address, api_of(address) as api:
        assert await api.call(GET_INFO) == {"name": "x"}
    assert paths == ["device/getInfo"] * 2
    respond, paths = breaks(2)
    async with server(respond) as address, api_of(address) as api:
        with pytest.raises(UnreachableError, match="device/getInfo on"):
            await api.call(GET_INFO)
    assert paths == ["device/getInfo"] * 2


async def test_what_changes_something_is_sent_once() -> None:
    respond, paths = breaks(1)
    async with server(respond) as address, api_of(address) as api:
        with pytest.raises(UnreachableError, match="config/updateName on"):
            await api.call(UPDATE_NAME, name="x")
        assert await api.call(UPDATE_NAME, name="x") == {"name": "x"}
    assert paths == ["config/updateName"] * 2


async def test_after_the_end_there_are_no_calls(camera: SimulatedCamera) -> None:
    async with api_of(camera) as api:
        await api.call(GET_INFO)
    with pytest.raises(UnreachableError, match=f"the channel to camera {SN} has ended"):
        await api.call(GET_INFO)


async def test_calls_that_are_under_way_at_the_end() -> None:
    asked = asyncio.Semaphore(0)

    async def respond(_request: web.BaseRequest) -> web.StreamResponse:
        asked.release()
        await asyncio.get_running_loop().create_future()
        raise AssertionError

    async with server(respond) as address:
        async with api_of(address) as api:
            # The third one waits for a connection.
            calls = [asyncio.create_task(api.call(endpoint)) for endpoint in (GET_INFO, REBOOT, REBOOT)]
            async with asyncio.timeout(PATIENCE):
                await asked.acquire()
                await asked.acquire()
        for result in await asyncio.gather(*calls, return_exceptions=True):
            assert isinstance(result, UnreachableError)


# No answer.


async def test_nothing_listens() -> None:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        address = Address(HOST, probe.getsockname()[1])
        for security in (trust(), trust(pin="00" * 32)):
            async with api_of(address, security) as api:
                with pytest.raises(UnreachableError, match=f"no connection to {address}: Connection refused"):
                    await api.call(GET_INFO)


async def test_no_answer_in_time(camera: SimulatedCamera, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_module, "TIMEOUT", 0.2)
    camera.faults.silence()
    async with api_of(camera) as api:
        with pytest.raises(UnreachableError, match=r"device/getInfo on 127\.30\.3\.1:\d+: no answer within 0.2 s"):
            await api.call(GET_INFO)


async def test_a_handshake_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_module, "TIMEOUT", 0.2)
    with socket.create_server((HOST, 0)) as silent:
        address = Address(HOST, silent.getsockname()[1])
        with pytest.raises(UnreachableError, match=f"{address} did not answer within 0.2 s"):
            await fetch_fingerprint(address, trust())


async def test_a_camera_that_hangs_up_instead_of_answering() -> None:
    async def handle(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"sign=")

    async with tls_server(handle) as address, api_of(address) as api:
        with pytest.raises(UnreachableError, match=f"device/getInfo on {address}: Server disconnected"):
            await api.call(GET_INFO)


async def test_what_is_no_http() -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"sign=")
        writer.write(b"\xff\x3e\x3e\xff what a camera says on its channel\r\n\r\n")
        await reader.read()

    async with tls_server(handle) as address, api_of(address) as api:
        with pytest.raises(UnreachableError, match="device/getInfo"):
            await api.call(GET_INFO)


async def test_at_most_two_calls_at_a_time() -> None:
    running = most = 0
    both = asyncio.Event()

    async def respond(_request: web.BaseRequest) -> web.StreamResponse:
        nonlocal running, most
        running += 1
        most = max(most, running)
        if running == 2:
            both.set()
        async with asyncio.timeout(PATIENCE):
            await both.wait()
        running -= 1
        return web.Response(body=b'{"code": 0}')

    async with server(respond) as address, api_of(address) as api:
        await asyncio.gather(*(api.call(GET_INFO) for _ in range(6)))
    assert most == 2
