"""Fields: what they take, and their two forms."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
import voluptuous as vol
from hypothesis import given
from hypothesis import strategies as st

from ipc_bridge.catalog.fields import (
    MAX_FILE,
    Choice,
    Field,
    File,
    Flag,
    Int,
    ListOf,
    MinuteOfDay,
    Text,
    TooLargeError,
    Weekdays,
)
from tests.catalog.values import bad_values, good_values


@pytest.mark.parametrize(
    ("field", "vendors", "public"),
    [
        (Flag(), 1, "ON"),
        (Choice({0: "off", 2: "auto"}), 2, "auto"),
        (Choice({0: 0, 90: 90}), 90, 90),
        (Int(0, 500), 120, 120),
        (Text(36), "Front door", "Front door"),
        (Text(36), "120", "120"),
        (Weekdays(), 128, "always"),
        (Weekdays(), 127, "mon,tue,wed,thu,fri,sat,sun"),
        (Weekdays(), 0b1000011, "mon,tue,sun"),
        (MinuteOfDay(), 0, "00:00"),
        (MinuteOfDay(), 565, "09:25"),
        (MinuteOfDay(), 1440, "24:00"),
    ],
)
def test_two_forms_and_plain_text(field: Field, vendors: Any, public: Any) -> None:
    assert field(vendors) == vendors
    assert field.to_public(vendors) == public
    assert field.from_public(public) == vendors
    assert field.parse(str(public)) == public


@pytest.mark.parametrize(
    ("field", "public", "expected"),
    [
        (Flag(), "on", "ON or OFF"),
        (Flag(), True, "ON or OFF"),
        (Flag(), 1, "ON or OFF"),
        (Choice({0: "off", 1: "on", 2: "auto"}), 2, "off, on or auto"),
        (Choice({0: 0, 90: 90}), False, "0 or 90"),
        (Int(0, 500), "120", "a whole number from 0 to 500"),
        (Int(0, 500), 120.0, "a whole number from 0 to 500"),
        (Weekdays(), "", "always, or days"),
        (Weekdays(), "mon,mon", "always, or days"),
        (Weekdays(), "mon, tue", "always, or days"),
        (Weekdays(), "always,mon", "always, or days"),
        (Weekdays(), ["mon"], "always, or days"),
        (MinuteOfDay(), "24:01", "HH:MM from 00:00 to 24:00"),
        (MinuteOfDay(), "12:60", "HH:MM"),
        (MinuteOfDay(), "9:30", "HH:MM"),
        (MinuteOfDay(), "٠٩:٣٠", "HH:MM"),
        (MinuteOfDay(), 540, "HH:MM"),
    ],
)
def test_words_that_settings_do_not_have(field: Field, public: Any, expected: str) -> None:
    with pytest.raises(vol.Invalid) as caught:
        field.from_public(public)
    assert caught.value.msg.startswith(expected)


@given(st.sampled_from([Flag(), Weekdays(), MinuteOfDay(), Int(0, 3), Text(36)]), st.data())
def test_there_and_back(field: Field, data: st.DataObject) -> None:
    vendors = data.draw(good_values(field).filter(bool))
    public = field.to_public(vendors)
    assert field.from_public(public) == vendors
    assert field.parse(public if isinstance(public, str) else json.dumps(public)) == public


@pytest.mark.parametrize("field", [Flag(), Weekdays(), MinuteOfDay(), Int(), Text(), Choice({"a": "b"}), ListOf(Int())])
def test_nothing_known_is_nothing_shown(field: Field) -> None:
    assert field.to_public(None) is None


def test_days_that_cameras_mix_up() -> None:
    assert Weekdays().to_public(128 | 1) == "always"
    assert Weekdays().to_public(0) is None
    assert Choice({0: "unplugged"}).to_public(9) is None


@pytest.mark.parametrize("text", ["", "x", "12.9", "1e2", "0x10", "True", "NaN", "9" * 5000, "[" * 100_000])
def test_text_that_is_no_whole_number(text: str) -> None:
    with pytest.raises(vol.Invalid):
        Int().decode(text)
    with pytest.raises(vol.Invalid):
        Int().from_public(Int().parse(text))


@given(st.text(max_size=20))
def test_whatever_text_is_decoded(text: str) -> None:
    for field in (Int(), Flag(), Weekdays(), Text(5), ListOf(Text(5)), File()):
        try:
            value = field.decode(text)
        except vol.Invalid:
            continue
        assert field(value) == value


@pytest.mark.parametrize("field", [Int(3, 5), Flag(), Choice({"a": "b"}), Text(5), ListOf(Text(5), 2), File()])
def test_bad_values_say_what_is_expected(field: Field) -> None:
    for value in bad_values(field):
        with pytest.raises(vol.Invalid) as caught:
            field(value)
        assert caught.value.msg == field.expected


# Pictures.


def test_pictures() -> None:
    content = base64.b64decode(File().sample["base64"])
    assert File()(content) == File()(File().sample) == content
    lines = base64.encodebytes(content * 2).decode()
    assert File()({"base64": lines}) == content * 2


def test_a_picture_may_have_just_the_cameras_limit() -> None:
    content = base64.b64decode(File().sample["base64"])
    assert len(File()(content.ljust(MAX_FILE, b"\0"))) == MAX_FILE
    with pytest.raises(TooLargeError, match="1048576 bytes"):
        File()(content.ljust(MAX_FILE + 1, b"\0"))
