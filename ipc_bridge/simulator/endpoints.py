"""The camera's API as a table: path, who may call it, what it takes, what it does."""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ipc_bridge.simulator.state import ALREADY_ACTIVATED, SN_MISMATCH, CameraState, RefusalError

Params = Mapping[str, str]
Handler = Callable[[CameraState, Params], dict[str, Any] | None]
"""Takes the private parameters and returns ``data``, or None where the answer is a code alone.

Raises:
    RefusalError: the answer is that code.
"""


class Auth(enum.Enum):
    """How a call is signed."""

    SIGNED = "signed"
    ACTIVATION = "activation"
    """The one call that a camera takes before it is activated."""
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One row: private parameters that are missing or unknown are refused before ``handler`` sees them."""

    path: str
    handler: Handler
    auth: Auth = Auth.SIGNED
    required: frozenset[str] = frozenset()
    optional: frozenset[str] = frozenset()


def _activate(state: CameraState, params: Params) -> None:
    if params["sn"] != state.settings.sn:
        raise RefusalError(SN_MISMATCH)
    if state.activated:
        raise RefusalError(ALREADY_ACTIVATED)
    state.activated = True


def _get_info(state: CameraState, _params: Params) -> dict[str, Any]:
    settings = state.settings
    return {
        "sn": settings.sn,
        "model_name": settings.model,
        "name": state.name,
        "software_version": settings.firmware,
        "hardware_version": settings.hardware,
        "ip": state.host,
        # The documents' sample has this blank, too.
        "mac": f"{settings.mac} ",
    }


def _reboot(state: CameraState, _params: Params) -> None:
    state.request_reboot()


def _get_name(state: CameraState, _params: Params) -> dict[str, Any]:
    return {"name": state.name}


def _get_live_stream(state: CameraState, _params: Params) -> dict[str, Any]:
    token = hashlib.md5(state.settings.sn.encode(), usedforsecurity=False).hexdigest()
    return {f"{size}_live_url": f"rtsp://{state.host}/{token}/live_{size}.sdp" for size in ("hd", "fhd")}


ENDPOINTS: dict[str, Endpoint] = {
    endpoint.path: endpoint
    for endpoint in (
        Endpoint("device/activate", _activate, Auth.ACTIVATION, required=frozenset({"sn"})),
        Endpoint("device/getInfo", _get_info),
        Endpoint("device/reboot", _reboot),
        Endpoint("config/getName", _get_name),
        Endpoint("media/getLiveStream", _get_live_stream),
    )
}
