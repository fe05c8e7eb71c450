"""Error codes of the cloud as errors of ours."""

from __future__ import annotations

from ipc_bridge.catalog.codes import CLOUD_CODES, Category, explain_cloud
from ipc_bridge.errors import CredentialsError, RefusedError


def refusal(path: str, code: int, said: str, advice: str, *, is_account: bool = False) -> RefusedError:
    """The error that says that the cloud refused a call.

    Args:
        path: the call.
        code: the answer.
        said: the cloud's own words, for a code that is not documented.
        advice: what to look at where the account is not accepted.
        is_account: whether the answer says so otherwise than by its code.
    """
    known, message = CLOUD_CODES.get(code), f"{path} in the cloud answered {explain_cloud(path, code)}"
    if known is None and said:
        message = f"{message}: {said[:80]!r}"
    if is_account or (known is not None and known.category is Category.ACCOUNT):
        return CredentialsError(f"{message}: {advice}", code)
    return RefusedError(message, code)


def is_nothing(error: RefusedError) -> bool:
    """Whether the cloud's answer means that there is nothing of what was asked for."""
    known = CLOUD_CODES.get(error.code)
    return known is not None and known.category is Category.DATA
