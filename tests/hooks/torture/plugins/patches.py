"""Replaces what everybody uses, and says what became of it."""

import asyncio
import json

import orjson

from ipc_bridge import hookimpl


def broken(*_args: object, **_options: object) -> None:
    raise RuntimeError("a plugin has replaced this")


@hookimpl
async def event_received() -> None:
    for module, name in ((asyncio, "sleep"), (json, "dumps"), (orjson, "dumps"), (asyncio, "timeout")):
        setattr(module, name, broken)
