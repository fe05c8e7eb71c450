"""The addresses of files that a camera gives out, in events and answers: nobody but that camera is ever asked."""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit

from ipc_bridge.catalog.endpoint import show
from ipc_bridge.device.address import Address, numbers_of, plain_number
from ipc_bridge.errors import RejectedFileError, UnreachableError


async def path_on(camera: Address, url: str) -> str:
    """Return path and query of ``url``, which must lie on ``camera``'s API; where the camera is, we know ourselves.

    The vendor's addresses name no port, and the number of a host that may be known here by name.

    Raises:
        RejectedFileError: it is somewhere else, or no address.
    """
    try:
        place = urlsplit(url)
        is_here = place.scheme == "https" and place.port in (None, camera.port)
    except ValueError as error:
        raise RejectedFileError(f"{camera} gave out {show(url)}, which is no address") from error
    if not is_here or not await is_host(camera.host, place):
        raise RejectedFileError(f"{camera} gave out {show(url)}, which is not on this camera")
    return f"{place.path}?{place.query}" if place.query else place.path


def where(path: str, camera: Address) -> str:
    """For messages: without the key that opens a file."""
    return f"{path.partition('?')[0].removeprefix('/openapi/')} on {camera}"


async def is_host(known: str, place: SplitResult) -> bool:
    """Whether an address lies on the host that is known by that name or number."""
    host = place.hostname
    if host is None or host == known.lower():
        return host is not None
    try:
        return plain_number(host) in await numbers_of(known)
    except UnreachableError:
        return False
