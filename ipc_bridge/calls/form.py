"""The body of a call: its parameters as a form, signed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import aiohttp

from ipc_bridge.catalog.endpoint import Auth, Endpoint
from ipc_bridge.catalog.fields import encode
from ipc_bridge.errors import ParameterError
from ipc_bridge.picture_size import PNG_MAGIC
from ipc_bridge.wire.signing import Credentials, make_nonce, public_params, sign


def make_form(
    endpoint: Endpoint,
    values: Mapping[str, Any],
    credentials: Credentials,
    now: float,
    activation_code: str | None = None,
) -> aiohttp.FormData:
    """Return the body of one try of a call, with a nonce of its own.

    Args:
        endpoint: what is called.
        values: what :meth:`Endpoint.check` returned. Files go along unsigned; of a list the same text is signed and
            sent.
        credentials: who signs.
        now: Unix seconds.
        activation_code: signs ``device/activate`` in place of the secret key.

    Raises:
        ParameterError: the call needs an activation code, and there is none.
    """
    files = {name: value for name, value in values.items() if isinstance(value, bytes)}
    texts = {name: encode(value) for name, value in values.items() if name not in files}
    if endpoint.auth is not Auth.NONE:
        texts |= public_params(credentials, int(now), make_nonce())
        texts["sign"] = sign(texts, _key(endpoint, credentials, activation_code))
    form = aiohttp.FormData(default_to_multipart=endpoint.multipart)
    for name, text in texts.items():
        form.add_field(name, text)
    for name, content in files.items():
        kind = "png" if content.startswith(PNG_MAGIC) else "jpeg"
        form.add_field(name, content, filename=f"{name}.{kind}", content_type=f"image/{kind}")
    return form


def _key(endpoint: Endpoint, credentials: Credentials, activation_code: str | None) -> str:
    if endpoint.auth is not Auth.ACTIVATION_CODE:
        return credentials.secret_key
    if activation_code is None:
        raise ParameterError(f"{endpoint.path} needs an activation code: give activation_code under camera")
    return activation_code
