"""What a call answered, printed: as JSON, or for people, with records as tables and words beside codes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click
import orjson
from rich.console import RenderableType
from rich.table import Table

from ipc_bridge.catalog.endpoint import Endpoint
from ipc_bridge.catalog.fields import Choice, Field, ListOf, Record
from ipc_bridge.cli.output import plain, show, table
from ipc_bridge.errors import ReplyError

NOT_TOLD = "-"


def show_answer(endpoint: Endpoint, data: Mapping[str, Any], *, as_json: bool) -> None:
    """Print what a call answered; ``as_json`` as it came."""
    if as_json:
        click.echo(orjson.dumps(data, option=orjson.OPT_INDENT_2))
    elif data or endpoint.reply:
        show(describe(endpoint, data))
    else:
        click.echo("Done.")


def describe(endpoint: Endpoint, data: Mapping[str, Any]) -> RenderableType:
    """Return what a call answered, as it can be printed; what cannot be understood is shown as it came."""
    try:
        return _object(endpoint.reply, endpoint.read(data))
    except ReplyError:
        return _object({}, data)


def _object(members: Mapping[str, Field], values: Mapping[str, Any]) -> Table:
    grid = Table.grid(padding=(0, 2))
    for name, value in values.items():
        grid.add_row(plain(name), _value(members.get(name), value))
    return grid


def _value(field: Field | None, value: Any) -> RenderableType:
    if isinstance(value, dict):
        return _object(field.members if isinstance(field, Record) else {}, value)
    if isinstance(value, list):
        item = field.item if isinstance(field, ListOf) else None
        if value and all(isinstance(one, dict) for one in value):
            return _records(item.members if isinstance(item, Record) else {}, value)
        return plain(", ".join(_word(item, one) for one in value) or NOT_TOLD)
    return plain(_word(field, value))


def _records(members: Mapping[str, Field], records: list[dict[str, Any]]) -> Table:
    # A column for what any of them tells, attributes that people gave to a group included.
    names = dict.fromkeys(name for record in records for name, value in record.items() if value is not None)
    records_table = table(*(plain(name) for name in names))
    for record in records:
        records_table.add_row(*(_value(members.get(name), record.get(name)) for name in names))
    return records_table


def _word(field: Field | None, value: Any) -> str:
    if value is None:
        return NOT_TOLD
    if isinstance(field, Choice):
        word = field.to_public(value)
        return str(value) if word in (None, value) else f"{value} ({word})"
    unit = field.unit if field is not None else None
    return f"{value} {unit}" if unit else str(value)
