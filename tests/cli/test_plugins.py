"""``plugins``: begun, listed, checked, and tried on yesterday's events."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from ipc_bridge.cli import main
from ipc_bridge.clock import SystemClock
from ipc_bridge.hooks.loading import SHIPPED
from ipc_bridge.journal.entry import Received
from ipc_bridge.journal.store import FILE_NAME, JournalStore
from ipc_bridge.models import Event
from tests.bridge.samples import SN, face_event, motion_event
from tests.cli.rig import write_config

LONG = 1e9


class Home:
    """A configuration, its plugins, and its journal."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.config = write_config(directory)
        self.plugins = directory / "plugins"
        self.plugins.mkdir()
        (directory / "state").mkdir()
        self.store = JournalStore(directory / "state" / FILE_NAME, SystemClock(), LONG, 10**9)
        self.store.open()

    def enable(self, **enabled: Any) -> None:
        config = yaml.safe_load(self.config.read_text(encoding="utf-8"))
        config["plugins"] = {"enabled": enabled}
        self.config.write_text(yaml.safe_dump(config), encoding="utf-8")

    def write(self, name: str, source: str) -> None:
        (self.plugins / f"{name}.py").write_text(f"from ipc_bridge import hookimpl\n{source}", encoding="utf-8")

    def append(self, *events: Event) -> None:
        ahead = time.time() - time.monotonic()
        self.store.append([Received(event, event.received_at - ahead) for event in events], {})

    def invoke(self, *arguments: str) -> Result:
        return CliRunner().invoke(main, ["plugins", *arguments, "--config", str(self.config)])


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    home = Home(tmp_path)
    yield home
    home.store.close({})


def test_what_new_writes_passes_its_own_test(tmp_path: Path) -> None:
    directory = tmp_path / "plugins"
    arguments = ["plugins", "new", "greet", "--directory", str(directory)]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    assert f"Try it: pytest {directory / 'test_greet.py'}" in result.output
    assert yaml.safe_load(result.output.partition("\n\n")[2]) == {
        "plugins": {"directory": str(directory), "enabled": {"greet": {"group": "vip"}}}
    }
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", directory / "test_greet.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout
    # And it is clean: whoever goes on with it begins without complaints.
    ruff = [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "E,F,I,UP,B", "--line-length", "120"]
    assert subprocess.run([*ruff, directory], capture_output=True, check=False).returncode == 0
    again = CliRunner().invoke(main, arguments)
    assert again.exit_code == 1
    assert "greet.py is there already" in again.output


@pytest.mark.parametrize("name", ["Greet", "1st", "a-b", "../x", ""])
def test_names_that_are_none(tmp_path: Path, name: str) -> None:
    result = CliRunner().invoke(main, ["plugins", "new", name, "--directory", str(tmp_path)])
    assert result.exit_code == 2
    assert "expected small letters, digits and _" in result.output
    assert not list(tmp_path.iterdir())


def test_a_directory_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = CliRunner().invoke(main, ["plugins", "new", "greet", "--directory", str(tmp_path / "file" / "plugins")])
    assert result.exit_code == 1
    assert "cannot be written: Not a directory" in result.output


def test_list(home: Home) -> None:
    (home.plugins / "greet.py").write_text('"""Says hello.\n\nAnd more."""\n', encoding="utf-8")
    (home.plugins / "broken.py").write_text("def (", encoding="utf-8")
    (home.plugins / "test_greet.py").write_text('"""A test."""\n', encoding="utf-8")
    home.enable(greet={}, gone={}, visits={})
    result = home.invoke("list")
    assert result.exit_code == 0, result.output
    rows = {line.split()[0]: " ".join(line.split()) for line in result.output.splitlines()}
    assert rows["greet"].startswith("greet yes ")
    assert "Says" in rows["greet"]
    assert "yes" in rows["gone"]
    assert "nowhere" in rows["gone"]
    assert rows["visits"].startswith("visits yes ipc-bridge Makes visits")
    assert {file.stem for file in SHIPPED.glob("*.py")} < rows.keys()
    assert "test_greet" not in rows


def test_check(home: Home) -> None:
    home.write("greet", "@hookimpl\ndef startup(): pass\n")
    home.write("broken", "@hookimpl\ndef face_recognised(): pass\n")
    home.enable(greet={}, visits={"gap": "long"}, broken={})
    result = home.invoke("check")
    assert result.exit_code == 2
    assert result.stdout == "greet can be loaded: startup\n"
    [broken, visits] = sorted(result.stderr.splitlines())
    assert broken.endswith("plugins.enabled.broken: there is no hook face_recognised; did you mean face_recognized?")
    assert visits.endswith("plugins.enabled.visits.gap: expected a number of seconds")
    assert home.invoke("check", "greet").exit_code == 0


def test_check_without_plugins(home: Home) -> None:
    result = home.invoke("check")
    assert (result.exit_code, result.output) == (0, "The configuration enables no plugins.\n")


ASKS = """
@hookimpl
async def startup(bridge):
    await bridge.remember("count", 0)

@hookimpl
async def face_recognized(bridge, camera, event):
    count = await bridge.recall("count") + 1
    await bridge.remember("count", count)
    await bridge.publish(bridge.topic("seen"), [camera.name, event.face_id, count, len(await bridge.events())])
    await bridge.publish("shop/picture", await bridge.picture(event) or b"none")
    await camera.set(led="ON")
    assert (await bridge.camera(event.sn)).sn == event.sn
    assert await bridge.cameras() == []

@hookimpl
async def person_visited(bridge, event):
    await bridge.publish("shop/visit", "1")

@hookimpl
async def late_event_received(bridge, event):
    await bridge.publish("shop/late", event.event_type)

@hookimpl
def motion_detected():
    raise ValueError("not this")

@hookimpl
async def shutdown(bridge):
    await bridge.publish("shop/bye", "bye")
"""


def at(event: Event, ago: float, late: float = 0.0) -> Event:
    when = time.time() - ago
    return replace(event, received_at=when, time=float(int(when - late)))


def test_replay(home: Home) -> None:
    home.write("greet", ASKS)
    home.append(
        at(face_event(1), 3 * 86_400),
        at(face_event(2, face_id="7", cloud_face_id="c"), 60),
        at(face_event(3, face_id="7", cloud_face_id="c"), 58),
        at(face_event(4), 50, late=100),
    )
    result = home.invoke("replay", "greet", "--since", "2h")
    assert result.exit_code == 0, result.output
    said = [line.split(None, 2)[2] for line in result.stdout.splitlines() if line[:2] == "20"]
    assert said == [
        'face   publish  ipc_bridge/plugin/greet/seen ["Front door","7",1,1]',
        "face   publish  shop/picture (bytes)",
        f'face   set      {{"sn":"{SN}","values":{{"led":"ON"}}}}',
        "face   publish  shop/visit 1",
        'face   publish  ipc_bridge/plugin/greet/seen ["Front door","7",2,2]',
        "face   publish  shop/picture (bytes)",
        f'face   set      {{"sn":"{SN}","values":{{"led":"ON"}}}}',
        "face   publish  shop/late member",
    ]
    assert result.stdout.splitlines()[-1] == "3 events: 7 publications, 2 changes of settings; 0 failures."
    # Nothing was written but what the bridge itself had written.
    assert sorted(path.name.partition("-")[0] for path in (home.directory / "state").iterdir()) == [FILE_NAME] * len(
        list((home.directory / "state").iterdir())
    )


def test_replay_tells_what_failed(home: Home) -> None:
    home.write("greet", ASKS)
    home.append(at(motion_event(1), 60))
    result = home.invoke("replay", "greet")
    assert result.exit_code == 1
    assert "motion failure  motion_detected: ValueError: not this (greet.py:" in result.stdout
    assert result.stdout.splitlines()[-1] == "1 events: 1 publications; 1 failures."


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (("nobody",), 1, "plugins.enabled.nobody: is no plugin"),
        (("greet", "--since", "soon"), 2, "soon is no time"),
    ],
)
def test_replay_of_what_cannot_be(home: Home, arguments: tuple[str, ...], status: int, says: str) -> None:
    home.write("greet", ASKS)
    result = home.invoke("replay", *arguments)
    assert result.exit_code == status
    assert says in result.output


def test_replay_without_a_journal(home: Home) -> None:
    home.write("greet", ASKS)
    (home.directory / "state" / FILE_NAME).unlink()
    result = home.invoke("replay", "greet")
    assert result.exit_code == 1
    assert "there is no journal" in result.output
