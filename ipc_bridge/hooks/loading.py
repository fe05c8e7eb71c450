"""Finds a plugin, and looks whether it can be one: every mistake is a sentence."""

from __future__ import annotations

import difflib
import importlib
import importlib.abc
import importlib.metadata
import importlib.util
import inspect
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pluggy

from ipc_bridge.errors import PluginRefusedError
from ipc_bridge.hooks import specs
from ipc_bridge.hooks.peer import describe, place

ENTRY_POINTS = "ipc_bridge"
"""The entry point group in which installed packages name their plugins."""
_PREFIX = "ipc_bridge_plugins."
_PACKAGE = Path(__file__).parents[1]
SHIPPED = _PACKAGE / "plugins" if (_PACKAGE / "plugins").is_dir() else _PACKAGE.parent / "plugins"
"""The plugins that come with the bridge: in its package once it is installed, beside it in a clone."""


@dataclass(frozen=True, slots=True)
class Plugin:
    """A plugin that can be called: its hooks by name."""

    module: ModuleType
    hooks: Mapping[str, pluggy.HookImpl]

    @property
    def folder(self) -> str:
        """What the names of its own source files begin with."""
        file = self.module.__file__ or ""
        return file.removesuffix("__init__.py")

    def call(self, hook: str, **subjects: Any) -> Any:
        """Call a hook with those of ``subjects`` that it wants."""
        implementation = self.hooks[hook]
        return implementation.function(*(subjects[name] for name in implementation.argnames))


def load(name: str, directory: Path) -> Plugin:
    """Load a plugin anew, whether or not it was loaded before. Runs its code.

    Args:
        name: the plugin's.
        directory: ``plugins.directory``.

    Raises:
        PluginRefusedError: it cannot be used.
    """
    try:
        module = _find(name, directory)
    except PluginRefusedError:
        raise
    except BaseException as error:
        raise _refused(f"cannot be imported: {describe(error)}{place(error)}") from error
    manager = pluggy.PluginManager(specs.PROJECT)
    manager.add_hookspecs(specs)
    _check(module, manager)
    try:
        manager.register(module, name)
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        raise _refused(" ".join(str(error).split())) from error
    callers = manager.get_hookcallers(manager.get_plugin(name)) or []
    if not callers:
        raise _refused("has no hook: mark its functions with @hookimpl, from ipc_bridge import hookimpl")
    return Plugin(module, {caller.name: _only(caller) for caller in callers})


def validate(plugin: Plugin, settings: dict[str, Any]) -> Any:
    """What the plugin's ``config_schema`` makes of its settings; without one, the settings themselves.

    Raises:
        PluginRefusedError: there are mistakes in them.
    """
    if "config_schema" not in plugin.hooks:
        return settings
    # Only here: it takes its time, and few plugins have a schema.
    import voluptuous as vol  # noqa: PLC0415

    try:
        schema = plugin.call("config_schema")
        return (schema if isinstance(schema, vol.Schema) else vol.Schema(schema))(settings)
    except vol.MultipleInvalid as error:
        problems = [(_path(broken), _sentence(broken)) for broken in error.errors]
        raise PluginRefusedError(problems) from error
    except vol.Invalid as error:
        raise PluginRefusedError([(_path(error), _sentence(error))]) from error
    except Exception as error:
        raise _refused(f"its config_schema failed: {describe(error)}{place(error)}") from error


class _File(importlib.abc.SourceLoader):
    """Reads a plugin's file. Keeps no bytecode: two versions within a second would be taken for one."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def get_filename(self, _fullname: str) -> str:
        return str(self._path)

    def get_data(self, path: str | bytes) -> bytes:
        return Path(str(path)).read_bytes()


def _find(name: str, directory: Path) -> ModuleType:
    known = known_plugins(directory)
    match known.get(name):
        case Path() as path:
            return _import_file(name, path)
        case importlib.metadata.EntryPoint() as point:
            return _import_package(point)
    near = difflib.get_close_matches(name, sorted(known), 1)
    hint = f"; did you mean {near[0]}?" if near else ""
    path = directory / f"{name}.py"
    raise _refused(f"is no plugin: there is no {path}, and no installed package has one of this name{hint}")


def known_plugins(directory: Path) -> dict[str, Path | importlib.metadata.EntryPoint]:
    """All plugins that could be enabled: those of ``directory`` first, then installed packages', then the bridge's."""
    points = importlib.metadata.entry_points(group=ENTRY_POINTS)
    return {**_files(SHIPPED), **{point.name: point for point in points}, **_files(directory)}


def _files(directory: Path) -> dict[str, Path]:
    files = sorted(directory.glob("[!_.]*.py"))
    return {file.stem: file for file in files if not file.stem.startswith("test_")}


def _import_file(name: str, path: Path) -> ModuleType:
    full_name = _PREFIX + name
    spec = importlib.util.spec_from_loader(full_name, _File(path))
    if spec is None:
        raise _refused(f"cannot be imported from {path}")
    module = importlib.util.module_from_spec(spec)
    # Dataclasses and pickles look their module up there.
    sys.modules[full_name] = module
    spec.loader.exec_module(module)  # type: ignore[union-attr]  # it is ours
    return module


def _import_package(point: importlib.metadata.EntryPoint) -> ModuleType:
    inside = point.module.partition(".")[0] + "."
    for known in [known for known in sys.modules if known == point.module or known.startswith(inside)]:
        del sys.modules[known]
    importlib.invalidate_caches()
    module = point.load()
    if not isinstance(module, ModuleType):
        raise _refused(f"its entry point {point.value} is no module")
    return module


def _check(module: ModuleType, manager: pluggy.PluginManager) -> None:
    """Say in a sentence what pluggy would say in its own words.

    Raises:
        PluginRefusedError: something is wrong with a hook.
    """
    for name, function in inspect.getmembers(module, inspect.isroutine):
        options = manager.parse_hookimpl_opts(module, name)
        if options is None:
            if name in HOOKS and getattr(function, "__module__", "") == module.__name__:
                raise _refused(f"its {name} is not marked with @hookimpl")
            continue
        hook = HOOKS.get(options["specname"] or name)
        if hook is None:
            raise _refused(f"there is no hook {name}{_near(name, list(HOOKS))}")
        if options["wrapper"] or options["hookwrapper"]:
            raise _refused(f"its {name} is a wrapper, and hooks cannot be wrapped")
        allowed = list(inspect.signature(hook).parameters)
        for argument in inspect.signature(function).parameters:
            if argument not in allowed:
                hint = _near(argument, allowed) or f": it has {', '.join(allowed) or 'none'}"
                raise _refused(f"its {name} takes {argument}, which the hook has not{hint}")


HOOKS: dict[str, Any] = {name: value for name, value in vars(specs).items() if hasattr(value, f"{specs.PROJECT}_spec")}
"""All hooks by name, in the order of their file."""


def _near(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, 1)
    return f"; did you mean {near[0]}?" if near else ""


def _only(caller: pluggy.HookCaller) -> pluggy.HookImpl:
    implementations = caller.get_hookimpls()
    if len(implementations) > 1:
        raise _refused(f"it has {caller.name} twice")
    return implementations[0]


def _path(error: Any) -> tuple[str | int, ...]:
    return tuple(step if isinstance(step, int) else str(step) for step in error.path)


def _sentence(error: Any) -> str:
    """Voluptuous' message without the path that it has behind it."""
    return str(error.msg)


def _refused(text: str) -> PluginRefusedError:
    return PluginRefusedError([((), text)])
