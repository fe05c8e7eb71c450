"""JSON payloads: what is read, what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipc_bridge.errors import PayloadError
from ipc_bridge.wire.payload import decode_object, encode_object
from tests.wire.vectors import damaged, fuzz, json_objects

READ: dict[str, tuple[bytes, dict[str, Any]]] = {
    "empty object": (b"{}", {}),
    "white space": (b' {\r\n"code" :\t0 } ', {"code": 0}),
    "UTF-8": (b'{"name":"\xe5\x89\x8d\xe5\x8f\xb0"}', {"name": "前台"}),
    "escapes": (b'{"name":"\\u524d\\ud83d\\ude00"}', {"name": "前😀"}),
    "the last of two equal keys": (b'{"a":1,"a":2}', {"a": 2}),
    "the largest integer": (b'{"event_id":18446744073709551615}', {"event_id": 2**64 - 1}),
    "the smallest integer": (b'{"event_id":-9223372036854775808}', {"event_id": -(2**63)}),
    "an integer beyond 64 bits": (b'{"event_id":18446744073709551616}', {"event_id": 2.0**64}),
    "a number too small for a double": (b'{"a":1e-400}', {"a": 0.0}),
    "brackets inside text": (b'{"a":"' + b"{[" * 40 + b'"}', {"a": "{[" * 40}),
    "many brackets side by side": (b'{"a":[' + b"[]," * 99 + b"{}]}", {"a": [[]] * 99 + [{}]}),
}


@pytest.mark.parametrize(("text", "fields"), READ.values(), ids=READ)
def test_an_object_is_read_and_can_be_written_again(text: bytes, fields: dict[str, Any]) -> None:
    decoded = decode_object(text)
    assert decoded == fields
    assert decode_object(encode_object(decoded)) == fields


@pytest.mark.parametrize(
    "text",
    [b'{"a":' * 31 + b"{}" + b"}" * 31, b'{"a":' + b"[" * 31 + b"]" * 31 + b"}", b'{"a":[' * 16 + b"0" + b"]}" * 16],
    ids=["objects", "lists", "mixed"],
)
def test_32_levels_are_read(text: bytes) -> None:
    assert encode_object(decode_object(text)) == text


REFUSED: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "not JSON"),
    "white space only": (b" ", "not JSON"),
    "text": (b"rubbish", "not JSON"),
    "typographic quotes": ("{“code”:0}".encode(), "not JSON"),
    "cut short": (b'{"code":', "not JSON"),
    "something behind": (b'{"code":0}x', "not JSON"),
    "two objects": (b"{}{}", "not JSON"),
    "a byte order mark": (b"\xef\xbb\xbf{}", "not JSON"),
    "UTF-16": ("{}".encode("utf-16"), "not JSON"),
    "no UTF-8": (b'{"a":"\xff"}', "not JSON"),
    "a surrogate in UTF-8": (b'{"a":"\xed\xa0\x80"}', "not JSON"),
    "a lone high surrogate": (b'{"a":"\\ud800"}', "not JSON"),
    "a lone low surrogate": (b'{"a":"\\udc00"}', "not JSON"),
    "a lone surrogate as key": (b'{"\\ud800":1}', "not JSON"),
    "NaN": (b'{"a":NaN}', "not JSON"),
    "infinity": (b'{"a":-Infinity}', "not JSON"),
    "a number beyond a double": (b'{"a":1e999}', "not JSON"),
    "a number of 5000 digits": (b'{"a":' + b"9" * 5000 + b"}", "not JSON"),
    "a list": (b"[]", "JSON, but list and not an object"),
    "a string": (b'"code"', "JSON, but str and not an object"),
    "a number": (b"0", "JSON, but int and not an object"),
    "null": (b"null", "JSON, but NoneType and not an object"),
    "33 levels of objects": (b'{"a":' * 32 + b"{}" + b"}" * 32, "nested more than 32 levels"),
    "33 levels of lists": (b'{"a":' + b"[" * 32 + b"]" * 32 + b"}", "nested more than 32 levels"),
    "33 levels, mixed": (b'{"a":[' * 16 + b"{}" + b"]}" * 16, "nested more than 32 levels"),
    "deep in the first of two": (b'{"a":' + b"[" * 40 + b"]" * 40 + b',"b":0}', "nested more than 32 levels"),
    "deep in the last of two": (b'{"a":[],"b":' + b"[" * 40 + b"]" * 40 + b"}", "nested more than 32 levels"),
    "1000 levels of objects": (b'{"a":' * 1000 + b"0" + b"}" * 1000, "nested more than 32 levels"),
    "1000 levels of lists": (b'{"a":' + b"[" * 1000 + b"]" * 1000 + b"}", "nested more than 32 levels"),
    "30000 levels": (b'{"a":' + b"[" * 30_000 + b"]" * 30_000 + b"}", "not JSON"),
    "30000 levels, never closed": (b'{"a":' + b"[" * 30_000, "not JSON"),
}


@pytest.mark.parametrize(("text", "message"), REFUSED.values(), ids=REFUSED)
def test_everything_else_is_a_payload_error(text: bytes, message: str) -> None:
    with pytest.raises(PayloadError, match=f"^the payload is .*{message}"):
        decode_object(text)


def test_objects_are_written_compact_and_in_utf_8() -> None:
    assert encode_object({"b": [1, None], "a": "前"}) == b'{"b":[1,null],"a":"\xe5\x89\x8d"}'


@given(json_objects)
@fuzz
def test_an_object_survives_the_wire(fields: dict[str, Any]) -> None:
    assert decode_object(encode_object(fields)) == fields


@given(st.binary(max_size=64) | json_objects.map(encode_object).flatmap(damaged))
@fuzz
def test_random_and_mutated_text_raises_nothing_but_payload_errors(text: bytes) -> None:
    try:
        fields = decode_object(text)
    except PayloadError:
        return
    assert decode_object(encode_object(fields)) == fields
