"""The command line in this process: what it takes, what it says, how it ends."""

from __future__ import annotations

import asyncio
import logging
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from ipc_bridge import __version__
from ipc_bridge.cli import COMMANDS, main
from ipc_bridge.simulator import CameraSettings, SimulatedCamera
from ipc_bridge.wire import discovery as wire
from tests.cli.rig import free_udp_port, write_config

CAMERA = "127.30.6.11"


@pytest.fixture(autouse=True)
def root_logger() -> Iterator[None]:
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    yield
    root.setLevel(level)
    root.handlers[:] = handlers


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "REQUEST_INTERVAL", 0.05)
    monkeypatch.setattr(wire, "ROUND_SECONDS", 0.3)


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def test_a_bridge_has_no_simulator_in_memory() -> None:
    text = (
        "import sys; from ipc_bridge.cli import main; main(['run', '-h'], standalone_mode=False); print(*sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    modules = ran.stdout.split()
    assert "ipc_bridge.app" in modules
    assert [it for it in modules if it.startswith(("ipc_bridge.simulator", "ipc_bridge.demo", "rich"))] == []


def test_version() -> None:
    result = invoke("--version")
    assert (result.exit_code, result.output) == (0, f"ipc-bridge, version {__version__}\n")


@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help(option: str) -> None:
    result = invoke(option)
    assert result.exit_code == 0
    for words in (
        "run ",
        "demo ",
        "simulate ",
        "discover ",
        "check-config ",
        "Exit status: 0 stopped as asked, 1 a bug",
    ):
        assert words in result.output


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_explains_itself(command: str) -> None:
    result = invoke(command, "--help")
    assert result.exit_code == 0
    found = main.get_command(click.Context(main), command)
    assert found is not None
    assert (found.name, bool(found.help)) == (command, True)
    assert len(result.output.splitlines()) > 4


def test_the_daemon_holds_nothing_in_memory_that_it_has_no_use_for() -> None:
    script = (
        "import sys, click; from ipc_bridge.cli import main; main.get_command(click.Context(main), 'run'); "
        "others = ('rich', 'PIL', 'cryptography', 'ipc_bridge.simulator', 'ipc_bridge.cli.clips'); "
        "print([name for name in others if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["dance"], "No such command 'dance'"),
        (["run", "--port", "5"], "No such option"),
        (["discover", "--port", "70000"], "70000 is not in the range 1<=x<=65535"),
        (["simulate", "--cameras", "0"], "0 is not in the range 1<=x<=250"),
        (["simulate", "--api-port", "65536"], "is not in the range 0<=x<=65535"),
        (["simulate", "--first-address", "localhost"], "localhost is no IPv4 address"),
        (["demo", "--cameras", "51"], "is not in the range 1<=x<=50"),
    ],
)
def test_mistakes_on_the_command_line(arguments: list[str], complaint: str) -> None:
    result = invoke(*arguments)
    assert result.exit_code == 2
    assert complaint in result.output


# check-config.


@pytest.mark.parametrize(
    ("sections", "summary"),
    [
        ({}, "no cameras listed, no others are adopted"),
        ({"discovery": {"enabled": True}}, "no cameras listed, others are found by discovery"),
        (
            {"discovery": {"adopt": "listed"}, "cameras": [{"sn": "FS-1"}, {"sn": "FS-2"}]},
            "2 cameras listed, no others are adopted",
        ),
    ],
)
def test_a_right_configuration(tmp_path: Path, sections: dict[str, object], summary: str) -> None:
    path = write_config(tmp_path, **sections)
    result = invoke("check-config", "--config", str(path))
    assert (result.exit_code, result.output) == (0, f"{path} is right: {summary}.\n")


WRONG = """\
mqtt:
  port: 99999
account:
  app_id: my-account
discovery:
  adopt: everything
tsl: {}
"""


@pytest.mark.parametrize("command", ["check-config", "run"])
def test_a_wrong_configuration(tmp_path: Path, command: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(WRONG, encoding="utf-8")
    result = invoke(command, "--config", str(path))
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.splitlines() == [
        f"{path}:2: mqtt.port: 99999 is wrong, expected a port, a whole number from 1 to 65535",
        f"{path}:3: account.secret_key: is missing, expected the secret_key that the vendor handed out",
        f"{path}:6: discovery.adopt: 'everything' is wrong, expected all or listed",
        f"{path}:7: tsl: is an unknown key, did you mean tls?",
    ]


@pytest.mark.parametrize("command", ["check-config", "run"])
def test_no_configuration_at_all(tmp_path: Path, command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = invoke(command)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        "config.yaml:1: configuration: cannot be read (no such file or directory), expected a YAML file in UTF-8\n"
    )


# discover.


async def discover(*arguments: str) -> Result:
    return await asyncio.to_thread(invoke, "discover", *arguments)


async def test_discover_lists_who_answers(quick: None) -> None:
    port = free_udp_port()
    settings = CameraSettings(host=CAMERA, sn="FS101D8BS00106", discovery_port=port)
    async with SimulatedCamera(settings):
        result = await discover("--target", CAMERA, "--target", "127.30.6.99", "--port", str(port))
    assert result.exit_code == 0
    header, row = result.stdout.splitlines()
    assert header.split() == ["Serial", "Model", "Address", "MAC", "Firmware"]
    assert row.split() == ["FS101D8BS00106", "FM020", CAMERA, "02:00:00:00:00:01", "1.3.6"]


async def test_what_anybody_may_send_cannot_play_with_the_terminal(quick: None) -> None:
    port = free_udp_port()
    settings = CameraSettings(host=CAMERA, model="[/red]", firmware="\x1b[2J", mac="", discovery_port=port)
    async with SimulatedCamera(settings):
        result = await discover("--target", CAMERA, "--port", str(port))
    assert result.exit_code == 0
    assert result.stdout.splitlines()[1].split() == ["FS101D8BS00101", "[/red]", CAMERA, "-", "'\\x1b[2J'"]


async def test_nobody_answers(quick: None) -> None:
    result = await discover("--target", "127.30.6.99", "--port", str(free_udp_port()))
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr.startswith("No camera answered.")


async def test_discover_finds_its_port_taken() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as greedy:
        greedy.bind(("0.0.0.0", 0))
        port = greedy.getsockname()[1]
        result = await discover("--target", CAMERA, "--port", str(port))
    assert result.exit_code == 1
    assert result.stderr.startswith(f"Error: discovery cannot listen on 0.0.0.0:{port}: Address already in use")
