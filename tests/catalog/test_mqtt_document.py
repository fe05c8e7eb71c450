"""``docs/mqtt.md`` against the tables that it explains."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from docs.generate import FOLDER
from ipc_bridge.catalog.endpoint import Effect
from ipc_bridge.catalog.fields import Choice, Int
from ipc_bridge.catalog.settings import ACTIONS, SETTINGS, changes

DOCUMENT = (Path(FOLDER) / "mqtt.md").read_text(encoding="utf-8")


def rows(head: str) -> Iterator[tuple[list[str], list[str]]]:
    """The rows of the table that begins with ``head``: the names in the first cell, and the other cells."""
    _before, _head, table = DOCUMENT.partition(f"| {head} |")
    for line in table.splitlines()[2:]:
        if not line.startswith("|"):
            return
        first, *others = (cell.strip() for cell in line.strip("|").split("|"))
        yield re.findall(r"`(\w+)`", first), others


def test_properties() -> None:
    documented = {name: others for names, others in rows("property") for name in names}
    assert documented.keys() == SETTINGS.keys()
    for name, (is_set, form, example) in documented.items():
        setting = SETTINGS[name]
        assert is_set == ("yes" if setting.setter is not None else ""), name
        value = setting.field.parse(example.strip("`"))
        if is_set:
            assert changes({name: value}, {}), name
        if is_set and type(setting.field) is Int and setting.options is None:
            assert re.search(rf"\b{setting.field.maximum}\b", form), name
        if isinstance(setting.field, Choice):
            assert re.findall(r"`(\w+)`", form) == list(map(str, setting.field.choices.values())), name


def test_presses() -> None:
    documented = {name: others for names, others in rows("action") for name in names}
    assert documented.keys() == ACTIONS.keys()
    for name, (text,) in documented.items():
        endpoint = ACTIONS[name].endpoint
        is_danger = endpoint is not None and endpoint.effect is Effect.DANGER
        assert ("`commands.allow_destructive`" in text) == is_danger, name
