"""From dataclasses to voluptuous: a section is a dataclass, and each of its fields says what it may hold.

``option()`` declares a field with its validator and default; :class:`Section` derives the schema from these fields,
finds every problem of a section at once and makes the dataclass.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from pathlib import Path
from typing import Any, ClassVar

import voluptuous as vol

from ipc_bridge.config.values import UnfitError, Validator, kind


@dataclass(frozen=True, slots=True)
class InDirectory:
    """A validator that is complete once the configuration file's directory is known."""

    make: Callable[[Path], Validator]


def option(
    validator: Validator | InDirectory, default: Any = None, *, required: str | None = None, secret: bool = False
) -> Any:
    """Declare one key of a section: a dataclass field.

    Args:
        validator: turns the value of the file into the field's, or raises.
        default: the field's value where the key is not given, or null; called where it can be (``dict``).
        required: what was expected, for the message where the key is missing; then there is no default.
        secret: never show the value, in no message and no ``repr``.
    """
    metadata = {"validator": validator, "required": required, "secret": secret}
    if required is not None:
        return field(metadata=metadata, repr=not secret)
    if callable(default):
        return field(default_factory=default, metadata=metadata, repr=not secret)
    return field(default=default, metadata=metadata, repr=not secret)


def keys_of(section: type[Keys]) -> list[Field[Any]]:
    """The fields that are keys, in the order in which they are declared."""
    return [item for item in fields(section) if "validator" in item.metadata]


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """Base of every section."""

    is_root: ClassVar[bool] = False

    @classmethod
    def conflicts(cls, values: Mapping[str, Any]) -> Iterator[vol.Invalid]:
        """Yield what is wrong between keys.

        Args:
            values: every key by name; one that is itself wrong has its default, a required one may be missing.
        """
        del values
        yield from ()


def section(keys: type[Keys], build: Callable[..., Any] | None = None) -> InDirectory:
    """A validator for a mapping with ``keys``, made into ``build`` (the dataclass itself unless said otherwise)."""
    return InDirectory(lambda directory: Section(keys, directory, build))


def each(validator: Validator | InDirectory) -> InDirectory:
    """A validator for a list with any number of items, made into a tuple."""
    return InDirectory(lambda directory: Each(_bind(validator, directory)))


class Section:
    """Validates a mapping by the keys of a dataclass. A key that is null counts as not given."""

    def __init__(self, keys: type[Keys], directory: Path, build: Callable[..., Any] | None = None) -> None:
        self._keys = keys
        self._fields = {item.name: item for item in keys_of(keys)}
        self._build = build or keys
        validators = {item.name: _bind(item.metadata["validator"], directory) for item in self._fields.values()}
        self._whole = vol.Schema({self._marker(name): validators[name] for name in validators}, extra=vol.REMOVE_EXTRA)
        self._parts = vol.Schema({vol.Optional(name): validators[name] for name in validators}, extra=vol.REMOVE_EXTRA)

    def __call__(self, value: Any) -> Any:
        """Return the section that ``value`` means; raise ``vol.Invalid`` with all its problems."""
        if not isinstance(value, dict):
            raise vol.Invalid(f"is {kind(value)}, expected {self._description()}")
        given = {name: item for name, item in value.items() if item is not None}
        problems = [self._unknown(name) for name in value if name not in self._fields]
        wrong: set[object] = set()
        try:
            values = self._whole(given)
        except vol.MultipleInvalid as broken:
            problems += broken.errors
            wrong = {error.path[0] for error in broken.errors}
            # What is wrong between keys is found all the same, among those that are right.
            values = self._parts({name: item for name, item in given.items() if name not in wrong})
        conflicts = self._keys.conflicts({**self._defaults(), **values})
        # Of a key that is itself wrong nothing more can be said.
        problems += [problem for problem in conflicts if problem.path[0] not in wrong]
        for problem in problems:
            if isinstance(problem, UnfitError) and self._is_secret(problem.path[0]):
                problem.secret = True
        if problems:
            raise vol.MultipleInvalid(problems)
        return self._build(**values)

    def _marker(self, name: str) -> vol.Marker:
        expected = self._fields[name].metadata["required"]
        return vol.Optional(name) if expected is None else vol.Required(name, msg=f"is missing, expected {expected}")

    def _defaults(self) -> dict[str, Any]:
        made = {
            name: item.default_factory() for name, item in self._fields.items() if item.default_factory is not MISSING
        }
        return made | {name: item.default for name, item in self._fields.items() if item.default is not MISSING}

    def _is_secret(self, name: object) -> bool:
        return isinstance(name, str) and name in self._fields and bool(self._fields[name].metadata["secret"])

    def _unknown(self, name: str) -> vol.Invalid:
        near = difflib.get_close_matches(name[:64].lower(), self._fields, n=1)
        hint = f"did you mean {near[0]}?" if near else f"expected one of {', '.join(self._fields)}"
        return vol.Invalid(f"is an unknown key, {hint}", path=[name])

    def _description(self) -> str:
        what = "a mapping with the sections" if self._keys.is_root else "a section with the keys"
        return f"{what} {', '.join(self._fields)}"


class Each:
    """Validates every item of a list; voluptuous' own lists stop at the first item with a problem inside."""

    def __init__(self, validator: Validator) -> None:
        self._schema = vol.Schema(validator)

    def __call__(self, value: Any) -> tuple[Any, ...]:
        """Return the items; raise ``vol.Invalid`` with the problems of all of them."""
        if not isinstance(value, list):
            raise vol.Invalid(f"is {kind(value)}, expected a list")
        items: list[Any] = []
        problems: list[vol.Invalid] = []
        for index, item in enumerate(value):
            try:
                items.append(self._schema(item))
            except vol.MultipleInvalid as broken:
                broken.prepend([index])
                problems += broken.errors
        if problems:
            raise vol.MultipleInvalid(problems)
        return tuple(items)


def _bind(validator: Validator | InDirectory, directory: Path) -> Validator:
    return validator.make(directory) if isinstance(validator, InDirectory) else validator
