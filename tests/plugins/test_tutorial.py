"""docs/plugins.md: its first plugin is short, and its test passes as it is printed there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import yaml

from ipc_bridge.hooks.loading import known_plugins

DOCUMENT = (Path(__file__).parents[2] / "docs/plugins.md").read_text(encoding="utf-8")
PLUGIN, TEST = re.findall(r"```python\n(.*?)```", DOCUMENT, re.DOTALL)
MAX_LINES = 15


def test_it_is_short() -> None:
    assert len(PLUGIN.splitlines()) <= MAX_LINES


def test_it_works_as_printed(tmp_path: Path) -> None:
    (tmp_path / "gold_card.py").write_text(PLUGIN, encoding="utf-8")
    (tmp_path / "test_gold_card.py").write_text(TEST, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "test_gold_card.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout


def test_its_configuration_names_plugins_that_there_are(tmp_path: Path) -> None:
    (tmp_path / "gold_card.py").write_text(PLUGIN, encoding="utf-8")
    found = re.search(r"```yaml\n(plugins:\n.*?)```", DOCUMENT, re.DOTALL)
    assert found is not None
    enabled = yaml.safe_load(found[1])["plugins"]["enabled"]
    assert enabled.keys() <= known_plugins(tmp_path).keys()
