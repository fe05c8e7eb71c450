"""The blueprints: Home Assistant can read them, and what is no news starts nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jinja2
import pytest
import yaml

from ipc_bridge.bridge.messages import event_payload
from ipc_bridge.models import MOTION_EVENT_TYPES
from tests.bridge.samples import entry, face_event, motion_event

FOLDER = Path(__file__).parents[2] / "blueprints/automation/ipc_bridge"
NAMES = sorted(path.stem for path in FOLDER.iterdir())
NOW = datetime(2026, 11, 25, 21, 0, tzinfo=UTC)


class Input(str):
    """The name of an input."""

    __slots__ = ()


class Loader(yaml.SafeLoader):
    """YAML with Home Assistant's tag."""


Loader.add_constructor("!input", lambda _loader, node: Input(node.value))


def read(name: str) -> dict[str, Any]:
    document: dict[str, Any] = yaml.load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"), Loader)
    return document


def inputs(value: Any) -> Iterator[str]:
    """Every input that is used."""
    if isinstance(value, Input):
        yield str(value)
    elif isinstance(value, dict):
        for member in value.values():
            yield from inputs(member)
    elif isinstance(value, list):
        for member in value:
            yield from inputs(member)


@pytest.mark.parametrize("name", NAMES)
def test_it_is_a_blueprint(name: str) -> None:
    document = read(name)
    blueprint = document.pop("blueprint")
    assert blueprint["domain"] == "automation"
    assert blueprint["name"].startswith("IPC bridge: ")
    assert set(inputs(document)) == blueprint["input"].keys()
    assert document.keys() == {
        "mode",
        "max_exceeded",
        "triggers",
        "variables",
        "conditions",
        "actions",
    }
    for trigger in document["triggers"]:
        assert trigger["not_from"] == "unavailable"
        assert trigger["not_to"] == ["unavailable", "unknown"]


def test_the_kinds_of_motion_are_those_that_there_are() -> None:
    kinds = read("motion")["blueprint"]["input"]["kinds"]
    assert set(kinds["default"]) < set(kinds["selector"]["select"]["options"]) == set(MOTION_EVENT_TYPES)


# What the condition lets pass.


def state(ago: float = 0.0, **attributes: Any) -> SimpleNamespace:
    """An event entity's state: the time of the event, and its keys."""
    return SimpleNamespace(state=(NOW - timedelta(seconds=ago)).isoformat(), attributes=attributes)


def payload(name: str, *, late: bool = False, uid: str = "new") -> dict[str, Any]:
    """An event as the entity has it."""
    event = face_event(1) if name == "face" else motion_event(1)
    content: dict[str, Any] = yaml.safe_load(event_payload(entry(event), late=late))
    return {**content, "uid": uid}


def starts(name: str, after: SimpleNamespace, before: SimpleNamespace | None, **given: Any) -> bool:
    document = read(name)
    values = {key: one.get("default") for key, one in document["blueprint"]["input"].items()}
    variables = {key: {**values, **given}[one] for key, one in document["variables"].items()}
    [condition] = [one for one in document["conditions"] if one["condition"] == "template"]
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False)
    environment.globals.update(now=lambda: NOW, as_datetime=datetime.fromisoformat)
    trigger = SimpleNamespace(from_state=before, to_state=after)
    return environment.from_string(condition["value_template"]).render(trigger=trigger, **variables) == "True"


NEVER = SimpleNamespace(state="unknown", attributes={})


@pytest.mark.parametrize("name", NAMES)
def test_news_starts_it(name: str) -> None:
    assert starts(name, state(**payload(name)), state(60, **payload(name, uid="old")))
    assert starts(name, state(**payload(name)), NEVER)


@pytest.mark.parametrize("name", NAMES)
def test_history_does_not(name: str) -> None:
    before = state(60, **payload(name, uid="old"))
    # Late; of another making, without the key; what Home Assistant remembers; a copy; an entity that is new.
    assert not starts(name, state(**payload(name, late=True)), before)
    assert not starts(name, state(**{key: value for key, value in payload(name).items() if key != "late"}), before)
    assert not starts(name, state(45, **payload(name)), before)
    assert not starts(name, state(**payload(name, uid="old")), before)
    assert not starts(name, state(**payload(name)), None)


def test_what_was_not_asked_for_does_not() -> None:
    assert starts("face", state(**payload("face")), NEVER, groups=["vip"])
    assert not starts("face", state(**payload("face")), NEVER, groups=["staff"])
    assert not starts("motion", state(**payload("motion")), NEVER, kinds=["sound"])
