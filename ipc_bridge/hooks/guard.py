"""Keeps plugins in threads from replacing what the bridge calls, such as ``asyncio.sleep`` or ``json.dumps``.

A guarded module looks who replaces one of its names: from a plugin's thread that is an error, where it is tried. What
classes and dictionaries hold is not guarded, nor are threads that a plugin starts; who does not trust a plugin that far
gives it a process.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

PACKAGE = "ipc_bridge"
LEFT_ALONE = ("sys", "warnings")
"""Modules whose names their own functions replace, as ``warnings.catch_warnings`` does."""


_guarded_against: set[int] = set()
"""Threads of plugins, by their ``ident``."""


class GuardedModule(ModuleType):
    """A module whose names no plugin's thread may replace; new ones come with every import."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name in vars(self) and vars(self)[name] is not value:
            _no_plugin(self, name)
        super().__setattr__(name, value)

    def __delattr__(self, name: str) -> None:
        _no_plugin(self, name)
        super().__delattr__(name)


@contextmanager
def guarded() -> Iterator[None]:
    """Guard the bridge's modules, and every module that one of them calls by its name, against this thread."""
    _guard_modules()
    ident = threading.get_ident()
    _guarded_against.add(ident)
    try:
        yield
    finally:
        _guarded_against.discard(ident)


def _guard_modules() -> None:
    ours = [module for name, module in sys.modules.items() if name.partition(".")[0] == PACKAGE]
    used = {value.__name__ for module in ours for value in vars(module).values() if isinstance(value, ModuleType)}
    used.add("builtins")
    for name, module in list(sys.modules.items()):
        is_used = name in used or any(name.startswith(f"{parent}.") for parent in used)
        if type(module) is ModuleType and is_used and name not in LEFT_ALONE:
            module.__class__ = GuardedModule


def _no_plugin(module: ModuleType, name: str) -> None:
    if threading.get_ident() in _guarded_against:
        raise AttributeError(
            f"a plugin must not replace {module.__name__}.{name}, which the bridge needs; "
            "isolation: process gives it a Python of its own"
        )
