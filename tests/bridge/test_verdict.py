"""What an error means for a camera, in one table."""

from __future__ import annotations

import pytest

from ipc_bridge.bridge.verdict import judge
from ipc_bridge.calls.offset import NOTEWORTHY_OFFSET
from ipc_bridge.device.channel import HandshakeLostError
from ipc_bridge.errors import (
    BridgeError,
    CertificateError,
    ClientCertificateError,
    RefusedError,
    ReplyError,
    UnreachableError,
)
from ipc_bridge.models import Status


@pytest.mark.parametrize(
    ("error", "status", "cause", "words"),
    [
        (
            ClientCertificateError("openapi.p12 cannot be read"),
            Status.FAILED,
            "client_certificate",
            ["openapi.p12 cannot be read"],
        ),
        (
            CertificateError("it has changed: bridge/request/trust", "ab" * 32),
            Status.FAILED,
            "certificate",
            ["changed", "trust"],
        ),
        (
            RefusedError("x", 1),
            Status.FAILED,
            "credentials",
            ["code 1", "APPID_INVALID", "account.app_id", "account.secret_key"],
        ),
        (RefusedError("x", 5), Status.FAILED, "credentials", ["code 5", "SECRET_KEY_INVALID", "account.secret_key"]),
        (RefusedError("x", 7), Status.FAILED, "not_activated", ["not activated", "activation_code", "deletes"]),
        (RefusedError("refused with code 13", 13), Status.FAILED, "refused", ["refused with code 13"]),
        (RefusedError("refused with code 999", 999), Status.FAILED, "refused", ["code 999"]),
        (UnreachableError("no connection to 10.0.0.1:10021"), Status.OFFLINE, "unreachable", ["10.0.0.1:10021"]),
        (HandshakeLostError("hung up"), Status.OFFLINE, "unreachable", ["hung up"]),
        (ReplyError("answered nonsense"), Status.OFFLINE, "unreachable", ["nonsense"]),
    ],
)
def test_verdicts(error: BridgeError, status: Status, cause: str, words: list[str]) -> None:
    verdict = judge(error, None)
    assert (verdict.status, verdict.cause) == (status, cause)
    for word in words:
        assert word in verdict.reason


@pytest.mark.parametrize("code", [1, 5])
@pytest.mark.parametrize(
    ("offset", "advice"),
    [
        (None, "; a wrong clock in the camera could be the reason too"),
        (0.0, ""),
        (NOTEWORTHY_OFFSET - 1, ""),
        (-NOTEWORTHY_OFFSET + 1, ""),
        (3600.0, "; its clock is 3600 s ahead, which may be the reason"),
        (-90.4, "; its clock is 90 s behind, which may be the reason"),
    ],
)
def test_refused_credentials_say_how_wrong_the_clock_is(code: int, offset: float | None, advice: str) -> None:
    assert judge(RefusedError("x", code), offset).reason.endswith(
        "look at account.app_id and account.secret_key" + advice
    )


def test_the_clock_is_no_reason_for_anything_else() -> None:
    assert "clock" not in judge(RefusedError("x", 7), 3600.0).reason
    assert "clock" not in judge(UnreachableError("x"), 3600.0).reason
