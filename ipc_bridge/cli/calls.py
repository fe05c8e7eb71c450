"""``call`` and ``endpoints``: the whole API of a camera."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import click

from ipc_bridge.catalog.codes import DEVICE_CODES
from ipc_bridge.catalog.device import ENDPOINTS
from ipc_bridge.catalog.endpoint import Auth, Effect, Endpoint
from ipc_bridge.cli import parameters
from ipc_bridge.cli.answers import show_answer
from ipc_bridge.cli.camera import Host, Target, camera_options, connected, explained, find
from ipc_bridge.cli.output import plain, show, table

GROUPS = tuple(dict.fromkeys(endpoint.group for endpoint in ENDPOINTS.values()))


@click.command()
@camera_options
@parameters.endpoint_argument(ENDPOINTS, "GROUP/ACTION", "cameras have no call", "see `ipc-bridge endpoints`")
@click.argument("words", metavar="[NAME=VALUE]...", nargs=-1, shell_complete=parameters.complete)
@click.option("--json", "as_json", is_flag=True, help="The answer as JSON, as the camera sent it.")
@click.option("--yes", is_flag=True, help="Do not ask before a call that destroys something.")
def call(
    config_path: Path,
    sn: str,
    host: Host,
    endpoint: Endpoint,
    words: tuple[str, ...],
    *,
    as_json: bool,
    yes: bool,
) -> None:
    """Make one call to the API of the camera SN, such as config/setZoom zoom=120.

    A picture is given as pic=@face.jpg, a list or an object as JSON. `ipc-bridge endpoints` lists all calls. The exit
    status is 1 where the camera refuses or cannot be reached, 2 where something is wrong with the parameters.
    """
    with explained():
        values = parameters.parse(endpoint, words)
    target = find(config_path, sn, host)
    if endpoint.effect is Effect.DANGER and not yes:
        click.confirm(f"{endpoint.path} on camera {sn}: {endpoint.title}. Do it?", abort=True, err=True)
    data = endpoint.redact(asyncio.run(_call(target, endpoint, values)))
    show_answer(endpoint, data, as_json=as_json)


async def _call(target: Target, endpoint: Endpoint, values: dict[str, Any]) -> dict[str, Any]:
    async with connected(target, activating=endpoint.auth is Auth.ACTIVATION_CODE) as api:
        return await api.send(endpoint, values)


def _complete(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    return [name for name in (*GROUPS, *ENDPOINTS) if name.startswith(incomplete)]


@click.command()
@click.argument("what", metavar="[GROUP[/ACTION]]", required=False, shell_complete=_complete)
def endpoints(what: str | None) -> None:
    """List the calls of the cameras' API, or show one."""
    if what in ENDPOINTS:
        _show_one(ENDPOINTS[what])
        return
    if what is not None and what not in GROUPS:
        raise click.BadParameter(f"there is no {what}: the groups are {', '.join(GROUPS)}", param_hint="GROUP[/ACTION]")
    calls = table("Call", "What it is about", plain("Parameters, [optional ones]"))
    for endpoint in ENDPOINTS.values():
        if what in (None, endpoint.group):
            calls.add_row(endpoint.path, endpoint.title, plain(parameters.usage(endpoint)))
    show(calls)


def _show_one(endpoint: Endpoint) -> None:
    models = f"{' and '.join(model.value for model in endpoint.models)} only" if endpoint.models else None
    asks = "asked for twice" if endpoint.effect is Effect.DANGER else None
    traits = ", ".join(filter(None, [endpoint.effect.value, asks, models]))
    click.echo(f"{endpoint.path}: {endpoint.title} ({traits})")
    if endpoint.fields:
        click.echo()
        fields = table("Parameter", "", "May be")
        for name, field in endpoint.fields.items():
            unit = f" {field.unit}" if field.unit else ""
            fields.add_row(name, "" if name in endpoint.params else "optional", plain(field.expected + unit))
        show(fields)
    if endpoint.reply:
        click.echo(f"\nAnswers {', '.join(endpoint.reply)}.")
    if endpoint.codes:
        click.echo("\nRefuses with")
        codes = table("Code", "Meaning")
        for code in sorted(endpoint.codes):
            codes.add_row(str(code), DEVICE_CODES[code].meaning)
        show(codes)
