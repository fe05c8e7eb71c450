"""What a camera posts to a hook, as libcurl writes it: a multipart form, signed.

Documented in "Post" of the vendor's device API.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ipc_bridge.simulator.state import CameraState
from ipc_bridge.wire.packet import DETECT_EVENT
from ipc_bridge.wire.payload import encode_object
from ipc_bridge.wire.signing import Credentials, public_params, sign

HUMAN = 3
"""``detect_type`` that only the hook has."""
_DETECT_TYPES = {1: 0, 2: 1, 3: 2}
"""From the channel's numbers to the hook's: motion, sound, both."""
_chance = random.SystemRandom()


@dataclass(frozen=True, slots=True)
class Post:
    """The body of one post, and its type."""

    body: bytes
    content_type: str


def hook_payload(event: Mapping[str, Any]) -> bytes:
    """Return an event of the channel as the hook words it."""
    if event.get("event_type") != DETECT_EVENT:
        return encode_object(dict(event))
    detect_type = event.get("detect_type")
    numbers = {"detect_type": _DETECT_TYPES.get(detect_type, detect_type)} if type(detect_type) is int else {}
    return encode_object({**event, **numbers})


def write_post(state: CameraState, payload: bytes) -> Post:
    """Return a post of this moment, with what the faults of the hook do to it."""
    settings, faults = state.settings, state.faults
    key = "not the camera's" if faults.hook_wrong_key else settings.secret_key
    credentials = Credentials(settings.app_id, key)
    nonce = f"{_chance.randrange(10**6):06d}"
    fields = public_params(credentials, int(state.now() - faults.hook_age), nonce)
    fields["payload"] = payload.decode()
    if not faults.hook_unsigned:
        fields["sign"] = sign(fields, key)
    return write_form(fields)


def write_form(fields: Mapping[str, str]) -> Post:
    """Return ``fields`` as a form."""
    boundary = f"------------------------{_chance.randrange(2**64):016x}"
    parts = "".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n'
        for name, text in fields.items()
    )
    return Post(f"{parts}--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}")
