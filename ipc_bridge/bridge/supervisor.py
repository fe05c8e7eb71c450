"""All cameras: which there are, a task for each, and what the hub is told of them."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from ipc_bridge import __version__
from ipc_bridge.backoff import Backoff
from ipc_bridge.bridge import messages
from ipc_bridge.bridge.camera import CameraRunner
from ipc_bridge.bridge.detections import Detections
from ipc_bridge.bridge.events import EventFlow
from ipc_bridge.bridge.hook_doors import HookDoors
from ipc_bridge.bridge.lateness import Lateness
from ipc_bridge.bridge.link import Acknowledge
from ipc_bridge.bridge.observer import Listener
from ipc_bridge.bridge.publisher import Publisher
from ipc_bridge.bridge.registry import MAX_CAMERAS, KnownCamera, Registry
from ipc_bridge.bridge.security import TlsContexts
from ipc_bridge.bridge.state import Pace
from ipc_bridge.clock import Clock
from ipc_bridge.config import Config
from ipc_bridge.device.api import TIMEOUT
from ipc_bridge.device.discovery import Answer
from ipc_bridge.device.events import Origin
from ipc_bridge.errors import CommandError
from ipc_bridge.logs import Once
from ipc_bridge.models import CameraInfo, FaceEvent, Status, Transport
from ipc_bridge.mqtt.topics import CAMERA_RETAINED, OFFLINE, ONLINE, Topics

log = logging.getLogger(__name__)

NOT_ADOPTED = "it answers discovery but is not listed: add it under cameras, or set discovery.adopt to all"
BUG = "a bug in the bridge stopped this camera's task, which begins again; please report the traceback in the log"


class CameraAnnouncer(Protocol):
    """Who tells the hub of cameras."""

    def announce(
        self,
        info: CameraInfo,
        known: KnownCamera,
        state: Mapping[str, Any],
        counts: bool | None,
        then: Callable[[], None] | None,
    ) -> None:
        """Tell of one, with what it has.

        Args:
            info: what is known of it.
            known: its record.
            state: its properties, as far as they are known.
            counts: whether it counts people; None while nobody knows.
            then: called when its events may follow.
        """

    def withdraw(self, known: KnownCamera) -> list[str]:
        """Tell nothing more of one; returns the topics to be cleared for the hub to forget it."""


class Supervisor:
    """Runs every camera that is configured, known from before, or adopted.

    Args:
        config: the whole configuration.
        topics: the topic table.
        clock: the bridge's.
        registry: what is remembered of cameras.
        lateness: their clocks.
        flow: where their events go.
        publisher: where their state goes.
        detections: their switches.
        announcer: who tells the hub of cameras.
        doors: where cameras post to.
    """

    listener: Listener | None = None
    """Who else is told."""

    def __init__(
        self,
        config: Config,
        topics: Topics,
        clock: Clock,
        registry: Registry,
        lateness: Lateness,
        flow: EventFlow,
        publisher: Publisher,
        detections: Detections,
        announcer: CameraAnnouncer,
        doors: HookDoors,
    ) -> None:
        self._config = config
        self._topics = topics
        self._clock = clock
        self._started_at = clock.time()
        self._registry = registry
        self._lateness = lateness
        self._flow = flow
        self._publisher = publisher
        self._detections = detections
        self._announcer = announcer
        self._doors = doors
        self._contexts = TlsContexts(config.tls)
        self._pace = Pace(config.state.interval, max(TIMEOUT, config.commands.timeout), config.state.flow_interval)
        self._loop = asyncio.get_running_loop()
        self._group = asyncio.TaskGroup()
        self._runners: dict[str, CameraRunner] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._described: set[str] = set()
        self._strangers: dict[str, CameraInfo] = {}
        self._overview_scheduled = False
        self._plugins: list[str] = []
        self._complaints = Once()

    async def run(self) -> None:
        """Keep all cameras until cancelled; each is told DISCONNECT then."""
        async with self._group:
            for topic in self._registry.clearing:
                self._clear(topic)
            for camera in self._config.cameras:
                self._add(camera.sn)
            for sn in list(self._registry.cameras):
                if self._is_wanted(sn) and sn not in self._runners:
                    self._add(sn)
            self._schedule_overview()
            await self._loop.create_future()

    def discovered(self, answer: Answer) -> None:
        """Discovery heard of a camera."""
        runner = self._runners.get(answer.sn)
        if answer.sn in self._registry.forgotten:
            log.debug(
                "Camera %s at %s was forgotten: bridge/request/discover takes it in again", answer.sn, answer.host
            )
            return
        if runner is None and self._is_wanted(answer.sn):
            if len(self._runners) >= MAX_CAMERAS:
                self._complaints.warning(log, "many", "More than %d cameras answer: the rest is ignored", MAX_CAMERAS)
                return
            log.info("Discovered camera %s (%s) at %s", answer.sn, answer.model or "unknown model", answer.host)
            runner = self._add(answer.sn)
            self._tell("camera_discovered", sn=answer.sn, host=answer.host, model=answer.model)
        if runner is not None:
            runner.discovered(answer)
        else:
            self._not_adopted(answer)

    def all_offline(self) -> None:
        """The bridge stops: nobody is to believe that its cameras are watched."""
        for sn in self._runners:
            self._publisher.retain(self._topics.camera(sn, "status"), OFFLINE)
            self._detections.all_off(sn)

    # What people ask for.

    def runner(self, sn: str) -> CameraRunner:
        """One camera's.

        Raises:
            CommandError: there is no such camera.
        """
        runner = self.find(sn)
        if runner is None:
            raise CommandError("invalid", f"there is no camera {sn}; bridge/cameras lists those that there are")
        return runner

    def find(self, sn: str) -> CameraRunner | None:
        """One camera's, where there is such a camera."""
        return self._runners.get(sn)

    def name_of(self, sn: str) -> str | None:
        """What people call a camera; None where there is none."""
        runner = self._runners.get(sn)
        return None if runner is None else runner.info.name

    async def forget(self, sn: str) -> None:
        """End a camera and clear all its topics; one that is listed comes back with the next start.

        Raises:
            CommandError: there is no such camera.
        """
        runner = self.runner(sn)
        del self._runners[sn]
        self._described.discard(sn)
        task = self._tasks.pop(sn)
        task.cancel()
        await asyncio.wait([task])
        self._flow.forget(sn)
        self._detections.forget(sn)
        discovery = self._announcer.withdraw(runner.known)
        topics = [*discovery, *(self._topics.camera(sn, leaf) for leaf in CAMERA_RETAINED)]
        self._registry.forget(sn, topics)
        for topic in topics:
            self._clear(topic)
        log.info("Camera %s (%s) is forgotten", sn, runner.info.name)
        self._tell("forgotten", sn=sn, camera=runner.info.name)
        self._schedule_overview()

    def welcome_forgotten(self) -> None:
        """Take forgotten cameras in again where they are found."""
        self._registry.forgotten.clear()
        self._registry.changed()

    def trust(self, sn: str) -> None:
        """Accept whatever certificate a camera shows next.

        Raises:
            CommandError: there is no such camera.
        """
        self.runner(sn).trust()
        self._registry.changed()

    async def refresh(self, sn: str | None) -> list[str]:
        """Read all about one camera, or every one that is online, again; returns their serials.

        Raises:
            CommandError: there is no such camera, or it is not online.
            DeviceError: it does not answer.
        """
        if sn is not None:
            await self.runner(sn).refresh()
            return [sn]
        online = [runner for runner in self._runners.values() if runner.status is Status.ONLINE]
        results = await asyncio.gather(*(runner.refresh() for runner in online), return_exceptions=True)
        return [runner.sn for runner, problem in zip(online, results, strict=True) if problem is None]

    def overview(self) -> list[dict[str, Any]]:
        """``bridge/cameras``."""
        rows = [(runner.info, runner.status, runner.reason) for runner in self._runners.values()]
        strangers = [(info, Status.DISCOVERED, NOT_ADOPTED) for info in self._strangers.values()]
        return messages.cameras_list([*rows, *strangers])

    def snapshots(self) -> list[dict[str, Any]]:
        """All cameras, as plugins see them."""
        return [*(self.snapshot(sn) for sn in self._runners), *(self.snapshot(sn) for sn in self._strangers)]

    def snapshot(self, sn: str) -> dict[str, Any]:
        """One camera, as plugins see it.

        Raises:
            CommandError: there is no such camera.
        """
        if (stranger := self._strangers.get(sn)) is not None:
            return messages.snapshot(stranger, Status.DISCOVERED, NOT_ADOPTED, {})
        runner = self.runner(sn)
        return messages.snapshot(runner.info, runner.status, runner.reason, runner.state.values)

    def plugins_changed(self, names: list[str]) -> None:
        """Other plugins are loaded: ``bridge/info`` tells of them."""
        if names != self._plugins:
            self._plugins = names
            self._schedule_overview()

    def diagnosis(self) -> list[dict[str, Any]]:
        """What a person who looks for a fault wants to know of each camera."""
        return [runner.diagnosis() for runner in self._runners.values()]

    def figures(self) -> dict[str, Any]:
        """For ``bridge/health``: ends of channels by cause, and clocks that are wrong, in seconds ahead."""
        reconnects: Counter[str] = sum((runner.reconnects for runner in self._runners.values()), Counter())
        clocks = {sn: round(runner.clock.offset) for sn, runner in self._runners.items() if runner.clock.offset}
        return {"reconnects": dict(reconnects), "clocks": clocks}

    def pause(self) -> None:
        """Read nothing from cameras until :meth:`resume`: they keep what the journal has no room for."""
        for runner in self._runners.values():
            runner.pause()

    def resume(self) -> None:
        """Read on."""
        for runner in self._runners.values():
            runner.resume()

    # What cameras tell.

    def camera_changed(self, runner: CameraRunner) -> None:
        """See :class:`~ipc_bridge.bridge.observer.Observer`."""
        self._registry.changed()
        sn, is_online = runner.sn, runner.status is Status.ONLINE
        self._publisher.retain(self._topics.camera(sn, "status"), ONLINE if is_online else OFFLINE)
        self._publisher.retain(self._topics.camera(sn, "info"), messages.info_payload(runner.info))
        if not is_online:
            self._detections.all_off(sn)
        self._announce_again(runner)
        self._schedule_overview()

    def state_changed(self, runner: CameraRunner) -> None:
        """See :class:`~ipc_bridge.bridge.observer.Observer`."""
        if self._runners.get(runner.sn) is runner:
            self._publisher.retain(self._topics.camera(runner.sn, "state"), messages.encode(runner.state.values))
            self._announce_again(runner)
            if self.listener is not None:
                self.listener.state_changed(runner.sn, runner.state.values)

    def people_counted(self, runner: CameraRunner) -> None:
        """See :class:`~ipc_bridge.bridge.observer.Observer`."""
        if self.find(runner.sn) is runner:
            self._publisher.retain(self._topics.camera(runner.sn, "flow"), messages.encode(runner.people.counts))
            self._announce_again(runner)

    def _announce_again(self, runner: CameraRunner) -> None:
        """What the hub is told may have changed: its announcer knows."""
        if runner.sn in self._described:
            self._announce(runner, None)

    def _announce(self, runner: CameraRunner, then: Callable[[], None] | None) -> None:
        self._announcer.announce(runner.info, runner.known, runner.state.values, runner.people.is_counted, then)

    def camera_event(self, kind: str, runner: CameraRunner, **details: Any) -> None:
        """See :class:`~ipc_bridge.bridge.observer.Observer`."""
        self._tell(kind, sn=runner.sn, camera=runner.info.name, **details)

    def stranger_became_regular(self, event: FaceEvent, late: bool) -> None:
        """A camera calls somebody a regular whom it called a stranger before."""
        ids = {"face_id": event.face_id, "cloud_face_id": event.cloud_face_id}
        self._tell("stranger_became_regular", sn=event.sn, camera=event.camera, uid=event.uid, **ids, late=late)

    def camera_described(self, runner: CameraRunner) -> None:
        """See :class:`~ipc_bridge.bridge.observer.Observer`."""
        sn = runner.sn
        if sn in self._described:
            return
        self._described.add(sn)
        self._publisher.hold(sn)
        self._announce(runner, lambda: self._publisher.release(sn))
        self._registry.changed()

    def event_received(
        self, runner: CameraRunner, payload: bytes, transport: Transport, acknowledge: Acknowledge
    ) -> None:
        """See :class:`~ipc_bridge.bridge.observer.Observer`."""
        self._flow.received(payload, Origin(runner.sn, runner.info.name, transport), acknowledge)
        if self._flow.is_full:
            self.pause()

    # The inside.

    def _clear(self, topic: str) -> None:
        self._publisher.retain(topic, b"", then=lambda: self._registry.cleared(topic))

    def _is_wanted(self, sn: str) -> bool:
        return self._config.discovery.adopt == "all" or any(camera.sn == sn for camera in self._config.cameras)

    def _add(self, sn: str) -> CameraRunner:
        runner = CameraRunner(
            self._registry.record(sn),
            self._config.camera_for(sn),
            self._contexts,
            self._doors,
            self._lateness.camera(sn),
            self,
            self._pace,
            self._clock.time,
        )
        self._runners[sn] = runner
        self._strangers.pop(sn, None)
        self._registry.forgotten.discard(sn)
        self._flow.remember(sn)
        self.camera_changed(runner)
        self._tasks[sn] = self._group.create_task(self._keep(runner), name=f"camera {sn}")
        return runner

    async def _keep(self, runner: CameraRunner) -> None:
        """Run one camera; a bug in its task is its own, and does not end it."""
        backoff = Backoff()
        while True:
            began = self._loop.time()
            try:
                await runner.run()
            except Exception:
                log.exception("Camera %s: %s", runner.sn, BUG)
                runner.fail(BUG)
            backoff.held_for(self._loop.time() - began)
            await asyncio.sleep(backoff.next_delay())

    def _not_adopted(self, answer: Answer) -> None:
        if answer.sn not in self._strangers and len(self._strangers) < MAX_CAMERAS:
            log.info("Camera %s at %s: %s", answer.sn, answer.host, NOT_ADOPTED)
            known = KnownCamera(answer.sn, answer.host, None, answer.model, answer.mac, answer.firmware)
            self._strangers[answer.sn] = known.info(None)
            self._tell("camera_discovered", sn=answer.sn, host=answer.host, model=answer.model)
            self._schedule_overview()

    def _tell(self, kind: str, *, sn: str, **details: Any) -> None:
        at = messages.rfc3339(self._clock.time())
        payload = messages.encode({"type": kind, "time": at, "sn": sn, **details})
        self._publisher.send(self._topics.bridge("event"), payload)
        if self.listener is not None:
            self.listener.camera_happened(kind, sn)

    def _schedule_overview(self) -> None:
        """Many cameras change at once when the bridge starts: they are told of together."""
        if not self._overview_scheduled:
            self._overview_scheduled = True
            self._loop.call_soon(self._publish_overview)

    def _publish_overview(self) -> None:
        self._overview_scheduled = False
        self._publisher.retain(self._topics.bridge("cameras"), messages.encode(self.overview()))
        online = sum(runner.status is Status.ONLINE for runner in self._runners.values())
        self._publisher.retain(
            self._topics.bridge("info"),
            messages.bridge_info_payload(__version__, self._started_at, len(self._runners), online, self._plugins),
        )
