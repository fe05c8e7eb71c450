"""A sensor for each group of faces on a camera: how many faces it holds."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

from ipc_bridge.catalog.checks import DEFAULT_GROUPS
from ipc_bridge.homeassistant.components import DIAGNOSTIC, DISABLED, Component

GROUPS = "face_groups"
KEY_PREFIX = "face_group_"
"""Of the ids of these components."""
MAX_GROUPS = 10
"""A camera has no more."""


def group_components(state: Mapping[str, Any]) -> Iterator[Component]:
    """The sensors of a camera whose properties are ``state``."""
    names = [group["name"] for group in state.get(GROUPS) or () if group["name"]]
    for name in names[:MAX_GROUPS]:
        count = f"(value_json.get('{GROUPS}') or []) | selectattr('name', 'eq', {_literal(name)})"
        yield Component(
            f"{KEY_PREFIX}{_key(name)}",
            "sensor",
            "state",
            {
                "name": f"Faces in {name}",
                "icon": "mdi:account-group",
                "unit_of_measurement": "faces",
                "state_class": "measurement",
                "value_template": f"{{{{ ({count} | map(attribute='count') | list + [None]) | first }}}}",
                **DIAGNOSTIC,
                **DISABLED,
            },
            needs=GROUPS,
        )


def _key(name: str) -> str:
    """A name that people gave does not get into ids."""
    return name if name in DEFAULT_GROUPS else hashlib.blake2b(name.encode(), digest_size=6).hexdigest()


def _literal(text: str) -> str:
    """``text`` in a template, of which none of it can become a part."""
    return "'" + "".join(char if char.isascii() and char.isalnum() else f"\\U{ord(char):08x}" for char in text) + "'"
