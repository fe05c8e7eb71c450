"""The lock files hold what pyproject.toml asks for, and nothing about the machine that made them."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)(?:\[[^]]+\])?==(?P<version>[^ ;\n]+)", re.MULTILINE)


def project() -> dict[str, Any]:
    table: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return table


def pins(lock: str) -> dict[str, str]:
    text = (ROOT / "requirements" / lock).read_text()
    return {canonicalize_name(match["name"]): match["version"] for match in PIN.finditer(text)}


@pytest.mark.parametrize(("lock", "extras"), [("demo.txt", ["embedded"]), ("dev.txt", ["embedded", "notify", "dev"])])
def test_every_dependency_is_locked_within_its_range(lock: str, extras: list[str]) -> None:
    locked = pins(lock)
    asked = [*project()["dependencies"]]
    for extra in extras:
        asked += project()["optional-dependencies"][extra]
    wrong = []
    for requirement in map(Requirement, asked):
        version = locked.get(canonicalize_name(requirement.name))
        if version is None or not requirement.specifier.contains(version):
            wrong.append(f"{requirement}: {version}")
    assert wrong == []


def test_both_lock_files_pin_the_same_versions() -> None:
    assert pins("demo.txt").items() <= pins("dev.txt").items()


def test_home_assistant_is_locked_as_it_is_asked_for() -> None:
    asked = pins("homeassistant.in")
    assert "homeassistant" in asked
    assert asked.items() <= pins("homeassistant.txt").items()


@pytest.mark.parametrize("lock", ["demo.txt", "dev.txt", "homeassistant.txt"])
def test_a_lock_file_names_no_place(lock: str) -> None:
    text = (ROOT / "requirements" / lock).read_text()
    assert re.findall(r"^.*(?:://|--(?:extra-)?index|--find-links|--trusted-host|[ @=]/).*$", text, re.MULTILINE) == []
