"""The program as a process: signals, exit status, output."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
from pathlib import Path

import aiohttp
import pytest

from ipc_bridge.simulator import CameraSettings, SimulatedCamera
from tests.cli.rig import PATIENCE, STOP_SECONDS, finished, free_udp_port, script, started, write_config

SIMULATE = ("simulate", "--api-port", "0", "--channel-port", "0", "--discovery-port", "0")


# run.


async def test_a_wrong_configuration_ends_with_2(tmp_path: Path) -> None:
    path = write_config(tmp_path, account={"app_id": "x"})
    status, output, log = await finished("run", "--config", str(path), cwd=tmp_path)
    assert (status, output) == (2, "")
    assert log.startswith(f"{path}:1: account.secret_key: is missing, expected the secret_key")
    assert len(log.splitlines()) == 1


async def test_a_bug_ends_with_1(tmp_path: Path) -> None:
    program = script(
        "from ipc_bridge import app\n"
        "async def run(*_, **__):\n    raise RuntimeError('a bug for the test')\n"
        "app.run = run"
    )
    status, _, log = await finished("run", "--config", str(write_config(tmp_path)), cwd=tmp_path, program=program)
    assert status == 1
    assert log.endswith("RuntimeError: a bug for the test\n")


async def test_a_mistake_that_shows_at_the_start_ends_with_2(tmp_path: Path) -> None:
    program = script(
        "from ipc_bridge import app\nfrom ipc_bridge.errors import ConfigError\n"
        "async def run(*_, **__):\n"
        "    raise ConfigError(['config.yaml:3: plugins.enabled: is wrong, expected better'])\n"
        "app.run = run"
    )
    status, _, log = await finished("run", "--config", str(write_config(tmp_path)), cwd=tmp_path, program=program)
    assert (status, log) == (2, "config.yaml:3: plugins.enabled: is wrong, expected better\n")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_while_the_broker_does_not_answer(tmp_path: Path, number: signal.Signals) -> None:
    with socket.create_server(("127.30.4.2", 0)) as black_hole:
        black_hole.setblocking(False)
        path = write_config(tmp_path, mqtt={"host": "127.30.4.2", "port": black_hole.getsockname()[1]})
        async with started("run", "--config", str(path), cwd=tmp_path) as process:
            async with asyncio.timeout(PATIENCE):
                connection, _ = await asyncio.get_running_loop().sock_accept(black_hole)
            with connection:
                process.child.send_signal(number)
                assert await process.ends(STOP_SECONDS) == 0
            assert "Traceback" not in process.log


async def test_a_signal_while_a_camera_does_not_answer(tmp_path: Path) -> None:
    with socket.create_server(("127.30.4.3", 0)) as black_hole:
        black_hole.setblocking(False)
        camera = {"sn": "FS-1", "host": "127.30.4.3", "channel_port": black_hole.getsockname()[1]}
        path = write_config(tmp_path, cameras=[camera])
        async with started("run", "--config", str(path), cwd=tmp_path) as process:
            async with asyncio.timeout(PATIENCE):
                connection, _ = await asyncio.get_running_loop().sock_accept(black_hole)
            with connection:
                process.child.terminate()
                assert await process.ends(STOP_SECONDS) == 0
            assert "Traceback" not in process.log


async def test_a_stop_that_hangs_is_cut_short(tmp_path: Path) -> None:
    program = script(
        "import time\nfrom ipc_bridge import app\n"
        "async def run(_config, _service, stop, **_):\n"
        "    print('runs', flush=True)\n    await stop.wait()\n    time.sleep(60)\n"
        "app.run = run"
    )
    async with started("run", "--config", str(write_config(tmp_path)), cwd=tmp_path, program=program) as process:
        await process.shows("runs")
        process.child.terminate()
        # Long before it would end by itself.
        assert await process.ends() == 0


@pytest.mark.parametrize("style", ["text", "json"])
async def test_the_log_shows_no_secret(tmp_path: Path, style: str) -> None:
    settings = CameraSettings(host="127.30.4.4", sn="FS-1", discovery_port=None, activated=False)
    async with SimulatedCamera(settings) as camera:
        account = {"app_id": "demo-app", "secret_key": "the-secret-key", "certificate_password": "the-p12-password"}
        entry = {
            "sn": "FS-1",
            "host": camera.host,
            "api_port": camera.api_port,
            "channel_port": camera.channel_port,
            "activation_code": "the-activation-code",
        }
        path = write_config(
            tmp_path,
            account=account,
            cameras=[entry],
            mqtt={"host": "127.30.4.4", "port": 1, "username": "u", "password": "the-broker-password"},
            log={"level": "debug", "format": style},
        )
        async with started("run", "--config", str(path), cwd=tmp_path) as process:
            # The camera refuses what it is told: much to complain about.
            await camera.wait_until(lambda: len(camera.calls) >= 1, PATIENCE)
            await process.shows("DEVICE_ACTIVATE_FAILED")
            process.child.terminate()
            assert await process.ends(STOP_SECONDS) == 0
    for secret in ("the-secret-key", "the-p12-password", "the-activation-code", "the-broker-password"):
        assert secret not in process.log
    if style == "json":
        assert all(json.loads(line)["message"] for line in process.log.splitlines())


# simulate.


async def test_simulate_takes_commands_and_quits(tmp_path: Path) -> None:
    async with started(*SIMULATE, "--cameras", "2", "--first-address", "127.30.5.1", cwd=tmp_path) as process:
        await process.shows("\n")
        ready = json.loads(process.output)
        assert ready["ready"] is True
        assert [camera["host"] for camera in ready["cameras"]] == ["127.30.5.1", "127.30.5.2"]
        sn = ready["cameras"][0]["sn"]
        process.say(f"face {sn}")
        await process.shows("\n", 2)
        answer = json.loads(process.output.splitlines()[1])
        assert answer == {"ok": True, "command": "face", "sn": sn, "event_id": 1}
        process.say("quit")
        assert await process.ends() == 0
    assert process.log == ""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_simulate_ends_by_a_signal(tmp_path: Path, number: signal.Signals) -> None:
    async with started(*SIMULATE, "--first-address", "127.30.5.11", cwd=tmp_path) as process:
        await process.shows("ready")
        process.child.send_signal(number)
        assert await process.ends(STOP_SECONDS) == 0
    assert process.log == ""


async def test_simulate_without_input_runs_on(tmp_path: Path) -> None:
    async with started(*SIMULATE, "--first-address", "127.30.5.21", cwd=tmp_path) as process:
        await process.shows("ready")
        sn = json.loads(process.output)["cameras"][0]["sn"]
        process.say(f"status {sn}")
        assert process.child.stdin is not None
        process.child.stdin.close()
        await process.shows('"running":true')
        process.child.terminate()
        assert await process.ends(STOP_SECONDS) == 0


async def test_simulate_shows_each_call(tmp_path: Path) -> None:
    options = ("--cameras", "1", "--first-address", "127.30.5.31", "--log-calls")
    async with started(*SIMULATE, *options, cwd=tmp_path) as process:
        await process.shows("\n")
        (camera,) = json.loads(process.output)["cameras"]
        url = f"https://{camera['host']}:{camera['api_port']}/openapi/config/setZoom"
        async with aiohttp.ClientSession() as http, http.post(url, data={"zoom": "120"}, ssl=False) as answer:
            assert answer.status == 200
        await process.shows(f"{camera['sn']}: config/setZoom zoom=120 -> 2 PARAMS_INVALID\n")
        process.say("quit")
        assert await process.ends() == 0


async def test_simulate_at_an_address_of_somebody_else(tmp_path: Path) -> None:
    status, output, log = await finished(*SIMULATE, "--first-address", "192.0.2.1", cwd=tmp_path)
    assert (status, output) == (1, "")
    assert log.startswith("Error: ")
    assert "192.0.2.1" in log


# discover.


async def test_discover(tmp_path: Path) -> None:
    port = free_udp_port()
    async with SimulatedCamera(CameraSettings(host="127.30.5.31", sn="FS-31", discovery_port=port)):
        status, output, log = await finished("discover", "--target", "127.30.5.31", "--port", str(port), cwd=tmp_path)
    assert (status, log) == (0, "")
    assert output.splitlines()[1].split() == ["FS-31", "FM020", "127.30.5.31", "02:00:00:00:00:01", "1.3.6"]
