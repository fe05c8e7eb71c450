"""What a camera tells about itself, under the names of :class:`ipc_bridge.models.CameraInfo`."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

from ipc_bridge.catalog.device import GET_INFO, GET_LIVE_STREAM
from ipc_bridge.device.api import CameraApi

_MAX_TEXT = 256

Facts = dict[str, str | None]
"""Field names with what the camera said; None where it said nothing."""


async def ask_info(api: CameraApi) -> Facts:
    """Its name, model, addresses and versions.

    Raises:
        DeviceError: it does not tell.
    """
    data = await api.call(GET_INFO)
    return {
        "own_name": _text(data.get("name")),
        "model_name": _text(data.get("model_name")),
        "mac": _text(data.get("mac")),
        "firmware": _text(data.get("software_version")),
        "hardware": _text(data.get("hardware_version")),
    }


async def ask_streams(api: CameraApi) -> Facts:
    """Its RTSP addresses, without the login that firmware may put into them: everybody may see these.

    Raises:
        DeviceError: it does not tell.
    """
    data = await api.call(GET_LIVE_STREAM)
    return {f"stream_{size}": _without_login(_text(data.get(f"{size}_live_url"))) for size in ("hd", "fhd")}


def _without_login(url: str | None) -> str | None:
    if url is None or "@" not in url:
        return url
    try:
        place = urlsplit(url)
    except ValueError:
        return None
    return urlunsplit(place._replace(netloc=place.netloc.rpartition("@")[2]))


def _text(value: object) -> str | None:
    return value.strip()[:_MAX_TEXT] or None if isinstance(value, str) else None
