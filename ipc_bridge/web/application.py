"""The table of all addresses that the web server has."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from aiohttp import web

from ipc_bridge.bridge.health import Health
from ipc_bridge.bridge.hook_doors import PREFIX, HookDoors
from ipc_bridge.config import Web
from ipc_bridge.web.access import Access
from ipc_bridge.web.forms import MAX_BODY
from ipc_bridge.web.health import HealthPage
from ipc_bridge.web.hooks import HookReceiver, expect
from ipc_bridge.web.plugins import PluginProxy


def make_application(config: Web, health: Health, doors: HookDoors, plugins: Mapping[str, Path]) -> web.Application:
    """Return what the server serves.

    Args:
        config: the ``web`` section.
        health: the bridge's.
        doors: where cameras post to.
        plugins: where each plugin listens, by its name.
    """
    access, hooks, proxy = Access(config), HookReceiver(doors), PluginProxy(plugins)
    application = web.Application(middlewares=[access.middleware()], client_max_size=MAX_BODY)
    application.on_response_prepare.append(_mark)
    router = application.router
    router.add_get("/health", HealthPage(health).show, name="health")
    router.add_post(f"{PREFIX}{{path}}", hooks.receive, name="hook", expect_handler=expect)
    before = urlsplit(config.public_url or "").path
    if before:
        # A public_url with a path: nobody promises that something in front takes it away.
        router.add_post(f"{before}{PREFIX}{{path}}", hooks.receive, name="hook_behind_a_path", expect_handler=expect)
    login = router.add_resource("/login", name="login")
    login.add_route("GET", access.show_login)
    login.add_route("POST", access.log_in)
    router.add_route("*", "/plugin/{name}/{rest:.*}", proxy.forward)
    return application


async def _mark(_request: web.Request, response: web.StreamResponse) -> None:
    """Headers of every answer."""
    response.headers["Server"] = "ipc-bridge"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
