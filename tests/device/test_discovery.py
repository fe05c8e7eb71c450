"""Finding cameras, over real sockets."""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager

import ifaddr
import pytest

from ipc_bridge.device.discovery import Answer, Discovery, Target, broadcast_addresses
from ipc_bridge.errors import DeviceError
from ipc_bridge.logs import Once
from ipc_bridge.simulator import CameraSettings, SimulatedCamera
from ipc_bridge.simulator.changes import Changes
from ipc_bridge.wire import discovery as wire
from tests.requirements import require_network_namespaces

BRIDGE = "127.30.2.1"
CAMERAS = ("127.30.2.11", "127.30.2.12", "127.30.2.13")
PATIENCE = 10.0
LOGGER = "ipc_bridge.device.discovery"


@pytest.fixture
def port() -> int:
    """Free for UDP on every address of these tests."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("", 0))
        number: int = probe.getsockname()[1]
        return number


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A round of half a second instead of five."""
    monkeypatch.setattr(wire, "REQUEST_INTERVAL", 0.1)
    monkeypatch.setattr(wire, "ROUND_SECONDS", 0.5)


class Listener:
    """A discovery service with what it found."""

    def __init__(self, bind: Target, targets: list[tuple[str, int | None]]) -> None:
        self.answers: list[Answer] = []
        self.changes = Changes()
        self.service = Discovery(bind, targets, self.keep)

    def keep(self, answer: Answer) -> None:
        self.answers.append(answer)
        self.changes.notify()


@asynccontextmanager
async def running(listener: Listener, interval: float = 60.0) -> AsyncIterator[Discovery]:
    """Rounds without end."""
    task = asyncio.create_task(listener.service.run(interval))
    try:
        yield listener.service
    finally:
        task.cancel()
        await asyncio.wait([task])


def camera_at(host: str, port: int, sn: str = "FS101D8BS00106") -> SimulatedCamera:
    return SimulatedCamera(CameraSettings(host=host, sn=sn, discovery_port=port))


@contextmanager
def stranger(host: str, port: int = 0) -> Iterator[socket.socket]:
    """A socket that is no camera's."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
        sock.setblocking(False)
        yield sock


def answer(**fields: object) -> bytes:
    return wire.encode_message(wire.MessageType.ANSWER, fields)


async def counted(listener: Listener, outcome: str, count: int = 1) -> None:
    """Wait until datagrams were read: who refuses them tells nobody."""
    async with asyncio.timeout(PATIENCE):
        while listener.service.counters[outcome] < count:  # noqa: ASYNC110 - see above
            await asyncio.sleep(0.005)


# A round.


async def test_three_requests_a_second_apart_and_five_seconds(port: int) -> None:
    loop = asyncio.get_running_loop()
    arrivals: list[tuple[float, bytes]] = []
    with stranger(CAMERAS[0], port) as sock:
        loop.add_reader(sock, lambda: arrivals.append((loop.time(), sock.recv(1000))))
        listener = Listener((BRIDGE, port), [(CAMERAS[0], port)])
        began = loop.time()
        await listener.service.round()
        took = loop.time() - began
        listener.service.close()
        loop.remove_reader(sock)
    assert [wire.decode_message(data).type for _, data in arrivals] == [wire.MessageType.REQUEST] * 3
    gaps = [after[0] - before[0] for before, after in itertools.pairwise(arrivals)]
    # Not sooner, that is: a busy machine may be late.
    assert all(gap >= 0.9 for gap in gaps)
    assert took >= 4.95


async def test_each_camera_answers_each_request(quick: None, port: int) -> None:
    listener = Listener((BRIDGE, port), [(host, port) for host in CAMERAS])
    async with (
        camera_at(CAMERAS[0], port, "FS-1"),
        camera_at(CAMERAS[1], port, "FS-2") as mute,
        camera_at(CAMERAS[2], port, "FS-3"),
    ):
        mute.faults.no_discovery = True
        await listener.service.round()
    listener.service.close()
    assert sorted({(found.sn, found.host) for found in listener.answers}) == [
        ("FS-1", CAMERAS[0]),
        ("FS-3", CAMERAS[2]),
    ]
    assert len(listener.answers) == listener.service.counters["answers"] == 6
    first = listener.answers[0]
    assert (first.claimed_ip, first.mac, first.firmware, first.model) == (
        first.host,
        "02:00:00:00:00:01",
        "1.3.6",
        "FM020",
    )
    assert first.fields["network"] == "LAN"


async def test_a_name_and_the_usual_port(quick: None, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "PORT", port)
    listener = Listener((BRIDGE, port), [("localhost", None)])
    async with camera_at("127.0.0.1", port):
        await listener.service.round()
    listener.service.close()
    assert {found.host for found in listener.answers} == {"127.0.0.1"}


async def test_a_target_that_nobody_knows_holds_nothing_up(
    quick: None, port: int, caplog: pytest.LogCaptureFixture
) -> None:
    listener = Listener((BRIDGE, port), [("nobody.invalid", port), (CAMERAS[0], port)])
    async with camera_at(CAMERAS[0], port):
        await listener.service.round()
        await listener.service.round()
    listener.service.close()
    assert len(listener.answers) == 6
    assert [r.message for r in caplog.records if r.levelno == logging.WARNING and "nobody.invalid" in r.message] == [
        "Discovery cannot find the target nobody.invalid: [Errno -2] Name or service not known"
    ]


async def test_a_slow_name_server_does_not_use_up_the_round(
    quick: None, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = asyncio.get_running_loop()
    look_up = loop.getaddrinfo

    async def slow(host: str, *args: object, **options: object) -> object:
        if host == "slow.invalid":
            await asyncio.sleep(wire.ROUND_SECONDS * 1.5)
            raise OSError(-3, "Temporary failure in name resolution")
        return await look_up(host, *args, **options)  # type: ignore[arg-type] # passed on as they came

    monkeypatch.setattr(loop, "getaddrinfo", slow)
    listener = Listener((BRIDGE, port), [("slow.invalid", port), (CAMERAS[0], port)])
    async with camera_at(CAMERAS[0], port):
        await listener.service.round()
    listener.service.close()
    assert len(listener.answers) == 3


async def test_one_round_at_a_time(quick: None, port: int) -> None:
    listener = Listener((BRIDGE, port), [(CAMERAS[0], port)])
    async with camera_at(CAMERAS[0], port) as camera:
        first, second = (asyncio.create_task(listener.service.round()) for _ in range(2))
        await first
        assert len(listener.answers) == 3, "the second one has not begun"
        await second
        assert camera.discovery_answers == 6
    listener.service.close()


async def test_rounds_by_themselves(quick: None, port: int) -> None:
    listener = Listener((BRIDGE, port), [(CAMERAS[0], port)])
    async with camera_at(CAMERAS[0], port) as camera, running(listener, interval=0.01):
        await camera.wait_until(lambda: camera.discovery_answers >= 7)


# What comes.


async def test_what_becomes_of_each_datagram(port: int, caplog: pytest.LogCaptureFixture) -> None:
    listener = Listener((BRIDGE, port), [(BRIDGE, port)])
    async with running(listener) as service:
        # It asks itself, as with a broadcast.
        await counted(listener, "requests")
        assert not listener.answers
        with stranger(CAMERAS[0]) as sock:
            good = answer(deviceid=" FS-1 ", ip=CAMERAS[0], mac=7, model="", firmware="x" * 500)
            sock.sendto(good, (BRIDGE, port))
            await counted(listener, "answers")
            for foreign in (b"M-SEARCH * HTTP/1.1", b"", b"\xff\xff\x33"):
                sock.sendto(foreign, (BRIDGE, port))
            await counted(listener, "foreign", 3)
            for damaged in (
                good[:-1] + bytes([good[-1] ^ 1]),
                good[:-1],
                good + b"\0",
                b"\xff\xff\x33\xff",
                good[:4] + bytes(8),
            ):
                sock.sendto(damaged, (BRIDGE, port))
            await counted(listener, "damaged", 5)
            for serial in ("a/b", "+", "", "x" * 65, 5, None, "\N{SNOWMAN}"):
                sock.sendto(answer(deviceid=serial), (BRIDGE, port))
            sock.sendto(answer(), (BRIDGE, port))
            await counted(listener, "refused", 8)
            service._listening_until = 0.0
            sock.sendto(good, (BRIDGE, port))
            await counted(listener, "late")
    assert listener.answers == [Answer("FS-1", CAMERAS[0], CAMERAS[0], None, "x" * 128, None)]
    warnings = [record.message for record in caplog.records if record.levelno == logging.WARNING]
    # Each source's first of each kind.
    assert len(warnings) == 2
    assert warnings[0].startswith(f"Discovery: a damaged packet from {CAMERAS[0]}: CRC")
    assert warnings[1].startswith(f"Discovery: {CAMERAS[0]} names the serial 'a/b', which cannot be a topic level")


async def test_a_lying_address(quick: None, port: int, caplog: pytest.LogCaptureFixture) -> None:
    listener = Listener((BRIDGE, port), [(CAMERAS[0], port)])
    async with camera_at(CAMERAS[0], port) as camera:
        camera.faults.discovery_ip = "192.168.1.60"
        await listener.service.round()
    listener.service.close()
    assert {(found.host, found.claimed_ip) for found in listener.answers} == {(CAMERAS[0], "192.168.1.60")}
    warnings = [record.message for record in caplog.records if record.levelno == logging.WARNING]
    (warning,) = warnings
    assert f"camera FS101D8BS00106 answers from {CAMERAS[0]} but says that it is at 192.168.1.60" in warning


async def test_a_flood_leaves_nothing_behind(port: int) -> None:
    listener = Listener((BRIDGE, port), [(BRIDGE, port)])
    async with running(listener) as service:
        await counted(listener, "requests")
        with stranger(CAMERAS[0]) as sock:
            for number in range(200):
                sock.sendto(b"foreign %d" % number, (BRIDGE, port))
            await counted(listener, "foreign", 200)
        # From more addresses than this machine has.
        for number in range(5_000):
            host = f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"
            service.datagram_received(b"foreign", (host, port))
            service.datagram_received(b"\xff\xff\x33\xff damaged", (host, port))
            service.datagram_received(answer(deviceid="+"), (host, port))
            service.datagram_received(answer(deviceid=f"FS-{number}", ip="8.8.8.8"), (host, port))
        assert len(service.counters) <= 6
        assert len(service._complaints._said) <= Once.MAX_KEYS


# The socket.


async def test_a_port_that_somebody_holds(quick: None, port: int, caplog: pytest.LogCaptureFixture) -> None:
    listener = Listener((BRIDGE, port), [(CAMERAS[0], port)])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as greedy:
        # Without SO_REUSEADDR.
        greedy.bind((BRIDGE, port))
        with pytest.raises(
            DeviceError, match=f"cannot listen on {BRIDGE}:{port}: Address already in use; look at disc"
        ):
            await listener.service.round()
        caplog.set_level(logging.DEBUG, LOGGER)
        async with camera_at(CAMERAS[0], port), running(listener, interval=0.02):
            async with asyncio.timeout(PATIENCE):
                while len(caplog.records) < 3:  # noqa: ASYNC110 - a log tells nobody
                    await asyncio.sleep(0.005)
            greedy.close()
            await listener.changes.wait_for(lambda: bool(listener.answers))
    assert [record.levelno for record in caplog.records if record.name == LOGGER].count(logging.WARNING) == 1


async def test_an_address_that_is_not_ours() -> None:
    with pytest.raises(DeviceError, match=r"cannot listen on 192\.0\.2\.1:10001: Cannot assign requested address"):
        await Discovery(("192.0.2.1", 10001), [], lambda _answer: None).round()


async def test_a_target_that_cannot_be_asked(quick: None, port: int) -> None:
    # The kernel refuses: nothing on a loopback address leaves the machine.
    listener = Listener((BRIDGE, port), [("192.0.2.1", port), (CAMERAS[0], port)])
    async with camera_at(CAMERAS[0], port):
        await listener.service.round()
    listener.service.close()
    assert len(listener.answers) == 3


async def test_a_lost_socket_is_opened_again(quick: None, port: int) -> None:
    listener = Listener((BRIDGE, port), [(CAMERAS[0], port)])
    async with camera_at(CAMERAS[0], port):
        await listener.service.round()
        transport = listener.service._transport
        assert transport is not None
        transport.abort()
        await asyncio.sleep(0)
        await listener.service.round()
    listener.service.close()
    listener.service.close()
    assert len(listener.answers) == 6


# Broadcast.


def adapter(name: str, *addresses: tuple[str, int]) -> ifaddr.Adapter:
    return ifaddr.Adapter(name, name, [ifaddr.IP(address, prefix, name) for address, prefix in addresses])


def test_broadcast_addresses() -> None:
    adapters = [
        adapter("lo", ("127.0.0.1", 8)),
        adapter("eth0", ("192.168.1.5", 24), ("10.1.2.3", 20)),
        adapter("eth1", ("192.168.1.6", 24)),
        adapter("tun0", ("10.8.0.6", 32), ("10.9.0.6", 31)),
        adapter("eth2", ("172.16.3.130", 26)),
        ifaddr.Adapter("v6", "v6", [ifaddr.IP(("fe80::1", 0, 2), 64, "v6")]),
        adapter("none"),
    ]
    assert broadcast_addresses(adapters) == ["10.1.15.255", "172.16.3.191", "192.168.1.255"]


def test_broadcast_addresses_of_this_machine() -> None:
    assert all(not address.startswith("127.") for address in broadcast_addresses())


async def test_without_targets_each_network_is_asked(quick: None, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    here = [adapter("eth0", ("192.168.1.5", 24)), adapter("eth1", ("10.0.0.5", 8))]
    monkeypatch.setattr(ifaddr, "get_adapters", lambda: here)
    monkeypatch.setattr(wire, "PORT", port)
    assert await Discovery((BRIDGE, port), [], lambda _answer: None)._resolve() == [
        ("10.255.255.255", port),
        ("192.168.1.255", port),
    ]


CAMERA_PROCESS = """
import asyncio, sys
from ipc_bridge.simulator import CameraSettings, SimulatedCamera

async def main(host, broadcast, sn):
    settings = CameraSettings(sn=sn, host=host, discovery_broadcast=broadcast)
    async with SimulatedCamera(settings):
        print("ready", flush=True)
        await asyncio.Event().wait()

asyncio.run(main(*sys.argv[1:]))
"""


def test_two_networks_at_once() -> None:
    """A bridge with two interfaces, and behind each a camera that hears its own network's broadcast only."""
    ip = str(require_network_namespaces())

    def run(*words: str) -> None:
        subprocess.run([ip, *words], check=True, capture_output=True)

    names = {role: f"ipc-bridge-{os.getpid()}-{role}" for role in ("bridge", "left", "right")}
    with ExitStack() as stack:
        for name in names.values():
            run("netns", "add", name)
            stack.callback(run, "netns", "delete", name)
            run("-n", name, "link", "set", "lo", "up")
        processes: list[subprocess.Popen[str]] = []
        for side, net in (("left", "198.51.100"), ("right", "203.0.113")):
            here = ["-n", names["bridge"]]
            run(*here, "link", "add", side, "type", "veth", "peer", "name", "eth0", "netns", names[side])
            run(*here, "address", "add", f"{net}.1/24", "brd", "+", "dev", side)
            run(*here, "link", "set", side, "up")
            run("-n", names[side], "address", "add", f"{net}.2/24", "brd", "+", "dev", "eth0")
            run("-n", names[side], "link", "set", "eth0", "up")
            command = [ip, "netns", "exec", names[side], sys.executable, "-c", CAMERA_PROCESS]
            process = stack.enter_context(
                subprocess.Popen([*command, f"{net}.2", f"{net}.255", f"FS-{side}"], stdout=subprocess.PIPE, text=True)
            )
            stack.callback(process.kill)
            processes.append(process)
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        found = subprocess.run(
            [ip, "netns", "exec", names["bridge"], sys.executable, "-m", "ipc_bridge", "discover"],
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
        )
        rows = [line.split() for line in found.stdout.splitlines()]
        assert [row[:3] for row in rows[1:]] == [
            ["FS-left", "FM020", "198.51.100.2"],
            ["FS-right", "FM020", "203.0.113.2"],
        ]
