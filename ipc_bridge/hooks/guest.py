"""A plugin at work, in a loop of its own: in a thread of the bridge, or in a process."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from ipc_bridge.errors import PluginFailedError, PluginRefusedError
from ipc_bridge.hooks import specs
from ipc_bridge.hooks.loading import Plugin, load, validate
from ipc_bridge.hooks.peer import Peer, describe, place
from ipc_bridge.hooks.proxy import PluginBridge
from ipc_bridge.hooks.subjects import Camera, Command, Entity, Setting, read_event

MAX_TASKS = 100
"""Tasks of a plugin's own at a time; one more raises where it is begun."""

_Verb = Callable[[dict[str, Any]], Any]


class Guest:
    """One plugin; made in the loop that it is to run in.

    Args:
        send: hands a message to the bridge.
    """

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self.peer = Peer(send, self._handle)
        self.plugin: Plugin | None = None
        self._loop = asyncio.get_running_loop()
        self._stopped = asyncio.Event()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._verbs: Mapping[str, _Verb] = {}
        self._bridge: PluginBridge | None = None
        self._close_routes: Callable[[], Awaitable[None]] | None = None

    async def run(self) -> None:
        """Do what the bridge asks, until :meth:`stop`."""
        self._loop.set_task_factory(self._new_task)
        self._loop.set_exception_handler(self._failed_aside)
        try:
            await self._stopped.wait()
        finally:
            self._loop.set_task_factory(None)
            for task in [*self._tasks, *self.peer.handling.values()]:
                task.cancel()
            if self._close_routes is not None:
                await self._close_routes()

    def stop(self) -> None:
        """End; called in the loop."""
        self._stopped.set()

    # What the bridge asks for.

    async def _handle(self, method: str, arguments: dict[str, Any]) -> Any:
        if method == "load":
            return await self._load(**arguments)
        if self.plugin is None or self._bridge is None:
            raise PluginFailedError("the plugin is not loaded")
        if method == "verb":
            result = self._verbs[arguments["verb"]](arguments["params"])
            return await result if inspect.isawaitable(result) else result
        result = self.plugin.call(method, bridge=self._bridge, **_subjects(arguments, self.peer.request))
        if inspect.isawaitable(result):
            result = await result
        # What happened has no answer, and whatever else was returned may be anything.
        return result if method in specs.ASKED else None

    async def _load(
        self, name: str, directory: str, base: str, settings: dict[str, Any], socket: str
    ) -> dict[str, Any]:
        """Load the plugin, and tell what it has; routes are served on ``socket``."""
        plugin = load(name, Path(directory))
        self._bridge = PluginBridge(name, base, validate(plugin, settings), self.peer.request, self._failed)
        self.plugin = plugin
        entities = self._added("register_entities", _entities) or []
        self._verbs = self._added("register_commands", _verbs) or {}
        routes = self._added("register_routes", list)
        return {
            "hooks": {
                hook: {"tryfirst": one.opts["tryfirst"], "trylast": one.opts["trylast"]}
                for hook, one in plugin.hooks.items()
            },
            "entities": entities,
            "verbs": list(self._verbs),
            "socket": None if routes is None else await self._serve(routes, socket),
        }

    def _added(self, hook: str, read: Callable[[Any], Any]) -> Any:
        """What a hook of the third grammar adds; None where the plugin has no such hook.

        Raises:
            PluginRefusedError: it failed, or returned something else.
        """
        if self.plugin is None or hook not in self.plugin.hooks:
            return None
        try:
            return read(self.plugin.call(hook, bridge=self._bridge))
        except Exception as error:
            raise PluginRefusedError([((), f"its {hook} failed: {describe(error)}{place(error)}")]) from error

    async def _serve(self, routes: list[Any], path: str) -> str:
        """Serve aiohttp routes on a socket; return its path."""
        # Only here: it takes its time, and few plugins have routes.
        from aiohttp import web  # noqa: PLC0415

        try:
            application = web.Application()
            application.add_routes(routes)
            runner = web.AppRunner(application, access_log=None, shutdown_timeout=0)
            self._close_routes = runner.cleanup
            await runner.setup()
            await web.UnixSite(runner, path).start()
        except Exception as error:
            raise PluginRefusedError([((), f"its routes cannot be served: {describe(error)}{place(error)}")]) from error
        return path

    # What nobody waits for.

    def _new_task(self, loop: asyncio.AbstractEventLoop, work: Any, **options: Any) -> asyncio.Task[Any]:
        if len(self._tasks) >= MAX_TASKS:
            if inspect.iscoroutine(work):
                work.close()
            raise RuntimeError(f"{MAX_TASKS} tasks of this plugin are running: let some of them end")
        task = asyncio.Task(work, loop=loop, **options)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _failed_aside(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        reason = f": {describe(error)}{place(error)}" if isinstance(error, BaseException) else ""
        self._failed(f"{context.get('message')}{reason}")

    def _failed(self, reason: str) -> None:
        self.peer.tell("failed", {"reason": reason})


def _subjects(arguments: dict[str, Any], do: Callable[[str, dict[str, Any]], Awaitable[Any]]) -> dict[str, Any]:
    """Arguments of a hook as what they are."""
    read: dict[str, Callable[[Any], Any]] = {
        "camera": lambda values: Camera.read(values, do),
        "event": read_event,
        "command": lambda values: Command(**values),
        "setting": lambda values: Setting(**values),
    }
    return {name: read[name](values) for name, values in arguments.items()}


def _entities(added: Any) -> list[Entity]:
    entities = list(added)
    for entity in entities:
        if not isinstance(entity, Entity):
            raise TypeError(f"{entity!r} is no Entity; from ipc_bridge.hooks import Entity")
    return entities


def _verbs(added: Any) -> dict[str, _Verb]:
    verbs = dict(added)
    for verb, function in verbs.items():
        if not isinstance(verb, str) or not verb.isidentifier() or not callable(function):
            raise TypeError(f"{verb!r} must be a name, and stand for an async function")
    return verbs
