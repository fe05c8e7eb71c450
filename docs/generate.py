"""Writes the documents that are made of tables in the code: ``make docs``."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from ipc_bridge.catalog.codes import DEVICE_CODES
from ipc_bridge.catalog.device import ENDPOINTS
from ipc_bridge.catalog.endpoint import Auth, Effect, Endpoint
from ipc_bridge.catalog.fields import Field
from ipc_bridge.catalog.settings import ACTIONS, SETTINGS
from ipc_bridge.cli import main

FOLDER = Path(__file__).parent

_COMMAND_LINE = """\
# The command line

Made by `make docs` from the commands themselves; changes belong there. `ipc-bridge COMMAND --help` says the same.

Exit status: 0 done, or stopped as asked; 1 it could not be done, or a bug; 2 a mistake in the configuration or on the
command line.

Tab completes commands, serial numbers, calls, their parameters, and the values of those that have few. For bash put
this into `~/.bashrc`; zsh and fish have `zsh_source` and `fish_source`:

    eval "$(_IPC_BRIDGE_COMPLETE=bash_source ipc-bridge)"

Commands that talk to a camera do so themselves, whether a bridge is running or not. They find it by `--host`, by the
configuration, or where the bridge saw it last, and trust it by the certificate that the bridge has pinned.
"""
_FACES = """\
## Tables of faces

`faces import` takes `faces.csv` (with commas or semicolons) or `faces.yaml` beside the pictures. What is left out, or
empty, the camera finds out or leaves open; `gender` may be `male`, `female` or `unknown`. Every other column is an
attribute of the group.

    file,faceid,age,gender,name,vip_level
    anna.jpg,4711,34,female,Anna,1
    bernd.png,,,,Bernd,

The same as YAML:

    anna.jpg: {faceid: 4711, age: 34, gender: female, name: Anna, vip_level: 1}
    bernd.png: {name: Bernd}
"""
_HEAD = """\
# The camera's API

Made by `make docs` from `ipc_bridge/catalog`; changes belong there.

Over MQTT a call is `ipc_bridge/camera/SERIAL/request/GROUP/ACTION`, with its parameters as a JSON object. Beside the
codes that stand here a camera may answer any other; beside the members, others. What stands with "or" is one member,
which cameras spell in more than one way. Attributes of a group of faces are answered under their own names.
"""
_EFFECTS = {
    Effect.READ: "reads",
    Effect.WRITE: "writes",
    Effect.ACTION: "acts",
    Effect.DANGER: "needs `commands.allow_destructive`",
}
_AUTHS = {
    Auth.ACCOUNT: None,
    Auth.ACTIVATION_CODE: "signed with the activation code",
    Auth.NONE: "not signed",
}


def endpoints() -> str:
    """The text of ``endpoints.md``."""
    return "\n".join(_endpoints_lines()) + "\n"


def command_line() -> str:
    """The text of ``command-line.md``."""
    return "\n".join(_command_line_lines()) + "\n"


def _command_line_lines() -> Iterator[str]:
    yield _COMMAND_LINE
    for context in _contexts(click.Context(main, info_name="ipc-bridge", **main.context_settings)):
        command = context.command
        yield f"## {context.command_path.removeprefix('ipc-bridge ')}\n"
        yield f"{inspect.cleandoc(command.help or '')}\n"
        yield f"    {context.command_path} {' '.join(command.collect_usage_pieces(context))}\n"
        records = (param.get_help_record(context) for param in command.params if isinstance(param, click.Option))
        options = [(_code(option), text) for option, text in filter(None, records)]
        if options:
            yield from _table(("option", ""), options)
            yield ""
    yield _FACES.removesuffix("\n")


def _contexts(group: click.Context) -> Iterator[click.Context]:
    """Every command below ``group``, in order."""
    if not isinstance(group.command, click.Group):
        yield group
        return
    for name in group.command.list_commands(group):
        if (command := group.command.get_command(group, name)) is not None:
            yield from _contexts(click.Context(command, parent=group, info_name=name))


def _endpoints_lines() -> Iterator[str]:
    yield _HEAD
    for group in dict.fromkeys(endpoint.group for endpoint in ENDPOINTS.values()):
        yield f"## {group}\n"
        for endpoint in ENDPOINTS.values():
            if endpoint.group == group:
                yield from _endpoint_lines(endpoint)
    yield "## Properties\n"
    yield from _table(
        ("property", "read by", "set by"),
        (
            (_code(setting.name), _code(setting.getter.path), _code(setting.setter.path) if setting.setter else "")
            for setting in SETTINGS.values()
        ),
    )
    yield "\n## Presses\n"
    yield from _table(
        ("press", "call"),
        ((_code(action.name), _code(action.endpoint.path) if action.endpoint else "") for action in ACTIONS.values()),
    )


def _endpoint_lines(endpoint: Endpoint) -> Iterator[str]:
    traits = (
        _EFFECTS[endpoint.effect],
        _AUTHS[endpoint.auth],
        "multipart" if endpoint.multipart else None,
        "the camera is away for a while" if endpoint.disruptive else None,
        f"{' and '.join(model.value for model in endpoint.models)} only" if endpoint.models else None,
    )
    yield f"### {endpoint.path}\n"
    rules = (f" {check.__doc__}".replace("``", "`") for check in endpoint.checks)
    yield f"{_upper(endpoint.title)}: {'; '.join(filter(None, traits))}.{''.join(rules)}\n"
    if endpoint.fields:
        yield from _table(("parameter", "", "may be"), (_parameter(endpoint, name) for name in endpoint.fields))
        yield ""
    if endpoint.reply:
        yield f"Answers {', '.join(_member(name, member) for name, member in endpoint.reply.items())}.\n"
    if endpoint.codes:
        codes = (f"{code} {DEVICE_CODES[code].name}" for code in sorted(endpoint.codes))
        yield f"Codes: {', '.join(codes)}.\n"


def _parameter(endpoint: Endpoint, name: str) -> tuple[str, ...]:
    field = endpoint.fields[name]
    unit = f" {field.unit}" if field.unit else ""
    return _code(name), "" if name in endpoint.params else "optional", field.expected + unit


def _member(name: str, member: Field) -> str:
    shown = " (never shown)" if member.secret else ""
    return " or ".join(_code(spelling) for spelling in (name, *member.aliases)) + shown


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    head = tuple(head)
    for row in (head, ("---",) * len(head), *rows):
        yield f"| {' | '.join(row)} |"


def _upper(text: str) -> str:
    return text[0].upper() + text[1:]


def _code(text: str) -> str:
    return f"`{text}`"


if __name__ == "__main__":
    (FOLDER / "endpoints.md").write_text(endpoints(), encoding="utf-8")
    (FOLDER / "command-line.md").write_text(command_line(), encoding="utf-8")
