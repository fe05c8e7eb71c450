"""What one value of the vendor's API may be.

A field is a voluptuous validator: called with a value in the vendor's form, it returns the value to send or raises
``voluptuous.Invalid`` with what the value may be. Requests are judged strictly, by JSON's types: ``True`` is no number,
neither is ``"12"``, and ``12.9`` is no whole one. Replies are read leniently (:meth:`Field.read`), because cameras mix
up types. Where settings have words of their own, the field alone knows both (:meth:`Field.to_public`,
:meth:`Field.from_public`).
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import voluptuous as vol

from ipc_bridge.picture_size import picture_size

LARGEST = 2**31 - 1  # the vendor's int
MAX_TEXT = 1024  # characters, where the vendor names no limit: more than any name or address has
MAX_FILE = 1024 * 1024  # bytes
MAX_WIDTH, MAX_HEIGHT = 1920, 1080

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
ALWAYS = "always"

_DIGITS = re.compile(r"\s*-?[0-9]{1,18}\s*", re.ASCII)
# Control characters, and halves of characters, which UTF-8 cannot say.
_UNSENDABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


class TooLargeError(vol.Invalid):
    """A file is over the camera's limit."""


@dataclass(frozen=True, kw_only=True)
class Field:
    """What all fields have. What judges a value raises ``voluptuous.Invalid`` that says what would fit.

    Args:
        unit: of a number.
        aliases: other spellings of its name in replies.
        secret: whether its values are kept from messages and answers.
        example: a value that is fit.
        absent: what it means that a reply does not have it.
    """

    unit: str | None = None
    aliases: tuple[str, ...] = ()
    secret: bool = False
    example: Any = None
    absent: Any = None

    def __call__(self, value: Any) -> Any:
        """Return ``value``, which is in the vendor's form, as it is sent."""
        try:
            return self.judge(value)
        except (vol.Invalid, ValueError) as error:
            raise (TooLargeError if isinstance(error, TooLargeError) else vol.Invalid)(self.expected) from error

    def judge(self, value: Any) -> Any:
        """The same, but errors have no message yet and may be ``ValueError``."""
        return value

    @property
    def expected(self) -> str:
        """What a value may be, in the vendor's form."""
        return "anything"

    @property
    def sample(self) -> Any:
        """A value that is fit: the example, or one that the field makes up."""
        return self.example

    def read(self, value: Any) -> Any:
        """Return what a camera's ``value`` means, None where it means nothing; judges its type alone."""
        return value

    def decode(self, text: str) -> Any:
        """Return the value that ``text`` of a form or a command line stands for, judged; undoes :func:`encode`."""
        return self(text if isinstance(self.sample, str) else _parse(text))

    def to_public(self, value: Any) -> Any:
        """Return what :meth:`read` returned in the words of settings; None where there is none."""
        return value

    def from_public(self, value: Any) -> Any:
        """Return the vendor's form of a setting's ``value``, which is as JSON has it."""
        return self(value)

    def parse(self, text: str) -> Any:
        """Return the JSON value that a setting's plain ``text`` stands for: ``auto`` is itself, ``120`` a number."""
        return text if isinstance(self.to_public(self.sample), str) else _parse(text)


def _must(condition: object) -> None:
    if not condition:
        raise vol.Invalid("")


def encode(value: Any) -> str:
    """Return the text of a checked value in a form: numbers in digits, lists as compact JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _parse(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


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

    def judge(self, value: Any) -> int:
        _must(type(value) is int and self.minimum <= value <= self.maximum)
        return int(value)

    @property
    def expected(self) -> str:
        return f"{self.what} from {self.minimum} to {self.maximum}"

    @property
    def sample(self) -> int:
        return self.minimum if self.example is None else int(self.example)

    def read(self, value: Any) -> int | None:
        if isinstance(value, str) and _DIGITS.fullmatch(value):
            return int(value)
        if value is not None and type(value) is not int:
            raise vol.Invalid("a whole number")
        return value


@dataclass(frozen=True)
class Age(Int):
    """Years. One that was never set comes back as 0, ``""``, ``"NULL"`` or null."""

    maximum: int = 150

    def read(self, value: Any) -> int | None:
        return None if value in ("", "NULL") else super().read(value) or None


@dataclass(frozen=True)
class Count(Int):
    """How many records the list ``of`` holds: by the camera's word or, where it says nothing, counted."""

    of: str = field(kw_only=True)


@dataclass(frozen=True)
class InRecord(Int):
    """A number that stands in a record of the list ``of``, the one called ``record``, where it is ``member``."""

    of: str = field(kw_only=True)
    record: str = field(kw_only=True)
    member: str = field(kw_only=True)

    def find(self, records: Iterable[Mapping[str, Any]]) -> Any:
        """Return it out of the list as it was read; None where it is not there."""
        return next((record.get(self.member) for record in records if record.get("name") == self.record), None)


@dataclass(frozen=True)
class Choice(Field):
    """One of a few values, each with the word, or number, that settings have for it."""

    choices: Mapping[int | str, Any]

    def judge(self, value: Any) -> Any:
        _must(type(value) in {int, str} and value in self.choices)
        return value

    @property
    def expected(self) -> str:
        return one_of(key if key == word else f"{key} ({word})" for key, word in self.choices.items())

    @property
    def sample(self) -> Any:
        return next(iter(self.choices)) if self.example is None else self.example

    def read(self, value: Any) -> Any:
        # One that is newer than the documents has no word, but it is no mistake either.
        return TEXT.read(value) if isinstance(self.sample, str) else NUMBER.read(value)

    def to_public(self, value: Any) -> Any:
        return self.choices.get(value)

    def from_public(self, value: Any) -> Any:
        for key, word in self.choices.items():
            if type(value) is type(word) and value == word:
                return key
        raise vol.Invalid(one_of(self.choices.values()))


@dataclass(frozen=True)
class Flag(Choice):
    """On or off."""

    choices: Mapping[int | str, Any] = field(default_factory=lambda: {1: "ON", 0: "OFF"})


@dataclass(frozen=True)
class Weekdays(Int):
    """A bit for each day, Monday the lowest; 128, alone, is every day around the clock."""

    maximum: int = 128
    example: Any = field(default=128, kw_only=True)

    @property
    def expected(self) -> str:
        return f"128 ({ALWAYS}) or a sum of " + ", ".join(f"{1 << bit} ({day})" for bit, day in enumerate(DAYS))

    def read(self, value: Any) -> int | None:
        mask = super().read(value)
        return mask and (mask & 128 or mask)

    def to_public(self, value: int | None) -> str | None:
        if value is None:
            return None
        return ALWAYS if value & 128 else ",".join(day for bit, day in enumerate(DAYS) if value & 1 << bit) or None

    def from_public(self, value: Any) -> int:
        days = value.split(",") if isinstance(value, str) else []
        if days == [ALWAYS]:
            return 128
        if not days or len(set(days)) < len(days) or not set(days) <= set(DAYS):
            raise vol.Invalid(f"{ALWAYS}, or days with commas between them: {','.join(DAYS)}")
        return sum(1 << DAYS.index(day) for day in days)


@dataclass(frozen=True)
class MinuteOfDay(Int):
    """Minutes since midnight; ``HH:MM`` in settings."""

    maximum: int = 24 * 60

    def to_public(self, value: int | None) -> str | None:
        return None if value is None else f"{value // 60:02}:{value % 60:02}"

    def from_public(self, value: Any) -> int:
        parts = re.fullmatch(r"([0-9]{2}):([0-5][0-9])", value, re.ASCII) if isinstance(value, str) else None
        if parts is None or (minute := int(parts[1]) * 60 + int(parts[2])) > self.maximum:
            raise vol.Invalid("HH:MM from 00:00 to 24:00")
        return minute


@dataclass(frozen=True)
class Text(Field):
    """Text in one line.

    Args:
        max_length: in characters.
        allow_empty: whether it may be empty.
        form: what the text is beyond that, in words for messages.
        rule: judges that; raises ``voluptuous.Invalid`` or ``ValueError``.
        reserved: what it may not be.
    """

    max_length: int = MAX_TEXT
    allow_empty: bool = field(default=False, kw_only=True)
    form: str = field(default="", kw_only=True)
    rule: Callable[[str], object] = field(default=str, kw_only=True)
    reserved: Sequence[str] = field(default=(), kw_only=True)

    def judge(self, value: Any) -> str:
        _must(isinstance(value, str) and (value or self.allow_empty) and len(value) <= self.max_length)
        _must(value not in self.reserved and not _UNSENDABLE.search(value))
        self.rule(value)
        return str(value)

    @property
    def expected(self) -> str:
        form = f", {self.form}" if self.form else ""
        refused = f", but not {one_of(self.reserved)}" if self.reserved else ""
        return f"text of {0 if self.allow_empty else 1} to {self.max_length} characters in one line{form}{refused}"

    @property
    def sample(self) -> str:
        return "x" if self.example is None else str(self.example)

    def read(self, value: Any) -> str | None:
        if value is not None and not isinstance(value, str):
            raise vol.Invalid("text")
        return (value or "").strip() or None


@dataclass(frozen=True)
class Hour(Text):
    """``YYYY-MM-DD HH:00`` in replies; some spell the hours before ten with one digit."""

    def read(self, value: Any) -> str | None:
        text = super().read(value)
        return text and re.sub(r" (?=[0-9]:)", " 0", text)


@dataclass(frozen=True)
class ListOf(Field):
    """A list of what fits ``item``, without repetitions; sent as JSON text."""

    item: Field
    maximum: int = LARGEST

    def judge(self, value: Any) -> list[Any]:
        _must(isinstance(value, list) and 1 <= len(value) <= self.maximum)
        items = [self.item(item) for item in value]
        _must(len(set(items)) == len(items))
        return items

    @property
    def expected(self) -> str:
        return f"a list of 1 to {self.maximum} without repetitions, each {self.item.expected}"

    @property
    def sample(self) -> list[Any]:
        return self.example or [self.item.sample]

    def read(self, value: Any) -> list[Any]:
        if not isinstance(value, list):
            raise vol.Invalid("a list")
        return [_at(position, self.item.read, item) for position, item in enumerate(value)]

    def to_public(self, value: list[Any] | None) -> list[Any] | None:
        return value and [self.item.to_public(item) for item in value]


@dataclass(frozen=True)
class Record(Field):
    """An object of several values."""

    members: Mapping[str, Field]

    @property
    def expected(self) -> str:
        return f"an object with {', '.join(self.members)}"

    def read(self, value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise vol.Invalid("an object")
        return read_members(self.members, value)

    def to_public(self, value: dict[str, Any] | None) -> dict[str, Any] | None:
        shown = {name: member.to_public((value or {}).get(name)) for name, member in self.members.items()}
        return shown if any(part is not None for part in shown.values()) else None

    def from_public(self, value: Any) -> dict[str, Any]:
        if not isinstance(value, dict) or value.keys() != self.members.keys():
            raise vol.Invalid(self.expected)
        return {name: _at(name, member.from_public, value[name]) for name, member in self.members.items()}


@dataclass(frozen=True)
class Named(Field):
    """An object whose names fit ``name`` and whose values fit ``item``."""

    name: Field
    item: Field
    maximum: int

    def judge(self, value: Any) -> dict[str, Any]:
        _must(isinstance(value, dict) and len(value) <= self.maximum)
        return {self.name(name): self.item(item) for name, item in value.items()}

    @property
    def expected(self) -> str:
        return f"an object of at most {self.maximum}, each {self.item.expected}, whose names are {self.name.expected}"

    @property
    def sample(self) -> dict[str, Any]:
        return {self.name.sample: self.item.sample}


@dataclass(frozen=True)
class File(Field):
    """A picture: its bytes, or as requests have it ``{"base64": "..."}``. It is sent as a file, and not signed.

    Args:
        max_bytes: its largest size.
        max_width: in pixels; None where the vendor names no limit.
        max_height: the same.
    """

    max_bytes: int = MAX_FILE
    max_width: int | None = MAX_WIDTH
    max_height: int | None = MAX_HEIGHT

    def judge(self, value: Any) -> bytes:
        if not isinstance(value, bytes):
            _must(isinstance(value, dict) and value.keys() == {"base64"} and isinstance(value["base64"], str))
            # Some programs break its lines.
            value = base64.b64decode("".join(value["base64"].split()), validate=True)
        if len(value) > self.max_bytes:
            raise TooLargeError("")
        width, height = picture_size(value) or (0, 0)
        _must(0 < width <= (self.max_width or width) and 0 < height <= (self.max_height or height))
        return bytes(value)

    @property
    def limits(self) -> str:
        """What the picture may be, in words."""
        pixels = f"{self.max_width}x{self.max_height} pixels and " if self.max_width else ""
        return f"a JPEG or PNG of at most {pixels}{self.max_bytes} bytes"

    @property
    def expected(self) -> str:
        return f'{{"base64": {self.limits}}}'

    @property
    def sample(self) -> dict[str, str]:
        # One grey pixel as PNG.
        pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
        return {"base64": pixel}


def read_members(members: Mapping[str, Field], data: Mapping[str, Any]) -> dict[str, Any]:
    """Return a reply's ``data`` with every known member under its own name, and what it means where one is missing.

    What is unknown is kept as it is: groups of faces have attributes of their own.

    Raises:
        voluptuous.Invalid: a member is of a wrong type; its ``path`` says which.
    """
    aliases = {alias for member in members.values() for alias in member.aliases}
    read = {name: value for name, value in data.items() if name not in aliases}
    for name, member in members.items():
        given = [spelling for spelling in (name, *member.aliases) if data.get(spelling) is not None]
        read[name] = _at(given[0], member.read, data[given[0]]) if given else member.absent
    for name, member in members.items():
        if isinstance(member, Count) and read[name] is None and read.get(member.of) is not None:
            read[name] = len(read[member.of])
        if isinstance(member, InRecord) and read[name] is None:
            read[name] = member.find(read.get(member.of) or ())
    return read


def _at(place: str | int, function: Callable[[Any], Any], value: Any) -> Any:
    try:
        return function(value)
    except vol.Invalid as error:
        error.prepend([place])
        raise


NUMBER = Int(-(2**63), 2**63 - 1)
TEXT = Text()
"""What replies have where nothing more is to be known."""
