"""A camera's refusal as an error."""

from __future__ import annotations

from ipc_bridge.catalog.codes import APP_ID_INVALID, DEVICE_CODES, SECRET_KEY_INVALID, explain
from ipc_bridge.errors import CredentialsError, RefusedError


def refusal(what: str, code: int, advice: str = "") -> RefusedError:
    """The error that says ``what`` was refused with ``code``, and with ``advice`` behind it."""
    known = DEVICE_CODES.get(code)
    kind = CredentialsError if code in (APP_ID_INVALID, SECRET_KEY_INVALID) else RefusedError
    return kind(f"{what} {explain(code)}{advice}", code, known.name if known else None)
