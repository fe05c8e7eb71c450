"""The simulator as ``ipc-bridge simulate`` runs it, on pipes."""

from __future__ import annotations

import asyncio
import json
import os
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TextIO

import aiohttp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12

from ipc_bridge.simulator import SimulateOptions, simulate
from ipc_bridge.wire.packet import PacketType
from ipc_bridge.wire.signing import public_params, sign
from tests.simulator.client import CREDENTIALS, PATIENCE, Client

ON_FREE_PORTS: dict[str, Any] = {"api_port": 0, "channel_port": 0, "discovery_port": None}


class Process:
    """A running simulator: its input and its output."""

    def __init__(self, stdin: TextIO, stdout: asyncio.StreamReader, task: asyncio.Task[None]) -> None:
        self._stdin = stdin
        self._stdout = stdout
        self.task = task

    async def read(self) -> dict[str, Any]:
        """The next line of output."""
        async with asyncio.timeout(PATIENCE):
            answer: dict[str, Any] = json.loads(await self._stdout.readline())
            return answer

    async def say(self, line: str) -> dict[str, Any]:
        """Send a command and return its answer."""
        self.write(line)
        return await self.read()

    def write(self, line: str) -> None:
        """Send a line."""
        self._stdin.write(line + "\n")
        self._stdin.flush()

    def end_input(self) -> None:
        """Close its standard input."""
        self._stdin.close()


@asynccontextmanager
async def running(options: SimulateOptions) -> AsyncIterator[Process]:
    """A simulator in this process, on pipes."""
    (in_read, in_write), (out_read, out_write) = os.pipe(), os.pipe()
    reader = asyncio.StreamReader()
    transport, _protocol = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(out_read, "rb")
    )
    with os.fdopen(in_read) as stdin, os.fdopen(in_write, "w") as feed, os.fdopen(out_write, "w") as stdout:
        task = asyncio.ensure_future(simulate(options, stdin, stdout))
        try:
            yield Process(feed, reader, task)
        finally:
            task.cancel()
            await asyncio.wait([task])
            # Its end lets the thread that reads go before the descriptor does.
            feed.close()
            transport.close()


async def test_ready_commands_and_quit() -> None:
    async with running(SimulateOptions(cameras=2, **ON_FREE_PORTS)) as process:
        ready = await process.read()
        assert ready["ready"]
        assert [camera["host"] for camera in ready["cameras"]] == ["127.0.0.2", "127.0.0.3"]
        sn = ready["cameras"][0]["sn"]
        process.write("")
        assert await process.say(f"face {sn}") == {"ok": True, "command": "face", "sn": sn, "event_id": 1}
        assert not (await process.say("dance"))["ok"]
        process.write("quit")
        async with asyncio.timeout(PATIENCE):
            await process.task
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(ready["cameras"][0]["host"], ready["cameras"][0]["channel_port"])


async def test_many_lines_at_once() -> None:
    async with running(SimulateOptions(cameras=1, **ON_FREE_PORTS)) as process:
        sn = (await process.read())["cameras"][0]["sn"]
        process.write("\n".join([f"motion {sn}"] * 500))
        assert [(await process.read())["event_id"] for _ in range(500)] == list(range(1, 501))


async def test_the_end_of_input_ends_nothing() -> None:
    async with running(SimulateOptions(cameras=1, events_every=0.01, **ON_FREE_PORTS)) as process:
        camera = (await process.read())["cameras"][0]
        process.write(f"status {camera['sn']}")
        process.end_input()
        assert (await process.read())["running"]
        _reader, writer = await asyncio.open_connection(camera["host"], camera["channel_port"])
        writer.transport.abort()
        assert not process.task.done()


async def test_events_by_themselves() -> None:
    options = SimulateOptions(cameras=1, events_every=0.005, seed=1, **ON_FREE_PORTS)
    async with running(options) as process:
        sn = (await process.read())["cameras"][0]["sn"]
        async with asyncio.timeout(PATIENCE):
            while (await process.say(f"status {sn}"))["sent"] < 10:
                pass


async def test_an_address_that_is_not_ours() -> None:
    async with running(SimulateOptions(first_address="240.0.0.1", **ON_FREE_PORTS)) as process:
        with pytest.raises(OSError, match=r"240\.0\.0\.1"):
            await process.task


async def test_the_files_it_writes_open_its_doors(tmp_path: Path) -> None:
    directory = tmp_path / "made"
    options = SimulateOptions(cameras=1, app_id="mine", secret_key="hush", certificates=directory, **ON_FREE_PORTS)
    async with running(options) as process:
        camera = (await process.read())["cameras"][0]
        assert (directory / "openapi.p12").stat().st_mode & 0o777 == 0o600
        bundle = pkcs12.load_pkcs12(
            (directory / "openapi.p12").read_bytes(), (directory / "openapi.password").read_bytes()
        )
        assert bundle.key is not None
        assert bundle.cert is not None
        key = bundle.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        pem = tmp_path / "client.pem"
        pem.write_bytes(key + bundle.cert.certificate.public_bytes(serialization.Encoding.PEM))
        context = ssl.create_default_context(cafile=str(directory / "cameras.pem"))
        context.check_hostname = False
        context.load_cert_chain(pem)
        issuer = x509.load_pem_x509_certificate((directory / "ca.pem").read_bytes())
        bundle.cert.certificate.verify_directly_issued_by(issuer)
        reader, writer = await asyncio.open_connection(camera["host"], camera["channel_port"], ssl=context)
        client = Client(reader, writer)
        assert await client.connect(app_id="mine", secret_key="hush") == 0
        assert await client.request(PacketType.PINGREQ) == {}
        writer.transport.abort()


async def test_calls_are_logged_where_told_to(capsys: pytest.CaptureFixture[str], http: aiohttp.ClientSession) -> None:
    for log_calls, expected in ((True, "FS101D8BS00101: config/getName -> 2 PARAMS_INVALID\n"), (False, "")):
        async with running(SimulateOptions(cameras=1, log_calls=log_calls, **ON_FREE_PORTS)) as process:
            camera = (await process.read())["cameras"][0]
            url = f"https://{camera['host']}:{camera['api_port']}/openapi/config/getName"
            async with http.post(url, data={"app_id": "x"}) as response:
                assert await response.json(content_type=None) == {"code": 2}
            process.write("quit")
            await process.task
        assert capsys.readouterr().err == expected


async def test_a_cloud_beside_the_cameras(http: aiohttp.ClientSession) -> None:
    options = SimulateOptions(cameras=2, first_address="127.0.6.1", cloud_port=0, events_every=0.01, **ON_FREE_PORTS)
    async with running(options) as process:
        ready = await process.read()
        cloud, cameras = ready["cloud"], ready["cameras"]
        assert cloud["shops"] == ["100939020409"]
        texts = {"sunmi_shop_no": cloud["shops"][0], **public_params(CREDENTIALS, int(time.time()), "5dsf6698")}
        texts["sign"] = sign(texts, CREDENTIALS.secret_key)

        async def ask(path: str) -> dict[str, Any]:
            async with http.post(f"{cloud['base_url']}/{path}", data=texts) as response:
                return dict((await response.json())["data"])

        listed = (await ask("device/ipc/getList"))["ipc_list"]
        assert [one["ipc_sn"] for one in listed] == [camera["sn"] for camera in cameras]
        known = [(one["ipc_name"], one["model_name"], one["software_version"]) for one in listed]
        assert known == [("Front door", "FM020", "1.3.6"), ("Back door", "FM010", "1.3.6")]
        async with asyncio.timeout(PATIENCE):
            # People come by themselves.
            while not (await ask("passengerFlow/stat/today/getLatest"))["total_count"]:
                pass
        process.write("quit")
        await process.task
