"""The vendor's signature, the same for API calls, CONNECT and hook posts.

Documented in "Signature Rules" of the vendor's device API. A list is signed as the JSON text
that is sent; values are signed as they are before URL encoding; ``sign`` itself and the contents
of files take no part.
"""

from __future__ import annotations

import hashlib
import hmac
import random as _random
from collections.abc import Mapping
from dataclasses import dataclass, field

_system_random = _random.SystemRandom()


@dataclass(frozen=True, slots=True)
class Credentials:
    """The vendor's account: ``app_id`` names it, ``secret_key`` signs and is never sent."""

    app_id: str
    secret_key: str = field(repr=False)


def sign(params: Mapping[str, str], key: str) -> str:
    """Return the signature of ``params``: 32 upper-case hex digits.

    Args:
        params: names and values as they are sent; ``sign`` is left out if it is there.
        key: the secret key, or the activation code for ``device/activate``.
    """
    joined = "&".join(f"{name}={params[name]}" for name in sorted(params) if name != "sign")
    # MD5 is what the camera's protocol asks for; it protects nothing of ours.
    return hashlib.md5(f"{joined}&key={key}".encode(), usedforsecurity=False).hexdigest().upper()


def is_signed(params: Mapping[str, str], key: str) -> bool:
    """Whether ``params["sign"]`` is the signature of the rest, compared in constant time."""
    return hmac.compare_digest(params.get("sign", "").encode(), sign(params, key).encode())


def public_params(credentials: Credentials, timestamp: int, nonce: str) -> dict[str, str]:
    """The parameters that every signed message carries beside its own.

    Args:
        credentials: whose ``app_id`` is sent.
        timestamp: Unix time in whole seconds, 10 digits.
        nonce: 6 to 10 letters or digits, see :func:`make_nonce`.
    """
    return {"app_id": credentials.app_id, "timestamp": str(timestamp), "random": nonce}


def make_nonce() -> str:
    """A fresh ``random`` parameter: ten digits, valid under both readings of the documents."""
    return f"{_system_random.randrange(10**10):010d}"
