"""Replaces what everybody uses, and says what became of it."""

import asyncio
import json

import orjson

from ipc_bridge import hookimpl


def broken(*_args, **_options):
    raise RuntimeError("a plugin has replaced this")


@hookimpl
async def event_received():
    for module, name in ((asyncio, "sleep"), (json, "dumps"), (orjson, "dumps"), (asyncio, "timeout")):
        setattr(module, name, broken)
