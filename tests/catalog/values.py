"""Values that the catalogue's fields take and do not take, made of what the fields say of themselves."""

from __future__ import annotations

import base64
from typing import Any

from hypothesis import strategies as st

from ipc_bridge.catalog.cloud import DAY, MAC
from ipc_bridge.catalog.device import FACE_ID, IPV4, NEW_NAME, URL
from ipc_bridge.catalog.fields import MAX_FILE, Choice, Field, File, Int, ListOf, Named, Record, Text

_WRONG_TYPES: list[Any] = [None, True, 12.9, {}, [[]]]
_RULE_BREAKERS = {
    FACE_ID.form: ["Vip11024", "0", "-1", "1.0", str(2**63)],
    IPV4.form: ["192.168.1", "192.168.1.256", "camera.local"],
    NEW_NAME.form: [" vip"],
    DAY.form: ["2020-02-30", "2020-1-1", "20200101", "1999-12-31", "2020-01-01T00:00"],
    MAC.form: ["0c25766f5705", "0C:25:76:6F:57:05", "0C25766F570", "0C25766F570G"],
    URL.form: ["192.168.0.100/msg", "ftp://192.168.0.100/msg", "http://"],
}

LARGE_FILE = {"base64": base64.b64encode(bytes(2 * MAX_FILE)).decode()}
"""The one bad value that is refused for its size."""


def bad_values(field: Field) -> list[Any]:
    """Values of wrong types, and values just beyond every limit."""
    match field:
        case Int():
            beyond = [str(field.sample), [field.sample], field.minimum - 1, field.maximum + 1]
        case Choice():
            other_type: Any = str(field.sample) if isinstance(field.sample, int) else 0
            beyond = [other_type, [field.sample], "?", -1, max(map(_number, field.choices)) + 1]
        case Text():
            beyond = [12, [field.sample], "1" * (field.max_length + 1), "a\nb", "\ud800", *field.reserved]
            beyond += [] if field.allow_empty else [""]
            beyond += _RULE_BREAKERS[field.form] if field.form else []
        case ListOf():
            sample = field.item.sample
            beyond = [12, "x", sample, [], [sample, sample], *([bad] for bad in bad_values(field.item))]
        case Named():
            sample = field.item.sample
            return [
                *(bad for bad in _WRONG_TYPES if bad != {}),
                [field.sample],
                *({bad: sample} for bad in bad_values(field.name) if isinstance(bad, str)),
                *({field.name.sample: bad} for bad in bad_values(field.item)),
                {str(number): sample for number in range(field.maximum + 1)},
            ]
        case File():
            wide = bytearray(base64.b64decode(field.sample["base64"]))
            wide[16:20] = ((field.max_width or -1) + 1).to_bytes(4)
            files = (b"", b"GIF89a\x01\x00\x01\x00", bytes(wide))
            beyond = [
                field.sample["base64"],
                {"base64": 12},
                {"base64": "#"},
                {**field.sample, "name": "x"},
                LARGE_FILE,
            ]
            beyond += [{"base64": base64.b64encode(content).decode()} for content in files]
        case _:
            raise TypeError(f"no bad values are known for {field}")
    return [*_WRONG_TYPES, *beyond]


def good_values(field: Field) -> st.SearchStrategy[Any]:
    """Everything that fits, in the vendor's form."""
    match field:
        case Int():
            return st.integers(field.minimum, field.maximum)
        case Choice():
            return st.sampled_from(list(field.choices))
        case Text(allow_empty=allow_empty, max_length=max_length):
            letters = st.characters(codec="utf-8", exclude_categories=["Cc"])
            return st.text(letters, min_size=0 if allow_empty else 1, max_size=max_length)
        case Record():
            return st.fixed_dictionaries({name: good_values(member) for name, member in field.members.items()})
        case _:
            raise TypeError(f"no good values are known for {field}")


def _number(key: int | str) -> int:
    return key if isinstance(key, int) else 0
