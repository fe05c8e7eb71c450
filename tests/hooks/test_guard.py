"""Names of modules are guarded against plugins' threads, and against nobody else."""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager, nullcontext

from ipc_bridge.hooks.guard import guarded


def replaced(where: AbstractContextManager[None]) -> str:
    """What comes of replacing a name of a module in a thread of its own, within ``where``."""
    said = []

    def replace() -> None:
        before = threading.TIMEOUT_MAX
        with where:
            try:
                threading.TIMEOUT_MAX = 80  # type: ignore[misc]
                threading.TIMEOUT_MAX = before  # type: ignore[misc]
            except AttributeError as error:
                said.append(str(error))
            else:
                said.append("replaced")

    thread = threading.Thread(target=replace)
    thread.start()
    thread.join()
    return said[0]


def test_names_are_guarded_against_the_threads_of_plugins() -> None:
    assert replaced(guarded()).startswith("a plugin must not replace threading.TIMEOUT_MAX")
    assert replaced(nullcontext()) == "replaced"
    with guarded():
        assert replaced(nullcontext()) == "replaced"
        assert replaced(guarded()).startswith("a plugin must not replace threading.TIMEOUT_MAX")
