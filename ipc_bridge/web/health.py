"""``GET /health``: what ``bridge/health`` says, for those who watch services over HTTP."""

from __future__ import annotations

from aiohttp import web

from ipc_bridge.bridge.health import Health
from ipc_bridge.bridge.messages import encode


class HealthPage:
    """The page.

    Args:
        health: the bridge's.
    """

    def __init__(self, health: Health) -> None:
        self._health = health

    async def show(self, _request: web.Request) -> web.Response:
        """200, or 503 where there is a problem; the figures either way."""
        report = self._health.report()
        return web.Response(
            body=encode(report),
            status=503 if report["problems"] else 200,
            content_type="application/json",
            headers={"Cache-Control": "no-store"},
        )
