"""Plugins in threads do not replace what the bridge calls."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import json
import sys
import threading
import warnings
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from ipc_bridge.bridge import messages
from ipc_bridge.hooks.guard import GuardedModule, guard, mark_thread


def in_thread(work: Callable[[], Any]) -> BaseException | None:
    """Do it where plugins are; returns what it raised."""
    raised: list[BaseException] = []

    def run() -> None:
        mark_thread()
        try:
            work()
        except Exception as error:  # noqa: BLE001 - whatever it is
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return raised[0] if raised else None


@pytest.fixture(autouse=True)
def guarded() -> None:
    guard()
    guard()


@pytest.mark.parametrize(
    ("module", "name"),
    [(asyncio, "sleep"), (asyncio.tasks, "sleep"), (messages, "encode"), (sys.modules["time"], "monotonic")],
)
def test_a_plugin_replaces_no_name(module: ModuleType, name: str) -> None:
    assert isinstance(module, GuardedModule)
    before = getattr(module, name)
    error = in_thread(lambda: setattr(module, name, None))
    assert isinstance(error, AttributeError)
    assert f"a plugin must not replace {module.__name__}.{name}" in str(error)
    assert isinstance(in_thread(lambda: delattr(module, name)), AttributeError)
    assert getattr(module, name) is before


def test_others_may(monkeypatch: pytest.MonkeyPatch) -> None:
    sleep = asyncio.sleep
    monkeypatch.setattr(asyncio, "sleep", guard)
    assert vars(asyncio)["sleep"] is guard
    monkeypatch.undo()
    assert asyncio.sleep is sleep


def test_what_imports_and_the_library_do_is_allowed() -> None:
    def work() -> None:
        sys.modules.pop("json.tool", None)
        importlib.import_module("json.tool")
        asyncio.another_new_name = 1  # type: ignore[attr-defined]  # new names come with every import
        asyncio.another_new_name = asyncio.another_new_name  # type: ignore[attr-defined]  # nothing is replaced
        with warnings.catch_warnings(), contextlib.redirect_stdout(sys.stderr):
            warnings.simplefilter("ignore")

    assert in_thread(work) is None
    assert json.dumps([1]) == "[1]"
    del asyncio.another_new_name  # type: ignore[attr-defined]  # see above
