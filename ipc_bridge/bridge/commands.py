"""What is asked of a camera over MQTT: properties to set, buttons to press, and any call of its API."""

from __future__ import annotations

import contextlib
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from functools import partial
from typing import Any, Protocol

from ipc_bridge.bridge.answers import Answerer, Request, judge, read_plain, read_request
from ipc_bridge.bridge.camera import CameraRunner
from ipc_bridge.bridge.publisher import Publisher
from ipc_bridge.bridge.snapshots import Snapshots
from ipc_bridge.bridge.supervisor import Supervisor
from ipc_bridge.catalog.device import ENDPOINTS, GET_CUR_VIDEOS, GET_SNAPSHOT
from ipc_bridge.catalog.endpoint import Effect, Endpoint
from ipc_bridge.catalog.settings import ACTIONS, SETTINGS, Change, changes, getters_after
from ipc_bridge.device.api import CameraApi
from ipc_bridge.device.downloads import until_there
from ipc_bridge.errors import BridgeError, CommandError, RefusedError, RejectedFileError, ReplyError
from ipc_bridge.logs import Once
from ipc_bridge.mqtt.connection import Received
from ipc_bridge.mqtt.topics import Topics

log = logging.getLogger(__name__)

MAX_WAITING = 32
"""Requests of one camera at a time: one more would hardly be done within ``commands.timeout``."""


class Attendant(Protocol):
    """Who stands beside commands."""

    async def authorize(self, sn: str, name: str, params: Mapping[str, Any]) -> None:
        """Return if a command may be carried out.

        Raises:
            CommandError: it may not.
        """

    def completed(self, sn: str, name: str, params: Mapping[str, Any], error: CommandError | None) -> None:
        """A command was carried out, or was not because of ``error``."""


class Commands:
    """Requests to cameras.

    Args:
        topics: the topic table.
        answerer: answers.
        supervisor: the cameras.
        publisher: says a camera's state again.
        snapshots: where pictures go.
        allow_destructive: ``commands.allow_destructive``.
    """

    attendant: Attendant | None = None
    """Who is asked before a command and told of it afterwards."""

    def __init__(
        self,
        topics: Topics,
        answerer: Answerer,
        supervisor: Supervisor,
        publisher: Publisher,
        snapshots: Snapshots,
        *,
        allow_destructive: bool,
    ) -> None:
        self.handlers: dict[str, Callable[[Received], None]] = {
            "set": self._set_received,
            "set/+": self._set_one_received,
            "press/+": self._press_received,
            "request/+/+": self._request_received,
        }
        """By what follows a camera's serial in the topic."""
        self._topics = topics
        self._answerer = answerer
        self._supervisor = supervisor
        self._publisher = publisher
        self._snapshots = snapshots
        self._allow_destructive = allow_destructive
        self._waiting: Counter[str] = Counter()
        self._complaints = Once()

    # What comes.

    def _set_received(self, message: Received) -> None:
        sn, _set = self._topics.camera_levels(message.topic)
        self._answer_set(message, sn, lambda request: request.params, read_request)

    def _set_one_received(self, message: Received) -> None:
        sn, _set, name = self._topics.camera_levels(message.topic)
        self._answer_set(message, sn, lambda request: {name: _parse(name, request.payload)}, read_plain)

    def _answer_set(
        self,
        message: Received,
        sn: str,
        values: Callable[[Request], Mapping[str, Any]],
        read: Callable[[bytes], Request],
    ) -> None:
        self._answerer.answer(
            message,
            self._topics.camera(sn, "response/set"),
            lambda request: self._attended(sn, "set", values(request), self.set),
            read,
            # A hub shows what it asked for until it hears otherwise.
            failed=partial(self._publisher.say_again, self._topics.camera(sn, "state")),
        )

    def _press_received(self, message: Received) -> None:
        sn, _press, name = self._topics.camera_levels(message.topic)

        async def press(request: Request) -> Any:
            return await self._attended(sn, f"press/{name}", request.params, partial(self.press, name=name))

        self._answerer.answer(message, self._topics.camera(sn, "response/press"), press, _read_press)

    def _request_received(self, message: Received) -> None:
        sn, _request, group, action = self._topics.camera_levels(message.topic)
        path = f"{group}/{action}"

        async def call(request: Request) -> Any:
            return await self._attended(sn, f"request/{path}", request.params, partial(self.call, path=path))

        self._answerer.answer(message, self._topics.camera(sn, f"response/{path}"), call)

    async def _attended(
        self,
        sn: str,
        name: str,
        params: Mapping[str, Any],
        carry_out: Callable[[str, Mapping[str, Any]], Awaitable[dict[str, Any]]],
    ) -> dict[str, Any]:
        """Carry a command out, if the attendant lets us, and tell what became of it."""
        if self.attendant is None:
            return await carry_out(sn, params)
        error: CommandError | None = CommandError("timeout", "it took longer than commands.timeout")
        try:
            await self.attendant.authorize(sn, name, params)
            data = await carry_out(sn, params)
            error = None
        except BridgeError as reason:
            error = judge(reason)
            raise
        finally:
            self.attendant.completed(sn, name, params, error)
        return data

    # What is done.

    async def set(self, sn: str, values: Mapping[str, Any]) -> dict[str, Any]:
        """Give properties new values; return what the camera reads back."""
        runner = self._supervisor.runner(sn)
        if not values:
            raise CommandError("invalid", f"set takes properties with their values: {', '.join(SETTINGS)}")
        state = runner.state
        plan = changes(values, state.values)
        touched: list[Endpoint] = []
        with self._place(runner):
            async with state.lock:
                try:
                    for change in plan:
                        await _carry_out(runner, change, touched)
                    await state.read_back(runner.reachable_api(), dict.fromkeys(touched))
                except BaseException:
                    # How far it came is for the camera to say.
                    state.want(touched)
                    raise
        return {name: state.values.get(name) for name in values}

    async def press(self, sn: str, params: Mapping[str, Any], *, name: str) -> dict[str, Any]:
        """Press a button; return what the camera answered."""
        runner = self._supervisor.runner(sn)
        action = ACTIONS.get(name)
        if action is None:
            raise CommandError("invalid", f"there is no press/{name}: there are {', '.join(ACTIONS)}")
        if params:
            raise CommandError("invalid", f"press/{name} takes no parameters, not {min(params)}")
        if action.endpoint is None:
            with self._place(runner):
                await runner.refresh()
            return {}
        data = await self._make(runner, action.endpoint, action.params)
        if action.endpoint is GET_SNAPSHOT:
            await self._snapshots.publish(sn, str(data.get("snapshot_url")))
        return data

    async def call(self, sn: str, params: Mapping[str, Any], *, path: str) -> dict[str, Any]:
        """Make any call of the camera's API; return its answer's data, without what is secret."""
        runner = self._supervisor.runner(sn)
        endpoint = ENDPOINTS.get(path)
        if endpoint is None:
            raise CommandError("invalid", f"the camera's API has no {path}; docs/endpoints.md lists what it has")
        return await self._make(runner, endpoint, params)

    async def _make(self, runner: CameraRunner, endpoint: Endpoint, params: Mapping[str, Any]) -> dict[str, Any]:
        """Make one call."""
        if endpoint.effect is Effect.DANGER and not self._allow_destructive:
            raise CommandError("forbidden", f"{endpoint.path} needs commands.allow_destructive: {endpoint.title}")
        values = endpoint.check(params)
        with self._place(runner):
            if endpoint.effect is Effect.READ:
                api = runner.reachable_api()
                data = await api.send(endpoint, values)
                if endpoint is GET_CUR_VIDEOS:
                    await _until_cut(api, data)
            else:
                async with runner.state.lock:
                    data = await _change(runner, endpoint, values)
        try:
            endpoint.read(data)
        except ReplyError as error:
            # Who asks by the vendor's names gets what the camera sent, such as it is.
            self._complaints.warning(log, f"{runner.sn} {endpoint.path}", "Camera %s: %s", runner.sn, error)
        return endpoint.redact(data)

    @contextlib.contextmanager
    def _place(self, runner: CameraRunner) -> Iterator[None]:
        """Take one of a camera's places.

        Raises:
            CommandError: there is none left.
        """
        if self._waiting[runner.sn] >= MAX_WAITING:
            raise CommandError("busy", f"{MAX_WAITING} requests of camera {runner.sn} are under way: ask later")
        self._waiting[runner.sn] += 1
        try:
            yield
        finally:
            self._waiting[runner.sn] -= 1


async def _carry_out(runner: CameraRunner, change: Change, touched: list[Endpoint]) -> None:
    """Call a setter, with what stays as it is from its getter; note whose answer may be another now in ``touched``."""
    api = runner.reachable_api()
    params = change.params if change.is_whole else change.complete(await api.ask(change.getter))
    touched.append(change.getter)
    try:
        await api.call(change.setter, **params)
    except RefusedError:
        touched.pop()
        raise


async def _change(runner: CameraRunner, endpoint: Endpoint, values: Mapping[str, Any]) -> dict[str, Any]:
    """Call what changes something, and have the settings read that it may have changed."""
    log.info("Camera %s: %s", runner.sn, endpoint.path)
    getters = getters_after(endpoint)
    try:
        return await runner.reachable_api().send(endpoint, values)
    except RefusedError:
        getters = ()
        raise
    finally:
        runner.state.want(getters)


async def _until_cut(api: CameraApi, data: Mapping[str, Any]) -> None:
    """Return once the clip that a camera promises can be downloaded, 4 to 12 s later."""
    # Where the address is not on the camera, nobody is asked: who wanted the clip gets what the camera said.
    with contextlib.suppress(RejectedFileError):
        await until_there(api, str(data.get("url")))


def _parse(name: str, payload: bytes) -> Any:
    """The value that a plain payload stands for."""
    setting = SETTINGS.get(name)
    try:
        text = payload.decode()
    except UnicodeDecodeError as error:
        raise CommandError("invalid", f"{name} must be UTF-8 text: {error}") from error
    return text if setting is None else setting.field.parse(text)


def _read_press(payload: bytes) -> Request:
    """Whatever is sent presses a button; a JSON object may bring a transaction."""
    return read_request(payload) if payload.lstrip().startswith(b"{") else read_plain(payload)
