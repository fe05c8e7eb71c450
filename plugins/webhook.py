"""Posts every event to a web server of yours: signed, in order, and none is left out.

    webhook:
      url: https://example.org/hook
      secret: !secret webhook_secret
      kinds: [face, motion, other]   # which
      late: true                     # also those that are history; they say so, by `late`

An event is posted as MQTT has it, with the headers `X-Timestamp` (Unix seconds) and `X-Signature`: the hexadecimal
HMAC-SHA256, with the secret as its key, of the timestamp, a full stop and the body. Check it, and that the timestamp is
of just now. Answer with any 2xx status; `X-Uid` is the event's `uid`: the same event may come again.

While the server cannot be reached, or answers 5xx, 408 or 429, the event waits in the journal and all others behind it.
Any other answer means that the server will never take it: that is logged, and the event is skipped.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from typing import Any

import aiohttp
import voluptuous as vol

from ipc_bridge import hookimpl
from ipc_bridge.hooks import AnyEvent, Bridge, FaceEvent, MotionEvent, NotNowError

TIMEOUT = 8.0
"""Seconds for one post: less than the deadline of a call."""
LATER = (408, 429)

session: aiohttp.ClientSession | None = None
"""Connections to the server: one after the other is used again."""


@hookimpl
def config_schema() -> dict[Any, Any]:
    """See above."""
    return {
        vol.Required("url"): vol.Match(r"^https?://\S+$", msg="expected an address with http:// or https://"),
        vol.Required("secret"): vol.All(str, vol.Length(min=8, msg="expected at least 8 characters")),
        vol.Optional("kinds", default=["face", "motion", "other"]): [vol.In(("face", "motion", "other"))],
        vol.Optional("late", default=True): bool,
    }


@hookimpl
async def startup() -> None:
    """Connections are made when they are needed."""
    global session  # noqa: PLW0603 - a plugin is a module, and this its state
    session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT))


@hookimpl
async def shutdown() -> None:
    """Close what is open."""
    if session is not None:
        await session.close()


@hookimpl
async def event_received(bridge: Bridge, event: AnyEvent) -> None:
    """Post what is news."""
    await post(bridge, event)


@hookimpl
async def late_event_received(bridge: Bridge, event: AnyEvent) -> None:
    """Post what is history, where that is wanted."""
    if bridge.settings["late"]:
        await post(bridge, event)


async def post(bridge: Bridge, event: AnyEvent) -> None:
    """Post an event.

    Raises:
        NotNowError: the server cannot be reached, or says so.
        ValueError: it will never take this event.
    """
    kind = {FaceEvent: "face", MotionEvent: "motion"}.get(type(event), "other")
    if kind not in bridge.settings["kinds"] or session is None:
        return
    body = event.json()
    now = str(int(time.time()))
    headers = {
        "Content-Type": "application/json",
        "X-Timestamp": now,
        "X-Signature": signature(bridge.settings["secret"], now, body),
        "X-Uid": event.uid,
    }
    try:
        async with session.post(
            bridge.settings["url"], data=body.encode(), headers=headers, allow_redirects=False
        ) as answer:
            status = answer.status
    except (aiohttp.ClientError, TimeoutError) as error:
        raise NotNowError(f"the server cannot be reached: {type(error).__name__} {error}") from error
    if status >= 500 or status in LATER:
        raise NotNowError(f"the server answers {status}")
    if not 200 <= status < 300:
        raise ValueError(f"the server does not take {event.uid}: it answers {status}")


def signature(secret: str, timestamp: str, body: str) -> str:
    """What the server computes, too."""
    return hmac.new(secret.encode(), f"{timestamp}.{body}".encode(), hashlib.sha256).hexdigest()
