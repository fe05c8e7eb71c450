"""Who may see what."""

from __future__ import annotations

import pytest

from ipc_bridge.config import Web
from ipc_bridge.web import access as module
from ipc_bridge.web.access import COOKIE, MAX_WRONG, Access
from tests.web.rig import Served, serving

TOKEN = "secret-token"
PAGE = "/plugin/none/"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def bearer(token: str) -> dict[str, str | None]:
    return {"Authorization": f"Bearer {token}"}


async def log_in(served: Served, token: str = TOKEN) -> tuple[int, str]:
    """Return the status, and the cookie without what is said about it."""
    answer = await served.ask("POST", "/login", f"token={token}".encode(), FORM)
    return answer.status, answer.headers.get("set-cookie", "")


async def test_everything_but_hooks_and_health_needs_the_token() -> None:
    async with serving(token=TOKEN) as served:
        assert (await served.ask("GET", "/health")).status == 200
        for path in (PAGE, "/", "/nothing", "/metrics"):
            answer = await served.ask("GET", path)
            assert (answer.status, answer.headers["www-authenticate"]) == (401, "Bearer")
            assert (await served.ask("GET", path, headers=bearer("other"))).status == 401
            assert (await served.ask("GET", path, headers=bearer(TOKEN))).status == 404
        for header in ("", TOKEN, f"Basic {TOKEN}", "Bearer", "Bearer \u00e9"):
            assert (await served.ask("GET", PAGE, headers={"Authorization": header})).status in (401, 400)


async def test_health_tells_no_secrets() -> None:
    async with serving(token=TOKEN) as served:
        assert (await served.post()).status == 200
        served.health.gather(lambda: {"hooks": served.doors.figures()})
        body = (await served.ask("GET", "/health")).body.decode()
        assert '"hooks":{"received":1' in body
        for secret in (TOKEN, served.door.path, "demo-secret"):
            assert secret not in body


async def test_a_browser_gets_a_cookie() -> None:
    async with serving(token=TOKEN) as served:
        page = await served.ask("GET", "/login")
        assert (page.status, b'name="token"' in page.body) == (200, True)
        status, cookie = await log_in(served)
        assert status == 303
        assert TOKEN not in cookie
        assert {"HttpOnly", "Path=/", "SameSite=Strict"} <= set(cookie.split("; "))
        value = cookie.split(";")[0]
        assert (await served.ask("GET", PAGE, headers={"Cookie": value})).status == 404
        assert (await served.ask("GET", PAGE, headers={"Cookie": f"{COOKIE}=0"})).status == 401
        assert (await served.ask("GET", PAGE, headers={"Cookie": f"{COOKIE}={TOKEN}"})).status == 401
    async with serving(token="other-token") as served:
        assert (await served.ask("GET", PAGE, headers={"Cookie": value})).status == 401


@pytest.mark.parametrize("body", [b"", b"token=", b"token=other", b"other=secret-token"])
async def test_a_wrong_login(body: bytes) -> None:
    async with serving(token=TOKEN) as served:
        answer = await served.ask("POST", "/login", body, {**FORM, "Content-Length": str(len(body))})
        assert (answer.status, answer.headers.get("set-cookie")) == (401, None)


async def test_where_there_is_no_token_nobody_logs_in(served: Served) -> None:
    assert (await log_in(served))[0] == 401


async def test_guesses_are_few(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    access = Access(Web(token=TOKEN), lambda: now)
    monkeypatch.setattr("ipc_bridge.web.application.Access", lambda _config: access)
    async with serving(token=TOKEN) as served:
        for _ in range(MAX_WRONG - 1):
            assert (await served.ask("GET", PAGE, headers=bearer("guess"))).status == 401
        assert (await log_in(served, "guess"))[0] == 401
        answer = await served.ask("GET", PAGE, headers=bearer(TOKEN))
        assert (answer.status, answer.headers["retry-after"]) == (429, "60")
        assert (await log_in(served))[0] == 429
        # Another address is not to blame.
        assert (await served.ask("GET", PAGE, headers=bearer(TOKEN), source="127.0.0.9")).status == 404
        now += module.WRONG_SECONDS
        assert (await served.ask("GET", PAGE, headers=bearer(TOKEN))).status == 404
        assert (await served.ask("GET", PAGE, headers=bearer("guess"))).status == 401


async def test_addresses_that_guess_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_ADDRESSES", 2)
    access = Access(Web(token=TOKEN))
    monkeypatch.setattr("ipc_bridge.web.application.Access", lambda _config: access)
    async with serving(token=TOKEN) as served:
        for number in range(5, 9):
            await served.ask("GET", PAGE, headers=bearer("guess"), source=f"127.0.0.{number}")
    assert list(access._wrong) == ["127.0.0.7", "127.0.0.8"]


# Pages of other sites, in a browser on this machine.


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:8099", "LOCALHOST", "[::1]:8099", "bridge.lan"])
async def test_names_of_the_bridge(host: str) -> None:
    async with serving(public_url="http://bridge.lan:8099") as served:
        assert (await served.ask("GET", PAGE, headers={"Host": host})).status == 404


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "10.0.0.1", "[", ""])
async def test_names_that_are_not_the_bridges(served: Served, host: str) -> None:
    answer = await served.ask("GET", PAGE, headers={"Host": host})
    assert answer.status in (400, 403)


async def test_with_a_token_any_name_will_do() -> None:
    async with serving(token=TOKEN) as served:
        assert (await served.ask("GET", PAGE, headers={"Host": "nas.lan", **bearer(TOKEN)})).status == 404


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://127.0.0.1:8099", 404),
        ("https://127.0.0.1:8099", 404),
        ("http://evil.example", 403),
        ("null", 403),
        ("", 403),
    ],
)
async def test_origins(served: Served, origin: str, status: int) -> None:
    headers = {"Host": "127.0.0.1:8099", "Origin": origin}
    assert (await served.ask("POST", PAGE, b"x", headers)).status == status


async def test_every_answer_says_how_it_is_to_be_read(served: Served) -> None:
    for path in ("/health", PAGE, "/login"):
        headers = (await served.ask("GET", path)).headers
        assert (headers["server"], headers["x-content-type-options"]) == ("ipc-bridge", "nosniff")
