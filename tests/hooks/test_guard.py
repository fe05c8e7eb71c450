"""Names of modules are guarded as long as a plugin lives, and no longer."""

from __future__ import annotations

import threading
import weakref

import pytest

from ipc_bridge.hooks.guard import guard


def replaced(name: str) -> str:
    """What comes of replacing a name of a module in a thread that is not the main one."""
    said = []

    def replace() -> None:
        before = getattr(threading, name)
        try:
            setattr(threading, name, 80)
        except AttributeError as error:
            said.append(str(error))
        else:
            setattr(threading, name, before)
            said.append("replaced")

    thread = threading.Thread(target=replace)
    thread.start()
    thread.join()
    return said[0]


def test_names_are_guarded_while_a_plugin_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    # Others' plugins may not have ended yet.
    monkeypatch.setattr("ipc_bridge.hooks.guard._plugins", weakref.WeakSet())
    ends = threading.Event()
    plugin = threading.Thread(target=ends.wait)
    guard(plugin)
    assert replaced("TIMEOUT_MAX") == "replaced"
    plugin.start()
    try:
        assert replaced("TIMEOUT_MAX").startswith("a plugin must not replace threading.TIMEOUT_MAX")
    finally:
        ends.set()
        plugin.join()
    assert replaced("TIMEOUT_MAX") == "replaced"
