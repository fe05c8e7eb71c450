"""Listens, and goes on trying where it cannot: the bridge does its work all the same."""

from __future__ import annotations

import asyncio
import logging

from aiohttp import web

from ipc_bridge.config import Web
from ipc_bridge.web.gate import Gate, make_runner

log = logging.getLogger(__name__)

RETRY_SECONDS = 10.0
"""Between two tries to get the port."""
SHUTDOWN_SECONDS = 0.5
"""For requests that are under way at the end."""


class WebServer:
    """The HTTP server.

    Args:
        config: the ``web`` section.
        application: what it serves.
        retry_seconds: see :data:`RETRY_SECONDS`.
    """

    def __init__(self, config: Web, application: web.Application, retry_seconds: float = RETRY_SECONDS) -> None:
        self.problem: str | None = None
        """Why it does not listen."""
        self.listening = asyncio.Event()
        self._config = config
        self._retry_seconds = retry_seconds
        self._runner = make_runner(application, SHUTDOWN_SECONDS)

    @property
    def connections(self) -> int:
        """How many there are."""
        server = self._runner.server
        return 0 if server is None else len(server.connections)

    async def run(self) -> None:
        """Serve until cancelled."""
        await self._runner.setup()
        server: asyncio.Server | None = None
        try:
            server = await self._listen()
            # Not serve_forever(), whose end waits for the last idle connection.
            await asyncio.get_running_loop().create_future()
        finally:
            self.listening.clear()
            if server is not None:
                server.close()
            await self._runner.cleanup()

    async def _listen(self) -> asyncio.Server:
        host, port = self._config.host, self._config.port
        loop = asyncio.get_running_loop()
        while True:
            try:
                server = await loop.create_server(lambda: Gate(self._runner), host, port)
            except OSError as error:
                problem = (
                    f"the web server cannot listen on {host}:{port} ({error.strerror or error}): end the program that "
                    "holds the port, or change web.host and web.port"
                )
                log.log(logging.DEBUG if problem == self.problem else logging.ERROR, "%s; trying on", problem)
                self.problem = problem
                await asyncio.sleep(self._retry_seconds)
            else:
                self.problem = None
                self.listening.set()
                log.info("The web server listens on %s:%d", host, port)
                return server
