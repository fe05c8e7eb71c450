"""All plugins: loaded, told what happens, asked, loaded anew; and what the rest of the program sees of them."""

from __future__ import annotations

import asyncio
import itertools
import logging
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any

import pluggy

from ipc_bridge.bridge.answers import Answerer, Request, read_plain, read_request
from ipc_bridge.bridge.messages import encode
from ipc_bridge.bridge.plugins.actor import Actor
from ipc_bridge.bridge.plugins.check import problem_lines
from ipc_bridge.bridge.plugins.entities import PluginDevices
from ipc_bridge.bridge.plugins.gate import AUTHORIZE, FILTER, EventFilter, authorize
from ipc_bridge.bridge.plugins.loading import Places
from ipc_bridge.bridge.plugins.memory import PluginMemory
from ipc_bridge.bridge.plugins.operations import Means
from ipc_bridge.bridge.plugins.plan import read_plan
from ipc_bridge.catalog.device import ENDPOINTS
from ipc_bridge.clock import Clock
from ipc_bridge.config import Config
from ipc_bridge.errors import CommandError, ConfigError, PluginError, StorageError
from ipc_bridge.hooks import specs
from ipc_bridge.journal.journal import Journal
from ipc_bridge.models import Event
from ipc_bridge.mqtt.connection import Received
from ipc_bridge.storage import JsonFile, make_directory

log = logging.getLogger(__name__)

MAX_PARAMS = 64 * 1024
"""Bytes of a command's parameters that plugins are shown: a picture is not for them."""

SETTLE_SECONDS = 5.0
"""That cameras wait at the start for plugins that are asked about events and commands."""

CAMERA_HOOKS = ("camera_discovered", "camera_online", "camera_offline")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What plugins are put into.

    Args:
        journal: where their events come from.
        means: what they may have the bridge do.
        answerer: answers their verbs.
        devices: their devices at the hub.
        clock: the bridge's.
        read_again: reads the configuration's file again.
        changed: called with the names of those that are loaded, when that has changed.
    """

    journal: Journal
    means: Means
    answerer: Answerer
    devices: PluginDevices
    clock: Clock
    read_again: Callable[[], Config]
    changed: Callable[[list[str]], None]


class Plugins:
    """All plugins of a bridge.

    Args:
        config: the whole configuration.
        around: what they are put into.
    """

    def __init__(self, config: Config, around: Surroundings) -> None:
        self._config = config
        self._around = around
        self._means = around.means
        self._topics = around.means.topics
        self._folder = config.storage.directory / "plugins"
        self._actors: dict[str, Actor] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._refused: dict[str, str] = {}
        self._memories: dict[str, PluginMemory] = {}
        self._leaving: list[PluginMemory] = []
        """Of plugins that are not enabled any more, until the broker has forgotten them."""
        self._asked: dict[str, list[Actor]] = {}
        self._states: dict[str, dict[str, Any]] = {}
        self._sockets: Path | None = None
        self._numbers = itertools.count()
        self._reloading = asyncio.Lock()
        self._is_running = False
        self.filter = EventFilter(
            lambda: self._asked.get(FILTER, []), self._snapshot_of, around.means.lateness, around.clock
        )
        """What events take before they are kept."""
        self.sockets: dict[str, Path] = {}
        """Where plugins serve their routes, by name, for ``/plugin/NAME/``. It stays the same one."""

    # Their life.

    async def open(self) -> None:
        """Load all that are enabled, each with a limit; what cannot be loaded is refused, and said."""
        enabled = self._config.plugins.enabled
        await self._around.journal.forget_sinks(lambda sink: sink.partition("plugin:")[2] not in {"", *enabled})
        known = [file.stem for file in self._folder.glob("*.json")]
        for name in known:
            if name not in enabled:
                self._leave(name)
        if enabled:
            self._subscribe()
            await asyncio.gather(*(self._add(self._config, name) for name in enabled))
            self._arrange(enabled)

    async def run(self) -> None:
        """Have them work until cancelled; each has a moment for its goodbyes."""
        self._is_running = True
        for actor in self._actors.values():
            self._start(actor)
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            for task in self._tasks.values():
                task.cancel()
            if self._tasks:
                await asyncio.wait(self._tasks.values())
            for memory in self._leaving:
                memory.save()
            if self._sockets is not None:
                shutil.rmtree(self._sockets, ignore_errors=True)

    async def settled(self) -> None:
        """Wait until those that are asked can answer; but not longer than one may take to begin."""
        asked = {actor for actors in self._asked.values() for actor in actors}
        waits = [asyncio.ensure_future(actor.begun.wait()) for actor in asked]
        if waits:
            _begun, waiting = await asyncio.wait(waits, timeout=SETTLE_SECONDS)
            for wait in waiting:
                wait.cancel()

    async def reload(self) -> dict[str, Any]:
        """Load all anew, from the disk and on the configuration as it is now; for ``bridge/request/reload``.

        A plugin that cannot be loaded goes on as it was, where it was running.

        Raises:
            CommandError: the configuration has mistakes; nothing was changed.
        """
        # Whoever stops waiting for the answer does not stop it half way.
        return await asyncio.shield(asyncio.ensure_future(self._reload()))

    async def _reload(self) -> dict[str, Any]:
        async with self._reloading:
            try:
                config = self._around.read_again()
            except ConfigError as error:
                raise CommandError("invalid", "; ".join(error.problems)) from error
            enabled = config.plugins.enabled
            for name in [name for name in {**self._actors, **self._refused} if name not in enabled]:
                await self._end(name)
                self._refused.pop(name, None)
                self._leave(name)
            if enabled:
                self._subscribe()
            results = dict(await asyncio.gather(*(self._add(config, name) for name in enabled)))
            restart = [
                item.name
                for item in fields(config)
                if item.compare
                and item.name != "plugins"
                and getattr(config, item.name) != getattr(self._config, item.name)
            ]
            self._arrange(enabled)
            return {"plugins": results, "needs_restart": restart}

    async def _add(self, config: Config, name: str) -> tuple[str, str]:
        """Load a plugin, and put it in the place of what is there of its name; returns what became of it."""
        try:
            actor = Actor(
                read_plan(name, config.plugins.enabled[name]),
                Places(config.plugins.directory, self._topics.plugins, self._socket(name)),
                self._means,
                self._memories.setdefault(name, PluginMemory(JsonFile(self._folder / f"{name}.json"))),
                self._around.journal,
                self._snapshot_of,
                self._changed,
            )
            await actor.load()
        except PluginError as error:
            lines = problem_lines(config, name, error)
            for line in lines:
                log.error("%s", line)
            what = "refused" if name not in self._actors else "not loaded again; it goes on as it was"
            log.error("Plugin %s is %s", name, what)
            if name not in self._actors:
                self._refused[name] = "; ".join(lines)
            return name, f"{what}: {'; '.join(lines)}"
        await self._end(name)
        self._refused.pop(name, None)
        self._actors[name] = actor
        self._around.devices.announce(name, actor.description.entities, actor.memory)
        if self._is_running:
            self._start(actor)
        log.info("Plugin %s is loaded: %s", name, ", ".join(actor.description.hooks))
        return name, "loaded"

    def _start(self, actor: Actor) -> None:
        self._tasks[actor.name] = asyncio.create_task(self._keep(actor), name=f"plugin {actor.name}")

    async def _keep(self, actor: Actor) -> None:
        try:
            await actor.run()
        except Exception:
            log.exception("Plugin %s: a bug in the bridge stopped it; please report it", actor.name)
            actor.broken()

    async def _end(self, name: str) -> None:
        task = self._tasks.pop(name, None)
        actor = self._actors.pop(name, None)
        if task is not None:
            task.cancel()
            await asyncio.wait([task])
        elif actor is not None:
            await actor.close()

    def _leave(self, name: str) -> None:
        """A plugin is not enabled any more: clear what the broker keeps for it. Its own values stay."""
        memory = self._memories.pop(name, None) or PluginMemory(JsonFile(self._folder / f"{name}.json"))
        self._around.devices.withdraw(name, memory)
        for topic in memory.retained:
            self._means.publisher.retain(topic, b"", then=partial(memory.cleared, topic))
        if memory.retained:
            self._leaving.append(memory)

    def _arrange(self, order: Iterable[str]) -> None:
        """Put all into the order of the configuration, and those that are asked into that which they ask for."""
        self._actors = {name: self._actors[name] for name in order if name in self._actors}
        manager = pluggy.PluginManager(specs.PROJECT)
        manager.add_hookspecs(specs)
        mark = pluggy.HookimplMarker(specs.PROJECT)
        for name, actor in self._actors.items():
            stand_in = type("StandIn", (), {})()
            for hook, wish in actor.description.hooks.items():
                function = mark(lambda: None, tryfirst=wish["tryfirst"], trylast=wish["trylast"])
                setattr(stand_in, hook, function)
            manager.register(stand_in, name)
        self._asked = {
            hook: [self._actors[one.plugin_name] for one in reversed(getattr(manager.hook, hook).get_hookimpls())]
            for hook in specs.ASKED
        }
        self._changed()

    def _socket(self, name: str) -> Path:
        if self._sockets is None:
            self._sockets = Path(tempfile.mkdtemp(prefix="ipc-bridge-"))
            try:
                make_directory(self._folder)
            except StorageError as error:
                log.error("%s; going on: what plugins remember is forgotten at the next start", error)
        return self._sockets / f"{name}-{next(self._numbers)}.sock"

    def _changed(self) -> None:
        served = {name: actor.description.socket for name, actor in self._actors.items()}
        self.sockets.clear()
        self.sockets.update((name, Path(socket)) for name, socket in served.items() if socket is not None)
        self._around.changed([name for name, actor in self._actors.items() if actor.state != "broken"])

    # What the rest of the program sees.

    def figures(self) -> dict[str, Any]:
        """For ``bridge/health``."""
        refused = {name: {"state": "refused", "reason": reason} for name, reason in self._refused.items()}
        return {**{name: actor.figures() for name, actor in self._actors.items()}, **refused}

    def problem(self) -> str | None:
        """Which plugins do not work, in a sentence."""
        bad = [
            f"{name} is {figures['state']} ({figures['reason']})"
            for name, figures in self.figures().items()
            if figures["state"] not in ("running", "starting")
        ]
        return f"plugins: {'; '.join(bad)}" if bad else None

    def announced(self) -> None:
        """What the hub knows of their devices has changed."""
        for memory in self._memories.values():
            memory.changed()

    # What happens.

    def camera_happened(self, kind: str, sn: str) -> None:
        """Something happened with a camera that ``bridge/event`` tells."""
        if kind == "forgotten":
            self._states.pop(sn, None)
        if kind in CAMERA_HOOKS:
            self._notice(kind, sn, dict)

    def state_changed(self, sn: str, values: Mapping[str, Any]) -> None:
        """A camera's properties were read, and some are others."""
        old = self._states.get(sn, {})
        self._states[sn] = dict(values)
        for name in old.keys() & values.keys():
            if old[name] != values[name]:
                setting = {"sn": sn, "name": name, "old": old[name], "new": values[name]}
                self._notice("setting_changed", sn, partial(dict, setting=setting))

    def completed(self, sn: str, name: str, params: Mapping[str, Any], error: CommandError | None) -> None:
        """See :class:`~ipc_bridge.bridge.commands.Attendant`."""
        reason = error and {"kind": error.kind, "code": error.code, "name": error.name, "message": str(error)}
        command = {"sn": sn, "name": name, "status": "error" if error else "ok", "error": reason}
        self._notice("command_completed", sn, lambda: {"command": {**command, "params": _shown(name, params)}})

    async def authorize(self, sn: str, name: str, params: Mapping[str, Any]) -> None:
        """See :class:`~ipc_bridge.bridge.commands.Attendant`."""
        guards = self._asked.get(AUTHORIZE, [])
        if guards:
            command = {"sn": sn, "name": name, "params": _shown(name, params)}
            await authorize(guards, {"camera": self._snapshot(sn), "command": command})

    def _notice(self, hook: str, sn: str, subject: Callable[[], dict[str, Any]]) -> None:
        wanted = [actor for actor in self._actors.values() if hook in actor.description.hooks]
        if wanted:
            arguments = {"camera": self._snapshot(sn), **subject()}
            for actor in wanted:
                actor.notice(hook, arguments)

    def _snapshot(self, sn: str) -> dict[str, Any]:
        try:
            return self._means.cameras.snapshot(sn)
        except CommandError:
            return _gone(sn, sn)

    def _snapshot_of(self, event: Event) -> dict[str, Any]:
        try:
            return self._means.cameras.snapshot(event.sn)
        except CommandError:
            return _gone(event.sn, event.camera)

    # Verbs.

    def _subscribe(self) -> None:
        self._means.publisher.subscribe(self._topics.plugin("+", "request/+"), self._command_received)

    def _command_received(self, message: Received) -> None:
        name, _request, verb = self._topics.plugin_levels(message.topic)

        async def carry_out(request: Request) -> Any:
            actor = self._actors.get(name)
            if actor is None or verb not in actor.description.verbs:
                known = ", ".join(actor.description.verbs) if actor is not None else ""
                raise CommandError("invalid", f"plugin {name} has no {verb}; it has {known or 'no verbs'}")
            params = request.params or ({"payload": request.payload.decode()} if request.payload.strip() else {})
            return await actor.command(verb, params)

        self._around.answerer.answer(message, self._topics.plugin(name, f"response/{verb}"), carry_out, _read)


def _read(payload: bytes) -> Request:
    """A JSON object, or plain text as Home Assistant sends it."""
    if payload.lstrip().startswith(b"{"):
        return read_request(payload)
    try:
        payload.decode()
    except UnicodeDecodeError as error:
        raise CommandError("invalid", f"the request is neither a JSON object nor UTF-8 text: {error}") from error
    return read_plain(payload)


def _shown(name: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """A command's parameters without what is secret or a file."""
    endpoint = ENDPOINTS.get(name.removeprefix("request/"))
    shown = dict(params) if endpoint is None else endpoint.redact(params)
    for key, value in shown.items():
        if isinstance(value, dict) and isinstance(value.get("base64"), str):
            shown[key] = {"base64": f"<{len(value['base64'])} characters>"}
    size = len(encode(shown))
    return shown if size <= MAX_PARAMS else {"too_large": size}


def _gone(sn: str, name: str) -> dict[str, Any]:
    """A camera that is not known any more."""
    unknown: dict[str, Any] = dict.fromkeys(("model", "host", "firmware"))
    return {"sn": sn, "name": name, **unknown, "status": "offline", "reason": "it was forgotten", "state": {}}
