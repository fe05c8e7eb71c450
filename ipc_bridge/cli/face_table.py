"""The table beside pictures of faces, ``faces.csv`` or ``faces.yaml``: who is on which.

A row has the picture's name under ``file`` and what the camera is to know: ``faceid``, ``age``, ``gender``, and under
any other name an attribute of the group.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any, Self

import voluptuous as vol
import yaml

from ipc_bridge.catalog.device import ADD_FACE, MAX_FACES
from ipc_bridge.catalog.fields import Choice
from ipc_bridge.errors import ParameterError

CSV_NAME = "faces.csv"
NAMES = (CSV_NAME, "faces.yaml", "faces.yml")
COLUMNS = ("faceid", "age", "gender")
"""What a camera knows of every face; beside it are attributes."""
MAX_BYTES = 16 * 1024 * 1024
"""Of a table: 500 for each face that a camera can hold."""


@dataclass(frozen=True, slots=True)
class Row:
    """One face, in the words of the table."""

    file: str
    details: Mapping[str, str] = field(default_factory=dict)
    attributes: Mapping[str, str] = field(default_factory=dict)

    def params(self) -> dict[str, Any]:
        """The parameters of :data:`ADD_FACE`, but for picture and group; what is wrong with them is judged later."""
        known = {name: _read(name, text) for name, text in self.details.items()}
        return {**known, **({"attributes": dict(self.attributes)} if self.attributes else {})}


def _read(name: str, text: str) -> Any:
    shape = ADD_FACE.fields[name]
    try:
        return shape.from_public(text) if isinstance(shape, Choice) and not text.isdigit() else shape.decode(text)
    except vol.Invalid:
        return text


def find_table(directory: Path) -> Path | None:
    """Return the table in ``directory``, where there is one.

    Raises:
        ParameterError: there are several.
    """
    found = [directory / name for name in NAMES if (directory / name).exists()]
    if len(found) > 1:
        raise ParameterError(f"{found[0]} and {found[1].name} are both there: give one with --table")
    return found[0] if found else None


def read_table(path: Path) -> dict[str, Row]:
    """Return the rows of a table by the names of their files.

    Raises:
        ParameterError: it is no such table.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise ParameterError(f"{path} is larger than {MAX_BYTES} bytes")
        # With the mark that spreadsheets put in front.
        text = content.decode("utf-8-sig")
    except OSError as error:
        raise ParameterError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ParameterError(f"{path} is not in UTF-8") from error
    rows = _read_csv(path, text) if path.suffix.lower() == ".csv" else _read_yaml(path, text)
    if len(rows) > MAX_FACES:
        raise ParameterError(f"{path} has {len(rows)} faces, and a camera holds {MAX_FACES}")
    return rows


def _read_csv(path: Path, text: str) -> dict[str, Row]:
    head = text.partition("\n")[0]
    # Some spreadsheets write semicolons.
    reader = csv.DictReader(StringIO(text, newline=""), delimiter=";" if head.count(";") > head.count(",") else ",")
    rows: dict[str, Row] = {}
    try:
        if "file" not in (reader.fieldnames or ()):
            raise ParameterError(f"{path}:1: there is no column file; it names the picture")
        for cells in reader:
            where = f"{path}:{reader.line_num}"
            if None in cells:
                raise ParameterError(f"{where}: there are more cells than columns")
            _add(rows, where, _row(cells))
    except csv.Error as error:
        raise ParameterError(f"{path}:{reader.line_num}: {error}") from error
    return rows


def _read_yaml(path: Path, text: str) -> dict[str, Row]:
    try:
        # Everything as text: a telephone number is none that is counted with.
        content = yaml.load(text, yaml.BaseLoader)  # noqa: S506 - it makes nothing but text, lists and mappings
    except yaml.YAMLError as error:
        raise ParameterError(f"{path} is no YAML: {error}") from error
    if not isinstance(content, dict):
        raise ParameterError(f"{path} has no mapping of pictures to what is known of them")
    rows: dict[str, Row] = {}
    for file, known in content.items():
        where = f"{path}: {file}"
        if not isinstance(known or {}, dict) or not all(isinstance(value, str) for value in (known or {}).values()):
            raise ParameterError(f"{where}: expected a mapping of names to text")
        _add(rows, where, _row({**(known or {}), "file": file}))
    return rows


def _add(rows: dict[str, Row], where: str, row: Row) -> None:
    if not row.file:
        raise ParameterError(f"{where}: file is empty")
    if row.file in rows:
        raise ParameterError(f"{where}: {row.file} stands there twice")
    rows[row.file] = row


def _row(cells: Mapping[str, str | None]) -> Row:
    given = {name.strip(): text.strip() for name, text in cells.items() if text is not None and text.strip()}
    file = given.pop("file", "")
    details = {name: given.pop(name) for name in COLUMNS if name in given}
    return Row(file, details, given)


class TableWriter:
    """Writes a table row by row, so that what is there stays if the rest does not come.

    Args:
        path: the new file.
        attributes: the columns for them.

    Raises:
        OSError: it is there already, or cannot be written.
    """

    def __init__(self, path: Path, attributes: Sequence[str]) -> None:
        self.attributes = attributes
        self.rows = 0
        """How many are written."""
        self._file = path.open("x", encoding="utf-8", newline="")
        self._writer = csv.DictWriter(self._file, ["file", *COLUMNS, *attributes])
        self._writer.writeheader()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._file.close()

    def add(self, row: Row) -> None:
        """Write one row."""
        self._writer.writerow({"file": row.file, **row.details, **row.attributes})
        self._file.flush()
        self.rows += 1
