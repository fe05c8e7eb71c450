"""Threads and processes of plugins, and what they do at their borders."""

from __future__ import annotations

import asyncio
import logging
import os
import resource
import signal
import socket
import sys
import textwrap
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from ipc_bridge.errors import PluginError, PluginFailedError, PluginGoneError, PluginOverdueError
from ipc_bridge.hooks import process as process_module
from ipc_bridge.hooks import worker
from ipc_bridge.hooks.frames import frame, read_frame
from ipc_bridge.hooks.host import Host, Serve
from ipc_bridge.hooks.process import ProcessHost
from ipc_bridge.hooks.thread import ThreadHost
from tests.hooks.stage import HEAD, ISOLATIONS
from tests.mqtt.broker import eventually

MEMORY = 256_000_000


class Clerk(Serve):
    """Does what plugins ask, by writing it down."""

    def __init__(self) -> None:
        self.done: list[tuple[str, dict[str, Any]]] = []
        self.failures: list[str] = []
        self.may = asyncio.Event()
        self.may.set()
        self.most = 0
        self._now = 0

    async def do(self, operation: str, arguments: dict[str, Any]) -> Any:
        self.done.append((operation, arguments))
        self._now += 1
        self.most = max(self.most, self._now)
        try:
            await self.may.wait()
        finally:
            self._now -= 1
        return None

    def failed(self, reason: str) -> None:
        self.failures.append(reason)


class Rig:
    """A plugin's file, and hosts for it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.clerk = Clerk()
        self.hosts: list[Host] = []

    def host(self, isolation: str, deadline: float = 5.0) -> Host:
        if isolation == "process":
            environment = {**os.environ, "IPC_BRIDGE_SECRET": "very secret"}
            host: Host = ProcessHost("test", self.clerk, deadline, MEMORY, environment)
        else:
            host = ThreadHost("test", self.clerk, deadline, self.directory / "test.py", [])
        self.hosts.append(host)
        return host

    async def loaded(self, isolation: str, source: str, deadline: float = 5.0) -> Host:
        (self.directory / "test.py").write_text(HEAD + textwrap.dedent(source), encoding="utf-8")
        host = self.host(isolation, deadline)
        await host.open()
        await host.call("load", {"name": "test", "directory": str(self.directory), "settings": {}, "socket": ""}, 20.0)
        return host


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    rig = Rig(tmp_path)
    yield rig
    for host in rig.hosts:
        await host.stop()


@pytest.mark.parametrize("isolation", ISOLATIONS)
async def test_what_is_not_loaded_cannot_be_called(rig: Rig, isolation: str) -> None:
    host = rig.host(isolation)
    await host.open()
    with pytest.raises(PluginFailedError, match="the plugin is not loaded"):
        await host.call("startup", {})
    await host.stop()
    assert host.gone.done()
    with pytest.raises(PluginGoneError):
        await host.call("startup", {})


@pytest.mark.parametrize("isolation", ISOLATIONS)
async def test_an_end_in_order_takes_its_tasks_with_it(rig: Rig, isolation: str) -> None:
    source = """
        import asyncio

        async def forever(file):
            try:
                await asyncio.get_running_loop().create_future()
            finally:
                open(file, "w").close()

        @hookimpl
        async def startup(bridge):
            bridge.start(forever("FILE"))
    """
    file = rig.directory / "ended"
    host = await rig.loaded(isolation, source.replace("FILE", str(file)))
    await host.call("startup", {})
    assert not file.exists()
    await host.stop()
    await eventually(file.exists)


@pytest.mark.parametrize("isolation", ISOLATIONS)
async def test_an_end_by_force_where_it_does_not_want_to(rig: Rig, isolation: str) -> None:
    source = """
        @hookimpl
        def startup():
            while True:
                pass
    """
    host = await rig.loaded(isolation, source, deadline=0.1)
    with pytest.raises(PluginOverdueError, match=r"startup took longer than 0\.1 s"):
        await host.call("startup", {})
    assert "did not end within 0.1 s" in host.gone.result()


@pytest.mark.parametrize("isolation", ISOLATIONS)
async def test_a_short_limit_ends_no_plugin(rig: Rig, isolation: str) -> None:
    source = """
        import time

        @hookimpl
        def startup():
            time.sleep(0.4)
    """
    host = await rig.loaded(isolation, source)
    with pytest.raises(PluginOverdueError, match=r"startup took longer than 0\.05 s"):
        await host.call("startup", {}, 0.05)
    await host.call("startup", {})
    assert not host.gone.done()


@pytest.mark.parametrize("isolation", ISOLATIONS)
async def test_a_call_that_is_cancelled_is_cancelled_there(rig: Rig, isolation: str) -> None:
    source = """
        import asyncio

        @hookimpl
        async def startup(bridge):
            try:
                await bridge.publish("begun")
                await asyncio.get_running_loop().create_future()
            finally:
                bridge.start(bridge.publish("cancelled"))
    """
    host = await rig.loaded(isolation, source)
    task = asyncio.create_task(host.call("startup", {}))
    await eventually(lambda: len(rig.clerk.done) == 1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await eventually(lambda: len(rig.clerk.done) == 2)
    assert rig.clerk.done[1][1]["topic"] == "cancelled"


@pytest.mark.parametrize("isolation", ISOLATIONS)
async def test_an_error_of_the_bridge_in_a_hook_is_the_plugins_failure(rig: Rig, isolation: str) -> None:
    source = """
        from ipc_bridge.hooks import CommandError

        @hookimpl
        def startup():
            raise CommandError("busy", "later")
    """
    host = await rig.loaded(isolation, source)
    with pytest.raises(PluginFailedError, match=r"CommandError: later \(test\.py:\d+ in startup\)"):
        await host.call("startup", {})


async def test_a_thread_that_ends_by_itself_is_gone(rig: Rig) -> None:
    source = """
        import asyncio

        @hookimpl
        def startup():
            asyncio.get_running_loop().stop()
    """
    host = await rig.loaded("thread", source)
    await host.call("startup", {})
    assert "its thread ended" in await host.gone


# Processes.


async def test_a_process_knows_nothing_of_the_bridges_secrets(rig: Rig) -> None:
    source = """
        import os

        @hookimpl
        async def startup(bridge):
            await bridge.publish("seen", [sorted(os.environ), os.getcwd()])
    """
    host = await rig.loaded("process", source)
    await host.call("startup", {})
    text = rig.clerk.done[0][1]["text"]
    assert "IPC_BRIDGE_SECRET" not in text
    assert "PATH" in text


async def test_what_a_process_prints_is_logged(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    source = """
        import logging, os, sys
        print("printed", flush=True)
        print("x" * 100_000, flush=True)
        os.write(2, b"written\\xff\\n")
        logging.getLogger("library").warning("warned")

        @hookimpl
        def startup(bridge):
            bridge.log.info("said")
    """
    host = await rig.loaded("process", source)
    await host.call("startup", {})
    lines = ("printed", "written\N{REPLACEMENT CHARACTER}", "library: warned", "said")
    await eventually(lambda: {line for line in caplog.messages if line in lines} == set(lines))
    assert {record.name for record in caplog.records if record.message in lines} == {"ipc_bridge.plugin.test"}


async def test_a_process_that_dies_is_gone_and_says_how(rig: Rig) -> None:
    source = """
        import os, signal

        @hookimpl
        def startup():
            os.kill(os.getpid(), signal.SIGSEGV)
    """
    host = await rig.loaded("process", source)
    with pytest.raises(PluginGoneError, match=r"its process ended \(SIGSEGV\)"):
        await host.call("startup", {})


async def test_children_of_a_process_end_with_it(rig: Rig) -> None:
    source = """
        import subprocess

        @hookimpl
        async def startup(bridge):
            child = subprocess.Popen(["sleep", "1000"])
            await bridge.publish("child", str(child.pid))
    """
    host = await rig.loaded("process", source)
    await host.call("startup", {})
    child = int(rig.clerk.done[0][1]["text"])
    await host.stop()

    def ended() -> bool:
        try:
            return Path(f"/proc/{child}/stat").read_text(encoding="ascii").split()[2] == "Z"
        except FileNotFoundError:
            return True

    await eventually(ended)


async def test_a_process_that_sends_rubbish_is_ended(rig: Rig) -> None:
    source = """
        import os, sys

        @hookimpl
        def startup():
            os.write(int(sys.argv[1]), b"\\xff" * 100)
    """
    host = await rig.loaded("process", source)
    with pytest.raises(PluginGoneError, match="it sent what is no message"):
        await host.call("startup", {})
    with pytest.raises(PluginGoneError):
        await host.call("startup", {})


async def test_a_process_that_sends_another_kind_of_message_is_ended(rig: Rig) -> None:
    source = """
        import os, sys
        from ipc_bridge.hooks.frames import frame

        @hookimpl
        def startup():
            os.write(int(sys.argv[1]), frame(b'["rubbish"]'))
    """
    host = await rig.loaded("process", source)
    with pytest.raises(PluginGoneError, match="a message of an unknown kind"):
        await host.call("startup", {})


async def test_no_more_is_read_of_a_process_than_can_be_done(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_module, "MAX_HANDLED", 5)
    source = """
        import asyncio

        @hookimpl
        async def startup(bridge):
            await asyncio.gather(*(bridge.publish(str(number)) for number in range(50)))
    """
    host = await rig.loaded("process", source)
    rig.clerk.may.clear()
    task = asyncio.create_task(host.call("startup", {}))
    await eventually(lambda: len(rig.clerk.done) == 5)
    rig.clerk.may.set()
    await task
    assert len(rig.clerk.done) == 50
    assert rig.clerk.most == 5


async def test_a_process_that_cannot_be_started(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", str(rig.directory / "no-python"))
    with pytest.raises(PluginError, match="its process cannot be started"):
        await rig.host("process").open()


# The worker, in this process.


async def test_a_worker_serves_until_the_bridge_closes(tmp_path: Path) -> None:
    source = f"{HEAD}\n@hookimpl\ndef startup(bridge): bridge.log.info('hello')\n"
    (tmp_path / "test.py").write_text(source, encoding="utf-8")
    ours, theirs = socket.socketpair()
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    try:
        serving = asyncio.create_task(worker.serve(theirs))
        reader, writer = await asyncio.open_unix_connection(sock=ours)
        load = f'["ask",1,"load",{{"name":"test","directory":"{tmp_path}","settings":{{}},"socket":""}}]'
        writer.write(frame(load.encode()) + frame(b'["ask",2,"startup",{}]'))
        messages = [await read_frame(reader) for _ in range(3)]
        assert any(message is not None and b'"hello"' in message for message in messages)
        assert b'["answer",2,null]' in messages
        writer.close()
        await serving
        await writer.wait_closed()
    finally:
        root.handlers, root.level = handlers, level
        root.setLevel(level)


def test_a_worker_is_limited() -> None:
    """In a child, because limits cannot be taken back."""
    child = os.fork()
    if child == 0:
        worker.limit(MEMORY)
        fits = resource.getrlimit(resource.RLIMIT_AS)[0] == MEMORY and os.nice(0) >= worker.NICE
        os._exit(0 if fits else 1)
    assert os.waitpid(child, 0)[1] == 0


async def test_a_worker_ends_with_its_bridge(rig: Rig) -> None:
    """The bridge is killed without a word, while its plugin never lets go."""
    source = f"{HEAD}\n@hookimpl\ndef startup():\n    while True:\n        pass\n"
    (rig.directory / "test.py").write_text(source, encoding="utf-8")
    program = """
        import asyncio, sys
        from tests.hooks.test_hosts import Clerk
        from ipc_bridge.hooks.process import ProcessHost

        async def main():
            host = ProcessHost("test", Clerk(), 100, 256_000_000)
            await host.open()
            await host.call("load", {"name": "test", "directory": sys.argv[1], "settings": {}, "socket": ""})
            print(host._process.pid, flush=True)
            await host.call("startup", {})

        asyncio.run(main())
    """
    bridge = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", textwrap.dedent(program), str(rig.directory)), stdout=asyncio.subprocess.PIPE
    )
    assert bridge.stdout is not None
    pid = int(await bridge.stdout.readline())
    bridge.send_signal(signal.SIGKILL)
    await bridge.communicate()
    await eventually(lambda: not Path(f"/proc/{pid}").exists() or " Z " in Path(f"/proc/{pid}/stat").read_text())
