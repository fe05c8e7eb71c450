"""``hook/*``: addresses that events are to be posted to."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from ipc_bridge.catalog.device import HOOK_ADD, HOOK_DELETE, HOOK_QUERY
from ipc_bridge.simulator.handlers.registry import answers
from ipc_bridge.simulator.refusals import Code, RefusalError
from ipc_bridge.simulator.state import CameraState

_MAX_CALLBACKS = 10
"""Of one topic."""


@answers(HOOK_ADD)
def _add_hook(camera: CameraState, *, event_list: list[str], http_callback: str) -> None:
    _check_topics(camera, event_list)
    try:
        host = urlsplit(http_callback).hostname
    except ValueError:
        host = None
    if not host:
        raise RefusalError(Code.INVALID_HTTP_CALLBACK_URL)
    for topic in event_list:
        callbacks = camera.hooks.setdefault(topic, [])
        if http_callback not in callbacks:
            callbacks.append(http_callback)
            del callbacks[:-_MAX_CALLBACKS]


@answers(HOOK_DELETE)
def _delete_hook(camera: CameraState, *, event_list: list[str]) -> None:
    _check_topics(camera, event_list)
    for topic in event_list:
        camera.hooks.pop(topic, None)


@answers(HOOK_QUERY)
def _query_hooks(camera: CameraState) -> dict[str, Any]:
    # The documents' sample has addresses without their scheme.
    topics = [
        {"event": topic, "http_callback": [url.partition("://")[2] for url in callbacks]}
        for topic, callbacks in camera.hooks.items()
    ]
    return {"num": len(topics), "sub_event": topics}


def _check_topics(camera: CameraState, topics: list[str]) -> None:
    if not camera.topics.issuperset(topics):
        raise RefusalError(Code.SUBSCRIBE_EVENT_NOT_EXIST)
