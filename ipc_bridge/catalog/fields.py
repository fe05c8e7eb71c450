"""What one value of the vendor's API may be.

A field is a voluptuous validator: called with a value in the vendor's form, it returns the value to send or raises
``voluptuous.Invalid`` with what the value may be. Requests are judged strictly, by JSON's types: ``True`` is no number,
neither is ``"12"``, and ``12.9`` is no whole one. Replies are read leniently (:meth:`Field.read`), because cameras mix
up types. Where settings have words of their own, the field alone knows both (:meth:`Field.to_public`,
:meth:`Field.from_public`).
"""

from __future__ import annotations

import abc
import base64
import ipaddress
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import voluptuous as vol

from ipc_bridge.picture_size import picture_size

LARGEST = 2**31 - 1
"""The vendor's ``int``."""
MAX_TEXT = 1024
"""Characters, where the vendor names no limit: more than any name or address has."""
MAX_FILE = 1024 * 1024
"""Bytes of a picture."""
MAX_WIDTH, MAX_HEIGHT = 1920, 1080

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
ALWAYS = "always"

_WHOLE = re.compile(r"-?(0|[1-9][0-9]{0,18})", re.ASCII)
_UNSENDABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_TINY_PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="  # one grey pixel
)


class TooLargeError(vol.Invalid):
    """A file is over the camera's limit."""


@dataclass(frozen=True, kw_only=True)
class Field(abc.ABC):
    """What all fields have.

    Args:
        unit: of a number.
        aliases: other spellings of its name in replies.
        secret: whether its values are kept from logs and answers.
        example: a value that is fit; without one the field makes one up.
    """

    unit: str | None = None
    aliases: tuple[str, ...] = ()
    secret: bool = False
    example: Any = None

    @abc.abstractmethod
    def __call__(self, value: Any) -> Any:
        """Return ``value``, which is in the vendor's form, as it is sent.

        Raises:
            voluptuous.Invalid: it does not fit; the message says what would.
        """

    @property
    @abc.abstractmethod
    def expected(self) -> str:
        """What a value may be, in the vendor's form."""

    @property
    @abc.abstractmethod
    def sample(self) -> Any:
        """A value that is fit."""

    def bad_values(self) -> list[Any]:
        """Values that are not fit: of every wrong type, and just beyond every limit."""
        return [None, True, 12.9, {}, [[]]]

    def read(self, value: Any) -> Any:
        """Return what a camera's ``value`` means; None where it means nothing.

        Raises:
            voluptuous.Invalid: it is of a wrong type.
        """
        return value

    def decode(self, text: str) -> Any:
        """Return the value that a form's ``text`` stands for, checked: what :func:`encode` undoes.

        Raises:
            voluptuous.Invalid: it does not fit.
        """
        return self(text)

    def to_public(self, value: Any) -> Any:
        """Return what :meth:`read` returned in the words of settings; None where there is none."""
        return value

    def from_public(self, value: Any) -> Any:
        """Return the vendor's form of a setting: text as Home Assistant sends it, or a JSON value.

        Raises:
            voluptuous.Invalid: it does not fit; the message says in the words of settings what would.
        """
        return self(value)

    @property
    def expected_public(self) -> str:
        """What a setting may be."""
        return self.expected


def encode(value: Any) -> str:
    """Return the text of a checked value in a form: numbers in digits, lists as compact JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def one_of(words: Iterable[Any]) -> str:
    """The words for a sentence: ``a, b or c``."""
    *others, last = map(str, words)
    return f"{', '.join(others)} or {last}" if others else last


@dataclass(frozen=True)
class Int(Field):
    """A whole number between two limits, both allowed; ``what`` it is called in messages."""

    minimum: int = 0
    maximum: int = LARGEST
    what: str = field(default="a whole number", kw_only=True)

    def __call__(self, value: Any) -> int:
        if type(value) is not int or not self.minimum <= value <= self.maximum:
            raise vol.Invalid(self.expected)
        return value

    @property
    def expected(self) -> str:
        return f"{self.what} from {self.minimum} to {self.maximum}"

    @property
    def sample(self) -> int:
        return self.minimum if self.example is None else int(self.example)

    def bad_values(self) -> list[Any]:
        return [*super().bad_values(), str(self.sample), [self.sample], self.minimum - 1, self.maximum + 1]

    def read(self, value: Any) -> int | None:
        if isinstance(value, str) and _WHOLE.fullmatch(value.strip()):
            return int(value)
        if value is not None and type(value) is not int:
            raise vol.Invalid("a whole number")
        return value

    def decode(self, text: str) -> int:
        return Int.__call__(self, int(text) if _WHOLE.fullmatch(text) else None)

    def from_public(self, value: Any) -> int:
        return Int.decode(self, value) if isinstance(value, str) else Int.__call__(self, value)


@dataclass(frozen=True)
class Age(Int):
    """Years. One that was never set comes back as 0, ``""``, ``"NULL"`` or null."""

    maximum: int = 150

    def read(self, value: Any) -> int | None:
        return None if value in ("", "NULL") else super().read(value) or None


@dataclass(frozen=True)
class Count(Int):
    """How many records ``of`` holds, by the camera's word or, where it says nothing, counted."""

    of: str = field(kw_only=True)


@dataclass(frozen=True)
class Choice(Field):
    """One of a few values, each with the word that settings have for it."""

    choices: Mapping[int | str, Any]

    def __call__(self, value: Any) -> Any:
        if type(value) not in {int, str} or value not in self.choices:
            raise vol.Invalid(self.expected)
        return value

    @property
    def expected(self) -> str:
        return one_of(key if key == word else f"{key} ({word})" for key, word in self.choices.items())

    @property
    def sample(self) -> Any:
        return next(iter(self.choices)) if self.example is None else self.example

    def bad_values(self) -> list[Any]:
        other = str(self.sample) if isinstance(self.sample, int) else 0
        beyond = max(key for key in self.choices if isinstance(key, int)) + 1 if isinstance(self.sample, int) else "?"
        return [*super().bad_values(), other, [self.sample], beyond]

    def read(self, value: Any) -> Any:
        # One that is newer than the documents is none of the words, but no mistake either.
        return TEXT.read(value) if isinstance(self.sample, str) else NUMBER.read(value)

    def decode(self, text: str) -> Any:
        return self(int(text) if isinstance(self.sample, int) and _WHOLE.fullmatch(text) else text)

    def to_public(self, value: Any) -> Any:
        return self.choices.get(value)

    def from_public(self, value: Any) -> Any:
        for key, word in self.choices.items():
            if type(value) in {str, type(word)} and str(value) == str(word):
                return key
        raise vol.Invalid(self.expected_public)

    @property
    def expected_public(self) -> str:
        return one_of(self.choices.values())


@dataclass(frozen=True)
class Flag(Choice):
    """On or off."""

    choices: Mapping[int | str, Any] = field(default_factory=lambda: {1: "ON", 0: "OFF"})


@dataclass(frozen=True)
class Weekdays(Int):
    """A bit for each day, Monday the lowest; 128 alone is every day around the clock."""

    minimum: int = 0
    maximum: int = 128

    @property
    def expected(self) -> str:
        return f"128 ({ALWAYS}) or a sum of " + ", ".join(f"{1 << bit} ({day})" for bit, day in enumerate(DAYS))

    def to_public(self, value: int | None) -> str | None:
        if value is None:
            return None
        if value & 128:
            return ALWAYS
        return ",".join(day for bit, day in enumerate(DAYS) if value & 1 << bit) or None

    def from_public(self, value: Any) -> int:
        days = value.split(",") if isinstance(value, str) else []
        if days == [ALWAYS]:
            return 128
        if not days or len(set(days)) < len(days) or not set(days) <= set(DAYS):
            raise vol.Invalid(self.expected_public)
        return sum(1 << DAYS.index(day) for day in days)

    @property
    def expected_public(self) -> str:
        return f"{ALWAYS}, or days with commas: {','.join(DAYS)}"


@dataclass(frozen=True)
class MinuteOfDay(Int):
    """Minutes since midnight; ``HH:MM`` in settings."""

    maximum: int = 24 * 60
    what: str = field(default="a minute of the day", kw_only=True)

    def to_public(self, value: int | None) -> str | None:
        return None if value is None else f"{value // 60:02}:{value % 60:02}"

    def from_public(self, value: Any) -> int:
        parts = re.fullmatch(r"([0-9]{2}):([0-5][0-9])", value, re.ASCII) if isinstance(value, str) else None
        minute = int(parts[1]) * 60 + int(parts[2]) if parts else self.maximum + 1
        if minute > self.maximum:
            raise vol.Invalid(self.expected_public)
        return minute

    @property
    def expected_public(self) -> str:
        return "HH:MM from 00:00 to 24:00"


@dataclass(frozen=True)
class Text(Field):
    """Text in one line.

    Args:
        max_length: in characters.
        allow_empty: whether it may be empty.
        pattern: a regular expression for the whole of it.
        form: that pattern in words.
        reserved: what it may not be.
    """

    max_length: int = MAX_TEXT
    allow_empty: bool = field(default=False, kw_only=True)
    pattern: str = field(default=r"(?s:.*)", kw_only=True)
    form: str = field(default="", kw_only=True)
    reserved: Sequence[str] = field(default=(), kw_only=True)

    def __call__(self, value: Any) -> str:
        if (
            not isinstance(value, str)
            or not (not self.allow_empty) <= len(value) <= self.max_length
            or value in self.reserved
            or _UNSENDABLE.search(value)
            or not re.fullmatch(self.pattern, value, re.ASCII)
        ):
            raise vol.Invalid(self.expected)
        return value

    @property
    def expected(self) -> str:
        refused = f", but not {one_of(self.reserved)}" if self.reserved else ""
        form = f", {self.form}" if self.form else ""
        return f"text of {0 if self.allow_empty else 1} to {self.max_length} characters in one line{form}{refused}"

    @property
    def sample(self) -> str:
        return "x" if self.example is None else str(self.example)

    def bad_values(self) -> list[Any]:
        empty = [] if self.allow_empty else [""]
        return [*super().bad_values(), 12, [self.sample], "9" * (self.max_length + 1), "\n", *empty, *self.reserved]

    def read(self, value: Any) -> str | None:
        if value is not None and not isinstance(value, str):
            raise vol.Invalid("text")
        return value and (value.strip() or None)


@dataclass(frozen=True)
class FaceId(Text):
    """A positive 64-bit number as text; leading zeros belong to it."""

    max_length: int = 32
    pattern: str = field(default=r"0*[1-9][0-9]{0,18}", kw_only=True)
    form: str = field(default="the digits of a number from 1 to 9223372036854775807", kw_only=True)

    def __call__(self, value: Any) -> str:
        if int(super().__call__(value)) >= 2**63:
            raise vol.Invalid(self.expected)
        return str(value)

    @property
    def sample(self) -> str:
        return self.example or "1"

    def bad_values(self) -> list[Any]:
        return [*super().bad_values(), "Vip11024", "0", "-1", str(2**63)]


@dataclass(frozen=True)
class IPv4(Text):
    """An IPv4 address."""

    def __call__(self, value: Any) -> str:
        try:
            return str(ipaddress.IPv4Address(super().__call__(value)))
        except ValueError as error:
            raise vol.Invalid(self.expected) from error

    @property
    def expected(self) -> str:
        return "an IPv4 address as in 192.168.1.110"

    def bad_values(self) -> list[Any]:
        return [*super().bad_values(), "192.168.1", "192.168.1.256", "camera.local"]


@dataclass(frozen=True)
class ListOf(Field):
    """A list of what fits ``item``, each once; sent as JSON text."""

    item: Field
    maximum: int = LARGEST

    def __call__(self, value: Any) -> list[Any]:
        if not isinstance(value, list) or not 1 <= len(value) <= self.maximum:
            raise vol.Invalid(self.expected)
        try:
            items = [self.item(item) for item in value]
        except vol.Invalid as error:
            raise vol.Invalid(self.expected) from error
        if len(set(items)) < len(items):
            raise vol.Invalid(self.expected)
        return items

    @property
    def expected(self) -> str:
        return f"a list of 1 to {self.maximum} without repetitions, each {self.item.expected}"

    @property
    def sample(self) -> list[Any]:
        return self.example or [self.item.sample]

    def bad_values(self) -> list[Any]:
        sample = self.item.sample
        return [
            *super().bad_values(),
            12,
            sample,
            [],
            [sample, sample],
            [12],
            *([bad] for bad in self.item.bad_values()),
        ]

    def read(self, value: Any) -> list[Any] | None:
        if value is None:
            return None
        if not isinstance(value, list):
            raise vol.Invalid("a list")
        return [_at(position, self.item.read, item) for position, item in enumerate(value)]

    def decode(self, text: str) -> list[Any]:
        try:
            return self(json.loads(text))
        except ValueError as error:
            raise vol.Invalid(self.expected) from error

    def to_public(self, value: list[Any] | None) -> list[Any] | None:
        return value and [self.item.to_public(item) for item in value]


@dataclass(frozen=True)
class Record(Field):
    """An object; a setting of several values."""

    members: Mapping[str, Field]

    def __call__(self, value: Any) -> dict[str, Any]:
        return self._each(value, "__call__")

    @property
    def expected(self) -> str:
        return f"an object with {', '.join(self.members)}"

    @property
    def sample(self) -> dict[str, Any]:
        return {name: member.sample for name, member in self.members.items()}

    def bad_values(self) -> list[Any]:
        sample = self.sample
        return [*super().bad_values(), "{", [sample], {**sample, "surplus": 1}]

    def read(self, value: Any) -> dict[str, Any] | None:
        if value is None:
            return None
        if not isinstance(value, dict):
            raise vol.Invalid("an object")
        return read_members(self.members, value)

    def to_public(self, value: dict[str, Any] | None) -> dict[str, Any] | None:
        return value and {name: member.to_public(value.get(name)) for name, member in self.members.items()}

    def from_public(self, value: Any) -> dict[str, Any]:
        if isinstance(value, str):
            try:
                value = json.loads(value)
            except ValueError as error:
                raise vol.Invalid(self.expected) from error
        return self._each(value, "from_public")

    def _each(self, value: Any, method: str) -> dict[str, Any]:
        if not isinstance(value, dict) or value.keys() != self.members.keys():
            raise vol.Invalid(self.expected)
        return {name: _at(name, getattr(member, method), value[name]) for name, member in self.members.items()}


@dataclass(frozen=True)
class File(Field):
    """A picture: its bytes, or as requests have it ``{"base64": "..."}``. It is sent as a file and not signed."""

    def __call__(self, value: Any) -> bytes:
        content = value if isinstance(value, bytes) else self._decode_base64(value)
        if len(content) > MAX_FILE:
            raise TooLargeError(self.expected)
        width, height = picture_size(content) or (0, 0)
        if not (0 < width <= MAX_WIDTH and 0 < height <= MAX_HEIGHT):
            raise vol.Invalid(self.expected)
        return content

    def _decode_base64(self, value: Any) -> bytes:
        if not isinstance(value, dict) or value.keys() != {"base64"} or not isinstance(value["base64"], str):
            raise vol.Invalid(self.expected)
        # Four characters hold three bytes.
        if len(value["base64"]) > MAX_FILE * 3 // 2:
            raise TooLargeError(self.expected)
        try:
            return base64.b64decode("".join(value["base64"].split()), validate=True)
        except ValueError as error:
            raise vol.Invalid(self.expected) from error

    @property
    def expected(self) -> str:
        return f'{{"base64": a JPEG or PNG of at most {MAX_WIDTH}x{MAX_HEIGHT} pixels and {MAX_FILE} bytes}}'

    @property
    def sample(self) -> dict[str, str]:
        return {"base64": _TINY_PNG}

    def bad_values(self) -> list[Any]:
        wide = bytearray(base64.b64decode(_TINY_PNG))
        wide[16:20] = (MAX_WIDTH + 1).to_bytes(4)
        files = (b"", b"GIF89a", bytes(wide), bytes(2 * MAX_FILE))
        texts = ("#", *(base64.b64encode(content).decode() for content in files))
        return [*super().bad_values(), _TINY_PNG, {"base64": 12}, *({"base64": text} for text in texts)]


def read_members(members: Mapping[str, Field], data: Mapping[str, Any]) -> dict[str, Any]:
    """Return a reply's ``data`` with every known member under its own name, None where it is missing.

    What is unknown is kept as it is: groups have attributes of their own.

    Raises:
        voluptuous.Invalid: a member is of a wrong type; ``path`` says which.
    """
    aliases = {alias for member in members.values() for alias in member.aliases}
    read = {name: value for name, value in data.items() if name not in aliases}
    for name, member in members.items():
        spellings = (name, *member.aliases)
        read[name] = next(
            (_at(spelling, member.read, data[spelling]) for spelling in spellings if data.get(spelling) is not None),
            None,
        )
    for name, member in members.items():
        if isinstance(member, Count) and read[name] is None and isinstance(counted := read.get(member.of), list):
            read[name] = len(counted)
    return read


def _at(place: str | int, function: Callable[[Any], Any], value: Any) -> Any:
    try:
        return function(value)
    except vol.Invalid as error:
        error.prepend([place])
        raise


NUMBER = Int(-(2**63), 2**63 - 1)
TEXT = Text()
"""As replies have them, where nothing more is to be known."""
