"""Who may see what: a token for everything that is not marked as open.

Without a token the server is for this machine alone (``web.host`` is a loopback address). Pages of other sites in a
browser on this machine are kept out by the names they use: the ``Host`` that was asked for, and the ``Origin`` that
wants something done.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections import OrderedDict
from collections.abc import Callable
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from ipc_bridge.config import Web
from ipc_bridge.config.values import is_loopback

OPEN = frozenset({"hook", "hook_behind_a_path", "health", "login"})
"""Names of the routes that need no token."""
COOKIE = "ipc_bridge"
COOKIE_SECONDS = 30 * 86_400
MAX_WRONG = 10
"""Wrong tokens from one address in :data:`WRONG_SECONDS`."""
WRONG_SECONDS = 60.0
MAX_ADDRESSES = 1_000
"""Addresses whose wrong tokens are counted."""

_LOGIN = """<!doctype html><html lang="en"><meta name="viewport" content="width=device-width"><title>ipc-bridge</title>
<form method="post"><label>Token <input type="password" name="token" autofocus></label> <button>Log in</button></form>
"""


class Access:
    """The rule.

    Args:
        config: the ``web`` section.
        clock: monotonic seconds.
    """

    def __init__(self, config: Web, clock: Callable[[], float] = time.monotonic) -> None:
        self._token = config.token
        self._names = {config.host.lower(), (urlsplit(config.public_url or "").hostname or "").lower()} - {""}
        self._clock = clock
        self._wrong: OrderedDict[str, tuple[int, float]] = OrderedDict()
        """Wrong tokens by address, and until when they count."""

    def middleware(self) -> Middleware:
        """For the application."""

        @web.middleware
        async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
            resource = request.match_info.route.resource
            if resource is None or resource.name not in OPEN:
                self._check_origin(request)
                self._check_token(request)
            return await handler(request)

        return check

    async def show_login(self, _request: web.Request) -> web.Response:
        """``GET /login``."""
        return web.Response(text=_LOGIN, content_type="text/html")

    async def log_in(self, request: web.Request) -> web.Response:
        """``POST /login``: a cookie in exchange for the token."""
        self._check_origin(request)
        form = await request.post()
        token = form.get("token")
        self._check_wrong(request)
        if self._token is None or not isinstance(token, str) or not _same(token, self._token):
            self._count_wrong(request)
            raise web.HTTPUnauthorized(text="Wrong token.", headers={"WWW-Authenticate": "Bearer"})
        response = web.Response(status=303, headers={"Location": "/"})
        response.set_cookie(
            COOKIE,
            _cookie(self._token),
            max_age=COOKIE_SECONDS,
            httponly=True,
            samesite="Strict",
            secure=request.secure,
        )
        return response

    def _check_token(self, request: web.Request) -> None:
        if self._token is None:
            return
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        cookie = request.cookies.get(COOKIE)
        if cookie is not None and _same(cookie, _cookie(self._token)):
            return
        self._check_wrong(request)
        if kind.lower() == "bearer" and _same(token.strip(), self._token):
            return
        if token or cookie is not None:
            self._count_wrong(request)
        raise web.HTTPUnauthorized(
            text="A token is needed: Authorization: Bearer TOKEN, or /login.", headers={"WWW-Authenticate": "Bearer"}
        )

    def _check_origin(self, request: web.Request) -> None:
        host = _name(request.headers.get("Host", ""))
        if self._token is None and not is_loopback(host) and host not in self._names:
            raise web.HTTPForbidden(text="This name is not the bridge's: see web.host and web.public_url.")
        origin = request.headers.get("Origin")
        if origin is not None and origin.partition("://")[2].lower() != request.headers.get("Host", "").lower():
            raise web.HTTPForbidden(text="Pages of other sites may not do this.")

    def _check_wrong(self, request: web.Request) -> None:
        count, until = self._wrong.get(request.remote or "", (0, 0.0))
        if count >= MAX_WRONG and self._clock() < until:
            raise web.HTTPTooManyRequests(text="Too many wrong tokens.", headers={"Retry-After": "60"})

    def _count_wrong(self, request: web.Request) -> None:
        address, now = request.remote or "", self._clock()
        count, until = self._wrong.pop(address, (0, 0.0))
        self._wrong[address] = (count + 1, until) if now < until else (1, now + WRONG_SECONDS)
        if len(self._wrong) > MAX_ADDRESSES:
            self._wrong.popitem(last=False)


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(), expected.encode())


def _cookie(token: str) -> str:
    """What a browser keeps: it proves that the token was known, and does not tell it."""
    return hmac.new(token.encode(), b"ipc-bridge session", hashlib.sha256).hexdigest()


def _name(host: str) -> str:
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""
