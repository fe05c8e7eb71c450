"""An MQTT broker of our own, for ``mqtt.embedded: true`` and for the demo.

It runs as a child process, so that a slow broker never holds up the bridge: mosquitto where it is installed, else amqtt
(pure Python, from the extra ``embedded``). The child ends with the bridge, even with one that is killed: an orphan
would keep the port, and the next start of the bridge would fail.

The child is in a session of its own: Ctrl-C in a terminal reaches the bridge alone, which then says goodbye to a broker
that is still there.
"""

from __future__ import annotations

import asyncio
import errno
import importlib.util
import ipaddress
import json
import logging
import socket
import sys
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, Self, cast

from ipc_bridge.backoff import Backoff
from ipc_bridge.errors import BrokerError, StorageError
from ipc_bridge.mqtt._mosquitto import dying_with_parent, find_mosquitto, write_config

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

logger = logging.getLogger(__name__)

Kind = Literal["mosquitto", "amqtt"]

START_SECONDS: Final = 15.0  # amqtt imports for 2 s on a Raspberry Pi; mosquitto loads what it has kept
STOP_SECONDS: Final = 3.0
PROBE_SECONDS: Final = 0.05

NOTHING_INSTALLED: Final = (
    "mqtt.embedded is on, but there is no broker to run: "
    "install Debian's mosquitto, or pip install ipc-bridge[embedded]"
)
AMQTT_LIMITS: Final = (
    "The embedded broker is amqtt: it speaks MQTT 3.1.1 only, carries about 2,000 events a second and keeps nothing "
    "across its restart. It is good for a first look and not for a house: install mosquitto for that."
)

# MQTT 3.1.1 CONNECT: clean session, keep-alive 10 s, no client id, no user. Any CONNACK says that a broker is there.
CONNECT: Final = b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x0a\x00\x00"
CONNACK_HEAD: Final = b"\x20\x02"


@dataclass(frozen=True)
class _Child:
    """A running broker process, with the last lines that it wrote."""

    process: asyncio.subprocess.Process
    last_lines: deque[str] = field(default_factory=lambda: deque(maxlen=10))

    async def read_log(self) -> None:
        """Pass on what the child writes, until it ends."""
        stderr = cast(asyncio.StreamReader, self.process.stderr)  # it was started with a pipe
        while True:
            try:
                line = await stderr.readline()
            except ValueError:  # longer than the reader's limit, 64 KiB; the reader has dropped it
                continue
            if not line:
                return
            text = line.decode(errors="replace").rstrip()
            self.last_lines.append(text)
            logger.debug("%s", text)


class EmbeddedBroker:
    """A broker as a child process; ``async with`` starts and stops it.

    Args:
        host: Name or address of this machine to listen on.
        port: TCP port.
        directory: For its configuration and what it keeps; made with mode 0700 where missing.
        username: The one user that may connect. None: everybody may.
        password: Belongs to ``username``. It is on no command line, and on disk only as a hash.
        kind: Which broker to run. None: mosquitto where it is installed, else amqtt.
    """

    def __init__(
        self,
        host: str,
        port: int,
        directory: Path,
        username: str | None = None,
        password: str | None = None,
        *,
        kind: Kind | None = None,
    ) -> None:
        self.host = host
        self.port = port
        self.kind: Kind | None = kind or installed_kind()
        self._directory = directory
        self._username = username
        self._password = password
        self._child: _Child | None = None
        self._log_reader: asyncio.Task[None] | None = None

    @property
    def limits(self) -> str | None:
        """One sentence for the log where the broker is switched on, None where there is nothing to say."""
        return AMQTT_LIMITS if self.kind == "amqtt" else None

    @property
    def pid(self) -> int | None:
        """Process id of the running child."""
        return self._child.process.pid if self._child and self._child.process.returncode is None else None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Start the broker; return when it answers on host and port. Does nothing where it runs already.

        To be called in the main thread: the kernel ends mosquitto with the thread that started it.

        Raises:
            BrokerError: No broker is installed, the port is in use, the host is not of this machine, the user name
                cannot be used, or the broker did not come up.
            StorageError: ``directory`` cannot be written.
        """
        if self.pid is not None:
            return
        _check_user(self._username, self._password)
        addresses = await _free_addresses(self.host, self.port)
        if self._username is None and not all(ipaddress.ip_address(each).is_loopback for each in addresses):
            logger.warning(
                "The embedded broker listens on %s without a password: whoever is in this network can read the events "
                "and command the cameras. Set mqtt.username and mqtt.password.",
                self.host,
            )
        self._child = _Child(await self._spawn(addresses))
        self._log_reader = asyncio.create_task(self._child.read_log(), name="embedded-broker-log")
        try:
            await self._wait_until_ready(self._child, addresses[0])
        except BaseException:  # also when cancelled: no child stays behind
            await self.stop()
            raise
        logger.info("The embedded broker, %s, accepts connections on %s:%d", self.kind, self.host, self.port)

    async def stop(self) -> None:
        """End the broker: SIGTERM, after 3 s SIGKILL. Does nothing where none runs.

        ``run_forever`` is to be cancelled first, or it starts the next one.
        """
        child, self._child = self._child, None
        if child is None:
            return
        if child.process.returncode is None:
            child.process.terminate()
            try:
                async with asyncio.timeout(STOP_SECONDS):
                    await child.process.wait()
            except TimeoutError:
                logger.warning("The embedded broker did not end within %g s and is killed", STOP_SECONDS)
                child.process.kill()
                await child.process.wait()
        await self._log_end()

    async def wait(self) -> int:
        """Wait for the end of the child that runs now.

        Returns:
            Its exit status, negative for the signal that ended it.

        Raises:
            BrokerError: None runs.
        """
        if self._child is None:
            raise BrokerError("The embedded broker does not run: start it first")
        status = await self._child.process.wait()
        await self._log_end()
        return status

    async def run_forever(self, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        """Keep the broker running: start it where it does not run, and again whenever it ends.

        Waits 1 to 60 s between two starts, twice as long each time, and never gives up. Being cancelled leaves the
        child running, so that the rest of the bridge can say goodbye to it before ``stop``.

        Args:
            sleep: Replaced in tests.
        """
        now = asyncio.get_running_loop().time
        backoff = Backoff(lambda _, limit: limit)  # one broker: nobody to spread out from
        last_problem = ""
        while True:
            try:
                await self.start()
                began = now()
                status = await self.wait()
                backoff.held_for(now() - began)
                problem = f"The embedded broker ended with status {status}; {self._last_words}"
            except (BrokerError, StorageError) as error:
                problem = str(error)
            delay = backoff.next_delay()
            level = logging.DEBUG if problem == last_problem else logging.WARNING
            logger.log(level, "%s; the next start is in %g s", problem, delay)
            last_problem = problem
            await sleep(delay)

    @property
    def _last_words(self) -> str:
        """What the child wrote last, as the end of a sentence."""
        lines = self._child.last_lines if self._child else ()
        return f"its last lines were: {' | '.join(lines)}" if lines else "it wrote nothing"

    async def _spawn(self, addresses: list[str]) -> asyncio.subprocess.Process:
        match self.kind:
            case "mosquitto":
                mosquitto = find_mosquitto()
                if mosquitto is None:
                    raise BrokerError(NOTHING_INSTALLED)
                config = write_config(self._directory, addresses, self.port, self._username, self._password)
                command = [*await dying_with_parent(), mosquitto, "-c", str(config)]
                instructions = b""
            case "amqtt":
                command = [sys.executable, "-m", "ipc_bridge.mqtt._amqtt_child"]
                instructions = self._amqtt_config(addresses)
            case None:
                raise BrokerError(NOTHING_INSTALLED)
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as error:
            raise BrokerError(f"The embedded broker cannot be started: {command[0]}: {error.strerror}") from error
        # The pipe stays open: its end tells amqtt that the bridge has gone.
        cast(asyncio.StreamWriter, process.stdin).write(instructions)
        return process

    def _amqtt_config(self, addresses: list[str]) -> bytes:
        binds = [f"[{address}]:{self.port}" if ":" in address else f"{address}:{self.port}" for address in addresses]
        names = ["default", *(f"listener{number}" for number in range(1, len(binds)))]  # amqtt wants a default
        config = {
            "listeners": {name: {"type": "tcp", "bind": bind} for name, bind in zip(names, binds, strict=True)},
            "session_expiry_interval": 24 * 3600,  # else a client that never comes back has its queue for ever
            "plugins": {
                "ipc_bridge.mqtt._amqtt_child.OneUser": {"username": self._username, "password": self._password}
            },
        }
        return json.dumps(config).encode() + b"\n"

    async def _wait_until_ready(self, child: _Child, address: str) -> None:
        try:
            async with asyncio.timeout(START_SECONDS):
                while child.process.returncode is None:
                    if await _answers(address, self.port):
                        return
                    await asyncio.sleep(PROBE_SECONDS)
        except TimeoutError:
            raise BrokerError(
                f"The embedded broker ({self.kind}) accepts no connection on {self.host}:{self.port} "
                f"after {START_SECONDS:g} s; {self._last_words}"
            ) from None
        await self._log_end()
        raise BrokerError(
            f"The embedded broker ({self.kind}) ended at once with status {child.process.returncode}; "
            f"{self._last_words}"
        )

    async def _log_end(self) -> None:
        if self._log_reader is not None:
            await asyncio.wait([self._log_reader])  # unlike awaiting it, this does not cancel it with the caller


def installed_kind() -> Kind | None:
    """Return which broker this machine can run, the better one where it has both."""
    if find_mosquitto():
        return "mosquitto"
    return "amqtt" if importlib.util.find_spec("amqtt") else None


def _check_user(username: str | None, password: str | None) -> None:
    if (username is None) != (password is None):
        raise BrokerError("The embedded broker needs both mqtt.username and mqtt.password, or neither")
    if username is not None and (
        not username
        or ":" in username
        or username[0] == "#"
        or username != username.strip()
        or not username.isprintable()
    ):
        raise BrokerError(
            f"The embedded broker cannot have the user {username!r}: mqtt.username must be printable, "
            "without a colon, a leading # and spaces around it"
        )


async def _free_addresses(host: str, port: int) -> list[str]:
    """Return the addresses behind ``host`` on which one can listen.

    A host such as localhost may have an IPv6 address in name only; that one is left out.

    Raises:
        BrokerError: There is none, or the port is in use on one of them.
    """
    try:
        found = await asyncio.get_running_loop().getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except (OSError, UnicodeError) as error:
        raise BrokerError(f"The embedded broker cannot listen on mqtt.host {host!r}: {error}") from error
    addresses: list[str] = []
    refusal: OSError | None = None
    for family, kind, protocol, _, address in found:
        try:
            with socket.socket(family, kind, protocol) as probe:
                probe.setsockopt(
                    socket.SOL_SOCKET, socket.SO_REUSEADDR, 1
                )  # as brokers do: old connections do not count
                if family == socket.AF_INET6:
                    probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                probe.bind(address)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise BrokerError(
                    f"The embedded broker cannot listen on {host}:{port}: the port is in use, often by a "
                    "mosquitto that runs as a service. Set mqtt.embedded: false to use that one, or choose another "
                    "mqtt.port"
                ) from error
            refusal = error
        else:
            addresses.append(str(address[0]))
    if not addresses:
        raise BrokerError(
            f"The embedded broker cannot listen on {host}:{port}: {refusal}. mqtt.host must be a name or address of "
            "this machine, and mqtt.port one that the bridge's user may open (1024 or more)"
        ) from refusal
    return addresses


async def _answers(address: str, port: int) -> bool:
    """Say whether an MQTT broker answers there."""
    try:
        reader, writer = await asyncio.open_connection(address, port)
    except OSError:
        return False
    try:
        writer.write(CONNECT)
        return (await reader.readexactly(4)).startswith(CONNACK_HEAD)
    except (OSError, asyncio.IncompleteReadError):
        return False
    finally:
        writer.close()
