"""What an error means for a camera: its status, a sentence for people, and how soon to try again."""

from __future__ import annotations

from dataclasses import dataclass

from ipc_bridge.calls.offset import explain_offset
from ipc_bridge.catalog.codes import APP_ID_INVALID, DEVICE_NOT_ACTIVATED, SECRET_KEY_INVALID, explain
from ipc_bridge.errors import BridgeError, CertificateError, ClientCertificateError, RefusedError
from ipc_bridge.models import Status

NOT_ACTIVATED = (
    "the camera is not activated: give its activation_code under camera, or activate it with the vendor's app "
    "(activation deletes the faces that it knows)"
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """``status`` and ``reason`` as ``bridge/cameras`` shows them; ``cause`` is what ends are counted by.

    A ``FAILED`` camera waits for a person: the longest time, which no discovery answer ends.
    """

    status: Status
    reason: str
    cause: str


def judge(error: BridgeError, clock_offset: float | None) -> Verdict:
    """Say what ``error`` means.

    Args:
        error: why there is no channel.
        clock_offset: seconds that the camera's clock is ahead, where it is known.
    """
    match error:
        case ClientCertificateError():
            return Verdict(Status.FAILED, str(error), "client_certificate")
        case CertificateError():
            return Verdict(Status.FAILED, str(error), "certificate")
        case RefusedError(code=code) if code in (APP_ID_INVALID, SECRET_KEY_INVALID):
            reason = (
                f"the camera refuses the credentials with {explain(code)}: look at account.app_id and "
                f"account.secret_key{explain_offset(clock_offset)}"
            )
            return Verdict(Status.FAILED, reason, "credentials")
        case RefusedError(code=code) if code == DEVICE_NOT_ACTIVATED:
            return Verdict(Status.FAILED, NOT_ACTIVATED, "not_activated")
        case RefusedError():
            return Verdict(Status.FAILED, str(error), "refused")
        case _:
            return Verdict(Status.OFFLINE, str(error), "unreachable")
