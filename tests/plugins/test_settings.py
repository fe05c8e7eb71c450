"""The settings of the plugins that come with the bridge: as documented, and wrong."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from ipc_bridge.bridge.plugins.check import check_plugins
from ipc_bridge.config import Account, CameraDefaults, Config, Plugins, Storage
from ipc_bridge.errors import PluginRefusedError
from ipc_bridge.hooks import Camera, FaceEvent
from ipc_bridge.hooks.loading import SHIPPED, load, validate

NAMES = sorted(file.stem for file in SHIPPED.glob("*.py"))
ACCOUNT = Account(app_id="app", secret_key="secret")


def documented(name: str) -> Any:
    """The settings that stand at the head of a plugin's file."""
    text = (load(name, SHIPPED).module.__doc__ or "").replace("!secret webhook_secret", "from secrets.yaml")
    example = re.search(r"\n\n((?:    .*\n)+)", text)
    assert example is not None
    return yaml.safe_load(example[1])[name]


def test_the_readme_tells_of_each() -> None:
    rows = re.findall(
        r"^\| \[`(\w+)`\]\((\w+)\.py\)", (SHIPPED / "README.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert sorted(rows) == [(name, name) for name in NAMES]


@pytest.mark.parametrize("isolation", ["thread", "process"])
async def test_each_can_be_loaded_with_what_its_documentation_says(tmp_path: Path, isolation: str) -> None:
    enabled = {name: {**documented(name), "isolation": isolation} for name in NAMES}
    config = Config(
        account=ACCOUNT,
        camera=CameraDefaults(account=ACCOUNT),
        storage=Storage(directory=tmp_path),
        plugins=Plugins(directory=tmp_path, enabled=enabled),
    )
    assert await check_plugins(config) == []


@pytest.mark.parametrize(
    ("name", "settings", "path", "sentence"),
    [
        ("vip_arrival", {}, ("rules",), "required key not provided"),
        ("vip_arrival", {"rules": []}, ("rules",), "length of value must be at least 1"),
        ("vip_arrival", {"rules": [{"hours": "8 to 20"}]}, ("rules", 0, "hours"), "expected hours such as 08:00-20:00"),
        ("vip_arrival", {"rules": [{"hours": "25:00-26:00"}]}, ("rules", 0, "hours"), "expected hours such as"),
        ("vip_arrival", {"rules": [{"text": "{a.b}"}]}, ("rules", 0, "text"), "only names stand in braces"),
        ("vip_arrival", {"rules": [{"text": "{"}]}, ("rules", 0, "text"), "expected text with names in braces"),
        ("vip_arrival", {"rules": [{"group": 1}]}, ("rules", 0, "group"), "expected a list"),
        ("vip_arrival", {"rules": [{}], "cooldown": "long"}, ("cooldown",), "expected a number of seconds"),
        ("notify", {"urls": ["nowhere"]}, ("urls", 0), "expected an address that apprise knows"),
        ("notify", {"urls": ["json://x"], "text": "{who}"}, ("text",), "expected text with {group}"),
        ("webhook", {"url": "example.org", "secret": "12345678"}, ("url",), "expected an address with http"),
        ("webhook", {"url": "http://x", "secret": "short"}, ("secret",), "expected at least 8 characters"),
        ("blocklist_alarm", {"hold": 0}, ("hold",), "higher than 0"),
        ("visits", {"gap": -1}, ("gap",), "higher than 0"),
        ("snapshot_on_motion", {"kinds": ["smoke"]}, ("kinds", 0), "value must be one of"),
    ],
)
def test_mistakes_are_named(name: str, settings: dict[str, Any], path: tuple[Any, ...], sentence: str) -> None:
    with pytest.raises(PluginRefusedError) as refused:
        validate(load(name, SHIPPED), settings)
    [(where, text)] = refused.value.problems
    assert where == path
    assert sentence in text


# The rules of vip_arrival.


async def _nothing(_operation: str, _arguments: dict[str, Any]) -> Any:
    raise AssertionError


CAMERA = Camera(
    sn="FS1", name="Front", model=None, host=None, firmware=None, status="online", reason=None, state={}, _do=_nothing
)
NOON = datetime.fromisoformat("2026-11-25T12:00:00").astimezone()
EVENT = FaceEvent(
    uid="u",
    event_type="member",
    sn="FS1",
    camera="Front",
    seq=1,
    epoch=1,
    event_id=1,
    time=NOON,
    received_at=NOON,
    late=False,
    transport="channel",
    face_id="7",
    cloud_face_id="87987",
    group="vip",
    gender="female",
    age=34,
    age_range="29-35",
    arrivals=2,
    picture_url=None,
    attributes={"card": "gold", "level": "3"},
)


@pytest.fixture
def vip() -> ModuleType:
    return load("vip_arrival", SHIPPED).module


@pytest.mark.parametrize(
    ("rule", "does"),
    [
        ({}, True),
        ({"group": "vip"}, True),
        ({"group": ["staff", "vip"]}, True),
        ({"group": "staff"}, False),
        ({"attributes": {"card": "gold", "level": 3}}, True),
        ({"attributes": {"card": "gold", "level": 4}}, False),
        ({"attributes": {"shoe": "red"}}, False),
        ({"face_ids": "7"}, True),
        ({"face_ids": ["87987"]}, True),
        ({"face_ids": ["8"]}, False),
        ({"cameras": ["Front"]}, True),
        ({"cameras": ["FS1", "FS2"]}, True),
        ({"cameras": ["Back"]}, False),
        ({"hours": "12:00-12:01"}, True),
        ({"hours": "11:00-12:00"}, False),
        ({"hours": "20:00-12:01"}, True),
        ({"hours": "20:00-12:00"}, False),
        ({"group": "vip", "hours": "11:00-12:00"}, False),
    ],
)
def test_a_rule_fits_where_all_that_it_names_is_so(vip: ModuleType, rule: dict[str, Any], does: bool) -> None:
    settings = validate(load("vip_arrival", SHIPPED), {"rules": [rule]})
    assert vip.fits(settings["rules"][0], CAMERA, EVENT) is does


def test_a_cooldown_is_a_persons(vip: ModuleType) -> None:
    later = replace(EVENT, received_at=datetime.fromtimestamp(NOON.timestamp() + 60, UTC))
    assert not vip.is_too_soon(EVENT, 60)
    vip.remember(EVENT)
    assert vip.is_too_soon(EVENT, 60)
    assert not vip.is_too_soon(later, 60)
    assert vip.is_too_soon(later, 61)
    assert not vip.is_too_soon(replace(EVENT, cloud_face_id="other"), 60)
    nobody = replace(EVENT, cloud_face_id=None, face_id=None)
    vip.remember(nobody)
    assert not vip.is_too_soon(nobody, 60)


def test_only_so_many_people_are_remembered(vip: ModuleType) -> None:
    for number in range(vip.MAX_PEOPLE + 5):
        vip.remember(replace(EVENT, cloud_face_id=str(number)))
    assert len(vip.last_arrivals) == vip.MAX_PEOPLE
    assert "4" not in vip.last_arrivals
