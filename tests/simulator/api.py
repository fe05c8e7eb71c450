"""A client of the camera's API that sends what it is told to, right or wrong."""

from __future__ import annotations

import io
import time
from collections.abc import Mapping
from typing import Any

import aiohttp

from ipc_bridge.catalog.endpoint import Auth, Endpoint
from ipc_bridge.catalog.fields import encode
from ipc_bridge.simulator import SimulatedCamera
from ipc_bridge.wire.signing import public_params, sign
from tests.simulator.client import CREDENTIALS

ACTIVATION_CODE = "12345678"


class Clock:
    """A camera's ``clock`` that goes on when it is told to."""

    def __init__(self, now: float = 1_790_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class Api:
    """Calls one camera."""

    def __init__(self, http: aiohttp.ClientSession, camera: SimulatedCamera) -> None:
        self._http = http
        self._camera = camera

    async def call(
        self, endpoint: Endpoint, attributes: Mapping[str, str] | None = None, /, **params: Any
    ) -> tuple[int, Any]:
        """The code, and ``data`` where there is any; bytes are sent as a file, other values as the text they have."""
        files = {name: value for name, value in params.items() if isinstance(value, bytes)}
        texts = {name: encode(value) for name, value in params.items() if name not in files} | dict(attributes or {})
        if endpoint.auth is not Auth.NONE:
            key = ACTIVATION_CODE if endpoint.auth is Auth.ACTIVATION_CODE else CREDENTIALS.secret_key
            texts |= public_params(CREDENTIALS, int(time.time()), "289192")
            texts["sign"] = sign(texts, key)
        form = aiohttp.FormData(default_to_multipart=endpoint.multipart)
        for name, text in texts.items():
            form.add_field(name, text)
        for name, content in files.items():
            form.add_field(name, io.BytesIO(content), filename=f"{name}.jpg", content_type="image/jpeg")
        camera = self._camera
        url = f"https://{camera.host}:{camera.api_port}/openapi/{endpoint.path}"
        async with self._http.post(url, data=form) as response:
            assert response.status == 200
            answer = await response.json(content_type=None)
        assert answer.keys() <= {"code", "data"}
        return answer["code"], answer.get("data")

    async def get(self, endpoint: Endpoint, attributes: Mapping[str, str] | None = None, /, **params: Any) -> Any:
        """``data`` of a call that must succeed."""
        code, data = await self.call(endpoint, attributes, **params)
        assert code == 0, f"{endpoint.path} answered {code}"
        return data

    async def code(self, endpoint: Endpoint, attributes: Mapping[str, str] | None = None, /, **params: Any) -> int:
        """The code of a call that brings no data."""
        code, data = await self.call(endpoint, attributes, **params)
        assert data is None
        return code

    async def download(self, url: str) -> tuple[int, bytes]:
        """HTTP status and body of a file."""
        async with self._http.get(url) as response:
            return response.status, await response.read()
