"""``groups``: the groups of faces on a camera."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import click
import orjson

from ipc_bridge.catalog.device import ADD_FACE_INFO_ITEM, CREATE_GROUP
from ipc_bridge.cli.camera import Host, Target, camera_options, connected, find
from ipc_bridge.cli.face_groups import STRANGER, Calls, ask_attributes, ask_groups, attribute_calls, changes_of
from ipc_bridge.cli.output import plain, show, table
from ipc_bridge.errors import ParameterError


@click.group()
def groups() -> None:
    """List, create and change groups of faces on a camera."""


@groups.command("list")
@camera_options
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def list_groups(config_path: Path, sn: str, host: Host, *, as_json: bool) -> None:
    """List the groups of the camera SN."""
    found = asyncio.run(_list(find(config_path, sn, host)))
    if as_json:
        click.echo(orjson.dumps(found, option=orjson.OPT_INDENT_2))
        return
    rows = table("Group", "Faces", "Capacity", "Description", "Attributes")
    for group in found:
        words = [group["name"], group["count"], group["capacity"], group["description"], ", ".join(group["attributes"])]
        rows.add_row(*(plain("-" if word in (None, "") else str(word)) for word in words))
    show(rows)
    for group in found:
        if group["visits"] is not None:
            click.echo(f"\nA {group['name']} who comes {group['visits']} times in {group['days']} days is a regular.")


async def _list(target: Target) -> list[dict[str, Any]]:
    async with connected(target) as api:
        return [
            {
                "name": group["name"],
                "count": group["count"],
                "capacity": group["capacity"],
                "description": group["description"],
                "attributes": await ask_attributes(api, group["name"]),
                "visits": group["times"],
                "days": group["period"],
            }
            for group in await ask_groups(api)
        ]


@groups.command()
@camera_options
@click.argument("name")
@click.option("--capacity", type=int, default=1000, show_default=True, help="How many faces it may hold.")
@click.option("--description", help="What it is for.  [default: its name]")
@click.option("--attribute", "attributes", metavar="NAME", multiple=True, help="Something to know of each face.")
def create(
    config_path: Path,
    sn: str,
    host: Host,
    name: str,
    capacity: int,
    description: str | None,
    attributes: tuple[str, ...],
) -> None:
    """Create the group NAME on the camera SN."""
    asyncio.run(_create(find(config_path, sn, host), name, capacity, description or name, attributes))
    click.echo(f"There is a group {name} now.")


async def _create(target: Target, name: str, capacity: int, description: str, attributes: tuple[str, ...]) -> None:
    async with connected(target) as api:
        params = {"name": name, "capacity": capacity, "description": description}
        calls: Calls = [(CREATE_GROUP, CREATE_GROUP.check(params))]
        for endpoint, values in calls + attribute_calls(ADD_FACE_INFO_ITEM, name, attributes):
            await api.send(endpoint, values)


@groups.command("set")
@camera_options
@click.argument("name")
@click.option("--rename", "new_name", metavar="NAME", help="Another name.")
@click.option("--capacity", type=int, help="How many faces it may hold.")
@click.option("--description", help="What it is for.")
@click.option("--attribute", "add", metavar="NAME", multiple=True, help="Something more to know of each face.")
@click.option(
    "--remove-attribute", "remove", metavar="NAME", multiple=True, help="Something less: its values are lost."
)
@click.option("--visits", type=int, help=f"For {STRANGER}: how often one has to come to be a regular.")
@click.option("--days", type=int, help=f"For {STRANGER}: in how many days.")
@click.option("--yes", is_flag=True, help="Do not ask before attributes are removed.")
def set_group(
    config_path: Path,
    sn: str,
    host: Host,
    name: str,
    new_name: str | None,
    capacity: int | None,
    description: str | None,
    add: tuple[str, ...],
    remove: tuple[str, ...],
    visits: int | None,
    days: int | None,
    *,
    yes: bool,
) -> None:
    """Change the group NAME of the camera SN; what is not given stays as it is."""
    wanted = _given(name=new_name, capacity=capacity, description=description)
    rule = _given(times=visits, period=days)
    if not (wanted or rule or add or remove):
        raise click.UsageError("There is nothing to change: give an option.")
    target = find(config_path, sn, host)
    if remove and not yes:
        click.confirm(f"All values of {', '.join(remove)} in group {name} are lost. Do it?", abort=True, err=True)
    asyncio.run(_set(target, name, wanted, rule, add, remove))
    click.echo("Done.")


async def _set(
    target: Target,
    name: str,
    wanted: dict[str, Any],
    rule: dict[str, int],
    add: tuple[str, ...],
    remove: tuple[str, ...],
) -> None:
    async with connected(target) as api:
        known = {group["name"]: group for group in await ask_groups(api)}
        if name not in known:
            raise ParameterError(f"the camera has no group {name}: it has {', '.join(known) or 'none'}")
        has = await ask_attributes(api, name) if add or remove else []
        for endpoint, values in changes_of(known[name], has, wanted, rule, add=add, remove=remove):
            await api.send(endpoint, values)


def _given(**options: Any) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}
