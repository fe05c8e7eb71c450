"""What can be seen of a simulated camera: for tests, the console, and authors of plugins."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ipc_bridge.simulator.api import ApiServer
from ipc_bridge.simulator.book import SentEvent
from ipc_bridge.simulator.calls import ApiCall
from ipc_bridge.simulator.card import CardStatus
from ipc_bridge.simulator.changes import PATIENCE
from ipc_bridge.simulator.channel import ChannelServer
from ipc_bridge.simulator.controls import Controls
from ipc_bridge.simulator.discovery import DiscoveryResponder
from ipc_bridge.simulator.faults import Faults
from ipc_bridge.simulator.library import FaceLibrary
from ipc_bridge.simulator.poster import HookPoster, PostedEvent
from ipc_bridge.simulator.settings import CameraSettings
from ipc_bridge.simulator.state import CameraState
from ipc_bridge.simulator.statistics import Statistics


class ObservedCamera:
    """The part of :class:`~ipc_bridge.simulator.camera.SimulatedCamera` that looks and waits.

    Args:
        settings: what it is like.
    """

    def __init__(self, settings: CameraSettings) -> None:
        self.settings = settings
        self._state = CameraState(settings)
        self._channel = ChannelServer(self._state)
        self._api = ApiServer(self._state)
        self._poster = HookPoster(self._state)
        self._discovery = DiscoveryResponder(self._state)
        self._channel_port = settings.channel_port
        self._running = False

    # What it is.

    @property
    def sn(self) -> str:
        """Its serial number."""
        return self.settings.sn

    @property
    def host(self) -> str:
        """Its address at the moment."""
        return self._state.host

    @property
    def channel_port(self) -> int:
        """The TCP port of its message channel."""
        return self._channel_port

    @property
    def api_port(self) -> int:
        """The TCP port of its API."""
        return self._state.api_port

    @property
    def fingerprint(self) -> str:
        """SHA-256 of its certificate, 64 lower-case hex digits."""
        return self._state.identity.fingerprint

    @property
    def certificate(self) -> bytes:
        """Its certificate as PEM."""
        return self._state.identity.certificate

    @property
    def activated(self) -> bool:
        """Whether it was activated."""
        return self._state.activated

    @property
    def running(self) -> bool:
        """Whether it listens: false before the start, after the end and during a reboot."""
        return self._running

    # What it holds: tests may look at it and change it.

    @property
    def controls(self) -> Controls:
        """What its API sets, under the vendor's names: ``camera.controls.led_switch``."""
        return self._state.controls

    @property
    def library(self) -> FaceLibrary:
        """Its groups and faces."""
        return self._state.library

    @property
    def statistics(self) -> Statistics:
        """The people that it counted, and the visits of those whom it knows."""
        return self._state.statistics

    @property
    def hooks(self) -> Mapping[str, list[str]]:
        """The addresses that events are posted to, by topic."""
        return self._state.hooks

    @property
    def card(self) -> CardStatus:
        """The state of its SD card; set it to take the card out (``CardStatus.OUT``) or to put it in again."""
        return self._state.card.status

    @card.setter
    def card(self, status: CardStatus) -> None:
        self._state.card.turn(status, self._state.now())

    @property
    def faults(self) -> Faults:
        """The switches for what is wrong until it is switched off."""
        return self._state.faults

    # What happened to it.

    @property
    def clients(self) -> int:
        """Connections to its channel."""
        return len(self._channel.clients)

    @property
    def subscribers(self) -> int:
        """Connections to its channel that subscribed to something."""
        return len(self._channel.subscribers)

    @property
    def connects(self) -> int:
        """CONNECTs since it was made, accepted or refused; those in another dialect of the CRC are none."""
        return self._state.connects

    @property
    def heartbeats(self) -> int:
        """PINGREQs of the clients that are connected."""
        return sum(client.session.heartbeats for client in self._channel.clients)

    @property
    def unacknowledged(self) -> Mapping[int, SentEvent]:
        """Events without PUBACK, or 200 for their post, by their id, oldest first; gone after a reboot."""
        return self._state.book.unacknowledged

    @property
    def acknowledged(self) -> Mapping[int, bytes]:
        """Payloads of the events with PUBACK, or 200 for their post, by their id; gone after a reboot."""
        return self._state.book.acknowledged

    @property
    def sent_count(self) -> int:
        """Events emitted since it was made, with or without a subscriber."""
        return self._state.book.sent_count

    @property
    def acknowledged_count(self) -> int:
        """Events acknowledged since it was made; each counts once."""
        return self._state.book.acknowledged_count

    @property
    def repeated_acknowledgements(self) -> int:
        """Acknowledgements of an event that had one already."""
        return self._state.book.repeated_count

    @property
    def stray_acknowledgements(self) -> list[int]:
        """The last thousand ids that were acknowledged and never sent."""
        return list(self._state.book.stray)

    @property
    def calls(self) -> list[ApiCall]:
        """The last thousand API calls, newest last."""
        return list(self._api.calls)

    @property
    def posted(self) -> list[PostedEvent]:
        """The last thousand tries to post an event to a hook, newest last."""
        return list(self._poster.posted)

    @property
    def discovery_answers(self) -> int:
        """Discovery requests that it answered."""
        return self._discovery.answered

    async def wait_until(self, condition: Callable[[], bool], timeout: float | None = PATIENCE) -> None:
        """Return once ``condition()`` holds; it is looked at whenever something happens to this camera.

        Raises:
            TimeoutError: it did not within ``timeout`` seconds.
        """
        await self._state.changes.wait_for(condition, timeout)

    async def wait_for_client(self, count: int = 1, timeout: float | None = PATIENCE) -> None:
        """Return once ``count`` clients are connected, TLS included."""
        await self.wait_until(lambda: self.clients >= count, timeout)

    async def wait_for_hook(self, timeout: float | None = PATIENCE) -> None:
        """Return once it was told where to post its events."""
        await self.wait_until(lambda: bool(self.hooks), timeout)

    async def wait_for_no_client(self, timeout: float | None = PATIENCE) -> None:
        """Return once no client is connected."""
        await self.wait_until(lambda: self.clients == 0, timeout)

    async def wait_for_subscriber(self, count: int = 1, timeout: float | None = PATIENCE) -> None:
        """Return once ``count`` clients are subscribed."""
        await self.wait_until(lambda: self.subscribers >= count, timeout)

    async def wait_for_acknowledged(self, count: int, timeout: float | None = PATIENCE) -> None:
        """Return once ``count`` events were acknowledged since the camera was made."""
        await self.wait_until(lambda: self.acknowledged_count >= count, timeout)

    async def wait_for_all_acknowledged(self, timeout: float | None = PATIENCE) -> None:
        """Return once no event waits for its acknowledgement."""
        await self.wait_until(lambda: not self.unacknowledged, timeout)

    async def drained(self, timeout: float | None = PATIENCE) -> None:
        """Return once every subscriber reads as fast as events are emitted: for load without end."""
        await self.wait_until(lambda: self._channel.backlog == 0, timeout)
