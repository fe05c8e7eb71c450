"""The real bridge with a simulated camera and a broker in memory, in a thread of its own: tests are plain functions."""

from __future__ import annotations

import asyncio
import functools
import threading
import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Self, TypeVar

from ipc_bridge.app import Bridge
from ipc_bridge.clock import SystemClock
from ipc_bridge.config import (
    Account,
    CameraConfig,
    CameraDefaults,
    Config,
    Discovery,
    HomeAssistant,
    Plugins,
    Storage,
    Web,
)
from ipc_bridge.hooks.values import dumps
from ipc_bridge.mqtt.connection import Message
from ipc_bridge.service import ServiceManager
from ipc_bridge.simulator import CameraSettings, SimulatedCamera
from ipc_bridge.testing.broker import MemoryBroker, content

PATIENCE = 20.0
"""Seconds after which what did not come will not come."""
LONG_AGO = 3600
"""Seconds that a late event is old."""
_GENDERS = {None: 0, "male": 1, "female": 2}
_DETECTED = {(True, False): 1, (False, True): 2, (True, True): 3}

_T = TypeVar("_T")


class BridgeUnderTest:
    """A bridge with one camera, an FM020 that is online; a context manager.

    Args:
        directory: for everything that is written; its folder ``plugins`` is ``plugins.directory``.
    """

    def __init__(self, directory: Path) -> None:
        self.camera = SimulatedCamera(CameraSettings(name="Front door", discovery_port=None))
        """What it holds and was asked may be looked at; have it do something by :meth:`do`."""
        self.may_fail = False
        """Whether failures of plugins are what is tested; else they fail the test in the end."""
        account = Account(app_id=self.camera.settings.app_id, secret_key=self.camera.settings.secret_key)
        self._config = Config(
            account=account,
            camera=CameraDefaults(account=account),
            discovery=Discovery(enabled=False),
            # It would keep every event back for a second.
            homeassistant=HomeAssistant(enabled=False),
            plugins=Plugins(directory=directory / "plugins"),
            web=Web(enabled=False),
            storage=Storage(directory=directory / "state"),
        )
        self._bridge: Bridge | None = None
        self._running: asyncio.Task[None] | None = None
        self._broker = MemoryBroker()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="bridge", daemon=True)
        self._stop = asyncio.Event()

    def __enter__(self) -> Self:
        self._thread.start()
        try:
            self._await(self._start())
            self.wait_for(f"ipc_bridge/camera/{self.camera.sn}/status", "online")
            self._await(self.camera.wait_for_subscriber())
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        failures = self.failures
        self._end()
        if kind is None and not self.may_fail and failures:
            raise AssertionError(f"failures of plugins, see the captured log: {failures}")

    # Plugins.

    def enable(self, plugin: str | Path, **settings: Any) -> None:
        """Load a plugin, or load it again.

        Args:
            plugin: its file; or the name of one that is installed or comes with the bridge.
            **settings: what stands under its name in the configuration.

        Raises:
            AssertionError: it is refused, or does not start.
        """
        path = Path(plugin)
        name = path.stem
        if path.suffix == ".py":
            target = self._config.plugins.directory / path.name
            target.unlink(missing_ok=True)
            target.symlink_to(path.resolve(strict=True))
        enabled = {**self._config.plugins.enabled, name: settings}
        self._config = replace(self._config, plugins=replace(self._config.plugins, enabled=enabled))
        result = self._await(self._real.plugins.reload())["plugins"][name]
        if result != "loaded":
            raise AssertionError(f"plugin {name} is {result}")
        self._until(lambda: self.plugin(name)["state"] != "starting", f"plugin {name} to start")
        if self.plugin(name)["state"] != "running":
            raise AssertionError(f"plugin {name}: {self.plugin(name)['reason']}")

    def plugin(self, name: str) -> Mapping[str, Any]:
        """What ``bridge/health`` says of a plugin: ``state``, ``reason``, ``failures``, ``behind``, ..."""
        figures: dict[str, Any] = self.do(self._real.plugins.figures)[name]
        return figures

    @property
    def failures(self) -> dict[str, int]:
        """Calls that failed, by plugin."""
        figures = self.do(self._real.plugins.figures)
        return {name: one["failures"] for name, one in figures.items() if one.get("failures")}

    def settle(self) -> None:
        """Return once all plugins are done with all events: what is not published by then will not be."""
        for name in self._config.plugins.enabled:
            self._until(functools.partial(self._is_done, name), f"plugin {name} to be done")

    # What happens.

    def emit_face(
        self,
        *,
        face_id: str | None = None,
        group: str | None = None,
        gender: str | None = None,
        age: int | None = None,
        attributes: Mapping[str, str] | None = None,
        late: bool = False,
    ) -> dict[str, Any] | None:
        """Have the camera recognise somebody; what is not given is as somebody's of its library.

        Args:
            face_id: who, such as ``00000001``.
            group: of which group of faces.
            gender: ``male`` or ``female``.
            age: in years.
            attributes: further details, as texts.
            late: whether it was an hour ago.

        Returns:
            The event as MQTT has it; None where a plugin has dropped it.
        """
        given = {"faceid": face_id, "group_name": group, "age": age, **_late(late=late)}
        if gender is not None:
            given["gender"] = _GENDERS[gender]
        known = {key: value for key, value in given.items() if value is not None}
        return self._emit(functools.partial(self.camera.emit_face, **known, **(attributes or {})))

    def emit_motion(self, *, motion: bool = True, sound: bool = False, late: bool = False) -> dict[str, Any] | None:
        """Have the camera see or hear something; returns the event, None where a plugin has dropped it."""
        detected = _DETECTED[motion, sound]
        return self._emit(functools.partial(self.camera.emit_motion, detect_type=detected, **_late(late=late)))

    def publish(self, topic: str, payload: Any = b"") -> None:
        """Publish as somebody else would: bytes, text, or what can be JSON."""
        data = payload if isinstance(payload, bytes) else payload.encode() if isinstance(payload, str) else None
        self.do(self._broker.receive, Message(topic, dumps(payload) if data is None else data))

    def do(self, function: Callable[..., _T], *arguments: Any) -> _T:
        """Call ``function`` where the bridge and the camera run: ``bridge.do(bridge.camera.drop)``."""

        async def call() -> _T:
            return function(*arguments)

        return self._await(call())

    # What comes of it.

    def published(self, topic: str) -> list[Any]:
        """What was published on ``topic`` so far: JSON, else text, else bytes."""
        return [content(message.payload) for message in list(self._broker.messages) if message.topic == topic]

    def wait_for(self, topic: str, *payload: Any) -> Any:
        """Return the first payload on ``topic`` - or the first that equals ``payload`` -, once it is there.

        Raises:
            AssertionError: it does not come; with what came instead.
        """

        def found() -> list[Any]:
            return [one for one in self.published(topic) if not payload or one == payload[0]]

        if not self._broker.wait_for(lambda: bool(found()), PATIENCE):
            topics = sorted({message.topic for message in self._broker.messages})
            raise AssertionError(
                f"within {PATIENCE:g} s not published on {topic}: {payload or 'anything'}; there came "
                f"{self.published(topic)}, and messages on {topics}"
            )
        return found()[0]

    # The inside.

    @property
    def _real(self) -> Bridge:
        if self._bridge is None:
            raise RuntimeError("use it in a with statement")
        return self._bridge

    async def _start(self) -> None:
        for directory in (self._config.plugins.directory, self._config.storage.directory):
            directory.mkdir(exist_ok=True)
        await self.camera.start()
        listed = CameraConfig(
            sn=self.camera.sn,
            host=self.camera.host,
            api_port=self.camera.api_port,
            channel_port=self.camera.channel_port,
            account=self._config.account,
        )
        self._config = replace(self._config, cameras=(listed,))
        self._bridge = Bridge(self._config, SystemClock(), lambda: self._config)
        self._bridge.mqtt = self._broker
        self._running = asyncio.create_task(self._bridge.run(ServiceManager({}), self._stop))

    def _emit(self, emit: Callable[[], int]) -> dict[str, Any] | None:
        flow = self._real.flow
        filtered = flow.counters["filtered"]
        event_id = self.do(emit)
        base = f"ipc_bridge/camera/{self.camera.sn}/event/"

        def events() -> list[Any]:
            found = [content(one.payload) for one in list(self._broker.messages) if one.topic.startswith(base)]
            return [event for event in found if isinstance(event, dict) and event["event_id"] == event_id]

        self._until(lambda: bool(events()) or flow.counters["filtered"] > filtered, "the event to be published")
        return next(iter(events()), None)

    def _is_done(self, name: str) -> bool:
        return not self.plugin(name).get("behind")

    def _await(self, work: Coroutine[Any, Any, _T]) -> _T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE)

    def _until(self, condition: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > deadline:
                raise AssertionError(f"within {PATIENCE:g} s not seen: {what}; failures of plugins: {self.failures}")
            time.sleep(0.005)

    def _end(self) -> None:
        async def end() -> None:
            self._stop.set()
            if self._running is not None:
                await self._running
            await self.camera.stop()

        try:
            self._await(end())
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(PATIENCE)
            self._loop.close()


def _late(*, late: bool) -> dict[str, Any]:
    return {"report_time": int(time.time()) - LONG_AGO} if late else {}
