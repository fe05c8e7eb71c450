"""Every bad value of a call, asked over MQTT: each is answered once, and by the name of its parameter."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Collection, Mapping
from typing import Any

from ipc_bridge.catalog.endpoint import Endpoint
from tests.catalog.values import LARGE_FILE, bad_values
from tests.e2e.harness import Subscriber


async def refuses_all_bad_values(
    hub: Subscriber,
    topic: Callable[[str], str],
    endpoint: Endpoint,
    params: Mapping[str, Any],
    may_be_missing: Collection[str] = (),
) -> None:
    """Ask with each value that does not fit, without each parameter that is needed, and with one too many.

    Args:
        hub: who asks.
        topic: of a leaf, such as ``request/face/addFace``.
        endpoint: the call.
        params: parameters that fit.
        may_be_missing: those that the bridge fills in.
    """
    wrong: dict[int, tuple[str, Any]] = {}
    numbers, since = itertools.count(), hub.mark()

    def ask(asked: Mapping[str, Any], name: str, value: Any) -> None:
        transaction = next(numbers)
        wrong[transaction] = (name, value)
        hub.publish(topic(f"request/{endpoint.path}"), json.dumps({**asked, "transaction": transaction}))

    for name, field in endpoint.fields.items():
        for value in bad_values(field):
            ask({**params, name: value}, name, value)
    for name in endpoint.params.keys() - {*may_be_missing}:
        ask({key: value for key, value in params.items() if key != name}, name, "missing")
    ask({**params, "surplus": 1}, "surplus", 1)

    where = topic(f"response/{endpoint.path}")
    await hub.wait_for(where, since=since, count=len(wrong))
    answers = [message.json for message in hub.messages(where, since=since)]
    assert len(answers) == len(wrong)
    # A request that is no JSON, or too large to be looked at, has no transaction.
    unread = [value for _, value in wrong.values() if value is LARGE_FILE or "\\ud800" in json.dumps(value)]
    assert len([answer for answer in answers if answer["transaction"] is None]) == len(unread)
    for answer in answers:
        error = answer["error"]
        assert (error["code"], error["name"]) == (None, None)
        if answer["transaction"] is None:
            assert error["kind"] in {"invalid", "too_large"}
        else:
            name, value = wrong.pop(answer["transaction"])
            assert error["kind"] == "invalid", (endpoint, name, value)
            assert name in error["message"], (endpoint, name, value)
