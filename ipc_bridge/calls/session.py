"""An HTTP session for calls: what the other side says of cookies and the machine says of proxies is of no interest."""

from __future__ import annotations

import aiohttp


def open_session(connector: aiohttp.TCPConnector, timeout: float) -> aiohttp.ClientSession:
    """Return a session whose calls may take ``timeout`` seconds each."""
    return aiohttp.ClientSession(
        connector=connector,
        timeout=aiohttp.ClientTimeout(total=timeout),
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
    )
