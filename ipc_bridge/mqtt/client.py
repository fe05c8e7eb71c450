"""Keeps a connection to the MQTT broker, for as long as the program runs."""

from __future__ import annotations

import asyncio
import logging
import random
import ssl
from collections.abc import Callable
from typing import Protocol

from ipc_bridge.backoff import LAST_LIMIT, Backoff
from ipc_bridge.config import Mqtt, MqttTls
from ipc_bridge.errors import BrokerLostError, BrokerRefusedError, ConfigError
from ipc_bridge.mqtt.connection import TAKEN_OVER, Carrier, Connection, Endpoint, Message, Received, Version
from ipc_bridge.mqtt.takeover import Takeovers

log = logging.getLogger(__name__)

GOODBYE_TIMEOUT = 0.5
"""Seconds for DISCONNECT; a broker that does not read it publishes the will, which says the same."""

ABSENT_LIMIT = 5.0
"""Seconds at most between two tries while there is no broker: they cost nobody anything, and people wait for it. A
thousand bridges that come back to a central one still spread over these."""
HOLDS_AFTER = 5.0
"""Seconds after which a broker has not just taken a connection to throw it away."""
PROBE_TIMEOUT = 1.0
"""Seconds for a broker that has just hung up to show that it is still there."""
_PARTING_WORDS_OF_A_KICK = (TAKEN_OVER, None)
"""Neither MQTT 3.1.1 nor mosquitto 2.0.11 has a word for it: they hang up, and take the next connection at once."""

_OTHER_VERSION: dict[Version, Version] = {"5": "3.1.1", "3.1.1": "5"}


class Owner(Protocol):
    """Who uses the connections."""

    def connected(self, connection: Carrier) -> None:
        """A connection is up: use it until :meth:`disconnected`."""

    def disconnected(self) -> None:
        """It is gone, and with it all that was not acknowledged."""

    def writable(self) -> None:
        """There is room in the connection's window again."""

    def received(self, message: Received) -> None:
        """A subscription brought a message."""


class Client(Protocol):
    """Who keeps a connection, as :class:`MqttClient` does."""

    async def run(self, owner: Owner) -> None:
        """Keep a connection until cancelled."""


class MqttClient:
    """Connects, hands each connection to its owner, and connects again when it breaks.

    The first connection is tried like any other. Where there is no broker it is asked for every few seconds; one
    that refuses connections, or takes them and throws them away, is left in peace for longer and longer. A broker
    that does not speak MQTT 5 is asked in 3.1.1 on the next try. A login that is refused waits the longest time: it
    is a person's to mend.

    Args:
        config: the ``mqtt`` section.
        client_id: this installation's.
        will: what the broker publishes when a connection is lost.
        uniform: draws the waits between tries, see :class:`~ipc_bridge.backoff.Backoff`.
    """

    def __init__(
        self,
        config: Mqtt,
        client_id: str,
        will: Message,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._config = config
        self._client_id = client_id
        self._will = will
        self._absent = Backoff(uniform, last=ABSENT_LIMIT)
        self._unwilling = Backoff(uniform)
        self._tls = _make_context(config.tls) if config.tls else None
        self._version: Version = config.version
        self._last_complaint = ""
        self._takeovers = Takeovers()

    async def run(self, owner: Owner) -> None:
        """Keep a connection until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            delay = 0.0
            try:
                connection = await self._open(owner)
            except BrokerRefusedError as error:
                delay = self._refused(error)
            except BrokerLostError as error:
                self._complain(str(error))
                delay = self._absent.next_delay()
                # It was the broker itself, or the way to it.
                self._takeovers.forget()
            else:
                self._last_complaint = ""
                self._absent.reset()
                opened = loop.time()
                # The next connection is tried as configured: a refusal may have been a broker that was starting.
                self._version = self._config.version
                owner.connected(connection)
                try:
                    await connection.wait_closed()
                except asyncio.CancelledError:
                    await self._say_goodbye(connection)
                    raise
                finally:
                    owner.disconnected()
                log.warning("The connection to the MQTT broker %s is lost", self._address)
                held = loop.time() - opened
                if held >= HOLDS_AFTER:
                    self._unwilling.reset()
                delay = await self._pause_of_a_fight(connection, held) or self._unwilling.next_delay()
            await asyncio.sleep(delay)

    async def _pause_of_a_fight(self, connection: Connection, held: float) -> float:
        """Seconds to keep away where somebody else seems to take our client id each time that we are back, else 0."""
        if connection.parting_words not in _PARTING_WORDS_OF_A_KICK:
            return 0.0
        if connection.parting_words is None and not await self._listens():
            # It was the broker itself that went.
            self._takeovers.forget()
            return 0.0
        pause = self._takeovers.kicked(asyncio.get_running_loop().time(), held)
        if pause:
            log.error(
                "The MQTT broker %s ends our connections and takes the next one each time: another client seems to "
                "use the same client id, %s. Give each its own mqtt.client_id; the next try is in %.0f s",
                self._address,
                self._client_id,
                pause,
            )
        return pause

    async def _listens(self) -> bool:
        """Whether somebody takes connections at the broker's address at this moment."""
        try:
            async with asyncio.timeout(PROBE_TIMEOUT):
                _reader, writer = await asyncio.open_connection(self._config.host, self._config.port)
        except OSError:  # TimeoutError is one.
            return False
        writer.transport.abort()
        return True

    async def _say_goodbye(self, connection: Connection) -> None:
        try:
            async with asyncio.timeout(GOODBYE_TIMEOUT):
                await connection.close()
        except TimeoutError:
            connection.abort()

    @property
    def _address(self) -> str:
        return f"{self._config.host}:{self._config.port}"

    async def _open(self, owner: Owner) -> Connection:
        endpoint = Endpoint(
            host=self._config.host,
            port=self._config.port,
            client_id=self._client_id,
            version=self._version,
            username=self._config.username,
            password=self._config.password,
            tls=self._tls,
        )
        connection = Connection(endpoint, self._will, owner.received, owner.writable)
        await connection.open()
        log.info("Connected to the MQTT broker %s with MQTT %s", self._address, endpoint.version)
        return connection

    def _refused(self, error: BrokerRefusedError) -> float:
        """Decide how to go on after a refusal: the wait in seconds."""
        self._complain(str(error))
        if error.login:
            return LAST_LIMIT
        if error.protocol and self._config.version == "5":
            self._version = _OTHER_VERSION[self._version]
        return self._unwilling.next_delay()

    def _complain(self, message: str) -> None:
        """The first of several equal failures is a warning, the rest is detail."""
        level = logging.DEBUG if message == self._last_complaint else logging.WARNING
        self._last_complaint = message
        log.log(level, "%s; trying again", message[0].upper() + message[1:])


def _make_context(config: MqttTls) -> ssl.SSLContext:
    """TLS towards the broker.

    Raises:
        ConfigError: a file cannot be used.
    """
    try:
        context = ssl.create_default_context(cafile=str(config.ca) if config.ca else None)
        if config.certificate:
            context.load_cert_chain(config.certificate, config.key)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError([f"mqtt.tls: the CA, certificate or key cannot be used: {error}"]) from error
    if config.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
