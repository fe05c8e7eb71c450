"""One plugin at work: kept alive, fed with events and told what happens, one thing after the other."""

from __future__ import annotations

import asyncio
import enum
import logging
from collections import Counter, deque
from collections.abc import Callable, Mapping
from threading import Thread
from typing import Any, Literal

import orjson

from ipc_bridge.backoff import Backoff
from ipc_bridge.bridge.messages import event_payload
from ipc_bridge.bridge.plugins.loading import VISIT, Description, Places, load, new_host
from ipc_bridge.bridge.plugins.memory import PluginMemory
from ipc_bridge.bridge.plugins.operations import Means, Operations
from ipc_bridge.bridge.plugins.plan import Plan
from ipc_bridge.bridge.visits import Visits
from ipc_bridge.errors import CommandError, NotNowError, PluginError, PluginGoneError
from ipc_bridge.hooks.breaker import Breaker
from ipc_bridge.hooks.host import Host
from ipc_bridge.hooks.specs import ASKED
from ipc_bridge.journal.entry import Entry
from ipc_bridge.journal.feed import Feed
from ipc_bridge.journal.journal import Journal
from ipc_bridge.logs import Once
from ipc_bridge.models import Event, FaceEvent

log = logging.getLogger(__name__)

MAX_ENTRIES = 100
"""Events that wait in memory for a plugin; the rest waits in the journal."""
MAX_NOTICES = 100
"""What else happened and waits for a plugin; then the oldest is dropped."""
TRIES = 2
"""Times that an event is given to a hook that fails; then the plugin goes on with the next."""
SHUTDOWN_LIMIT = 0.7


class _Outcome(enum.Enum):
    """What came of a call."""

    DONE = enum.auto()
    FAILED = enum.auto()
    NOT_NOW = enum.auto()


class Actor:
    """One plugin.

    Args:
        plan: how it is run.
        places: where it is, and where its routes are served.
        means: what it may have the bridge do.
        memory: what is kept of it.
        journal: where its events come from.
        snapshot: what is known of an event's camera.
        changed: called when its state has changed.
    """

    def __init__(
        self,
        plan: Plan,
        places: Places,
        means: Means,
        memory: PluginMemory,
        journal: Journal,
        snapshot: Callable[[Event], Mapping[str, Any]],
        changed: Callable[[], None],
    ) -> None:
        self.plan = plan
        self.memory = memory
        self.description = Description()
        self.state = "starting"
        self.reason: str | None = None
        """Why it is not running."""
        self.counters: Counter[str] = Counter()
        """Calls, those that failed, events that were skipped, notices that were dropped, and restarts."""
        self.begun = asyncio.Event()
        """Set once it is at work, or was not for the first time."""
        self._places = places
        self._journal = journal
        self._is_late = means.lateness.is_late
        self._snapshot = snapshot
        self._changed = changed
        self._operations = Operations(plan.name, means, memory, self._failed_aside)
        self._loop = asyncio.get_running_loop()
        self._host: Host | None = None
        self._stuck: list[Thread] = []
        self._ready = asyncio.Event()
        self._work = asyncio.Event()
        self._notices: deque[tuple[str, Mapping[str, Any]]] = deque()
        self._entries: deque[Entry] = deque()
        self._feed: Feed | None = None
        self._breaker = Breaker(self._loop.time)
        self._gate_breaker = Breaker(self._loop.time)
        self._complaints = Once()
        self._visits = Visits()

    @property
    def name(self) -> str:
        """The plugin's name."""
        return self.plan.name

    @property
    def depth(self) -> int:
        """Events that it is not done with."""
        return 0 if self._feed is None else self._feed.depth

    def figures(self) -> dict[str, Any]:
        """For ``bridge/health``."""
        counted = ("calls", "failures", "skipped", "dropped", "restarts")
        return {
            "state": self.state,
            "reason": self.reason,
            **{name: self.counters[name] for name in counted},
            "behind": self.depth,
        }

    # What the manager calls.

    async def load(self) -> None:
        """Load it, and learn what it has.

        Raises:
            PluginRefusedError: it cannot be used.
            PluginError: it did not come so far.
        """
        host = new_host(self.plan, self._places, self._operations, self._stuck)
        try:
            self.description = await load(host, self.plan, self._places)
        except BaseException:
            await host.stop()
            raise
        self._host = host

    async def run(self) -> None:
        """Keep it at work until cancelled; then it has a moment for its goodbyes."""
        if self.description.wants_events:
            skip: Literal["new", "all"] = "new" if self.plan.catch_up else "all"
            self._feed = Feed(self._journal, f"plugin:{self.name}", self._take, MAX_ENTRIES, skip)
        try:
            async with asyncio.TaskGroup() as tasks:
                if self._feed is not None:
                    # Before it is said to be running: what comes from then on it gets.
                    await self._feed.begin()
                    tasks.create_task(self._feed.run(), name=f"feed of plugin {self.name}")
                for job in (self._keep(), self._serve(), self.memory.run()):
                    tasks.create_task(job, name=f"plugin {self.name}")
        finally:
            if self._feed is not None:
                self._feed.close()
            await self.close()

    async def close(self) -> None:
        """End it."""
        host, self._host = self._host, None
        if host is not None:
            if self._ready.is_set() and "shutdown" in self.description.hooks:
                try:
                    await host.call("shutdown", {}, SHUTDOWN_LIMIT)
                except PluginError as error:
                    log.warning("Plugin %s: %s", self.name, error)
            await host.stop()
        self._ready.clear()
        await asyncio.to_thread(self.memory.save)

    def notice(self, hook: str, arguments: Mapping[str, Any]) -> None:
        """Something happened that is no event."""
        if hook not in self.description.hooks:
            return
        if len(self._notices) >= MAX_NOTICES:
            self._notices.popleft()
            self.counters["dropped"] += 1
        self._notices.append((hook, arguments))
        self._work.set()

    async def ask(self, hook: str, arguments: Mapping[str, Any]) -> Any:
        """Call a hook of the second grammar, now.

        Raises:
            PluginError: it failed, took too long, or cannot be asked now.
        """
        if self._host is None or not self._ready.is_set() or self._gate_breaker.pause:
            raise PluginGoneError(f"it is not asked now: {self.reason or 'it failed too often'}")
        self.counters["calls"] += 1
        try:
            answer = await self._host.call(hook, arguments, ASKED[hook])
        except PluginError as error:
            self.gate_failed(hook, error)
            raise
        self._gate_breaker.succeeded()
        return answer

    def gate_failed(self, hook: str, error: Exception) -> None:
        """It did not answer, or answered what makes no sense."""
        self._gate_breaker.failed()
        self._count_failure(hook, error)

    async def command(self, verb: str, params: dict[str, Any]) -> Any:
        """Carry a verb out.

        Raises:
            CommandError: it is not done.
        """
        if self._host is None or not self._ready.is_set():
            raise CommandError("offline", f"plugin {self.name} is not running: {self.reason or self.state}")
        self.counters["calls"] += 1
        try:
            return await self._host.command(verb, params)
        except PluginError as error:
            self._count_failure(verb, error)
            raise CommandError("plugin", f"plugin {self.name} failed: {error}") from error

    def broken(self) -> None:
        """A bug in the bridge has stopped it."""
        self._ready.clear()
        self._change("broken", "a bug in the bridge stopped it, see its log")

    # Its life.

    async def _keep(self) -> None:
        """Start it again, later each time, whenever it has ended."""
        backoff = Backoff()
        while True:
            began = self._loop.time()
            reason = await self._live()
            self._ready.clear()
            self._host = None
            self.counters["restarts"] += 1
            self._change("failing", reason)
            self._complaints.warning(log, f"life {reason}", "Plugin %s: %s; it is started again", self.name, reason)
            self.begun.set()
            backoff.held_for(self._loop.time() - began)
            await asyncio.sleep(backoff.next_delay())

    async def _live(self) -> str:
        """One life; returns why it ended."""
        try:
            if self._host is None:
                await self.load()
            host = self._host
            if host is None:
                return "it was not loaded"
            if "startup" in self.description.hooks:
                self.counters["calls"] += 1
                await host.call("startup", {})
        except PluginError as error:
            self.counters["failures"] += 1
            if self._host is not None:
                await self._host.stop()
            return f"it did not start: {error}"
        self._change("running", None)
        self._ready.set()
        self.begun.set()
        # Shielded: the end of this wait is not its end.
        reason = await asyncio.shield(host.gone)
        await host.stop()
        return reason

    def _change(self, state: str, reason: str | None) -> None:
        if (state, reason) != (self.state, self.reason):
            self.state, self.reason = state, reason
            self._changed()

    # Its work.

    def _take(self, entry: Entry) -> None:
        """An event for it; what it does not want is done with."""
        kind = entry.event.kind
        if self.description.hooks_for(kind, late=False) or self.description.hooks_for(kind, late=True):
            self._entries.append(entry)
            self._work.set()
        else:
            self._done(entry)

    def _done(self, entry: Entry) -> None:
        if self._feed is not None:
            self._feed.done(entry.position)

    async def _serve(self) -> None:
        while True:
            if self._notices:
                hook, arguments = self._notices.popleft()
                if await self._call(hook, arguments) is _Outcome.NOT_NOW:
                    # Nothing keeps it.
                    self.counters["dropped"] += 1
            elif self._entries:
                entry = self._entries.popleft()
                await self._event(entry)
                self._done(entry)
            else:
                self._work.clear()
                await self._work.wait()

    async def _event(self, entry: Entry) -> None:
        """Give it an event; each hook as often as it fails, but not for ever."""
        done: set[str] = set()
        if isinstance(entry.event, FaceEvent) and not self._visits.is_new(entry.event):
            done.add(VISIT)
        failures: Counter[str] = Counter()
        while True:
            # It may have a pause: what is late is decided behind it.
            await self._available()
            late = self._is_late(entry)
            if late and not self.plan.catch_up:
                return
            hooks = self.description.hooks_for(entry.event.kind, late=late)
            hook = next((hook for hook in hooks if hook not in done and failures[hook] < TRIES), None)
            if hook is None:
                break
            event = orjson.Fragment(event_payload(entry, late=late))
            outcome = await self._call(hook, {"camera": self._snapshot(entry.event), "event": event})
            if outcome is _Outcome.DONE:
                done.add(hook)
            elif outcome is _Outcome.FAILED:
                failures[hook] += 1
        if any(count >= TRIES for count in failures.values()):
            self.counters["skipped"] += 1

    async def _call(self, hook: str, arguments: Mapping[str, Any]) -> _Outcome:
        """Call a hook when it may be called again."""
        host = await self._available()
        self.counters["calls"] += 1
        try:
            await host.call(hook, arguments)
        except NotNowError as error:
            self._breaker.put_off()
            self._complaints.warning(log, f"{hook} {error}", "Plugin %s: %s: not now: %s", self.name, hook, error)
            self._pause(f"{hook} was put off: {error}")
            return _Outcome.NOT_NOW
        except PluginError as error:
            self._breaker.failed()
            self._count_failure(hook, error)
            if self._breaker.is_open:
                self._pause(f"{hook} failed: {error}")
            return _Outcome.FAILED
        self._breaker.succeeded()
        if self.state == "paused":
            self._change("running", None)
        return _Outcome.DONE

    def _pause(self, why: str) -> None:
        if self.state in ("running", "paused"):
            self._change("paused", f"{why}; it is called again after a pause")

    async def _available(self) -> Host:
        """Return where it runs, once it does and may be called again."""
        while True:
            if pause := self._breaker.pause:
                await asyncio.sleep(pause)
            elif self._host is not None and self._ready.is_set() and not self._host.gone.done():
                return self._host
            else:
                # It may have ended a moment ago, and nobody has noticed yet.
                self._ready.clear()
                await self._ready.wait()

    def _count_failure(self, hook: str, error: Exception) -> None:
        self.counters["failures"] += 1
        self._complaints.warning(log, f"{hook} {error}", "Plugin %s: %s failed: %s", self.name, hook, error)

    def _failed_aside(self, reason: str) -> None:
        self.counters["failures"] += 1
        self._complaints.warning(log, reason, "Plugin %s: %s", self.name, reason)
