"""What shells offer on Tab."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

from ipc_bridge.catalog.device import ENDPOINTS
from ipc_bridge.cli import main
from tests.cli.cameras import Shop
from tests.cli.rig import script, started, write_config

SN = "FS101D8BS00101"


def offered(arguments: Sequence[str], incomplete: str) -> list[str]:
    complete = ShellComplete(main, {}, "ipc-bridge", "_IPC_BRIDGE_COMPLETE")
    return [item.value for item in complete.get_completions(list(arguments), incomplete)]


def test_commands() -> None:
    assert offered([], "e") == ["endpoints", "events"]


def test_calls() -> None:
    assert offered(["call", SN], "config/setI") == ["config/setIpConfiguration", "config/setIrMode"]
    assert offered(["call", SN], "") == list(ENDPOINTS)
    assert offered(["endpoints"], "media") == ["media", *(path for path in ENDPOINTS if path.startswith("media/"))]


@pytest.mark.parametrize(
    ("given", "incomplete", "words"),
    [
        ([], "", ["resolution=", "start_x=", "start_y=", "end_x=", "end_y="]),
        ([], "st", ["start_x=", "start_y="]),
        (["start_x=3"], "st", ["start_y="]),
        ([], "resolution=", ["resolution=0", "resolution=1"]),
        ([], "resolution=1", ["resolution=1"]),
        ([], "start_x=", []),
        ([], "nothing=", []),
        # As bash splits it.
        (["resolution"], "=", ["0", "1"]),
        (["resolution", "="], "1", ["1"]),
        (["resolution", "=", "1"], "st", ["start_x=", "start_y="]),
    ],
)
def test_parameters(given: list[str], incomplete: str, words: list[str]) -> None:
    assert offered(["call", SN, "peopleFlow/setDoorLine", *given], incomplete) == words


def test_no_parameters_of_no_call() -> None:
    assert offered(["call", SN, "config/nothing"], "") == []


def test_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("face1.jpg", "face2.png", "other.jpg"):
        (tmp_path / name).touch()
    (tmp_path / "faces").mkdir()
    (tmp_path / "faces" / "a.jpg").touch()
    monkeypatch.chdir(tmp_path)
    call = ["call", SN, "face/getFaceByPicture"]
    assert offered(call, "pic=@face") == ["pic=@face1.jpg", "pic=@face2.png", "pic=@faces/"]
    assert offered(call, "pic=@faces/") == ["pic=@faces/a.jpg"]
    assert offered(call, f"pic=@{tmp_path}/o") == [f"pic=@{tmp_path}/other.jpg"]
    assert offered([*call, "pic", "="], "@o") == ["@other.jpg"]
    assert offered(call, "pic=@nowhere/") == []


async def test_serials(shop: Shop) -> None:
    shop.configure(cameras=[{"sn": "FS-1", "name": "Front door"}, {"sn": "FS-2"}])
    shop.remember(own_name="Yard")
    options = ["--config", str(shop.config)]
    complete = ShellComplete(main, {}, "ipc-bridge", "_IPC_BRIDGE_COMPLETE")
    items = complete.get_completions(["call", *options], "FS")
    assert [(item.value, item.help) for item in items] == [
        ("FS-1", "Front door"),
        ("FS-2", "FS-2"),
        (shop.camera.sn, "Yard"),
    ]
    assert offered(["events", *options, "--sn"], "FS-") == ["FS-1", "FS-2"]


@pytest.mark.parametrize("content", ["tsl: {}", None])
def test_without_a_configuration_there_are_no_serials(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "config.yaml"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    assert offered(["call", "--config", str(path)], "") == []


def test_what_the_bridge_remembers_is_damaged(tmp_path: Path) -> None:
    path = write_config(tmp_path)
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "cameras.json").write_text("[", encoding="utf-8")
    assert offered(["call", "--config", str(path)], "") == []


async def test_bash_gets_it_from_the_program(tmp_path: Path) -> None:
    words = f"ipc-bridge call {SN} config/setIr"
    async with started(
        cwd=tmp_path,
        program=script(""),
        _IPC_BRIDGE_COMPLETE="bash_complete",
        COMP_WORDS=words,
        COMP_CWORD="3",
    ) as process:
        assert await process.ends() == 0
    assert process.output == "plain,config/setIrMode\n"
