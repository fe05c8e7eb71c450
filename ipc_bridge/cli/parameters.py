"""The parameters of a call on the command line: ``name=value``, a picture as ``pic=@file.jpg``."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click
import voluptuous as vol
from click.shell_completion import CompletionItem

from ipc_bridge.catalog.endpoint import Endpoint
from ipc_bridge.catalog.fields import Choice, Field, File
from ipc_bridge.errors import ParameterError

_T = TypeVar("_T", bound=Callable[..., Any])

MAX_SUGGESTIONS = 200
"""Files: nobody reads more, and a directory of thousands must not stop the shell."""


def endpoint_argument(rows: Mapping[str, Endpoint], metavar: str, missing: str, hint: str) -> Callable[[_T], _T]:
    """An argument ``endpoint`` of a command: the path of one of ``rows``, completed.

    Args:
        rows: the calls that there are.
        metavar: what a path looks like.
        missing: who has no other calls, such as ``cameras have no call``.
        hint: where they are listed.
    """

    def find(_context: click.Context, _parameter: click.Parameter, path: str) -> Endpoint:
        if path not in rows:
            close = difflib.get_close_matches(path, rows, 1, cutoff=0.5)
            raise click.BadParameter(f"{missing} {path}: {f'did you mean {close[0]}?' if close else hint}")
        return rows[path]

    def suggest(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return [CompletionItem(row.path, help=row.title) for row in rows.values() if row.path.startswith(incomplete)]

    return click.argument("endpoint", metavar=metavar, callback=find, shell_complete=suggest)


def parse(call: Endpoint, words: Iterable[str]) -> dict[str, Any]:
    """Return what is sent for a call's parameters.

    Raises:
        ParameterError: one is wrong, missing or too much, or a file cannot be read.
    """
    return call.check(read_words(call, words))


def read_words(call: Endpoint, words: Iterable[str]) -> dict[str, Any]:
    """Return the parameters that ``words`` name, in the vendor's form; whether they fit is not judged.

    Raises:
        ParameterError: a word is no parameter, or a file cannot be read.
    """
    params: dict[str, Any] = {}
    for word in words:
        name, equals, text = word.partition("=")
        if not equals:
            raise ParameterError(f"{word} is no parameter: write name=value")
        if name in params:
            raise ParameterError(f"{name} is given twice")
        params[name] = _value(call.fields.get(name), text)
    return params


def _value(field: Field | None, text: str) -> Any:
    if isinstance(field, File) and text.startswith("@"):
        return read_picture(Path(text[1:]), field)
    if field is None:
        return text
    try:
        return field.decode(text)
    except vol.Invalid:
        # What is wrong is told by the endpoint, with all else that is.
        return field.parse(text)


def read_picture(path: Path, field: File | None = None) -> bytes:
    """Return the picture in a file.

    Args:
        path: the file.
        field: what it may be; a camera's limits where None.

    Raises:
        ParameterError: it cannot be read, or is none that is taken.
    """
    field = field or File()
    try:
        with path.open("rb") as file:
            content = file.read(field.max_bytes + 1)
    except OSError as error:
        raise ParameterError(f"{path} cannot be read: {error.strerror}") from error
    try:
        return bytes(field(content))
    except vol.Invalid as error:
        raise ParameterError(f"{path} is not {field.limits}") from error


def complete(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of a call's parameters, and the values of those that have few."""
    call = context.params.get("endpoint")
    if not isinstance(call, Endpoint):
        return []
    # Some shells hand over `zoom=12` in one piece, others, such as bash, as `zoom`, `=` and `12`.
    given: Sequence[str] = [word for word in context.params.get("words") or () if word != "="]
    if given and given[-1] in call.fields:
        return list(_values(call.fields[given[-1]], "", incomplete))
    name, equals, text = incomplete.partition("=")
    if equals:
        return list(_values(call.fields[name], f"{name}=", text)) if name in call.fields else []
    used = {word.partition("=")[0] for word in given}
    return [
        CompletionItem(f"{name}=", help=field.expected)
        for name, field in call.fields.items()
        if name not in used and name.startswith(incomplete)
    ]


def _values(field: Field, front: str, incomplete: str) -> Iterator[CompletionItem]:
    if isinstance(field, Choice):
        for key, word in field.choices.items():
            if str(key).startswith(incomplete):
                yield CompletionItem(f"{front}{key}", help=str(word))
    elif isinstance(field, File):
        for path in _files(incomplete.removeprefix("@")):
            yield CompletionItem(f"{front}@{path}")


def _files(beginning: str) -> list[str]:
    folder, _, name = beginning.rpartition("/")
    place = f"{folder}/" if "/" in beginning else ""
    try:
        with os.scandir(place or ".") as entries:
            fitting = [entry for entry in entries if entry.name.startswith(name)]
            return sorted(f"{place}{entry.name}{'/' if entry.is_dir() else ''}" for entry in fitting)[:MAX_SUGGESTIONS]
    except OSError:
        return []


def usage(call: Endpoint) -> str:
    """The parameters of a call in one line, the optional ones in brackets."""
    return " ".join([*call.params, *(f"[{name}]" for name in call.optional)])
