"""What a camera knows of where to post its events: asked, told, told again, taken back.

Documented in "Subscribe" and its neighbours of the vendor's device API.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from ipc_bridge.catalog.codes import INVALID_HTTP_CALLBACK_URL, SUBSCRIBE_EVENT_NOT_EXIST
from ipc_bridge.catalog.device import HOOK_ADD, HOOK_DELETE, HOOK_QUERY
from ipc_bridge.device.api import CameraApi
from ipc_bridge.errors import RefusedError, ReplyError
from ipc_bridge.models import Model
from ipc_bridge.wire.packet import DETECT_EVENT, FACE_EVENT

_PORTS = {"http": 80, "https": 443}

Callbacks = dict[str, list[str]]
"""Callback URLs by topic, as the camera lists them."""


async def ask_callbacks(api: CameraApi) -> Callbacks:
    """Ask a camera for its callbacks.

    Raises:
        DeviceError: it does not tell.
    """
    data = await api.ask(HOOK_QUERY)
    return {row["event"]: row["http_callback"] or [] for row in data["sub_event"] or () if row["event"]}


class HookRegistration:
    """One camera's, for one callback URL of ours.

    Args:
        sn: the camera's serial number.
        url: where it is to post.
    """

    def __init__(self, sn: str, url: str) -> None:
        self._sn = sn
        self._url = url
        self._scheme = url.partition("://")[0]
        self._place, path = _place_and_path(url)
        self._directory = path.rpartition("/")[0]
        self._topics = [DETECT_EVENT]

    async def begin(self, api: CameraApi, model: Model) -> None:
        """Have what ``model`` may have to tell posted to the URL.

        Raises:
            DeviceError: the camera refuses, or is gone.
        """
        if model.may_have_faces:
            self._topics = [FACE_EVENT, DETECT_EVENT]
        await self.renew(api)

    async def renew(self, api: CameraApi) -> bool:
        """Tell the camera again where that is needed; return whether it was.

        Raises:
            DeviceError: the camera refuses, or is gone.
        """
        listed = await ask_callbacks(api)
        stale = [topic for topic in self._topics if any(map(self._is_stale, listed.get(topic, ())))]
        if stale:
            # It takes every callback of the topic away: there is no way to take only one.
            await api.call(HOOK_DELETE, event_list=stale)
        missing = [topic for topic in self._topics if topic in stale or not self._stands(listed, topic)]
        if not missing:
            return False
        await self._add(api, missing)
        listed = await ask_callbacks(api)
        if not all(self._stands(listed, topic) for topic in self._topics):
            raise ReplyError(f"camera {self._sn} accepted our callback URL, but hook/query does not list it")
        return True

    async def remove(self, api: CameraApi) -> None:
        """Have nothing posted any more.

        Raises:
            DeviceError: the camera refuses, or is gone.
        """
        await api.call(HOOK_DELETE, event_list=self._topics)

    async def _add(self, api: CameraApi, topics: list[str]) -> None:
        try:
            await api.call(HOOK_ADD, event_list=topics, http_callback=self._url)
        except RefusedError as error:
            if error.code == INVALID_HTTP_CALLBACK_URL:
                raise RefusedError(f"{error}: look at web.public_url", error.code, error.name) from error
            if error.code != SUBSCRIBE_EVENT_NOT_EXIST or FACE_EVENT not in topics:
                raise
            # It has no faces to tell of.
            self._topics = [DETECT_EVENT]
            if DETECT_EVENT in topics:
                await self._add(api, self._topics)

    def _stands(self, listed: Callbacks, topic: str) -> bool:
        return any(is_same_callback(self._url, callback) for callback in listed.get(topic, ()))

    def _is_stale(self, callback: str) -> bool:
        """Whether it is an earlier URL of ours, under which nobody answers any more."""
        place, path = _place_and_path(callback, self._scheme)
        is_ours = place == self._place and path.rpartition("/")[0] == self._directory
        return is_ours and not is_same_callback(self._url, callback)


def is_same_callback(url: str, listed: str) -> bool:
    """Whether a camera that lists ``listed`` posts to ``url``.

    Host, port and path are compared: the documents' samples have no scheme, and no path either where it may have been
    left out.
    """
    place, path = _place_and_path(url)
    listed_place, listed_path = _place_and_path(listed, url.partition("://")[0])
    return listed_place == place and listed_path in ("", path)


def _place_and_path(url: str, scheme: str = "") -> tuple[tuple[str, int], str]:
    """Host with port, and path; ``scheme`` is that of a URL which names none. What cannot be read has neither."""
    try:
        parts = urlsplit(url if "://" in url else f"{scheme}://{url}")
        port = parts.port or _PORTS.get(parts.scheme, 0)
    except ValueError:
        return ("", 0), ""
    return (parts.hostname or "", port), parts.path
