"""Whatever stands in the file, the answer is a configuration or a list of problems."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from ipc_bridge.config import Config, load_config
from ipc_bridge.config.keys import keys_of
from ipc_bridge.errors import ConfigError
from tests.config.files import HOME
from tests.config.test_example import keys_in_dataclasses

NAMES = sorted({part for name in keys_in_dataclasses(Config) for part in name.split(".")})
PIECES = [
    *"[]{}:,-?&*!|>'\"%@`#\n\t \\",
    "<<: ",
    "&a ",
    "*a",
    "!env ",
    "!file ",
    "!secret ",
    "!!int ",
    "!!set ",
    "---",
    "~",
]
VALUES = [
    "true",
    "off",
    "1",
    "0x",
    "1e9",
    ".nan",
    "2020-99-99",
    "10:30",
    "=",
    "1.2.3.4:5",
    "/",
    "%YAML 9.9",
    "\\U110000",
]

scalars = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from([*NAMES, *VALUES])
)
trees: st.SearchStrategy[Any] = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=20,
)
sections = st.dictionaries(
    st.sampled_from([item.name for item in keys_of(Config)]),
    st.dictionaries(st.sampled_from(NAMES), scalars | trees, max_size=5) | st.lists(trees, max_size=3) | scalars,
    max_size=6,
)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz") / "config.yaml"


def check(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    for problem in outcome(path):
        assert re.fullmatch(rf"{re.escape(str(path))}:[1-9]\d*: \S.*: .+", problem)
        assert problem.encode().isascii() or problem.isprintable()


def outcome(path: Path) -> list[str]:
    """The problems of the file; a list without any is as wrong as another error."""
    try:
        assert isinstance(load_config(path, HOME), Config)
    except ConfigError as error:
        return error.problems or [""]
    return []


@settings(deadline=None)
@given(content=st.binary(max_size=60))
def test_any_bytes(path: Path, content: bytes) -> None:
    check(path, content)


@settings(deadline=None)
@given(pieces=st.lists(st.sampled_from([*PIECES, *VALUES, *NAMES]) | st.text(max_size=3), max_size=30))
def test_any_pieces_of_yaml(path: Path, pieces: list[str]) -> None:
    check(path, "".join(pieces).encode(errors="replace"))


@settings(deadline=None)
@given(tree=sections | trees)
def test_any_structure(path: Path, tree: Any) -> None:
    check(path, yaml.safe_dump(tree, allow_unicode=False).encode(errors="replace"))


@settings(deadline=None)
@given(tree=sections)
def test_any_structure_with_an_account(path: Path, tree: dict[str, Any]) -> None:
    check(path, yaml.safe_dump({**tree, "account": {"app_id": "a", "secret_key": "b"}}).encode(errors="replace"))
