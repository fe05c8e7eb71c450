"""The README names what there is."""

from __future__ import annotations

from docs.generate import FOLDER
from ipc_bridge.cli import COMMANDS


def test_the_readme_names_every_command() -> None:
    readme = (FOLDER.parent / "README.md").read_text(encoding="utf-8")
    assert [
        name for name in COMMANDS if f"| `ipc-bridge {name}" not in readme and f", `ipc-bridge {name}`" not in readme
    ] == []
