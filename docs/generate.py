"""Writes the documents that are made of tables in the code: ``make docs``."""

from __future__ import annotations

import inspect
import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from ipc_bridge.catalog import cloud, device
from ipc_bridge.catalog.codes import DEVICE_CODES, cloud_meaning
from ipc_bridge.catalog.endpoint import Auth, Effect, Endpoint
from ipc_bridge.catalog.fields import Field
from ipc_bridge.catalog.settings import ACTIONS, SETTINGS
from ipc_bridge.catalog.windows import Merge, Window
from ipc_bridge.cli import main
from ipc_bridge.hooks import (
    Bridge,
    Camera,
    Command,
    Entity,
    Event,
    FaceEvent,
    MotionEvent,
    OtherEvent,
    Setting,
    specs,
)
from ipc_bridge.hooks.loading import HOOKS

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
_CLOUD_HEAD = """\
# The cloud's API

Made by `make docs` from `ipc_bridge/catalog`; changes belong there. [cloud.md](cloud.md) says what the bridge does with
it.

Over MQTT a call is `ipc_bridge/shop/SHOP/request/PATH`, with its parameters as a JSON object; `sunmi_shop_no` is filled
in. Beside the codes that stand here the cloud may answer any other; beside the members, others. What stands with "or"
is one member, which answers spell in more than one way.
"""
_EFFECTS = {
    Effect.READ: "reads",
    Effect.WRITE: "writes",
    Effect.ACTION: "acts",
    Effect.DANGER: "needs `commands.allow_destructive`",
}
_MERGES = {
    None: "; more cannot be put together",
    Merge.UNITE: "; for more the bridge makes several",
    Merge.ADD: "; for more the bridge makes several and adds up, but for distinct persons",
}
_AUTHS = {
    Auth.ACCOUNT: None,
    Auth.ACTIVATION_CODE: "signed with the activation code",
    Auth.NONE: "not signed",
}


_HOOKS = """\
# Hooks

Made by `make docs` from `ipc_bridge/hooks`; changes belong there. [plugins.md](plugins.md) tells how plugins are
written and run.

A hook is a function with its name, marked with `@hookimpl` (`from ipc_bridge import hookimpl`). Arguments are taken by
name, and those that are not wanted are left out. Hooks of the first two kinds, and a plugin's verbs, may be plain
functions or async ones.
"""


def hooks() -> str:
    """The text of ``hooks.md``."""
    return "\n".join(_hooks_lines()) + "\n"


def _hooks_lines() -> Iterator[str]:
    yield _HOOKS
    happened = [name for name in HOOKS if name not in (*specs.ASKED, *specs.ADDED)]
    for title, names in (
        ("Something happened", happened),
        ("May I change this?", list(specs.ASKED)),
        ("What do you add?", list(specs.ADDED)),
    ):
        yield f"## {title}\n"
        for name in names:
            yield f"### {name}\n"
            yield f"    def {_signature(HOOKS[name])}\n"
            yield f"{_text(HOOKS[name])}\n"
    yield "## bridge\n"
    for name, member in vars(Bridge).items():
        if isinstance(member, property):
            yield f"### bridge.{name}\n\n{_text(member)}\n"
        elif inspect.isfunction(member) and not name.startswith("_"):
            yield f"### bridge.{name}\n\n    {_call(member)}\n\n{_text(member)}\n"
    yield "## camera\n"
    yield f"{_text(Camera)}\n"
    yield f"{_attributes(Camera)}\n"
    for name in ("call", "set", "press"):
        yield f"### camera.{name}\n\n    {_call(getattr(Camera, name))}\n\n{_text(getattr(Camera, name))}\n"
    yield "## event, command, setting\n"
    for subject in (Event, FaceEvent, MotionEvent, OtherEvent, Command, Setting, Entity):
        yield f"### {subject.__name__}\n"
        yield f"{_text(subject)}\n"
        yield f"{_attributes(subject)}\n"


def _signature(function: Any) -> str:
    """A function's name and arguments, without their types."""
    return f"{function.__name__}({', '.join(inspect.signature(function).parameters)})"


def _call(function: Any) -> str:
    """How a method is called, with its types and defaults."""
    parameters = list(inspect.signature(function).parameters.values())[1:]
    text = re.sub(r"'([A-Za-z][^']*)'", r"\1", str(inspect.Signature(parameters)))
    returns = function.__annotations__["return"]
    awaits = "await " if inspect.iscoroutinefunction(function) else ""
    return f"{awaits}{function.__qualname__.lower()}{text} -> {returns}"


def _attributes(subject: type) -> str:
    """A dataclass's own attributes with their types."""
    inherited = {name for base in subject.__mro__[1:] for name in getattr(base, "__annotations__", {})}
    own = {name: kind for name, kind in subject.__annotations__.items() if name not in inherited and name[0] != "_"}
    return ", ".join(f"{_code(name)} ({kind})" for name, kind in own.items())


def _text(thing: Any) -> str:
    """A docstring as Markdown: its sections become paragraphs."""
    lines = inspect.cleandoc(thing.__doc__ or "").replace("``", "`").replace(":meth:", "").splitlines()
    bullets = (re.sub(r"^    (?=\S)", "- ", line) for line in lines)
    text = "\n".join(re.sub(r"^ {8}", "  ", line) for line in bullets)
    return re.sub(r"^(Args|Returns|Raises):$", r"\1:\n", text, flags=re.MULTILINE)


def endpoints() -> str:
    """The text of ``endpoints.md``."""
    return _joined(
        [_HEAD],
        _groups_lines(device.ENDPOINTS, lambda _endpoint, code: DEVICE_CODES[code].name),
        _properties_lines(),
    )


def cloud_endpoints() -> str:
    """The text of ``cloud-endpoints.md``."""
    lines = _groups_lines(cloud.ENDPOINTS, lambda endpoint, code: f"({cloud_meaning(endpoint.path, code)})")
    return _joined([_CLOUD_HEAD], lines).rstrip() + "\n"


def command_line() -> str:
    """The text of ``command-line.md``."""
    return "\n".join(_command_line_lines()) + "\n"


DOCUMENTS = {
    "endpoints.md": endpoints,
    "cloud-endpoints.md": cloud_endpoints,
    "command-line.md": command_line,
    "hooks.md": hooks,
}
"""Every document that is made, with what makes it."""


def _joined(*lines: Iterable[str]) -> str:
    return "\n".join(itertools.chain(*lines)) + "\n"


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


def _groups_lines(rows: Mapping[str, Endpoint], name: Callable[[Endpoint, int], str | None]) -> Iterator[str]:
    for group in dict.fromkeys(endpoint.group for endpoint in rows.values()):
        yield f"## {group}\n"
        for endpoint in rows.values():
            if endpoint.group == group:
                yield from _endpoint_lines(endpoint, name)


def _properties_lines() -> Iterator[str]:
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


def _endpoint_lines(endpoint: Endpoint, name: Callable[[Endpoint, int], str | None]) -> Iterator[str]:
    traits = (
        "experimental (the vendor calls it unfinished)" if endpoint.experimental else None,
        _EFFECTS[endpoint.effect],
        _AUTHS[endpoint.auth],
        "multipart" if endpoint.multipart else None,
        "the camera is away for a while" if endpoint.disruptive else None,
        f"{' and '.join(model.value for model in endpoint.models)} only" if endpoint.models else None,
    )
    yield f"### {endpoint.path}\n"
    rules = (f" {check.__doc__}".replace("``", "`") for check in endpoint.checks)
    yield f"{_upper(endpoint.title)}: {'; '.join(filter(None, traits))}.{''.join(rules)}{_window(endpoint.window)}\n"
    if endpoint.fields:
        yield from _table(("parameter", "", "may be"), (_parameter(endpoint, name) for name in endpoint.fields))
        yield ""
    if endpoint.told:
        yield f"Answers {', '.join(_member(name, member) for name, member in endpoint.told.items())}.\n"
    if endpoint.codes:
        codes = (f"{code} {name(endpoint, code)}" for code in sorted(endpoint.codes))
        yield f"Codes: {', '.join(codes)}.\n"


def _window(window: Window | None) -> str:
    if window is None:
        return ""
    if not window.enforced:
        return f" It may refuse more than {window}."
    before = ", of days before today" if window.before_today else ""
    return f" One call tells of at most {window}{before}{_MERGES[window.merge]}."


def _parameter(endpoint: Endpoint, name: str) -> tuple[str, ...]:
    field = endpoint.fields[name]
    unit = f" {field.unit}" if field.unit else ""
    default = f"{field.expected}{unit}; {endpoint.defaults[name]} if not given" if name in endpoint.defaults else ""
    optional = name not in endpoint.params or name in endpoint.defaults
    return _code(name), "optional" if optional else "", default or field.expected + unit


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
    for file, make in DOCUMENTS.items():
        (FOLDER / file).write_text(make(), encoding="utf-8")
