"""One camera's life: find it, sign in, listen, and begin again when it goes."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

from ipc_bridge.backoff import LAST_LIMIT, Backoff
from ipc_bridge.bridge.channel_link import ChannelLink
from ipc_bridge.bridge.hook_doors import HookDoors
from ipc_bridge.bridge.hook_link import HookLink
from ipc_bridge.bridge.lateness import CameraClock
from ipc_bridge.bridge.link import Acknowledge, Link, Session, TryAgainError
from ipc_bridge.bridge.observer import Observer
from ipc_bridge.bridge.pause import Pause, Wait
from ipc_bridge.bridge.people_flow import PeopleFlow
from ipc_bridge.bridge.registry import KnownCamera
from ipc_bridge.bridge.security import TlsContexts
from ipc_bridge.bridge.state import CameraState, Pace
from ipc_bridge.bridge.verdict import judge
from ipc_bridge.config import CameraConfig
from ipc_bridge.device.address import Address
from ipc_bridge.device.api import CameraApi
from ipc_bridge.device.description import ask_info, ask_streams
from ipc_bridge.device.discovery import Answer
from ipc_bridge.errors import (
    BridgeError,
    CertificateError,
    ClientCertificateError,
    CommandError,
    DeviceError,
    RefusedError,
)
from ipc_bridge.logs import Once
from ipc_bridge.models import CameraInfo, Model, Status, Transport
from ipc_bridge.wire.signing import Credentials

log = logging.getLogger(__name__)

PROBE_TIMEOUT = 5.0
"""Seconds that a camera has to answer when it is also heard of elsewhere."""
DESCRIBE_TIMEOUT = 5.0
"""Seconds that the first look at a camera may keep its events waiting."""


class CameraRunner:
    """Keeps one camera's events coming.

    Args:
        known: the camera's record; changed as more becomes known.
        config: what holds for this camera.
        contexts: TLS towards cameras.
        doors: where cameras post to.
        clock: what is known of the camera's own.
        observer: who is told.
        pace: how its API is asked.
        now: tells the bridge's Unix time.
        backoff: the waits between tries.
    """

    def __init__(
        self,
        known: KnownCamera,
        config: CameraConfig,
        contexts: TlsContexts,
        doors: HookDoors,
        clock: CameraClock,
        observer: Observer,
        pace: Pace,
        now: Callable[[], float] = time.time,
        backoff: Backoff | None = None,
    ) -> None:
        # What a person wrote down is tried before what was found last time.
        known.host = config.host or known.host
        self.known = known
        self.config = config
        self.status = Status.OFFLINE
        self.reason: str | None = None
        self.clock = clock
        self.reconnects: Counter[str] = Counter()
        """Ends of sessions by cause."""
        self.info: CameraInfo = known.info(config.name)
        self.state = CameraState(known, pace, self._state_changed, lambda: self._observer.camera_changed(self))
        self.people = PeopleFlow(
            known,
            pace,
            lambda: now() + (clock.measured_offset or 0.0),
            lambda: self._observer.people_counted(self),
            lambda: self._observer.camera_changed(self),
        )
        self.api: CameraApi | None = None
        """Its API while it can be called."""
        self._contexts = contexts
        self._observer = observer
        self._backoff = backoff or Backoff()
        self._credentials = Credentials(config.account.app_id, config.account.secret_key)
        self._link: Link = (
            HookLink(known, config, doors, clock, self._event_received)
            if config.transport == "hook"
            else ChannelLink(known, config, contexts, doors, clock, self._event_received)
        )
        self._session: Session | None = None
        self._pace = pace
        self._discovered_host: str | None = None
        self._pauses = Pause()
        self._probe: asyncio.Task[None] | None = None
        self._last_complaint: str | None = None
        self._reported_certificate: str | None = None
        self._complaints = Once()

    @property
    def sn(self) -> str:
        """The serial number."""
        return self.known.sn

    # What the supervisor calls.

    async def run(self) -> None:
        """Keep its events coming until cancelled; says goodbye then."""
        try:
            while True:
                wait = await self._attempt()
                await self._pauses.take(wait, has_news=self._discovered_host is not None)
        finally:
            self._link.end()
            if self._probe is not None:
                self._probe.cancel()

    def discovered(self, answer: Answer) -> None:
        """Discovery heard of this camera."""
        # Anybody may answer: it fills gaps, and changes nothing that the camera itself has told.
        facts = {"mac": answer.mac, "firmware": answer.firmware, "model_name": answer.model}
        self._learn(**{name: fact for name, fact in facts.items() if getattr(self.info, name) is None})
        if self.known.host is None:
            self._learn(host=answer.host)
        elif answer.host != self.known.host and not (self._session and self._session.is_at(answer.host)):
            self._discovered_host = answer.host
            if self._session is not None and self._probe is None:
                self._probe = asyncio.create_task(self._probe_session(answer.host))
        self._pauses.sign_of_life()

    def fail(self, reason: str) -> None:
        """It cannot be run; ``reason`` says why and what to do."""
        self._change(Status.FAILED, reason)

    def trust(self) -> None:
        """Accept whatever certificate the camera shows next."""
        self.known.channel_pin = self.known.api_pin = None
        self._pauses.end()

    async def refresh(self) -> None:
        """Read all about the camera again.

        Raises:
            CommandError: it is not online.
            DeviceError: it does not answer.
        """
        api = self.reachable_api()
        await self._ask(api)
        await self.state.read(api)
        if self.people.is_counted is not False:
            await self.people.read(api)

    def reachable_api(self) -> CameraApi:
        """Its API, to be called now.

        Raises:
            CommandError: it is not online.
        """
        if self.api is None:
            raise CommandError("offline", f"camera {self.sn} is not online: {self.reason or self.status.value}")
        return self.api

    def pause(self) -> None:
        """Read nothing from the camera until :meth:`resume`."""
        self._link.pause()

    def resume(self) -> None:
        """Read on."""
        self._link.resume()

    def diagnosis(self) -> dict[str, Any]:
        """What a person who looks for a fault wants to know; nothing secret."""
        return {
            "sn": self.sn,
            "status": self.status.value,
            "reason": self.reason,
            "host": self.known.host,
            "model": self.known.model_name,
            "firmware": self.known.firmware,
            "transport": self.config.transport,
            "channel_pin": self.known.channel_pin,
            "api_pin": self.known.api_pin,
            "crc": self.known.coverage,
            "signs_keep_alive": self.known.signs_keep_alive,
            "clock_offset": self.clock.offset,
            "unsupported": list(self.known.unsupported),
            "reconnects": dict(self.reconnects),
        }

    # One attempt: every address it may have, and the session at the first that is it.

    async def _attempt(self) -> Wait:
        hosts = self._hosts()
        if not hosts:
            self._change(Status.OFFLINE, "not found yet: it did not answer discovery; give it a host under cameras")
            return Wait(LAST_LIMIT)
        if self.status is not Status.CONNECTING and self._last_complaint is None:
            self._change(Status.CONNECTING, None)
        *elsewhere, last = hosts
        for host in elsewhere:
            try:
                return await self._try_at(host)
            except (DeviceError, ClientCertificateError) as error:
                self._discovered_host = None
                self._complaints.warning(
                    log, host, "%s says that it is camera %s, but is not: %s", host, self.sn, error
                )
        try:
            return await self._try_at(last)
        except (DeviceError, ClientCertificateError) as error:
            return self._ended(error)

    def _hosts(self) -> list[str]:
        """Addresses to try, in order: a new one first, the old one is not given up before."""
        return list(dict.fromkeys(host for host in (self._discovered_host, self.known.host) if host is not None))

    async def _try_at(self, host: str) -> Wait:
        """Sign in at ``host`` and listen until the session ends.

        Raises:
            DeviceError, ClientCertificateError: there is no session to be had here.
        """
        async with CameraApi(
            self.sn,
            Address(host, self.config.api_port),
            self._contexts.security(self.config.account, self.known.api_pin),
            self._credentials,
            self.config.activation_code,
            self._pace.timeout,
            self.clock.measured,
        ) as api:
            try:
                session = await self._link.open(host, api)
            except TryAgainError:
                return Wait(self._backoff.next_delay())
            except RefusedError as error:
                return self._ended(error)
            opened = asyncio.get_running_loop().time()
            self._session, self.api = session, api
            try:
                self._remember(host)
                return self._ended(await self._listen(session, api))
            except RefusedError as error:
                return self._ended(error)
            finally:
                self._session = self.api = None
                session.close()
                self._backoff.held_for(asyncio.get_running_loop().time() - opened)

    async def _listen(self, session: Session, api: CameraApi) -> DeviceError:
        describing = asyncio.create_task(self._describe(api))
        tasks = [describing]
        try:
            if self.info.model is Model.UNKNOWN or self.info.hardware is None:
                await asyncio.wait(tasks, timeout=DESCRIBE_TIMEOUT)
            self._observer.camera_described(self)
            self.clock.channel_opened()
            await session.begin(self.info.model)
            self._last_complaint = None
            self._change(Status.ONLINE, None)
            log.info("Camera %s (%s) is online at %s", self.sn, self.info.name, self.known.host)
            self._observer.camera_event("camera_online", self)
            for what, run in (("settings", self.state.run), ("counts", self.people.run)):
                tasks.append(asyncio.create_task(self._read(describing, run, api, what)))
            return await session.keep()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    async def _read(
        self,
        describing: asyncio.Task[None],
        run: Callable[[CameraApi], Coroutine[Any, Any, None]],
        api: CameraApi,
        what: str,
    ) -> None:
        """Keep ``what`` up to date, once it is known which model and firmware the camera has."""
        await asyncio.wait([describing])
        try:
            await run(api)
        except Exception:
            log.exception("Camera %s: a bug in the bridge: its %s are not read any more", self.sn, what)

    async def _describe(self, api: CameraApi) -> None:
        """Ask the camera about itself; what it does not tell stays as it is known."""
        try:
            await self._ask(api)
        except DeviceError as error:
            log.warning("Camera %s does not tell about itself: %s", self.sn, error)

    async def _ask(self, api: CameraApi) -> None:
        self._learn(**await ask_info(api))
        if api.pin != self.known.api_pin:
            self.known.api_pin = api.pin
            self._observer.camera_changed(self)
        self._learn(**await ask_streams(api))

    # What happens on the way.

    def _event_received(self, payload: bytes, transport: Transport, acknowledge: Acknowledge) -> None:
        if self._session is None:
            # It posts, whether or not it could be reached.
            self._pauses.sign_of_life()
        self._observer.event_received(self, payload, transport, acknowledge)

    def _remember(self, host: str) -> None:
        """The camera accepted us: where it is, is known from now on."""
        self._discovered_host = None
        self._reported_certificate = None
        old_host = self.known.host
        self._learn(host=host)
        if old_host is not None and old_host != host:
            log.warning("Camera %s has moved from %s to %s", self.sn, old_host, host)
            self._observer.camera_event("address_changed", self, host=host, old_host=old_host)
        self._observer.camera_changed(self)

    def _learn(self, **facts: str | None) -> None:
        """Take over what is known now; None is no news."""
        fresh: dict[str, Any] = {name: value for name, value in facts.items() if value is not None}
        if self.known.firmware is not None and fresh.get("firmware", self.known.firmware) != self.known.firmware:
            log.info(
                "Camera %s has new firmware, %s: what it does not have is found out anew", self.sn, fresh["firmware"]
            )
            self.known.unsupported.clear()
        for name, value in fresh.items():
            if hasattr(self.known, name):
                setattr(self.known, name, value)
        if "model_name" in fresh:
            fresh["model"] = Model.parse(fresh["model_name"])
        info = replace(self.info, **fresh)
        if info != self.info:
            self.info = info
            self._observer.camera_changed(self)

    def _state_changed(self) -> None:
        self._learn(own_name=self.state.values.get("name"))
        self._observer.state_changed(self)

    async def _probe_session(self, elsewhere: str) -> None:
        """The camera is heard of at another address: is it still at this one?"""
        session, here = self._session, self.known.host
        try:
            if session is not None and not await session.answers(PROBE_TIMEOUT):
                log.warning("Camera %s answers from %s and not from %s any more", self.sn, elsewhere, here)
                session.abort()
            elif session is not None:
                log.debug("%s says that it is camera %s, which is online at %s", elsewhere, self.sn, here)
                self._discovered_host = None
        finally:
            self._probe = None

    # How an attempt ended, and how long to wait.

    def _ended(self, error: BridgeError) -> Wait:
        """There is no session, or no more: say why, and decide on the wait."""
        self._link.failed(error)
        if isinstance(error, CertificateError) and error.fingerprint not in (None, self._reported_certificate):
            self._reported_certificate = error.fingerprint
            self._observer.camera_event("certificate_changed", self, fingerprint=error.fingerprint)
        verdict = judge(error, self.clock.measured_offset)
        self.reconnects[verdict.cause] += 1
        # The first of several equal failures is a warning, the rest is detail.
        level = logging.DEBUG if verdict.reason == self._last_complaint else logging.WARNING
        log.log(level, "Camera %s (%s): %s", self.sn, self.info.name, verdict.reason)
        self._last_complaint = verdict.reason
        self._change(verdict.status, verdict.reason)
        if verdict.status is Status.FAILED:
            return Wait(LAST_LIMIT, wakeable=False)
        return Wait(self._backoff.next_delay())

    def _change(self, status: Status, reason: str | None) -> None:
        if (status, reason) == (self.status, self.reason):
            return
        was_online = self.status is Status.ONLINE
        self.status, self.reason = status, reason
        self._observer.camera_changed(self)
        if was_online:
            self._observer.camera_event("camera_offline", self, reason=reason)
