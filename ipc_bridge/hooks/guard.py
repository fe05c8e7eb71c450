"""Keeps plugins in threads from replacing what the bridge calls, such as ``asyncio.sleep`` or ``json.dumps``.

A guarded module looks who replaces one of its names: from any thread but the main one that is an error, where it is
tried, as long as a plugin's thread lives; it may have begun others. What classes and dictionaries hold is not guarded;
who does not trust a plugin that far gives it a process.
"""

from __future__ import annotations

import sys
import threading
import weakref
from types import ModuleType
from typing import Any

PACKAGE = "ipc_bridge"
LEFT_ALONE = ("sys", "warnings")
"""Modules whose names their own functions replace, as ``warnings.catch_warnings`` does."""


_plugins: weakref.WeakSet[threading.Thread] = weakref.WeakSet()
"""The threads of plugins."""


class GuardedModule(ModuleType):
    """A module whose names only the main thread may replace; new ones come with every import."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name in vars(self) and vars(self)[name] is not value:
            _only_main(self, name)
        super().__setattr__(name, value)

    def __delattr__(self, name: str) -> None:
        _only_main(self, name)
        super().__delattr__(name)


def guard(plugin: threading.Thread) -> None:
    """Guard the bridge's modules, and every module that one of them calls by its name, against a plugin's thread."""
    _plugins.add(plugin)
    ours = [module for name, module in sys.modules.items() if name.partition(".")[0] == PACKAGE]
    used = {value.__name__ for module in ours for value in vars(module).values() if isinstance(value, ModuleType)}
    used.add("builtins")
    for name, module in list(sys.modules.items()):
        is_used = name in used or any(name.startswith(f"{parent}.") for parent in used)
        if type(module) is ModuleType and is_used and name not in LEFT_ALONE:
            module.__class__ = GuardedModule


def _only_main(module: ModuleType, name: str) -> None:
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main and any(plugin.is_alive() for plugin in _plugins):
        raise AttributeError(
            f"a plugin must not replace {module.__name__}.{name}, which the bridge needs; "
            "isolation: process gives it a Python of its own"
        )
