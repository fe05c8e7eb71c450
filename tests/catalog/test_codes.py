"""The vendor's error codes."""

from __future__ import annotations

import re

from ipc_bridge.catalog import codes


def test_codes_by_name_and_meaning() -> None:
    assert codes.explain(5) == "code 5 (SECRET_KEY_INVALID: app_id or secret key is wrong (bad signature))"
    assert codes.explain(4711) == "code 4711, which the vendor does not document"
    assert codes.explain(-1) == "code -1, which the vendor does not document"


def test_the_table_of_codes() -> None:
    assert len(codes.DEVICE_CODES) == 84
    names = [code.name for code in codes.DEVICE_CODES.values()]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[A-Z][A-Z_]*", name) for name in names)
    assert all(code.meaning and not code.meaning.endswith(".") for code in codes.DEVICE_CODES.values())
    assert list(codes.DEVICE_CODES) == sorted(codes.DEVICE_CODES)


def test_codes_that_are_acted_upon_stand_in_the_table() -> None:
    acted_upon = {name: value for name, value in vars(codes).items() if isinstance(value, int)}
    assert {name: codes.DEVICE_CODES[value].name for name, value in acted_upon.items()} == {
        "SUCCESS": "SUCCESS",
        "APP_ID_INVALID": "APPID_INVALID",
        "SECRET_KEY_INVALID": "SECRET_KEY_INVALID",
        "URL_NOT_FOUND": "URL_NOT_FOUND",
        "DEVICE_NOT_ACTIVATED": "DEVICE_NOT_ACTIVATED",
        "DEVICE_ACTIVATED": "DEVICE_ACTIVATED",
        "OP_NOT_ALLOWED": "OP_NOT_ALLOWED",
        "OP_NOT_SUPPORT": "OP_NOT_SUPPORT",
        "RECORD_NOT_EXIST": "RECORD_NOT_EXIST",
        "CLIP_FRAGMENT_NOT_READY": "CLIP_FRAGMENT_NOT_READY",
        "FACE_ID_INFO_NO_FOUND": "FACE_ID_INFO_NO_FOUND",
        "SUBSCRIBE_EVENT_NOT_EXIST": "SUBSCRIBE_EVENT_NOT_EXIST",
        "INVALID_HTTP_CALLBACK_URL": "INVALID_HTTP_CALLBACK_URL",
    }
