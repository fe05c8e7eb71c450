"""``events``: the journal of a bridge that may be running, as a table and as JSON lines."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from ipc_bridge.cli import main
from ipc_bridge.clock import SystemClock
from ipc_bridge.journal.entry import Received
from ipc_bridge.journal.history import MAX_LIMIT
from ipc_bridge.journal.store import FILE_NAME, JournalStore
from ipc_bridge.models import Event
from tests.bridge.samples import face_event, motion_event, other_event
from tests.cli.rig import started, write_config

DOOR, YARD = "FS101D8BS00106", "SS101D8BS00107"
LONG = 1e9


class Bridge:
    """What a bridge does to its journal."""

    def __init__(self, directory: Path) -> None:
        self.config = str(write_config(directory))
        state = directory / "state"
        state.mkdir()
        self.store = JournalStore(state / FILE_NAME, SystemClock(), LONG, 10**9)
        self.store.open()

    def append(self, *events: Event) -> None:
        ahead = time.time() - time.monotonic()
        appended = self.store.append([Received(event, event.received_at - ahead) for event in events], {})
        assert len(appended.entries) == len(events)


@pytest.fixture
def bridge(tmp_path: Path) -> Iterator[Bridge]:
    """One that is running, with nothing seen yet."""
    bridge = Bridge(tmp_path)
    yield bridge
    bridge.store.close({})


def face(event_id: int, ago: float = 0.0, **changes: Any) -> Event:
    when = time.time() - ago
    return replace(face_event(event_id), time=float(int(when)), received_at=when, **changes)


def motion(event_id: int, ago: float = 0.0) -> Event:
    when = time.time() - ago
    return motion_event(event_id, YARD, "motion", "sound", time=float(int(when)), received_at=when, camera="Yard")


def invoke(bridge: Bridge, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["events", "--config", bridge.config, *arguments])


def listed(bridge: Bridge, *arguments: str) -> list[tuple[str, int]]:
    """Serial and ``seq`` of what is listed."""
    result = invoke(bridge, "--json", *arguments)
    assert result.exit_code == 0, result.output
    events = [json.loads(line) for line in result.stdout.splitlines()]
    return [(event["sn"], event["seq"]) for event in events]


def test_the_table(bridge: Bridge) -> None:
    bridge.append(
        face(1, group="vip", gender="female", age_range="7-12", arrivals=4, attributes={"hobby": "tennis"}),
        motion(1),
    )
    result = invoke(bridge)
    assert (result.exit_code, result.stderr) == (0, "")
    text = " ".join(result.stdout.split())
    assert text.startswith("Time Camera Seq Event What 20")
    assert "Front door 1 member vip female 7-12 visit 4 hobby=tennis" in text
    assert "Yard 1 motion+sound https://" in text


def test_json_lines_are_as_over_mqtt(bridge: Bridge) -> None:
    event = face(7, ago=3600)
    bridge.append(event, face(8))
    old, new = (json.loads(line) for line in invoke(bridge, "--json").stdout.splitlines())
    assert list(old)[:11] == [
        "uid",
        "event_type",
        "sn",
        "camera",
        "seq",
        "epoch",
        "event_id",
        "time",
        "received_at",
        "late",
        "transport",
    ]
    assert (old["uid"], old["seq"], old["event_id"]) == (event.uid, 1, 7)
    # What is older than events.max_age is history by now.
    assert (old["late"], new["late"]) == (True, False)


def test_what_is_asked_for(bridge: Bridge) -> None:
    bridge.append(face(1, 7200), motion(1, 7100), face(2, 3000), face(3), motion(2))
    everything = [(DOOR, 1), (YARD, 1), (DOOR, 2), (DOOR, 3), (YARD, 2)]
    assert listed(bridge) == everything
    assert listed(bridge, "--sn", YARD) == [(YARD, 1), (YARD, 2)]
    assert listed(bridge, "--since", "1h") == everything[2:]
    assert listed(bridge, "--since", "1h", "--sn", YARD) == [(YARD, 2)]
    assert listed(bridge, "--since", str(int(time.time()) - 3600)) == everything[2:]
    assert listed(bridge, "--since", "2", "--sn", DOOR) == [(DOOR, 2), (DOOR, 3)]
    # The newest, or the first from there.
    assert listed(bridge, "--limit", "2") == everything[-2:]
    assert listed(bridge, "--limit", "2", "--since", "1w") == everything[:2]


def test_more_than_a_page(bridge: Bridge) -> None:
    count = MAX_LIMIT + 5
    bridge.append(*(face(number) for number in range(count)))
    assert len(listed(bridge)) == 100
    assert listed(bridge, "--since", "1h") == [(DOOR, number + 1) for number in range(count)]
    assert len(listed(bridge, "--since", "1h", "--limit", str(MAX_LIMIT + 2))) == MAX_LIMIT + 2
    assert invoke(bridge, "--since", "1h").stdout.count("Camera") == 1


@pytest.mark.parametrize("arguments", [(), ("--since", "1h"), ("--json", "--sn", "X")])
def test_nothing_there(bridge: Bridge, arguments: tuple[str, ...]) -> None:
    result = invoke(bridge, *arguments)
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "There are no such events in the journal.\n"


def test_a_camera_cannot_play_with_the_terminal(bridge: Bridge) -> None:
    bridge.append(face(1, group="[red]\x1b[2J", camera="\x1b]0;x"), other_event(2))
    result = invoke(bridge)
    assert "\x1b" not in result.stdout
    assert "[red]" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--since", "soon"), "soon is no time; it may be 2h"),
        (("--since", "5"), "give --sn, too"),
        (("--limit", "0"), "0 is not in the range"),
    ],
)
def test_mistakes(bridge: Bridge, arguments: tuple[str, ...], complaint: str) -> None:
    result = invoke(bridge, *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert complaint in result.stderr


def test_no_journal(tmp_path: Path) -> None:
    path = write_config(tmp_path)
    result = CliRunner().invoke(main, ["events", "--config", str(path)])
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f"Error: there is no journal {tmp_path}/state/{FILE_NAME} yet")


def test_a_damaged_journal(tmp_path: Path) -> None:
    path = write_config(tmp_path)
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / FILE_NAME).write_bytes(b"rubbish" * 1000)
    result = CliRunner().invoke(main, ["events", "--config", str(path)])
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == f"Error: the journal {tmp_path}/state/{FILE_NAME} cannot be read: file is not a database\n"


# Following, as a process.


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("before", [0, 2])
async def test_following(tmp_path: Path, before: int, number: signal.Signals) -> None:
    bridge = Bridge(tmp_path)
    bridge.append(*(face(event_id) for event_id in range(1, before + 1)))
    async with started(
        "events", "--config", bridge.config, "--follow", "--json", "--limit", "1", cwd=tmp_path
    ) as process:
        if before:
            await process.shows('"event_id":2')
        bridge.append(face(11))
        await process.shows('"event_id":11')
        bridge.append(motion(12), face(13))
        await process.shows('"event_id":13')
        process.child.send_signal(number)
        assert await process.ends() == 0
    bridge.store.close({})
    assert process.log == ""
    shown = [json.loads(line)["event_id"] for line in process.output.splitlines()]
    assert shown == [2, 11, 12, 13][0 if before else 1 :]


async def test_following_from_the_past(tmp_path: Path) -> None:
    bridge = Bridge(tmp_path)
    bridge.append(face(1, 7200), face(2))
    async with started("events", "--config", bridge.config, "--follow", "--since", "1h", cwd=tmp_path) as process:
        await process.shows("Front door")
        bridge.append(motion(3))
        await process.shows("Yard")
        process.child.send_signal(signal.SIGINT)
        assert await process.ends() == 0
    bridge.store.close({})
    assert process.output.count("Front door") == process.output.count("Yard") == process.output.count("Camera") == 1
