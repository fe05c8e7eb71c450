"""Runs in Home Assistant's root: which keys of our components it drops without a word.

Takes components by their names on standard input as JSON, and says for each what is lost.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import sys
from collections.abc import Iterator
from typing import Any


def lost(before: Any, after: Any, where: str = "") -> Iterator[str]:
    """The paths of all keys that ``after`` lacks."""
    if isinstance(before, dict):
        for key, value in before.items():
            if key in after:
                yield from lost(value, after[key], f"{where}.{key}")
            else:
                yield f"{where}.{key}"
    elif isinstance(before, list):
        for number, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from lost(old, new, f"{where}[{number}]")


async def main() -> None:
    """Read, and print what is lost."""
    # Templates are checked by a Home Assistant alone; it need not run.
    importlib.import_module("homeassistant.core").HomeAssistant("/config")
    found = {}
    for name, component in json.load(sys.stdin).items():
        platform = importlib.import_module(f"homeassistant.components.mqtt.{component['platform']}")
        found[name] = list(lost(component, {**platform.DISCOVERY_SCHEMA(component), "platform": None}))
    json.dump(found, sys.stdout)


asyncio.run(main())
