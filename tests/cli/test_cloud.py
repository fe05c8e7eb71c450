"""``cloud``: calls, shops, visitors, and cameras that change hands."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from collections.abc import AsyncIterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from ipc_bridge.catalog.cloud import ENDPOINTS, MAX_BODY
from ipc_bridge.catalog.endpoint import Endpoint
from ipc_bridge.catalog.fields import File, encode
from ipc_bridge.cli import main
from ipc_bridge.cli.since import parse_day
from ipc_bridge.cloud import pace
from ipc_bridge.simulator.cloud import SimulatedCloud
from ipc_bridge.simulator.portraits import JPEG
from tests.cli.rig import write_config
from tests.cloud.rig import BACK, FREE, FREE_MAC, FRONT, OTHER_SHOP, SHOP, settings
from tests.cloud.test_catalogue import good_params

TODAY = datetime.now().astimezone().date()


class Account:
    """A cloud, and a configuration that knows it."""

    def __init__(self, directory: Path, cloud: SimulatedCloud) -> None:
        self.directory = directory
        self.cloud = cloud
        self.configure()

    def configure(self, cameras: Any = (), **changes: Any) -> None:
        """Write the configuration anew."""
        section = {
            "base_url": self.cloud.base_url,
            "app_id": "demo-app",
            "secret_key": "demo-secret",
            "shops": [SHOP],
            "company": self.cloud.settings.company,
            **changes,
        }
        self.config = write_config(self.directory, cloud=section, cameras=list(cameras))

    async def invoke(self, *arguments: str, typed: str | None = None) -> Result:
        """Run a command to its end, beside the cloud."""
        words = ["cloud", *arguments, "--config", str(self.config)]
        return await asyncio.to_thread(CliRunner(env={"COLUMNS": "200"}).invoke, main, words, input=typed)


@pytest.fixture
async def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Account]:
    # A command makes no more calls at a time than the bridge; a test need not wait for that.
    monkeypatch.setattr(pace, "CALLS_A_SECOND", 1e6)
    async with SimulatedCloud(settings()) as cloud:
        yield Account(tmp_path, cloud)


# Calls.


@pytest.mark.parametrize("endpoint", ENDPOINTS.values(), ids=str)
async def test_every_call(account: Account, endpoint: Endpoint) -> None:
    picture = account.directory / "face.jpg"
    picture.write_bytes(JPEG)
    params = good_params(endpoint, account.cloud)
    words = [
        f"{name}=@{picture}" if isinstance(endpoint.fields[name], File) else f"{name}={encode(value)}"
        for name, value in params.items()
        # Filled in.
        if name not in ("sunmi_shop_no", "sunmi_company_no")
    ]
    result = await account.invoke("call", endpoint.path, "--json", "--yes", *words)
    assert (result.exit_code, result.stderr) == (0, ""), result.output
    assert account.cloud.calls[-1].path == endpoint.path
    json.loads(result.stdout)


async def test_answers_for_people(account: Account) -> None:
    result = await account.invoke("call", "device/ipc/getList")
    assert FRONT in result.stdout
    assert "1 (online)" in result.stdout
    assert (await account.invoke("call", "device/ipc/updateName", f"ipc_sn={FRONT}", "ipc_name=x")).stdout == "Done.\n"


async def test_what_is_asked_first(account: Account) -> None:
    for path, words in (
        ("device/ipc/bind", [f"ipc_sn={FREE}", f"mac={FREE_MAC}"]),
        ("device/ipc/unbind", [f"ipc_sn={FRONT}"]),
        ("hook/add", ["http_callback=https://example.org/hook", "event_list=[2001]"]),
        ("face/delete", ["group_id=1", 'face_id_list=["1"]']),
    ):
        result = await account.invoke("call", path, *words, typed="n\n")
        assert (result.exit_code, "Do it? [y/N]" in result.stderr) == (1, True)
    assert account.cloud.calls == []
    result = await account.invoke("call", "device/ipc/unbind", f"ipc_sn={FRONT}", typed="y\n")
    assert result.exit_code == 0
    assert account.cloud.camera(FRONT).shop is None


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["device/ipc/getInfo"], 2, "give ipc_id or ipc_sn: which camera"),
        (["device/ipc/getInfos"], 2, "the cloud has no call device/ipc/getInfos: did you mean device/ipc/getInfo?"),
        (["zzz"], 2, "the cloud has no call zzz: docs/cloud-endpoints.md lists them"),
        (["device/ipc/getInfo", "ipc_sn"], 2, "ipc_sn is no parameter: write name=value"),
        (["device/ipc/getInfo", "ipc_sn=nobody"], 1, "code 5501 (camera does not exist)"),
        (["device/ipc/getInfo", "--shop", "1", f"ipc_sn={FRONT}"], 1, "code 5041 (no shop_id found in the request)"),
        (["face/add", "group_id=1", "name=x", "pic=@nowhere.jpg"], 2, "nowhere.jpg cannot be read"),
    ],
)
async def test_what_is_wrong_with_a_call(account: Account, words: list[str], status: int, message: str) -> None:
    result = await account.invoke("call", *words)
    assert (result.exit_code, result.stdout) == (status, "")
    assert message in result.stderr


async def test_a_picture_that_is_too_large(account: Account) -> None:
    picture = account.directory / "face.jpg"
    picture.write_bytes(JPEG.ljust(MAX_BODY, b"\0"))
    result = await account.invoke("call", "face/add", "group_id=1", "name=x", f"pic=@{picture}")
    assert (result.exit_code, "a JPEG or PNG of at most 999999 bytes" in result.stderr) == (2, True)


async def test_configurations_that_do_not_say_enough(account: Account) -> None:
    account.configure(shops=[SHOP, OTHER_SHOP])
    result = await account.invoke("call", "device/ipc/getList")
    assert (result.exit_code, f"say which with --shop: cloud.shops has {SHOP}, {OTHER_SHOP}" in result.stderr) == (
        2,
        True,
    )
    assert (await account.invoke("call", "device/ipc/getList", "--shop", OTHER_SHOP)).exit_code == 0
    account.configure(shops=[])
    assert "cloud.shops has none" in (await account.invoke("flow")).stderr
    account.configure(company=None)
    assert "needs sunmi_company_no" in (await account.invoke("call", "device/ipc/getListByCompany")).stderr
    account.config = write_config(account.directory)
    result = await account.invoke("shops")
    assert (result.exit_code, "has no cloud: fill in its base_url" in result.stderr) == (2, True)


# Shops.


async def test_shops(account: Account) -> None:
    account.configure(cameras=[{"sn": FRONT}], shops=[SHOP, OTHER_SHOP])
    account.cloud.shop(SHOP).pass_by(passed=3, unexposed=4)
    result = await account.invoke("shops")
    first, head, front, second, _head, back = result.stdout.splitlines()
    assert first == f"Shop {SHOP}: 4 came in today, 3 passed by"
    assert head.split() == ["Camera", "Name", "Model", "Firmware", "Cloud", "Here"]
    assert front.split() == [FRONT, "Camera", "0106", "FM020", "1.3.6", "online", "yes"]
    assert second == f"Shop {OTHER_SHOP}: 0 came in today, 0 passed by"
    assert back.split()[0::6] == [BACK, "-"]
    found = json.loads((await account.invoke("shops", "--json")).stdout)
    assert [(shop["shop"], shop["today"]["in"]) for shop in found] == [(SHOP, 4), (OTHER_SHOP, 0)]
    assert found[0]["cameras"][0]["here"] is True
    account.cloud.camera(FRONT).shop = None
    assert (await account.invoke("shops")).stdout.splitlines()[1] == "  no cameras"


# Visitors.


def rows_of(result: Result) -> list[dict[str, str]]:
    assert result.exit_code == 0, result.output
    return list(csv.DictReader(io.StringIO(result.stdout)))


async def test_visitors_by_day(account: Account) -> None:
    account.cloud.shop(SHOP).pass_by(passed=1, unexposed=2)
    rows = rows_of(await account.invoke("flow", "--from", "39d", "--as", "csv"))
    assert [row["time"] for row in rows] == [(TODAY - timedelta(back)).isoformat() for back in reversed(range(40))]
    assert (rows[-1]["in"], rows[-1]["pass"], rows[-1]["total"]) == ("2", "1", "0")
    for row in rows:
        assert int(row["in"]) == int(row["total"]) + int(row["unexposed"])
        assert int(row["total"]) == sum(int(row[name]) for name in ("strangers", "regulars", "members"))


async def test_visitors_by_hour(account: Account) -> None:
    account.cloud.shop(SHOP).pass_by(passed=1, unexposed=2)
    rows = rows_of(await account.invoke("flow", "--from", "yesterday", "--by", "hour", "--as", "csv"))
    hours = [row for row in rows if row["time"].startswith((TODAY - timedelta(1)).isoformat())]
    assert [row["time"][-5:] for row in hours] == [f"{hour:02}:00" for hour in range(24)]
    assert sum(int(row["in"]) for row in hours) > 0
    # Of today's hours the cloud does not tell who came.
    assert (rows[-1]["in"], rows[-1]["pass"], rows[-1]["strangers"]) == ("2", "1", "")
    table = await account.invoke("flow", "--from", "today", "--by", "hour")
    assert table.stdout.splitlines()[-1].split() == ["sum", "2", "0", "2", "1", "0", "0", "0"]


async def test_visitors_as_a_table_and_as_bars(account: Account) -> None:
    period = ["--from", "2d", "--to", "yesterday"]
    rows = rows_of(await account.invoke("flow", *period, "--as", "csv"))
    table = (await account.invoke("flow", *period)).stdout.splitlines()
    assert table[0].split() == ["time", "in", "total", "unexposed", "pass", "strangers", "regulars", "members"]
    assert [line.split()[1] for line in table[1:3]] == [row["in"] for row in rows]
    assert table[-1].split()[:2] == ["sum", str(sum(int(row["in"]) for row in rows))]
    bars = (await account.invoke("flow", *period, "--as", "plot")).stdout.splitlines()
    most = max(int(row["in"]) for row in rows)
    for line, row in zip(bars[1:], rows, strict=True):
        assert line.split()[-1] == row["in"]
        assert abs(line.count("█") - 50 * int(row["in"]) / most) <= 1


async def test_days_of_which_nothing_is_known(account: Account) -> None:
    for form in ("table", "csv", "plot"):
        result = await account.invoke("flow", "--from", "2001-01-01", "--to", "2001-02-20", "--as", form)
        assert (result.exit_code, len(result.stdout.splitlines()) <= 2) == (0, True)


async def test_days_that_are_wrong(account: Account) -> None:
    result = await account.invoke("flow", "--from", "tomorrow")
    assert (result.exit_code, "tomorrow is no day; it may be 30d" in result.stderr) == (2, True)
    result = await account.invoke("flow", "--from", "today", "--to", "yesterday")
    assert (result.exit_code, "is before --from" in result.stderr) == (2, True)
    account.cloud.refuse(5000)
    result = await account.invoke("flow", "--from", "yesterday", "--to", "yesterday")
    assert (result.exit_code, "code 5000 (database error)" in result.stderr) == (1, True)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("today", "2026-03-01"),
        ("yesterday", "2026-02-28"),
        ("30d", "2026-01-30"),
        (" 2w ", "2026-02-15"),
        ("2025-12-24",) * 2,
    ],
)
def test_days(text: str, day: str) -> None:
    assert parse_day(text, date(2026, 3, 1)).isoformat() == day


@pytest.mark.parametrize("text", ["", "5h", "999999999w", "2026-02-30", "12:00"])
def test_what_is_no_day(text: str) -> None:
    with pytest.raises(ValueError, match="is no day"):
        parse_day(text, date(2026, 3, 1))


# Cameras that change hands.


async def test_bind_and_unbind(account: Account) -> None:

    def owner() -> str | None:
        return account.cloud.camera(FREE).shop

    words = ["bind", FREE, "--mac", "0c:25:76:6f:57:05"]
    assert (await account.invoke(*words, typed="n\n")).exit_code == 1
    assert owner() is None
    result = await account.invoke(*words, typed="y\n")
    assert f"Bind camera {FREE} ({FREE_MAC}) to shop {SHOP}?" in result.stderr
    assert (result.exit_code, result.stdout) == (0, f"Camera {FREE} belongs to shop {SHOP}.\n")
    assert owner() == SHOP
    result = await account.invoke(*words, "--yes")
    assert (result.exit_code, "code 5509 (camera is already bound)" in result.stderr) == (1, True)
    assert (await account.invoke("unbind", FREE, typed="\n")).exit_code == 1
    result = await account.invoke("unbind", FREE, "--yes")
    assert (result.exit_code, result.stdout, owner()) == (0, f"Camera {FREE} is nobody's.\n", None)


async def test_the_mac_of_a_camera_that_the_bridge_knows(account: Account) -> None:
    result = await account.invoke("bind", FREE, "--yes")
    assert (result.exit_code, f"nobody knows the MAC address of camera {FREE}: give --mac" in result.stderr) == (
        2,
        True,
    )
    state = account.directory / "state"
    state.mkdir()
    known = {"cameras": [{"sn": FREE, "mac": "0C-25-76-6F-57-05"}]}
    (state / "cameras.json").write_text(json.dumps(known), encoding="utf-8")
    assert (await account.invoke("bind", FREE, "--yes")).exit_code == 0
    assert account.cloud.camera(FREE).shop == SHOP
    result = await account.invoke("bind", FREE, "--mac", "0C25", "--yes")
    assert (result.exit_code, "mac may be" in result.stderr) == (2, True)
