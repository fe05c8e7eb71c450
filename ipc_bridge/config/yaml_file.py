"""A YAML file as plain values, with the line of every key and the tags ``!secret``, ``!env`` and ``!file``.

PyYAML finds the nodes; the values are made here, because its own constructor forgets lines, lets the last of two equal
keys win, reads ``10:30`` as 630 and follows aliases without a limit.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import yaml

from ipc_bridge.errors import ConfigError

MAX_BYTES = 1_048_576
"""A configuration is written by hand; more is a mistake in the file's name."""
MAX_TAGGED_BYTES = 65_536
"""What ``!file`` may bring."""
MAX_DEPTH = 50
MAX_VALUES = 100_000
"""All values with aliases followed, so that a few lines cannot grow into gigabytes."""

KeyPath = tuple[str | int, ...]

_NULL, _BOOL, _INT, _FLOAT = (f"tag:yaml.org,2002:{name}" for name in ("null", "bool", "int", "float"))
_MERGE, _SEQUENCE, _MAPPING = (f"tag:yaml.org,2002:{name}" for name in ("merge", "seq", "map"))
# What YAML 1.1 makes a date or a "value" stays text here.
_TEXT = tuple(f"tag:yaml.org,2002:{name}" for name in ("str", "timestamp", "value"))


class Tagged(str):
    """Text that a tag brought: coerced where a number is wanted, and never shown."""

    __slots__ = ("origin",)
    origin: str

    @classmethod
    def make(cls, text: str, origin: str) -> Tagged:
        """``text`` as the tag in ``origin`` (``!env PORT``) gave it."""
        made = cls(text)
        made.origin = origin
        return made


class Problem(NamedTuple):
    """Something wrong at a key, before its meaning was looked at."""

    path: KeyPath
    text: str


@dataclass(frozen=True, slots=True)
class Source:
    """Where each key stands, for messages that are made when the file is long closed."""

    name: str = "config.yaml"
    lines: Mapping[KeyPath, int] = field(default_factory=dict, repr=False)

    def line_of(self, path: Sequence[str | int]) -> int:
        """The line of the key at ``path``; where it is missing, that of the section around it; else 1."""
        for length in range(len(path), 0, -1):
            line = self.lines.get(tuple(path[:length]))
            if line is not None:
                return line
        return 1

    def problem(self, path: Sequence[str | int], text: str) -> str:
        """One line of a :class:`~ipc_bridge.errors.ConfigError` about the key at ``path``, which may be missing."""
        return f"{self.name}:{self.line_of(path)}: {_dotted(path)}: {text}"


@dataclass(frozen=True, slots=True)
class Document:
    """The file's values: ``None``, ``bool``, ``int``, ``float``, ``str``, :class:`Tagged`, ``list`` and ``dict``."""

    root: object
    source: Source
    problems: list[Problem]

    def at(self, path: Sequence[str | int]) -> object:
        """The value as it was read; ``None`` where there is none."""
        value = self.root
        for step in path:
            if isinstance(value, dict):
                value = value.get(step)
            elif isinstance(value, list) and isinstance(step, int):
                value = value[step]
            else:
                return None
        return value


def read_document(path: Path, environment: Mapping[str, str]) -> Document:
    """Read a YAML file.

    Args:
        path: the file; messages name it as it is given here.
        environment: what ``!env`` reads.

    Raises:
        ConfigError: there is no such file, or it is no YAML at all. What concerns single keys is in ``problems``.
    """
    try:
        node = _compose(_read_text(path, MAX_BYTES))
        builder = _Builder(path.parent, environment)
        root = {} if node is None else builder.build(node, ())
    except _UnreadableError as error:
        reason = f"cannot be read ({error}), expected a YAML file in UTF-8"
        raise ConfigError([f"{path}:1: configuration: {reason}"]) from error
    except _NotYamlError as error:
        raise ConfigError([f"{path}:{error.line}: configuration: {error}"]) from error
    return Document(root, Source(str(path), builder.lines), builder.problems)


class _UnreadableError(Exception):
    """A file, secret or variable that cannot be had. The message never holds its content."""


class _NotYamlError(Exception):
    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


class _Loader(yaml.SafeLoader):
    """Composes nodes, and stops before the depth of the file becomes the depth of Python's stack."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self._depth == MAX_DEPTH:
            raise _NotYamlError(self.line + 1, f"is nested too deeply, expected at most {MAX_DEPTH} levels")
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node


def _compose(text: str) -> yaml.Node | None:
    try:
        loader = _Loader(text)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise _NotYamlError(line, "is no YAML: there is a control character, expected text") from error
    try:
        return loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        # A quoted piece of the file could be a piece of a secret (an alias, a tag); the names of tokens are not.
        reason = re.sub(r"""(['"])(?!<)[^'"]{3,}\1""", "something", f"{error.problem}")
        raise _NotYamlError(mark.line + 1 if mark else 1, f"is no YAML: {reason}") from error
    except (ValueError, OverflowError) as error:
        raise _NotYamlError(
            loader.line + 1, "is no YAML: there is an escape or a version that means nothing"
        ) from error
    finally:
        loader.dispose()


def _read_text(path: Path, limit: int) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(limit + 1)
    except OSError as error:
        raise _UnreadableError((error.strerror or type(error).__name__).lower()) from error
    except ValueError as error:
        raise _UnreadableError("its name cannot be that of a file") from error
    if len(content) > limit:
        raise _UnreadableError(f"it is larger than {limit} bytes")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _UnreadableError(f"it is not UTF-8 at byte {error.start}") from None


class _Secrets:
    """``secrets.yaml`` beside the configuration: one level of names, read when the first is asked for."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __call__(self, name: str) -> str:
        node = self._names.get(name)
        if node is None:
            raise _UnreadableError(f"{self._path.name} has no such name")
        if not isinstance(node, yaml.ScalarNode):
            raise _UnreadableError(f"{self._path.name} has more than a single value there")
        return str(node.value)

    @cached_property
    def _names(self) -> dict[str, yaml.Node]:
        try:
            root = _compose(_read_text(self._path, MAX_BYTES))
        except _UnreadableError as error:
            raise _UnreadableError(f"{self._path.name} cannot be read: {error}") from error
        except _NotYamlError as error:
            raise _UnreadableError(f"{self._path.name} is no YAML at its line {error.line}") from None
        if not isinstance(root, yaml.MappingNode):
            raise _UnreadableError(f"{self._path.name} is not a list of NAME: VALUE")
        return {key.value: value for key, value in root.value if isinstance(key, yaml.ScalarNode)}


class _Builder:
    """Makes values of nodes and notes the line of every key."""

    def __init__(self, directory: Path, environment: Mapping[str, str]) -> None:
        self.lines: dict[KeyPath, int] = {}
        self.problems: list[Problem] = []
        self._directory = directory
        self._environment = environment
        self._open: set[yaml.Node] = set()
        self._left = MAX_VALUES
        self._constructor = yaml.constructor.SafeConstructor()
        self._tags: dict[str, Callable[[str], str]] = {
            "!secret": _Secrets(directory / "secrets.yaml"),
            "!env": self._variable,
            "!file": self._file,
        }

    def build(self, node: yaml.Node, path: KeyPath) -> object:
        """The value of ``node``; ``None``, with a problem noted, where it has none."""
        self._left -= 1
        if self._left < 0:
            raise _NotYamlError(_line(node), f"grows to more than {MAX_VALUES} values through its aliases")
        if node.tag in self._tags:
            return self._tagged(node, path)
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, path)
        if isinstance(node, yaml.SequenceNode) and node.tag == _SEQUENCE:
            return self._list(node, path)
        if isinstance(node, yaml.MappingNode) and node.tag == _MAPPING:
            return self._mapping(node, path)
        self._unknown_tag(path)
        return None

    def _list(self, node: yaml.SequenceNode, path: KeyPath) -> list[object]:
        with self._inside(node):
            values = []
            for index, item in enumerate(node.value):
                here = (*path, index)
                self.lines[here] = _line(item)
                values.append(self.build(item, here))
            return values

    def _mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, object]:
        with self._inside(node):
            values = {}
            for name, (line, value) in self._pairs(node, path).items():
                here = (*path, name)
                self.lines[here] = line
                values[name] = self.build(value, here)
            return values

    def _pairs(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, tuple[int, yaml.Node]]:
        """Each key as it is written, so that ``on`` or ``1`` are names like any other, with its line and value."""
        own: dict[str, tuple[int, yaml.Node]] = {}
        merged: dict[str, tuple[int, yaml.Node]] = {}
        for key, value in node.value:
            if key.tag == _MERGE:
                merged = {**self._merged(value, path), **merged}
            elif not isinstance(key, yaml.ScalarNode) or not key.tag.startswith("tag:"):
                self.lines.setdefault((*path, "?"), _line(key))
                self.problems.append(Problem((*path, "?"), "is not a key, expected a plain name before the colon"))
            elif key.value in own:
                first, kept = own[key.value]
                own[key.value] = (_line(key), kept)  # the message stands at the line that is too many
                self.problems.append(Problem((*path, key.value), f"is given twice, first in line {first}; keep one"))
            else:
                own[key.value] = (_line(key), value)
        return {**merged, **own}

    def _merged(self, node: yaml.Node, path: KeyPath) -> dict[str, tuple[int, yaml.Node]]:
        """The keys that ``<<: *anchor`` or ``<<: [*one, *two]`` brings; of equal ones the first counts."""
        pairs: dict[str, tuple[int, yaml.Node]] = {}
        for source in node.value if isinstance(node, yaml.SequenceNode) else [node]:
            if not isinstance(source, yaml.MappingNode):
                raise _NotYamlError(_line(node), "has something behind '<<' that is no mapping")
            self._left -= 1 + len(source.value)
            if self._left < 0:
                raise _NotYamlError(_line(node), f"grows to more than {MAX_VALUES} values through its aliases")
            with self._inside(source):
                pairs = {**self._pairs(source, path), **pairs}
        return pairs

    @contextmanager
    def _inside(self, node: yaml.Node) -> Iterator[None]:
        if node in self._open:
            raise _NotYamlError(_line(node), "has an anchor that contains itself, expected an end to it")
        if len(self._open) == MAX_DEPTH:
            raise _NotYamlError(_line(node), f"is nested too deeply, expected at most {MAX_DEPTH} levels")
        self._open.add(node)
        yield
        self._open.remove(node)

    def _scalar(self, node: yaml.ScalarNode, path: KeyPath) -> object:
        if node.tag == _NULL:
            return None
        if node.tag in _TEXT or (node.tag in (_INT, _FLOAT) and ":" in node.value):
            return str(node.value)
        make = {
            _BOOL: self._constructor.construct_yaml_bool,
            _INT: self._constructor.construct_yaml_int,
            _FLOAT: self._constructor.construct_yaml_float,
        }.get(node.tag)
        if make is None:
            self._unknown_tag(path)
            return None
        try:
            return make(node)
        except (ValueError, LookupError, OverflowError):
            self.problems.append(Problem(path, "cannot be read as a number, expected one with fewer digits or none"))
            return None

    def _unknown_tag(self, path: KeyPath) -> None:
        # The tag is not shown: a password that begins with "!" looks like one.
        self.problems.append(
            Problem(path, "has an unknown tag, expected !secret, !env, !file or quotes around the text")
        )

    def _tagged(self, node: yaml.Node, path: KeyPath) -> Tagged | None:
        if not isinstance(node, yaml.ScalarNode):
            self.problems.append(Problem(path, f"has {node.tag} before more than a single name"))
            return None
        origin = f"{node.tag} {_printable(node.value)}"
        try:
            return Tagged.make(self._tags[node.tag](node.value), origin)
        except _UnreadableError as error:
            self.problems.append(Problem(path, f"{origin} gives nothing: {error}"))
            return None

    def _variable(self, name: str) -> str:
        value = self._environment.get(name)
        if value is None:
            raise _UnreadableError("the environment has no such variable")
        return value

    def _file(self, name: str) -> str:
        return _read_text(self._directory / name, MAX_TAGGED_BYTES).rstrip("\r\n")


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _dotted(path: Sequence[str | int]) -> str:
    """``cameras[1].host``; ``configuration`` for the whole file."""
    joined = "".join(f"[{step}]" if isinstance(step, int) else f".{_printable(step)}" for step in path)
    return joined.removeprefix(".") or "configuration"


def _printable(name: str) -> str:
    short = name if len(name) <= 64 else f"{name[:61]}..."
    is_plain = short.isprintable() and short != "" and short == short.strip()
    return short if is_plain else repr(short)
