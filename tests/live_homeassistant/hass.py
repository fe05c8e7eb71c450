"""One real Home Assistant: a process that is spoken to as its own frontend does, over REST and the websocket."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import re
from collections import defaultdict
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp

from ipc_bridge.simulator.changes import Changes
from tests.e2e.harness import LOCALHOST, free_port
from tests.live_homeassistant.root import INTERPRETER

PATIENCE = 30.0
"""Seconds after which what did not come will not come: MQTT is tried again after 10."""
START_SECONDS = 120.0
"""It takes two where nothing else goes on, and many of them may start at a time."""
STOP_SECONDS = 60.0
DEAD = ("unavailable", "unknown")
"""States of an entity that has nothing to say."""

_CONFIGURATION = """
homeassistant: {{name: Test, unit_system: metric, time_zone: UTC}}
http: {{server_host: {host}, server_port: {port}}}
logger: {{default: warning}}
"""
# Its directories are put into the root for this process alone: it is another one for each Home Assistant, and the
# mounts are gone with it. Each program becomes the next, so that it is Home Assistant that a signal reaches.
_START = """
mount --bind "$2" "$1/config" && mount --rbind /dev "$1/dev" && mount -t proc proc "$1/proc" &&
exec env --ignore-environment PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 HOME=/config \
    chroot "$1" "$3" -m homeassistant --config /config --skip-pip --log-no-color
"""
_ENTRY = re.compile(r"^(?=\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.)", re.MULTILINE)
_PROBLEM = re.compile(r"\S+ \S+ (WARNING|ERROR|CRITICAL) ")
_OF_THE_ROOT = (
    # What its root does not have: see requirements/homeassistant.in.
    "Skipping pip installation",
    "zlib_ng and isal are not available",
    "haffmpeg",
    "'assist_pipeline'",
    "'assist_satellite'",
    # There are loopback addresses alone.
    "[homeassistant.components.network]",
    # Its own threads, when it stops on a busy machine.
    "[homeassistant.util.executor]",
)
_OF_AN_OUTAGE = (
    "Failed to connect to MQTT server",
    "Error returned from MQTT server: The connection was lost",
    "No ACK from MQTT server",
    "Error talking to MQTT: The client is not currently connected",
    "[paho.mqtt.client]",
)
"""What it says where a test takes its broker away."""

State = dict[str, Any]


class HomeAssistant:
    """A Home Assistant with storage of its own, which it keeps over its restarts.

    ``states`` is what it shows now, ``history`` all that each entity showed since it was made.

    Args:
        root: where it is installed.
        directory: for its configuration, its storage and its log.
    """

    def __init__(self, root: Path, directory: Path) -> None:
        self.states: dict[str, State] = {}
        self.history: defaultdict[str, list[State]] = defaultdict(list)
        self._root = root
        self._directory = directory
        self._url = ""
        self._token = ""
        self._process: asyncio.subprocess.Process | None = None
        self._http: aiohttp.ClientSession | None = None
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._reader: asyncio.Task[None] | None = None
        self._asked: dict[int, asyncio.Future[Any]] = {}
        self._numbers = itertools.count(1)
        self._changes = Changes()

    async def start(self) -> None:
        """Start it; return when it runs and its states are known. The first time it is set up as a person would."""
        first = not self._directory.exists()
        if first:
            self._directory.mkdir(parents=True)
            port = free_port()
            self._url = f"http://{LOCALHOST}:{port}"
            configuration = _CONFIGURATION.format(host=LOCALHOST, port=port)
            (self._directory / "configuration.yaml").write_text(configuration, encoding="utf-8")
        with self._log_path.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *("unshare", "--mount", "sh", "-c", _START, "sh", self._root, self._directory, INTERPRETER),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=asyncio.subprocess.STDOUT,
            )
        self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(PATIENCE))
        await self.wait_until(self._answers, "an answer", START_SECONDS)
        if first:
            await self._onboard()
        await self._open_socket()

    async def stop(self) -> None:
        """End it in order: it saves what it knows."""
        if self._process is None:
            return
        await self._close_socket()
        self._process.terminate()
        try:
            async with asyncio.timeout(STOP_SECONDS):
                assert await self._process.wait() == 0, self.log()[-3000:]
        except TimeoutError:
            await self.kill()
            raise AssertionError(f"Home Assistant did not end within {STOP_SECONDS:g} s") from None
        self._process = None

    async def kill(self) -> None:
        """End it without a word."""
        await self._close_socket()
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
        self._process = None

    async def add_mqtt(self, port: int) -> None:
        """Add the MQTT integration, as a person does."""
        flow = await self._post("config/config_entries/flow", {"handler": "mqtt"})
        step = f"config/config_entries/flow/{flow['flow_id']}"
        no_tls = {"set_client_cert": False, "set_ca_cert": "off"}
        added = await self._post(step, {"broker": LOCALHOST, "port": port, "other_settings": no_tls})
        assert added["type"] == "create_entry", added

    async def reload_mqtt(self) -> None:
        """Have it forget and read again all that comes over MQTT."""
        entries = await self.ask("config_entries/get", domain="mqtt")
        await self._post(f"config/config_entries/entry/{entries[0]['entry_id']}/reload", {})

    async def ask(self, kind: str, **arguments: Any) -> Any:
        """Send a command over the websocket and return its result.

        Raises:
            AssertionError: it was refused.
        """
        assert self._socket is not None
        number = next(self._numbers)
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._asked[number] = answer
        await self._socket.send_json({"id": number, "type": kind, **arguments})
        async with asyncio.timeout(PATIENCE):
            reply = await answer
        assert reply["success"], f"{kind} {arguments}: {reply['error']}"
        return reply["result"]

    async def do(self, action: str, entity_id: str, **data: Any) -> None:
        """Do ``domain.service`` with one entity."""
        domain, service = action.split(".")
        target = {"entity_id": entity_id}
        await self.ask("call_service", domain=domain, service=service, service_data=data, target=target)

    async def devices(self) -> dict[str, dict[str, Any]]:
        """The devices of MQTT, by our identifier of them."""
        found = {}
        for device in await self.ask("config/device_registry/list"):
            for domain, identifier in device["identifiers"]:
                if domain == "mqtt":
                    found[identifier] = device
        return found

    async def entities(self) -> dict[str, dict[str, Any]]:
        """The entities of MQTT with all that is registered of them, by their unique ids."""
        listed = await self.ask("config/entity_registry/list")
        ours = [entity["entity_id"] for entity in listed if entity["platform"] == "mqtt"]
        full: dict[str, dict[str, Any]] = await self.ask("config/entity_registry/get_entries", entity_ids=ours)
        return {entity["unique_id"]: entity for entity in full.values()}

    async def entity_id(self, unique_id: str) -> str:
        """Return what it calls one of our entities, once it knows it."""

        async def known() -> bool:
            return unique_id in await self.entities()

        await self.wait_until(known, f"the entity {unique_id}")
        entity_id: str = (await self.entities())[unique_id]["entity_id"]
        return entity_id

    async def wait_until(self, holds: Callable[[], Awaitable[bool]], what: str, timeout: float = PATIENCE) -> None:
        """Return once ``holds``, for what it has to be asked for again and again.

        Raises:
            AssertionError: ``what`` did not happen.
        """
        try:
            async with asyncio.timeout(timeout):
                while not await holds():  # noqa: ASYNC110 - another process sets no event
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(f"within {timeout:g} s not seen in Home Assistant: {what}") from None

    async def wait_for(self, condition: Callable[[], bool], what: str, timeout: float = PATIENCE) -> None:
        """Return once ``condition`` holds for ``states`` or ``history``.

        Raises:
            AssertionError: ``what`` did not happen.
        """
        try:
            await self._changes.wait_for(condition, timeout)
        except TimeoutError:
            raise AssertionError(f"within {timeout:g} s not seen in Home Assistant: {what}; {self.shown()}") from None

    async def wait_state(self, entity_id: str, state: str) -> None:
        """Return once an entity shows ``state``."""
        await self.wait_for(lambda: self.state(entity_id) == state, f"{entity_id} {state}")

    def state(self, entity_id: str) -> str | None:
        """What an entity shows; None where there is no such entity."""
        state = self.states.get(entity_id)
        return None if state is None else state["state"]

    def shown(self) -> dict[str, str]:
        """What all entities show."""
        return {entity_id: state["state"] for entity_id, state in self.states.items()}

    def fired(self, entity_id: str) -> list[dict[str, Any]]:
        """The attributes of each firing of an event entity that was seen, oldest first."""
        firings: dict[str, dict[str, Any]] = {}
        for state in self.history[entity_id]:
            if state["state"] not in DEAD:
                # Its state is the time at which it fired: the same again, as after a restart, is no other firing.
                firings.setdefault(state["state"], state["attributes"])
        return list(firings.values())

    async def fires(self, entity_id: str, count: int) -> list[dict[str, Any]]:
        """Return :meth:`fired`, once there are ``count``; that there are no more is for the caller to find."""
        await self.wait_for(lambda: len(self.fired(entity_id)) >= count, f"{entity_id} fire {count} times")
        return self.fired(entity_id)

    def showed(self, entity_id: str) -> list[str]:
        """What an entity showed, oldest first, each change once."""
        states = [state["state"] for state in self.history[entity_id]]
        return [state for before, state in zip([None, *states], states, strict=False) if state != before]

    def log(self) -> str:
        """All that it wrote, over all starts."""
        return self._log_path.read_text(encoding="utf-8", errors="replace") if self._log_path.exists() else ""

    def problems(self, *, outage: bool = False) -> list[str]:
        """Warnings and errors of its log, tracebacks included, that are not its installation's own.

        Args:
            outage: whether its broker was away meanwhile.
        """
        known = _OF_THE_ROOT + (_OF_AN_OUTAGE if outage else ())
        entries = [entry for entry in _ENTRY.split(self.log()) if _PROBLEM.match(entry)]
        return [entry for entry in entries if not any(words in entry for words in known)]

    @property
    def _log_path(self) -> Path:
        return self._directory.with_suffix(".log")

    async def _answers(self) -> bool:
        assert self._http is not None
        assert self._process is not None
        assert self._process.returncode is None, self.log()[-3000:]
        with contextlib.suppress(aiohttp.ClientConnectionError):
            async with self._http.get(f"{self._url}/api/onboarding"):
                return True
        return False

    async def _onboard(self) -> None:
        assert self._http is not None
        client = f"{self._url}/"
        user = {"name": "Test", "username": "test", "password": "test", "language": "en", "client_id": client}
        code = (await self._post("onboarding/users", user))["auth_code"]
        grant = {"grant_type": "authorization_code", "code": code, "client_id": client}
        async with self._http.post(f"{self._url}/auth/token", data=grant, raise_for_status=True) as reply:
            # Good for half an hour.
            self._token = (await reply.json())["access_token"]

    async def _post(self, path: str, body: dict[str, Any]) -> Any:
        assert self._http is not None
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        async with self._http.post(f"{self._url}/api/{path}", json=body, headers=headers) as reply:
            text = await reply.text()
            assert reply.ok, f"{path}: {reply.status} {text}"
            return json.loads(text)

    async def _open_socket(self) -> None:
        assert self._http is not None
        self._socket = await self._http.ws_connect(f"{self._url}/api/websocket", max_msg_size=0)
        await self._socket.receive_json()
        await self._socket.send_json({"type": "auth", "access_token": self._token})
        assert (await self._socket.receive_json())["type"] == "auth_ok"
        self._reader = asyncio.create_task(self._read(self._socket))
        await self.ask("subscribe_events", event_type="state_changed")
        self.states.clear()
        for state in await self.ask("get_states"):
            self._record(state["entity_id"], state)

        async def runs() -> bool:
            return bool((await self.ask("get_config"))["state"] == "RUNNING")

        await self.wait_until(runs, "its start", START_SECONDS)

    async def _close_socket(self) -> None:
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.gather(self._reader, return_exceptions=True)
            self._reader = None
        if self._socket is not None:
            await self._socket.close()
            self._socket = None
        if self._http is not None:
            await self._http.close()
            self._http = None

    async def _read(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for message in socket:
            received = message.json()
            if received["type"] == "event":
                changed = received["event"]["data"]
                self._record(changed["entity_id"], changed["new_state"])
            elif (answer := self._asked.pop(received["id"], None)) is not None:
                answer.set_result(received)

    def _record(self, entity_id: str, state: State | None) -> None:
        if state is None:
            self.states.pop(entity_id, None)
        else:
            self.states[entity_id] = state
            self.history[entity_id].append(state)
        self._changes.notify()
