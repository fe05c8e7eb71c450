"""The embedded broker, with the real mosquitto and the real amqtt."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from ipc_bridge import backoff
from ipc_bridge.errors import BrokerError, StorageError
from ipc_bridge.mqtt import _mosquitto, embedded
from ipc_bridge.mqtt.embedded import EmbeddedBroker, Kind
from tests.requirements import require_program

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

PATIENCE = 20.0
HOST = "127.0.0.1"


@pytest.fixture(params=["mosquitto", "amqtt"])
def kind(request: pytest.FixtureRequest) -> Kind:
    chosen: Kind = request.param
    if chosen == "mosquitto":
        require_program("mosquitto")
    return chosen


@pytest.fixture
def mosquitto() -> Kind:
    require_program("mosquitto")
    return "mosquitto"


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        number: int = probe.getsockname()[1]
        return number


async def eventually(condition: Callable[[], bool]) -> None:
    """Wait for what happens in another process and therefore sets no event."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110  # see above
            await asyncio.sleep(0.01)


def is_stopped(pid: int) -> bool:
    """Whether every thread is, as the kernel reports after the name in parentheses."""
    threads = Path(f"/proc/{pid}/task").glob("*/stat")
    return all(stat_file.read_text(encoding="utf-8").rpartition(")")[2].split()[0] == "T" for stat_file in threads)


def port_is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def files_in(directory: Path) -> list[Path]:
    return [path for path in directory.rglob("*") if path.is_file()]


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


class Client:
    """A paho client in its own thread, whose callbacks end up in queues of this loop."""

    def __init__(self, client: paho.Client) -> None:
        loop = asyncio.get_running_loop()
        self.client = client
        self.connected: asyncio.Queue[tuple[str, Properties | None]] = asyncio.Queue()
        self.subscribed: asyncio.Queue[None] = asyncio.Queue()
        self.messages: asyncio.Queue[paho.MQTTMessage] = asyncio.Queue()

        def put(queue: asyncio.Queue[Any], item: object) -> None:
            loop.call_soon_threadsafe(queue.put_nowait, item)

        client.on_connect = lambda _c, _u, _f, reason, properties: put(self.connected, (str(reason), properties))
        client.on_subscribe = lambda *_: put(self.subscribed, None)
        client.on_message = lambda _c, _u, message: put(self.messages, message)

    async def answer(self) -> str:
        """What the broker said to CONNECT."""
        async with asyncio.timeout(PATIENCE):
            return (await self.connected.get())[0]

    async def subscribe(self, topic: str) -> None:
        self.client.subscribe(topic, qos=1)
        async with asyncio.timeout(PATIENCE):
            await self.subscribed.get()

    async def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        info = self.client.publish(topic, payload, qos=1, retain=retain)
        await asyncio.to_thread(info.wait_for_publish, PATIENCE)
        assert info.is_published()

    async def message(self) -> tuple[str, bytes, bool]:
        async with asyncio.timeout(PATIENCE):
            message = await self.messages.get()
        return message.topic, bytes(message.payload), message.retain


@contextlib.asynccontextmanager
async def connection(
    port: int,
    username: str | None = None,
    password: str | None = None,
    protocol: MQTTProtocolVersion = MQTTProtocolVersion.MQTTv311,
    properties: Properties | None = None,
) -> AsyncIterator[Client]:
    # With a will and a user name: what the bridge's own CONNECT has as well.
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=protocol, reconnect_on_failure=False)
    client.will_set("test/status", "offline", qos=1, retain=True)
    if username is not None:
        client.username_pw_set(username, password)
    one = Client(client)
    await asyncio.to_thread(client.connect, HOST, port, 30, properties=properties)
    client.loop_start()
    try:
        yield one
    finally:
        client.disconnect()
        await asyncio.to_thread(client.loop_stop)


@contextlib.asynccontextmanager
async def kept_running(broker: EmbeddedBroker, sleep: Callable[[float], Awaitable[None]]) -> AsyncIterator[None]:
    keeper = asyncio.create_task(broker.run_forever(sleep))
    try:
        yield
    finally:
        keeper.cancel()
        await asyncio.wait([keeper])


async def works(port: int) -> None:
    """Prove that a broker carries a message."""
    async with connection(port) as client:
        assert await client.answer() == "Success"
        await client.subscribe("test/#")
        await client.publish("test/a", b"hello")
        assert await client.message() == ("test/a", b"hello", False)


async def test_carries_messages(kind: Kind, port: int, tmp_path: Path) -> None:
    async with EmbeddedBroker(HOST, port, tmp_path / "broker", kind=kind) as broker:
        assert broker.kind == kind
        await works(port)


async def test_keeps_retained_messages(kind: Kind, port: int, tmp_path: Path) -> None:
    async with EmbeddedBroker(HOST, port, tmp_path, kind=kind):
        async with connection(port) as client:
            await client.answer()
            await client.publish("test/state", b"ON", retain=True)
        async with connection(port) as client:
            await client.answer()
            await client.subscribe("test/state")
            assert await client.message() == ("test/state", b"ON", True)


async def test_mosquitto_keeps_retained_messages_across_a_restart(mosquitto: Kind, port: int, tmp_path: Path) -> None:
    broker = EmbeddedBroker(HOST, port, tmp_path, kind=mosquitto)
    async with broker, connection(port) as client:
        await client.answer()
        await client.publish("test/state", b"ON", retain=True)
    async with broker, connection(port) as client:
        await client.answer()
        await client.subscribe("test/state")
        assert await client.message() == ("test/state", b"ON", True)


async def test_carries_a_large_picture(kind: Kind, port: int, tmp_path: Path) -> None:
    picture = os.urandom(1_000_000)
    async with EmbeddedBroker(HOST, port, tmp_path, kind=kind), connection(port) as client:
        await client.answer()
        await client.subscribe("test/picture")
        await client.publish("test/picture", picture)
        assert await client.message() == ("test/picture", picture, False)


async def test_lets_in_only_the_user_with_the_password(kind: Kind, port: int, tmp_path: Path) -> None:
    password = "pä$$ w:rd\\'\"#"
    async with EmbeddedBroker(HOST, port, tmp_path, "bridge", password, kind=kind):
        for username, given in (
            ("bridge", "wrong"),
            ("bridge", ""),
            ("bridge", None),
            ("other", password),
            ("", ""),
            (None, None),
        ):
            async with connection(port, username, given) as client:
                assert await client.answer() == "Not authorized", (username, given)
        async with connection(port, "bridge", password) as client:
            assert await client.answer() == "Success"


async def test_password_is_neither_on_disk_nor_on_a_command_line(kind: Kind, port: int, tmp_path: Path) -> None:
    expected = {"mosquitto": {"mosquitto.conf", "mosquitto.passwd"}, "amqtt": set[str]()}[kind]
    async with EmbeddedBroker(HOST, port, tmp_path / "broker", "bridge", "s3cret-word", kind=kind) as broker:
        command_line = Path(f"/proc/{broker.pid}/cmdline")
        written = files_in(tmp_path)
        assert all(b"s3cret-word" not in path.read_bytes() for path in (command_line, *written))
        assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in written)
        assert {path.name for path in written} == expected


async def test_mosquitto_tells_an_mqtt_5_client_its_limits(mosquitto: Kind, port: int, tmp_path: Path) -> None:
    async with (
        EmbeddedBroker(HOST, port, tmp_path, kind=mosquitto) as broker,
        connection(port, protocol=MQTTProtocolVersion.MQTTv5) as client,
    ):
        async with asyncio.timeout(PATIENCE):
            answer, properties = await client.connected.get()
        assert answer == "Success"
        assert properties is not None
        limits = properties.json()
        assert (limits["ReceiveMaximum"], limits["MaximumPacketSize"]) == (200, 8 * 1024 * 1024)
        assert broker.limits is None


@pytest.mark.parametrize("username", [None, "bridge"])
async def test_amqtt_refuses_mqtt_5_so_that_the_client_can_fall_back(
    username: str | None, port: int, tmp_path: Path
) -> None:
    properties = Properties(PacketTypes.CONNECT)
    properties.SessionExpiryInterval = 3600
    properties.ReceiveMaximum = 100
    mqtt5 = MQTTProtocolVersion.MQTTv5
    async with EmbeddedBroker(HOST, port, tmp_path, username, username, kind="amqtt") as broker:
        assert "MQTT 3.1.1 only" in str(broker.limits)
        for given in (None, properties):
            async with connection(port, username, username, mqtt5, given) as client:
                assert await client.answer() == "Unsupported protocol version"
        async with connection(port, username, username) as client:
            assert await client.answer() == "Success"


async def test_amqtt_survives_clients_that_are_none(port: int, tmp_path: Path) -> None:
    long_length = b"\x10\xff\xff\xff\x7f\x00\x04MQTT\x05"
    async with EmbeddedBroker(HOST, port, tmp_path, kind="amqtt"):
        for junk in (
            b"",
            b"\x10",
            b"GET / HTTP/1.1\r\n\r\n",
            b"\x10\x0c\x00\x06MQIsdp\x03\x02\x00\x0a\x00\x00",
            long_length,
        ):
            _, writer = await asyncio.open_connection(HOST, port)
            writer.write(junk)
            await writer.drain()
            writer.close()
            await writer.wait_closed()
        await works(port)


async def test_listens_on_every_address_of_a_name(kind: Kind, port: int, tmp_path: Path) -> None:
    async with EmbeddedBroker("localhost", port, tmp_path, kind=kind):
        await works(port)
        found = await asyncio.get_running_loop().getaddrinfo("localhost", port, type=socket.SOCK_STREAM)
        for address in {entry[4][0] for entry in found}:
            with contextlib.suppress(OSError):  # an IPv6 address in name only
                _, writer = await asyncio.open_connection(str(address), port)
                writer.close()
                await writer.wait_closed()


@pytest.mark.parametrize(("username", "warns"), [(None, True), ("bridge", False)])
async def test_warns_of_an_open_broker(
    username: str | None, *, warns: bool, kind: Kind, port: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    # All addresses: the test's own machine is reachable on loopback as well.
    async with EmbeddedBroker("0.0.0.0", port, tmp_path, username, username, kind=kind):
        assert ("without a password" in caplog.text) is warns


async def test_port_in_use_is_said_so(kind: Kind, port: int, tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind((HOST, port))
        other.listen()
        with pytest.raises(BrokerError, match=rf"{HOST}:{port}: the port is in use.*mqtt\.embedded: false"):
            await EmbeddedBroker(HOST, port, tmp_path, kind=kind).start()


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid", "a b"])
async def test_foreign_host_is_said_so(host: str, kind: Kind, port: int, tmp_path: Path) -> None:
    with pytest.raises(BrokerError, match=f"cannot listen on .*{host}"):
        await EmbeddedBroker(host, port, tmp_path, kind=kind).start()


@pytest.mark.parametrize(
    ("username", "password"),
    [("a:b", "x"), ("#a", "x"), (" a", "x"), ("a\nb", "x"), ("", "x"), ("bridge", None), (None, "x")],
)
async def test_unusable_user_is_said_so(username: str | None, password: str | None, port: int, tmp_path: Path) -> None:
    with pytest.raises(BrokerError, match=r"mqtt\.username"):
        await EmbeddedBroker(HOST, port, tmp_path, username, password).start()


async def test_nothing_installed_is_said_so(port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(_mosquitto, "SYSTEM_DIRECTORIES", str(tmp_path))
    monkeypatch.setitem(sys.modules, "amqtt", None)
    for broker in (EmbeddedBroker(HOST, port, tmp_path), EmbeddedBroker(HOST, port, tmp_path, kind="mosquitto")):
        with pytest.raises(BrokerError, match=r"install Debian's mosquitto, or pip install ipc-bridge\[embedded\]"):
            await broker.start()


def test_mosquitto_is_preferred_also_outside_of_path(
    mosquitto: Kind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert embedded.installed_kind() == mosquitto
    monkeypatch.setattr(_mosquitto, "SYSTEM_DIRECTORIES", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert embedded.installed_kind() == "amqtt"
    monkeypatch.undo()
    monkeypatch.setenv("PATH", str(tmp_path))
    assert embedded.installed_kind() == mosquitto


async def test_ending_at_once_is_told_with_the_last_lines(
    kind: Kind, port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if kind == "mosquitto":
        (tmp_path / "mosquitto.db").write_bytes(b"no database" * 100)
        expected = "database"
    else:
        (tmp_path / "amqtt.py").write_text("raise ImportError('broken installation')", encoding="utf-8")
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        expected = "broken installation"
    broker = EmbeddedBroker(HOST, port, tmp_path, kind=kind)
    with pytest.raises(BrokerError, match=rf"ended at once with status [1-9]\d*; its last lines were: .*{expected}"):
        await broker.start()
    assert broker.pid is None


async def test_program_that_cannot_be_run_is_told(port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(BrokerError, match=r"cannot be started: .*No such file"):
        await EmbeddedBroker(HOST, port, tmp_path, kind="amqtt").start()


async def test_unusable_directory_is_told(mosquitto: Kind, port: int, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match=r"file/mosquitto\.conf: cannot be written for the embedded broker"):
        await EmbeddedBroker(HOST, port, tmp_path / "file", kind=mosquitto).start()


async def test_broker_that_does_not_answer_is_told_and_ended(
    port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "amqtt.py").write_text("import threading\nthreading.Event().wait()", encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(embedded, "START_SECONDS", 0.3)
    broker = EmbeddedBroker(HOST, port, tmp_path, kind="amqtt")
    with pytest.raises(BrokerError, match=r"accepts no connection on .* after 0\.3 s; it wrote nothing"):
        await broker.start()
    assert broker.pid is None


async def test_second_start_changes_nothing(kind: Kind, port: int, tmp_path: Path) -> None:
    async with EmbeddedBroker(HOST, port, tmp_path, kind=kind) as broker:
        pid = broker.pid
        await broker.start()
        assert broker.pid == pid


async def test_stop_ends_the_child(kind: Kind, port: int, tmp_path: Path) -> None:
    broker = EmbeddedBroker(HOST, port, tmp_path, kind=kind)
    await broker.start()
    pid = broker.pid
    assert pid is not None
    await broker.stop()
    assert broker.pid is None
    assert not is_alive(pid)
    assert port_is_free(port)
    await broker.stop()  # nothing left to do
    with pytest.raises(BrokerError, match="does not run"):
        await broker.wait()


async def test_child_that_does_not_listen_is_killed(
    kind: Kind, port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(embedded, "STOP_SECONDS", 0.1)
    broker = EmbeddedBroker(HOST, port, tmp_path, kind=kind)
    await broker.start()
    pid = broker.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)  # a stopped process does not see SIGTERM
    await eventually(lambda: is_stopped(pid))
    await broker.stop()
    assert not is_alive(pid)
    assert "is killed" in caplog.text


async def test_wait_returns_how_the_child_ended(kind: Kind, port: int, tmp_path: Path) -> None:
    async with EmbeddedBroker(HOST, port, tmp_path, kind=kind) as broker:
        assert broker.pid is not None
        os.kill(broker.pid, signal.SIGKILL)
        async with asyncio.timeout(PATIENCE):
            assert await broker.wait() == -signal.SIGKILL


async def kill_twice(broker: EmbeddedBroker, caplog: pytest.LogCaptureFixture) -> list[float]:
    """Kill the child, and its successor once that answers; return how long the keeper waited each time."""
    caplog.set_level(logging.INFO)
    slept: asyncio.Queue[float] = asyncio.Queue()
    delays = []
    async with kept_running(broker, slept.put):
        for _ in range(2):
            caplog.clear()
            pid = broker.pid
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
            async with asyncio.timeout(PATIENCE):
                delays.append(await slept.get())
            await eventually(lambda: "accepts connections" in caplog.text)
            assert broker.pid not in (None, pid)
            await works(broker.port)
    return delays


async def test_run_forever_starts_it_again(
    kind: Kind, port: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with EmbeddedBroker(HOST, port, tmp_path, kind=kind) as broker:
        assert await kill_twice(broker, caplog) == [1, 2]
        assert broker.pid is not None  # the keeper is gone; the broker serves until it is stopped
        await works(port)


async def test_back_off_starts_anew_after_a_good_while(
    kind: Kind, port: int, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backoff, "HOLDS_AFTER", 0.0)  # whatever it lived is a good while
    async with EmbeddedBroker(HOST, port, tmp_path, kind=kind) as broker:
        assert await kill_twice(broker, caplog) == [1, 1]


async def test_run_forever_never_gives_up(
    kind: Kind, port: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    delays: list[float] = []
    with socket.socket() as other:
        other.bind((HOST, port))
        other.listen()

        async def sleep(seconds: float) -> None:
            delays.append(seconds)
            if len(delays) == 8:
                other.close()

        broker = EmbeddedBroker(HOST, port, tmp_path, kind=kind)
        async with kept_running(broker, sleep):
            await eventually(lambda: "accepts connections" in caplog.text)
        await broker.stop()
    assert delays == [1, 2, 4, 8, 16, 32, 60, 60]
    problems = [record.levelno for record in caplog.records if "port is in use" in record.getMessage()]
    assert problems == [logging.WARNING] + [logging.DEBUG] * 7


async def test_cancelled_start_leaves_no_child(port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "amqtt.py").write_text("import threading\nthreading.Event().wait()", encoding="utf-8")  # never answers
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    broker = EmbeddedBroker(HOST, port, tmp_path, kind="amqtt")
    start = asyncio.create_task(broker.start())
    await eventually(lambda: broker.pid is not None)
    pid = broker.pid
    assert pid is not None
    start.cancel()
    await asyncio.wait([start])
    assert start.cancelled()
    assert not is_alive(pid)


PARENT = """
import asyncio, sys
from pathlib import Path
from ipc_bridge.mqtt.embedded import EmbeddedBroker

async def main():
    kind, port, directory = sys.argv[1:]
    broker = EmbeddedBroker("127.0.0.1", int(port), Path(directory), "bridge", "word", kind=kind)
    await broker.start()
    print(broker.pid, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_killed_bridge_leaves_no_orphan(kind: Kind, port: int, tmp_path: Path) -> None:
    bridge = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PARENT, kind, str(port), str(tmp_path), stdout=asyncio.subprocess.PIPE
    )
    assert bridge.stdout is not None
    try:
        async with asyncio.timeout(PATIENCE):
            pid = int(await bridge.stdout.readline())
        assert is_alive(pid)
        assert not port_is_free(port)
    finally:
        bridge.kill()
        await bridge.wait()
    await eventually(lambda: port_is_free(port))
    async with EmbeddedBroker(HOST, port, tmp_path, kind=kind):
        await works(port)


async def test_without_setpriv_it_works_and_says_what_is_missing(
    mosquitto: Kind, port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    async with EmbeddedBroker(HOST, port, tmp_path, kind=mosquitto):
        await works(port)
    assert "Install util-linux" in caplog.text


async def test_very_long_log_lines_do_not_end_the_log(
    port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "amqtt.py").write_text(
        "import sys\nsys.stderr.write('x' * 300000 + '\\n')\nsys.exit('the end')", encoding="utf-8"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(BrokerError, match=r"the end$"):
        await EmbeddedBroker(HOST, port, tmp_path, kind="amqtt").start()
