"""``cloud``: the vendor's cloud, for chains whose cameras are counted there."""

from __future__ import annotations

import asyncio
from datetime import date, datetime
from pathlib import Path
from typing import Any

import click
import orjson
from rich.table import Table

from ipc_bridge.bridge.registry import peek
from ipc_bridge.bridge.shop_flow import ask_today
from ipc_bridge.catalog.cloud import BIND, ENDPOINTS, GET_CAMERA_LIST, HOOK_ADD, UNBIND
from ipc_bridge.catalog.endpoint import Effect, Endpoint
from ipc_bridge.cli import parameters
from ipc_bridge.cli.answers import show_answer
from ipc_bridge.cli.camera import MistakeError, complete_serial, explained
from ipc_bridge.cli.cloud_account import connected, load_cloud, shop_of, shop_options
from ipc_bridge.cli.configuration import config_option
from ipc_bridge.cli.output import plain, show, table
from ipc_bridge.cli.since import parse_day
from ipc_bridge.cli.visitors import Period, as_bars, as_csv, as_table, ask_slots
from ipc_bridge.cloud.api import CloudApi
from ipc_bridge.config import Cloud, Config

ASKS_FIRST = (BIND, UNBIND, HOOK_ADD)
"""Calls that change the account: whose a camera is, and who is told of visitors."""


@click.group()
def cloud() -> None:
    """Ask the vendor's cloud about the shops of an account."""


@cloud.command()
@shop_options
@parameters.endpoint_argument(ENDPOINTS, "PATH", "the cloud has no call", "docs/cloud-endpoints.md lists them")
@click.argument("words", metavar="[NAME=VALUE]...", nargs=-1, shell_complete=parameters.complete)
@click.option("--json", "as_json", is_flag=True, help="The answer as JSON, as the cloud sent it.")
@click.option("--yes", is_flag=True, help="Do not ask before a call that destroys something or changes the account.")
def call(
    config_path: Path, shop: str | None, endpoint: Endpoint, words: tuple[str, ...], *, as_json: bool, yes: bool
) -> None:
    """Make one call to the cloud, such as device/ipc/getList.

    The shop and the merchant are filled in. A picture is given as pic=@face.jpg, a list as JSON. A longer period than
    one call tells of is asked for in parts, where they can be put together.
    """
    _config, account = load_cloud(config_path)
    with explained():
        params = parameters.read_words(endpoint, words)
        if "sunmi_shop_no" in endpoint.params:
            params.setdefault("sunmi_shop_no", shop_of(account, shop))
        if "sunmi_company_no" in endpoint.params and account.company is not None:
            params.setdefault("sunmi_company_no", account.company)
        endpoint.plan(params)
    if endpoint.effect is Effect.DANGER or endpoint in ASKS_FIRST:
        _confirm(f"{endpoint.path}: {endpoint.title}. Do it?", yes=yes)
    show_answer(endpoint, asyncio.run(_call(account, endpoint, params)), as_json=as_json)


@cloud.command()
@config_option
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def shops(config_path: Path, *, as_json: bool) -> None:
    """List the shops of cloud.shops: who came today, and their cameras."""
    config, account = load_cloud(config_path)
    found = asyncio.run(_ask_shops(config, account))
    if as_json:
        click.echo(orjson.dumps(found, option=orjson.OPT_INDENT_2))
        return
    for shop in found:
        flow = shop["today"]
        click.echo(f"Shop {shop['shop']}: {flow['in']} came in today, {flow['pass']} passed by")
        show(_camera_table(shop["cameras"]) if shop["cameras"] else "  no cameras")


def _camera_table(cameras: list[dict[str, Any]]) -> Table:
    rows = table("  Camera", "Name", "Model", "Firmware", "Cloud", "Here")
    for camera in cameras:
        online, here = "online" if camera["online"] else "offline", "yes" if camera["here"] else None
        words = [camera["name"], camera["model"], camera["firmware"], online, here]
        rows.add_row(plain(f"  {camera['sn']}"), *(plain(word or "-") for word in words))
    return rows


def _day(_context: click.Context, _parameter: click.Parameter, text: str) -> date:
    try:
        return parse_day(text, datetime.now().astimezone().date())
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


@cloud.command()
@shop_options
@click.option("--from", "first", metavar="DAY", default="6d", show_default=True, callback=_day, help="The first day.")
@click.option("--to", "last", metavar="DAY", default="today", show_default=True, callback=_day, help="The last day.")
@click.option("--by", type=click.Choice(["hour", "day"]), default="day", show_default=True, help="A row for each.")
@click.option(
    "--as",
    "form",
    type=click.Choice(["table", "csv", "plot"]),
    default="table",
    show_default=True,
    help="A table with its sum, CSV, or a bar for each row.",
)
def flow(config_path: Path, shop: str | None, first: date, last: date, by: str, form: str) -> None:
    """Show how many came into a shop.

    A DAY is a date such as 2026-11-22, today, yesterday, or 30d for thirty days ago. Longer periods take a while: the
    cloud is asked for a month at a time, by the hour for a day.
    """
    _config, account = load_cloud(config_path)
    number = shop_of(account, shop)
    if last < first:
        raise MistakeError(f"--to {last} is before --from {first}")
    today = datetime.now().astimezone().date()
    slots = asyncio.run(_ask_slots(account, number, Period(first, last), by, today))
    if form == "csv":
        click.echo(as_csv(slots), nl=False)
    else:
        show(as_bars(slots) if form == "plot" else as_table(slots))


@cloud.command()
@shop_options
@click.argument("sn", shell_complete=complete_serial)
@click.option("--mac", metavar="MAC", help="The camera's; not needed where the bridge knows the camera.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def bind(config_path: Path, shop: str | None, sn: str, mac: str | None, *, yes: bool) -> None:
    """Bind the camera SN to a shop: from then on the cloud counts its visitors."""
    config, account = load_cloud(config_path)
    number = shop_of(account, shop)
    known = peek(config.storage.directory).get(sn)
    mac = mac or (known.mac if known is not None else None)
    if mac is None:
        raise MistakeError(f"nobody knows the MAC address of camera {sn}: give --mac; it is on the camera's back")
    params = {"sunmi_shop_no": number, "ipc_sn": sn, "mac": mac.translate({ord(c): None for c in ":-."}).upper()}
    with explained():
        BIND.check(params)
    _confirm(f"Bind camera {sn} ({params['mac']}) to shop {number}? What it sees goes to the cloud then.", yes=yes)
    asyncio.run(_call(account, BIND, params))
    click.echo(f"Camera {sn} belongs to shop {number}.")


@cloud.command()
@shop_options
@click.argument("sn", shell_complete=complete_serial)
@click.option("--yes", is_flag=True, help="Do not ask.")
def unbind(config_path: Path, shop: str | None, sn: str, *, yes: bool) -> None:
    """Unbind the camera SN from a shop: the cloud counts no more for it."""
    _config, account = load_cloud(config_path)
    number = shop_of(account, shop)
    params = {"sunmi_shop_no": number, "ipc_sn": sn}
    with explained():
        UNBIND.check(params)
    _confirm(f"Unbind camera {sn} from shop {number}? The shop is without it then.", yes=yes)
    asyncio.run(_call(account, UNBIND, params))
    click.echo(f"Camera {sn} is nobody's.")


def _confirm(question: str, *, yes: bool) -> None:
    if not yes:
        click.confirm(question, abort=True, err=True)


async def _call(account: Cloud, endpoint: Endpoint, params: dict[str, Any]) -> dict[str, Any]:
    async with connected(account) as api:
        return await api.call(endpoint, **params)


async def _ask_slots(account: Cloud, shop: str, period: Period, by: str, today: date) -> list[dict[str, Any]]:
    async with connected(account) as api:
        return await ask_slots(api, shop, period, by, today)


async def _ask_shops(config: Config, account: Cloud) -> list[dict[str, Any]]:
    here = peek(config.storage.directory).keys() | {camera.sn for camera in config.cameras}
    async with connected(account) as api:
        return [await _ask_shop(api, number, here) for number in account.shops]


async def _ask_shop(api: CloudApi, number: str, here: set[str]) -> dict[str, Any]:
    rows = (await api.ask(GET_CAMERA_LIST, sunmi_shop_no=number))["ipc_list"] or ()
    cameras = [
        {
            "sn": row["ipc_sn"],
            "name": row["ipc_name"],
            "model": row["model_name"],
            "firmware": row["software_version"],
            "online": row["active_status"] == 1,
            "here": row["ipc_sn"] in here,
        }
        for row in rows
    ]
    return {"shop": number, "today": await ask_today(api, number), "cameras": cameras}
