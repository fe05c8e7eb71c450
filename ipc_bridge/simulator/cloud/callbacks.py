"""Events as the cloud posts them: signed as requests to it are, in whatever form it is told to use."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Mapping

import aiohttp
import orjson

from ipc_bridge.simulator.cloud.settings import CallbackForm, CloudSettings
from ipc_bridge.wire.signing import Credentials, public_params, sign

_log = logging.getLogger(__name__)

_TIMEOUT = 10.0
_MAX_WAITING = 1000
"""Posts under way, those that wait for another try included."""


class Callbacks:
    """Posts events, each again after a while where nobody takes it."""

    def __init__(self, settings: CloudSettings) -> None:
        self.taken = 0
        """Posts that were answered with 2xx."""
        self._settings = settings
        self._session: aiohttp.ClientSession | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        """Give up what is under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()
            self._session = None

    def post(self, url: str, fields: Mapping[str, str]) -> None:
        """Post ``fields``, signed, until they are taken."""
        if len(self._tasks) >= _MAX_WAITING:
            _log.warning("%s: %d posts wait already", url, _MAX_WAITING)
            return
        task = asyncio.get_running_loop().create_task(self._deliver(url, self.signed(fields)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def signed(self, fields: Mapping[str, str]) -> dict[str, str]:
        """``fields`` with the public parameters and the signature."""
        credentials = Credentials(self._settings.app_id, self._settings.secret_key)
        nonce = f"{random.randrange(10**8):08}"
        whole = {**fields, **public_params(credentials, int(self._settings.clock()), nonce)}
        return {**whole, "sign": sign(whole, credentials.secret_key)}

    async def send(self, url: str, fields: Mapping[str, str]) -> int:
        """Post ``fields`` as they are, once, and return the status.

        Raises:
            aiohttp.ClientError: nobody answers.
        """
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_TIMEOUT))
        headers: dict[str, str] = {}
        body: aiohttp.FormData | bytes
        if self._settings.callback_form is CallbackForm.JSON:
            body, headers = orjson.dumps(dict(fields)), {"Content-Type": "application/json"}
        else:
            body = aiohttp.FormData(default_to_multipart=self._settings.callback_form is CallbackForm.MULTIPART)
            for name, text in fields.items():
                body.add_field(name, text)
        async with self._session.post(url, data=body, headers=headers, ssl=False) as response:
            return response.status

    async def _deliver(self, url: str, fields: Mapping[str, str]) -> None:
        for delay in (*self._settings.callback_retries, None):
            try:
                status = await self.send(url, fields)
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                _log.info("%s: %s", url, error)
            else:
                if 200 <= status < 300:
                    self.taken += 1
                    return
                _log.info("%s answered HTTP %d", url, status)
            if delay is not None:
                await asyncio.sleep(delay)
