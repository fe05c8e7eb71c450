"""The demo: everything at once, on this machine."""

from __future__ import annotations

import asyncio
import io
import json
import os
import re
import signal
import socket
from pathlib import Path

import pytest
from rich.console import Console

from ipc_bridge.demo import LiveView, _child, _free_port
from ipc_bridge.errors import BridgeError
from ipc_bridge.mqtt.connection import Received
from tests.cli.rig import PATIENCE, script, started, usual_ports_taken
from tests.requirements import require_program

WITHOUT_MOSQUITTO = script("from ipc_bridge.mqtt import embedded\nembedded.find_mosquitto = lambda: None")


@pytest.mark.parametrize("broker", ["mosquitto", "amqtt"])
async def test_the_demo_shows_cameras_and_events(tmp_path: Path, broker: str) -> None:
    if broker == "mosquitto":
        require_program("mosquitto")
    options = ("demo", "--seconds", "10", "--cameras", "3")
    program = {} if broker == "mosquitto" else {"program": WITHOUT_MOSQUITTO}
    with usual_ports_taken():
        async with started(*options, cwd=tmp_path, TMPDIR=str(tmp_path), **program) as process:  # type: ignore[arg-type] # one key
            assert await process.ends(2 * PATIENCE) == 0
    found = re.findall(r"^found    .* \((FM0[12]0) (\S+)\) at 127\.0\.0\.", process.output, re.MULTILINE)
    assert len(set(found)) == 3
    events = re.findall(r"^\d\d:\d\d:\d\d (face|motion|sound|motion\+sound) ", process.output, re.MULTILINE)
    assert events
    assert f"That was {len(events)} events. The demo stops." in process.output
    assert f"ipc-bridge demo: {broker} on 127.0.0.1:" in process.output
    assert ("keeps nothing" in process.output) == (broker == "amqtt")
    assert "Traceback" not in process.log
    # It leaves nothing behind.
    assert os.listdir(tmp_path) == []  # noqa: PTH208 - pathlib's is not for async functions


async def test_the_demo_with_a_cloud(tmp_path: Path) -> None:
    require_program("mosquitto")
    options = ("demo", "--cameras", "1", "--cloud")
    with usual_ports_taken():
        async with started(*options, cwd=tmp_path, TMPDIR=str(tmp_path)) as process:
            await process.shows("by the cloud")
            process.child.send_signal(signal.SIGINT)
            assert await process.ends() == 0
    assert process.log == ""


async def test_ctrl_c_ends_the_demo(tmp_path: Path) -> None:
    require_program("mosquitto")
    with usual_ports_taken():
        async with started("demo", "--cameras", "1", cwd=tmp_path, TMPDIR=str(tmp_path)) as process:
            await process.shows("found    ")
            process.child.send_signal(signal.SIGINT)
            assert await process.ends() == 0
    assert "The demo stops." in process.output
    assert process.log == ""
    assert os.listdir(tmp_path) == []  # noqa: PTH208 - pathlib's is not for async functions


async def test_a_demo_that_ends_before_it_began(tmp_path: Path) -> None:
    require_program("mosquitto")
    with usual_ports_taken():
        async with started("demo", "--seconds", "0", cwd=tmp_path, TMPDIR=str(tmp_path)) as process:
            assert await process.ends() == 0
    assert "That was 0 events." in process.output


async def test_no_broker_at_all(tmp_path: Path) -> None:
    program = script(
        "from ipc_bridge.mqtt import embedded\nembedded.find_mosquitto = lambda: None\n"
        "embedded.importlib.util.find_spec = lambda _: None"
    )
    with usual_ports_taken():
        async with started("demo", cwd=tmp_path, program=program, TMPDIR=str(tmp_path)) as process:
            assert await process.ends() == 1
    assert process.log.startswith(
        "Error: mqtt.embedded is on, but there is no broker to run: install Debian's mosquitto"
    )


async def test_a_child_that_fails_is_told() -> None:
    async def run() -> None:
        async with _child("run", "--config", "/nowhere/config.yaml") as process, asyncio.timeout(PATIENCE):
            await process.wait()

    with pytest.raises(BridgeError, match="ipc-bridge run ended with status 2"):
        await run()


async def test_a_child_that_hangs_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ipc_bridge.demo.CHILD_STOP_SECONDS", 0.1)

    async def run() -> None:
        async with _child("simulate", "--discovery-port", "0", "--first-address", "127.30.7.1") as process:
            # Stopped, it hears no SIGTERM.
            os.kill(process.pid, signal.SIGSTOP)
            await asyncio.to_thread(os.waitid, os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)

    with pytest.raises(BridgeError, match="ended with status -9"):
        await run()


def test_a_port_that_is_taken_is_replaced() -> None:
    with socket.socket() as taken:
        taken.bind(("127.30.7.2", 0))
        wanted = taken.getsockname()[1]
        other = _free_port(wanted, socket.SOCK_STREAM)
        assert other not in (0, wanted)
    assert _free_port(wanted, socket.SOCK_STREAM) == wanted


def shown(topic: str, *contents: object) -> tuple[LiveView, str]:
    stream = io.StringIO()
    view = LiveView(Console(file=stream, width=120))
    for content in contents:
        payload = content if isinstance(content, bytes) else json.dumps(content).encode()
        view.show(Received(topic, payload, retained=False))
    return view, stream.getvalue()


FACE = {
    "event_type": "member",
    "camera": "[bold]Front",
    "time": "2026-11-22T17:00:07.123Z",
    "gender": "female",
    "age_range": "7-12",
    "arrivals": 4,
    "group": "vip",
}
MOTION = {"event_type": "motion_and_sound", "camera": "Till", "time": "2026-11-22T17:00:08.000Z"}


def test_a_line_for_each_event() -> None:
    view, text = shown(
        "ipc_bridge/camera/FS-1/event/face", FACE, {**FACE, "gender": None, "arrivals": None, "group": None}
    )
    assert [line.split() for line in text.splitlines()] == [
        ["17:00:07", "face", "[bold]Front", "vip", "female", "7-12", "visit", "4"],
        ["17:00:07", "face", "[bold]Front", "stranger", "7-12"],
    ]
    assert view.events == 2
    _, text = shown("ipc_bridge/camera/FS-1/event/motion", MOTION)
    assert text.split() == ["17:00:08", "motion+sound", "Till"]


def test_a_line_for_each_camera_that_comes_online() -> None:
    camera = {"sn": "FS-1", "name": "Front door", "model": "FM020", "host": "127.0.0.2", "status": "online"}
    offline = {**camera, "status": "offline"}
    view, text = shown("ipc_bridge/bridge/cameras", [offline], [camera], [camera], [])
    assert text == "found    Front door (FM020 FS-1) at 127.0.0.2\n"
    assert view.events == 0


@pytest.mark.parametrize("content", [b"", b"no JSON", b"[]", b"5"])
def test_what_is_no_event_is_passed_over(content: bytes) -> None:
    view, text = shown("ipc_bridge/camera/FS-1/event/face", content)
    assert (view.events, text) == (0, "")
