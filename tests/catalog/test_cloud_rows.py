"""The cloud's rows beside what its documents say, written down a second time and apart from them.

``cloud_rows.json`` has a line for each endpoint. Where the documents have lost what is required, it is what their
examples send; the trends by week and month name the shop as all other calls do.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ipc_bridge.catalog.cloud import ENDPOINTS
from ipc_bridge.catalog.endpoint import Effect
from ipc_bridge.catalog.fields import Choice, Field, ListOf, Record

DOCUMENTED: list[dict[str, Any]] = json.loads(Path(__file__).with_name("cloud_rows.json").read_text("utf-8"))


def test_each_in_the_documents_order() -> None:
    assert [row["path"] for row in DOCUMENTED] == list(ENDPOINTS)


@pytest.mark.parametrize("documented", DOCUMENTED, ids=lambda row: row["path"])
def test_a_row_is_what_is_documented(documented: dict[str, Any]) -> None:
    endpoint = ENDPOINTS[documented["path"]]
    assert set(endpoint.params) == set(documented["required"])
    assert set(endpoint.optional) == set(documented["optional"])
    choices = {name: list(_item(field).choices) for name, field in endpoint.fields.items() if _is_choice(field)}
    assert choices == documented.get("choices", {})
    assert sorted(endpoint.codes) == documented["codes"]
    assert (None if endpoint.window is None or not endpoint.window.enforced else str(endpoint.window)) == (
        documented.get("window")
    )
    assert endpoint.experimental == documented.get("experimental", False)
    assert endpoint.multipart == documented.get("multipart", False)
    assert (endpoint.effect is Effect.DANGER) == documented.get("destructive", False)
    assert (endpoint.effect is not Effect.READ) == documented.get("writes", False)


@pytest.mark.parametrize("documented", DOCUMENTED, ids=lambda row: row["path"])
def test_every_documented_member_of_an_answer_is_read(documented: dict[str, Any]) -> None:
    endpoint = ENDPOINTS[documented["path"]]
    assert set(documented["reply"]) <= _spellings(endpoint.reply)
    for name, members in documented.get("records", {}).items():
        field = endpoint.reply[name]
        assert isinstance(field, ListOf)
        assert isinstance(field.item, Record)
        assert set(members) <= _spellings(field.item.members)


def _item(field: Field) -> Any:
    return field.item if isinstance(field, ListOf) else field


def _is_choice(field: Field) -> bool:
    return isinstance(_item(field), Choice)


def _spellings(members: Mapping[str, Field]) -> set[str]:
    return {spelling for name, member in members.items() for spelling in (name, *member.aliases)}
