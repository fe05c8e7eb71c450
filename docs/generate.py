"""Writes the documents that are made of tables in the code: ``make docs``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from ipc_bridge.catalog.codes import DEVICE_CODES
from ipc_bridge.catalog.device import ENDPOINTS
from ipc_bridge.catalog.endpoint import Auth, Effect, Endpoint
from ipc_bridge.catalog.fields import Field
from ipc_bridge.catalog.settings import ACTIONS, SETTINGS

FOLDER = Path(__file__).parent

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
