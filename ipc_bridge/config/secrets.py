"""What of a configuration must never be seen in a log."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ipc_bridge.config.keys import Keys, keys_of

_NAMES = frozenset({"app_id"})
"""Kept out of ``repr``, but no secret: it names the account in every message."""
_WORDS = frozenset({"isolation"})
"""Keys of plugins' settings that are the bridge's own: a word of them is no secret. All else may be one."""


def secrets_of(value: Any, *, secret: bool = False) -> Iterator[str]:
    """Yield every secret text in ``value``, a section or anything in one."""
    if isinstance(value, str):
        if secret:
            yield value
    elif isinstance(value, Keys):
        for item in keys_of(type(value)):
            is_secret = secret or (bool(item.metadata["secret"]) and item.name not in _NAMES)
            yield from secrets_of(getattr(value, item.name), secret=is_secret)
    elif isinstance(value, Mapping):
        for name, item in value.items():
            if name not in _WORDS:
                yield from secrets_of(item, secret=secret)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from secrets_of(item, secret=secret)
