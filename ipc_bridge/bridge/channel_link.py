"""Events over the camera's message channel."""

from __future__ import annotations

import asyncio
import contextlib
import logging

from ipc_bridge.bridge.dialects import DialectSearch
from ipc_bridge.bridge.hook_doors import HookDoors
from ipc_bridge.bridge.hook_leftover import HookLeftover
from ipc_bridge.bridge.lateness import CameraClock
from ipc_bridge.bridge.link import OnEvent, Session, TryAgainError
from ipc_bridge.bridge.registry import KnownCamera
from ipc_bridge.bridge.security import TlsContexts
from ipc_bridge.bridge.subscription import Subscription
from ipc_bridge.catalog.codes import DEVICE_NOT_ACTIVATED, SECRET_KEY_INVALID
from ipc_bridge.config import CameraConfig
from ipc_bridge.device.address import Address
from ipc_bridge.device.api import CameraApi
from ipc_bridge.device.channel import Channel, HandshakeLostError
from ipc_bridge.device.description import ask_info
from ipc_bridge.errors import BridgeError, DeviceError, RefusedError
from ipc_bridge.models import Model, Transport
from ipc_bridge.wire.signing import Credentials

log = logging.getLogger(__name__)


class ChannelSession:
    """See :class:`~ipc_bridge.bridge.link.Session`.

    Args:
        channel: open.
        subscription: the channel's.
        api: the camera's.
        leftover: a hook that is to go.
    """

    def __init__(
        self, channel: Channel, subscription: Subscription, api: CameraApi, leftover: HookLeftover | None
    ) -> None:
        self._channel = channel
        self._subscription = subscription
        self._api = api
        self._leftover = leftover

    async def begin(self, model: Model) -> None:
        """See :class:`~ipc_bridge.bridge.link.Session`."""
        await self._subscription.begin(model)

    async def keep(self) -> DeviceError:
        """See :class:`~ipc_bridge.bridge.link.Session`."""
        tidying = asyncio.create_task(self._tidy())
        try:
            await self._subscription.keep()
        finally:
            tidying.cancel()
        return await self._channel.wait_closed()

    async def answers(self, timeout: float) -> bool:
        """See :class:`~ipc_bridge.bridge.link.Session`."""
        return await self._channel.answers_heartbeat(timeout)

    def is_at(self, host: str) -> bool:
        """See :class:`~ipc_bridge.bridge.link.Session`."""
        return host in (self._channel.address.host, self._channel.peer_host)

    def abort(self) -> None:
        """See :class:`~ipc_bridge.bridge.link.Session`."""
        self._channel.abort()

    def close(self) -> None:
        """See :class:`~ipc_bridge.bridge.link.Session`."""
        self._channel.close()

    async def _tidy(self) -> None:
        if self._leftover is not None:
            try:
                await self._leftover.open(self._channel.address.host)
                await self._leftover.remove(self._api)
            except DeviceError as error:
                log.warning("A camera still posts its events, beside the channel: %s", error)


class ChannelLink:
    """See :class:`~ipc_bridge.bridge.link.Link`.

    Args:
        known: the camera's record: its pin and its dialect.
        config: what holds for this camera.
        contexts: TLS towards cameras.
        doors: where posts come in, which a camera may still send.
        clock: what is known of the camera's own.
        on_event: where events go.
    """

    def __init__(
        self,
        known: KnownCamera,
        config: CameraConfig,
        contexts: TlsContexts,
        doors: HookDoors,
        clock: CameraClock,
        on_event: OnEvent,
    ) -> None:
        self._known = known
        self._config = config
        self._contexts = contexts
        self._clock = clock
        self._on_event = on_event
        self._search = DialectSearch(known.dialect)
        self._credentials = Credentials(config.account.app_id, config.account.secret_key)
        self._channel: Channel | None = None
        self._leftover: HookLeftover | None = None
        if known.posts:
            self._leftover = HookLeftover(known, self._credentials, doors, clock, on_event)

    async def open(self, host: str, api: CameraApi) -> Session:
        """See :class:`~ipc_bridge.bridge.link.Link`."""
        channel = Channel(
            Address(host, self._config.channel_port),
            self._contexts.security(self._config.account, self._known.channel_pin),
            self._credentials,
            self._config.keep_alive,
            self._search.current,
            lambda payload: self._received(channel, subscription, payload),
            self._clock.heartbeat_answered,
        )
        subscription = Subscription(self._known.sn, channel)
        try:
            await channel.open()
        except RefusedError as error:
            await self._refused(error, api)
            raise
        self._search.worked()
        self._known.dialect = self._search.current
        self._known.channel_pin = channel.fingerprint
        self._channel = channel
        if not self._known.posts:
            self._leftover = None
        return ChannelSession(channel, subscription, api, self._leftover)

    def failed(self, error: BridgeError) -> None:
        """See :class:`~ipc_bridge.bridge.link.Link`."""
        if isinstance(error, HandshakeLostError):
            self._search.silent()

    def pause(self) -> None:
        """See :class:`~ipc_bridge.bridge.link.Link`."""
        if self._channel is not None:
            self._channel.pause()
        if self._leftover is not None:
            self._leftover.door.is_paused = True

    def resume(self) -> None:
        """See :class:`~ipc_bridge.bridge.link.Link`."""
        if self._channel is not None:
            self._channel.resume()
        if self._leftover is not None:
            self._leftover.door.is_paused = False

    def end(self) -> None:
        """See :class:`~ipc_bridge.bridge.link.Link`."""
        if self._leftover is not None:
            self._leftover.close()

    def _received(self, channel: Channel, subscription: Subscription, payload: bytes) -> None:
        subscription.heard()

        def acknowledge(event_id: int | None) -> None:
            if event_id is not None:
                channel.acknowledge(event_id)

        self._on_event(payload, Transport.CHANNEL, acknowledge)

    async def _refused(self, error: RefusedError, api: CameraApi) -> None:
        """The camera refused CONNECT: do what can be done about it.

        Raises:
            TryAgainError: it was done.
            DeviceError: it could not be, which is the better reason.
        """
        if error.code == SECRET_KEY_INVALID and self._search.signature_refused():
            # Perhaps it reads keep_alive otherwise. Its last word comes soon.
            raise TryAgainError(str(error)) from error
        if error.code == DEVICE_NOT_ACTIVATED and self._config.activation_code is not None:
            await api.activate()
            raise TryAgainError(str(error)) from error
        # Whatever it answers, its Date header tells its time.
        with contextlib.suppress(DeviceError):
            await ask_info(api)
