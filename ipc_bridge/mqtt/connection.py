"""One connection to an MQTT broker, used once; the only importer of paho.

paho is the protocol, asyncio the transport: paho gets an object that looks like a socket and is
fed by an asyncio transport, so that TLS never blocks the loop, no thread is needed, and many
acknowledgements cost one wake-up. Publications and their acknowledgements pass paho by, see
:mod:`ipc_bridge.mqtt.packets`: what was not acknowledged is decided anew by the owner, on the
next connection.
"""

from __future__ import annotations

import asyncio
import logging
import os
import ssl
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, cast

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from ipc_bridge.errors import BrokerLostError, BrokerRefusedError
from ipc_bridge.mqtt._paho import PahoClient, Wire
from ipc_bridge.mqtt.packets import (
    FIRST_NUMBER,
    LAST_NUMBER,
    MAX_PACKET,
    Acknowledgement,
    Incoming,
    OversizedError,
    encode_properties,
    encode_publish,
)

log = logging.getLogger(__name__)

CONNECT_TIMEOUT = 10.0
"""Seconds for TCP, TLS and CONNACK together."""
KEEP_ALIVE = 30
"""Seconds; a broker that is gone is noticed within one and a half of these."""
HOUSEKEEPING_INTERVAL = 5.0
"""Seconds between paho's own looks at its keep-alive."""
MAX_WINDOW = 100
"""Unacknowledged publications at once where the broker allows more: enough to fill a link of
10 ms at 10,000 messages a second."""
MAX_UNWRITTEN = 256 * 1024
"""Bytes that wait in the transport before the window counts as full."""

Version = Literal["5", "3.1.1"]
_PROTOCOLS = {"5": MQTTProtocolVersion.MQTTv5, "3.1.1": MQTTProtocolVersion.MQTTv311}
_REFUSED_PROTOCOL = frozenset({"Unsupported protocol version"})
_REFUSED_LOGIN = frozenset({"Bad user name or password", "Not authorized", "Banned", "Bad authentication method"})
TAKEN_OVER = "Session taken over"
"""What a broker of MQTT 5 may say to whom another client with the same id ends."""


@dataclass(frozen=True, slots=True)
class Message:
    """What is published. ``payload`` is bytes as they go out; empty clears a retained topic."""

    topic: str
    payload: bytes
    retain: bool = False
    user_properties: tuple[tuple[str, str], ...] = ()
    correlation: bytes | None = None


@dataclass(frozen=True, slots=True)
class Received:
    """What a subscription brought. ``retained`` is true where it was kept, not sent live."""

    topic: str
    payload: bytes
    retained: bool
    response_topic: str | None = None
    correlation: bytes | None = None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the broker is and how to log in; ``version`` is the MQTT protocol's."""

    host: str
    port: int
    client_id: str
    version: Version
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: ssl.SSLContext | None = None

    @property
    def address(self) -> str:
        """For messages."""
        return f"{self.host}:{self.port}"


class Carrier(Protocol):
    """What a publisher needs of a connection; see :class:`Connection`."""

    @property
    def room(self) -> int:
        """How many more publications it takes now."""

    @property
    def in_flight(self) -> int:
        """Publications that are not acknowledged."""

    def room_for(self, message: Message) -> int | None:
        """Bytes of payload that ``message`` may have; None where there is no limit."""

    def fits(self, message: Message) -> bool:
        """Whether it takes a message of this size."""

    def publish(self, message: Message, on_done: Callable[[bool], None]) -> None:
        """Send ``message``; ``on_done`` hears whether it was taken."""

    def subscribe(self, topics: Iterable[str]) -> None:
        """Ask for ``topics``."""


class Connection(asyncio.Protocol):
    """One connection, used once.

    Args:
        endpoint: the broker.
        will: what the broker publishes when this connection is lost.
        on_message: called for each message of a subscription.
        on_writable: called when there is room in the window again, and once when the connection ends.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        will: Message,
        on_message: Callable[[Received], None],
        on_writable: Callable[[], None],
    ) -> None:
        self.parting_words: str | None = None
        """Why the broker ended it, where it said so: MQTT 5 has words for that, and not every broker uses them."""
        self._endpoint = endpoint
        self._on_message = on_message
        self._on_writable = on_writable
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._connected: asyncio.Future[None] = self._loop.create_future()
        self._closed: asyncio.Future[None] = self._loop.create_future()
        self._unacknowledged: dict[int, Callable[[bool], None]] = {}
        self._incoming = Incoming()
        self._is_5 = endpoint.version == "5"
        self._number = LAST_NUMBER
        self._window = MAX_WINDOW
        self._max_packet: int | None = None
        self._transport_full = False
        self._flush_scheduled = False
        self._housekeeping: asyncio.TimerHandle | None = None
        self._wire = Wire()
        self._client = self._make_client(will)

    # Opening and closing.

    async def open(self) -> None:
        """Connect and log in.

        Raises:
            BrokerLostError: there is no broker, or it went away before it answered.
            BrokerRefusedError: it refuses this client, or TLS fails.
        """
        where = self._endpoint.address
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                tls = self._endpoint.tls
                await self._loop.create_connection(
                    lambda: self,
                    self._endpoint.host,
                    self._endpoint.port,
                    ssl=tls,
                    server_hostname=self._endpoint.host if tls else None,
                )
                self._client.connect_async(self._endpoint.host, self._endpoint.port, KEEP_ALIVE, **self._session())
                self._client.reconnect()
                await asyncio.shield(self._connected)
        except TimeoutError as error:
            silent = f"the MQTT broker {where} did not answer within {CONNECT_TIMEOUT:g} s"
            if self._transport is None:
                raise BrokerLostError(silent) from error
            self.abort()
            # Some brokers meet MQTT 5 with silence.
            raise BrokerRefusedError(silent, protocol=True) from error
        except ssl.SSLError as error:
            reason = error.reason or str(error)
            raise BrokerRefusedError(
                f"TLS with the MQTT broker {where} failed: {reason}; look at mqtt.tls and mqtt.port"
            ) from error
        except OSError as error:
            # The system says it better than asyncio; only what name servers say has negative numbers.
            number = error.errno or 0
            problem = os.strerror(number) if number > 0 else error
            raise BrokerLostError(f"no connection to the MQTT broker {where}: {problem}") from error
        except BaseException:
            self.abort()
            raise
        self._keep_house()

    async def close(self) -> None:
        """Say goodbye, so that the broker does not publish the will, and hang up."""
        if not self._closed.done():
            self._client.disconnect()
            self._flush()
            if self._transport is not None:
                self._transport.close()
        await self.wait_closed()

    def abort(self) -> None:
        """Hang up without a word."""
        if self._transport is not None:
            self._transport.abort()

    async def wait_closed(self) -> None:
        """Return when the connection has ended."""
        await asyncio.shield(self._closed)

    @property
    def is_open(self) -> bool:
        """Whether publications can still be acknowledged."""
        return self._connected.done() and not self._closed.done()

    # Publishing and subscribing.

    @property
    def room(self) -> int:
        """How many more publications the window takes now."""
        if self._transport_full or not self.is_open:
            return 0
        return self._window - len(self._unacknowledged)

    @property
    def in_flight(self) -> int:
        """Publications that the broker has not acknowledged."""
        return len(self._unacknowledged)

    def room_for(self, message: Message) -> int | None:
        """Bytes of payload that the broker takes in ``message``; None where it names no limit."""
        if self._max_packet is None:
            return None
        overhead = 32 + len(message.topic.encode()) + sum(len(k) + len(v) + 5 for k, v in message.user_properties)
        return self._max_packet - overhead - len(message.correlation or b"")

    def fits(self, message: Message) -> bool:
        """Whether the broker takes a packet of this size."""
        room = self.room_for(message)
        return room is None or len(message.payload) <= room

    def publish(self, message: Message, on_done: Callable[[bool], None]) -> None:
        """Send ``message`` with QoS 1; there must be :attr:`room`.

        ``on_done`` gets True when the broker has acknowledged it and False when it refused it
        (too big, not authorised). It is never called where the connection is lost before.
        """
        if not self.is_open:
            return
        self._number = self._number + 1 if self._number < LAST_NUMBER else FIRST_NUMBER
        properties = encode_properties(message.user_properties, message.correlation) if self._is_5 else None
        self._wire.outgoing.append(
            encode_publish(message.topic, message.payload, self._number, retain=message.retain, properties=properties)
        )
        self._unacknowledged[self._number] = on_done
        self._flush_soon()

    def subscribe(self, topics: Iterable[str]) -> None:
        """Ask for ``topics`` with QoS 1; no two of them may overlap."""
        self._client.subscribe([(topic, 1) for topic in topics])
        # Ahead of what is published from now on.
        self._client.loop_write()

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See :class:`asyncio.Protocol`."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=MAX_UNWRITTEN)

    def data_received(self, data: bytes) -> None:
        """See :class:`asyncio.Protocol`."""
        acknowledged = False
        try:
            for packet in self._incoming.receive(data):
                if isinstance(packet, Acknowledgement):
                    on_done = self._unacknowledged.pop(packet.number, None)
                    if on_done is not None:
                        acknowledged = True
                        on_done(packet.accepted)
                else:
                    self._wire.incoming += packet
        except OversizedError:
            log.warning("The MQTT broker %s sent a packet of more than %d bytes", self._endpoint.address, MAX_PACKET)
            self.abort()
            return
        while self._wire.incoming and self._wire.open:
            self._client.loop_read()
        if acknowledged:
            self._on_writable()
        if not self._wire.open and self._transport is not None:
            self._transport.close()

    def pause_writing(self) -> None:
        """See :class:`asyncio.Protocol`."""
        self._transport_full = True

    def resume_writing(self) -> None:
        """See :class:`asyncio.Protocol`."""
        self._transport_full = False
        self._on_writable()

    def connection_lost(self, exc: Exception | None) -> None:
        """See :class:`asyncio.Protocol`."""
        self._wire.close()
        if self._housekeeping is not None:
            self._housekeeping.cancel()
        if not self._connected.done():
            reason = f": {exc}" if exc else ""
            self._fail(
                BrokerRefusedError(
                    f"the MQTT broker {self._endpoint.address} closed the connection before it answered{reason}",
                    protocol=True,
                )
            )
        if not self._closed.done():
            self._closed.set_result(None)
        self._on_writable()

    # What paho calls.

    def _on_connect(
        self, _client: Client, _userdata: Any, _flags: ConnectFlags, reason: ReasonCode, props: Properties | None
    ) -> None:
        if self._connected.done():
            return
        if reason.is_failure:
            self._fail(self._refusal(str(reason)))
            return
        given: Mapping[str, Any] = props.json() if props is not None else {}
        self._window = min(int(given.get("ReceiveMaximum", MAX_WINDOW)), MAX_WINDOW)
        self._max_packet = given.get("MaximumPacketSize")
        self._connected.set_result(None)

    def _on_disconnect(
        self,
        _client: Client,
        _userdata: Any,
        flags: DisconnectFlags,
        reason: ReasonCode,
        _props: Properties | None,
    ) -> None:
        if flags.is_disconnect_packet_from_server:
            self.parting_words = str(reason)
            log.warning("The MQTT broker %s ended the connection: %s", self._endpoint.address, reason)

    def _on_subscribe(
        self, _client: Client, _userdata: Any, _mid: int, reasons: list[ReasonCode], _props: Properties | None
    ) -> None:
        if any(reason.is_failure for reason in reasons):
            log.warning(
                "The MQTT broker %s refused a subscription (%s): allow it in the broker's access control list",
                self._endpoint.address,
                ", ".join(str(reason) for reason in reasons if reason.is_failure),
            )

    def _on_paho_message(self, _client: Client, _userdata: Any, message: MQTTMessage) -> None:
        given: Mapping[str, Any] = message.properties.json() if message.properties is not None else {}
        correlation = given.get("CorrelationData")
        received = Received(
            topic=message.topic,
            payload=bytes(message.payload),
            retained=message.retain,
            response_topic=given.get("ResponseTopic"),
            correlation=bytes.fromhex(correlation) if correlation else None,
        )
        self._loop.call_soon(self._on_message, received)

    def _on_write_wanted(self, _client: Client, _userdata: Any, _sock: object) -> None:
        self._flush_soon()

    # The inside.

    def _flush_soon(self) -> None:
        # One flush for all packets of this turn of the loop: one system call instead of many.
        if not self._flush_scheduled:
            self._flush_scheduled = True
            self._loop.call_soon(self._flush)

    def _make_client(self, will: Message) -> PahoClient:
        endpoint = self._endpoint
        client = PahoClient(
            CallbackAPIVersion.VERSION2,
            client_id=endpoint.client_id,
            clean_session=None if endpoint.version == "5" else True,
            protocol=_PROTOCOLS[endpoint.version],
            reconnect_on_failure=False,
        )
        client.wire = self._wire
        if endpoint.username is not None:
            client.username_pw_set(endpoint.username, endpoint.password)
        client.will_set(will.topic, will.payload, qos=1, retain=will.retain)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_paho_message
        client.on_socket_register_write = self._on_write_wanted
        return client

    def _session(self) -> dict[str, Any]:
        return {"clean_start": True} if self._endpoint.version == "5" else {}

    def _flush(self) -> None:
        self._flush_scheduled = False
        self._client.loop_write()
        if self._wire.outgoing and self._transport is not None and not self._transport.is_closing():
            self._transport.write(b"".join(self._wire.outgoing))
        self._wire.outgoing.clear()

    def _keep_house(self) -> None:
        if self._closed.done():
            return
        self._client.loop_misc()
        if not self._wire.open:
            log.warning("The MQTT broker %s does not answer any more", self._endpoint.address)
            self.abort()
            return
        self._housekeeping = self._loop.call_later(HOUSEKEEPING_INTERVAL, self._keep_house)

    def _refusal(self, reason: str) -> BrokerRefusedError:
        advice = "look at the broker's log"
        login = reason in _REFUSED_LOGIN or reason == "Client identifier not valid"
        if reason in _REFUSED_LOGIN:
            advice = "look at mqtt.username, mqtt.password and the broker's own list of users"
        elif reason == "Client identifier not valid":
            advice = "look at mqtt.client_id"
        return BrokerRefusedError(
            f"the MQTT broker {self._endpoint.address} refuses this client: {reason}; {advice}",
            protocol=reason in _REFUSED_PROTOCOL,
            login=login,
        )

    def _fail(self, error: BrokerRefusedError) -> None:
        self._connected.set_exception(error)
        # Whoever opens has perhaps gone already; the exception is not to be reported as forgotten.
        self._connected.exception()
