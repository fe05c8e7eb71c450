"""A camera's refusal as an error."""

from __future__ import annotations

from ipc_bridge.catalog.codes import DEVICE_CODES, explain
from ipc_bridge.errors import RefusedError


def refusal(what: str, code: int, advice: str = "") -> RefusedError:
    """The error that says ``what`` was refused with ``code``, and with ``advice`` behind it."""
    known = DEVICE_CODES.get(code)
    return RefusedError(f"{what} {explain(code)}{advice}", code, known.name if known else None)
