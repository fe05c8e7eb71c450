"""Every call of the cloud's API over MQTT, with the daemon in between: good values, bad ones, and long periods."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import pytest
import pytest_asyncio

from ipc_bridge.catalog.cloud import ENDPOINTS, GET_GROUP, HISTORY_BY_TAG, PASSERS, UPDATE_GROUP, VISITS
from ipc_bridge.catalog.endpoint import Effect, Endpoint
from ipc_bridge.catalog.fields import encode
from ipc_bridge.simulator.calls import ApiCall
from ipc_bridge.simulator.cloud import SimulatedCloud
from ipc_bridge.wire.signing import is_signed
from tests.cloud.rig import SHOP, settings
from tests.cloud.test_catalogue import good_params
from tests.e2e.harness import APP_ID, SECRET_KEY, Daemon, Site, Subscriber
from tests.e2e.refusals import refuses_all_bad_values

PUBLIC = {"app_id", "timestamp", "random", "sign"}
FILLED_IN = ("sunmi_shop_no", "sunmi_company_no")
"""The topic and the configuration have said it."""

pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass
class Shop:
    """One shop of a cloud, asked over MQTT."""

    hub: Subscriber
    cloud: SimulatedCloud
    daemon: Daemon
    transactions: itertools.count[int] = field(default_factory=itertools.count)

    async def call(self, path: str, params: dict[str, Any]) -> dict[str, Any]:
        """Make a request; return its one answer."""
        since, transaction = self.hub.mark(), next(self.transactions)
        self.hub.publish(topic(f"request/{path}"), json.dumps({**params, "transaction": transaction}))
        message = await self.hub.wait_for(topic(f"response/{path}"), since=since)
        assert (message.qos, message.retain) == (1, False)
        assert message.json["transaction"] == transaction
        return dict(message.json)


def topic(leaf: str) -> str:
    return f"ipc_bridge/shop/{SHOP}/{leaf}"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shop(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shop]:
    async with Site(tmp_path_factory.mktemp("cloud-catalogue")) as site, SimulatedCloud(settings()) as cloud:
        there = cloud.shop(SHOP)
        # Some are moved and deleted on the way.
        vip = next(group for group in there.groups.values() if group.name == "vip")
        for number in range(3):
            there.add_face(vip, f"more {number}", 1, 4, ready_at=0)
        broker = await site.broker()
        hub = await site.subscriber(broker.port)
        account = {"base_url": cloud.base_url, "app_id": APP_ID, "secret_key": SECRET_KEY}
        daemon = await site.daemon(
            broker,
            # After its first questions it asks for nothing by itself.
            cloud={**account, "shops": [SHOP], "company": cloud.settings.company, "interval": 3600},
            commands={"allow_destructive": True},
            homeassistant={"enabled": False},
        )
        await hub.wait_for(topic("flow"))
        yield Shop(hub, cloud, daemon)
    assert not site.bugs()


def sent(call: ApiCall) -> dict[str, str]:
    """What the cloud got beside the public parameters, which must be right."""
    public = {name: value for name, value in call.params.items() if name in PUBLIC}
    assert public.keys() == PUBLIC
    assert public["app_id"] == APP_ID
    assert is_signed(call.params, SECRET_KEY)
    assert abs(int(public["timestamp"]) - time.time()) < 60
    return {name: value for name, value in call.params.items() if name not in PUBLIC}


def asked(endpoint: Endpoint, shop: Shop) -> tuple[dict[str, Any], dict[str, Any]]:
    """A request that is fit, and all that is to be sent for it."""
    whole = good_params(endpoint, shop.cloud)
    if endpoint is UPDATE_GROUP:
        # Another group has the name of the sample by now.
        whole["name"] = "vip"
    return {name: value for name, value in whole.items() if name not in FILLED_IN}, whole


async def test_every_call_arrives_as_it_was_asked(shop: Shop) -> None:
    # What others need is destroyed last.
    for path, endpoint in sorted(ENDPOINTS.items(), key=lambda row: row[1].effect is Effect.DANGER):
        request, whole = asked(endpoint, shop)
        before = len(shop.cloud.calls)
        answer = await shop.call(path, request)
        *others, call = shop.cloud.calls[before:]
        # What a group has goes along with what changes.
        assert [other.path for other in others] == ([GET_GROUP.path] if endpoint is UPDATE_GROUP else [])
        values = endpoint.check(whole)
        files = {name: len(value) for name, value in values.items() if isinstance(value, bytes)}
        texts = {name: encode(value) for name, value in values.items() if name not in files}
        got = sent(call)
        assert (call.path, call.code) == (path, 0)
        assert {name: got[name] for name in texts} == texts
        assert endpoint is UPDATE_GROUP or got.keys() == texts.keys()
        assert {name: file.size for name, file in call.files.items()} == files
        assert answer["status"] == "ok", (path, answer)
        spellings = {alias for member in endpoint.reply.values() for alias in member.aliases}
        assert answer["data"].keys() <= endpoint.reply.keys() | spellings, path
        if endpoint.experimental:
            await shop.daemon.wait_for_log(f"{path} is experimental")


async def test_nothing_is_sent_that_the_catalogue_forbids(shop: Shop) -> None:
    before = len(shop.cloud.calls)
    for endpoint in ENDPOINTS.values():
        request = {name: value for name, value in endpoint.sample.items() if name not in FILLED_IN}
        filled_in = {*FILLED_IN, *endpoint.defaults}
        await refuses_all_bad_values(shop.hub, topic, endpoint, request, may_be_missing=filled_in)
    await shop.hub.caught_up()
    assert shop.cloud.calls[before:] == []


async def test_90_days_are_the_sum_of_what_the_cloud_counted(shop: Shop) -> None:
    last = date.today() - timedelta(1)  # noqa: DTZ011 - this machine's zone, as the cloud's
    first = last - timedelta(89)
    before = len(shop.cloud.calls)
    answer = await shop.call(
        HISTORY_BY_TAG.path, {"start_time": first.isoformat(), "end_time": last.isoformat(), "shop_id": "7948"}
    )
    parts = [(call.params["start_time"], call.params["end_time"]) for call in shop.cloud.calls[before:]]
    seams = [first + timedelta(30 * number) for number in range(3)]
    assert parts == [(day.isoformat(), (day + timedelta(29)).isoformat()) for day in seams]
    assert all(call.params["shop_id"] == "7948" for call in shop.cloud.calls[before:])
    days = [day for _date, day in shop.cloud.shop(SHOP).days(first, last)]
    assert len(days) == 90
    data = answer["data"]
    assert data["total_count"] == sum(len(day.visits) for day in days)
    assert data["pass_count"] == sum(sum(day.passed) for day in days)
    assert data["unexposed_count"] == sum(sum(day.unexposed) for day in days)
    assert data["total_count"] == sum(data[name] for name in VISITS if name != "total_count")
    # Whoever came on both sides of a seam would be two.
    assert {name for name, value in data.items() if value is None} == data.keys() - {*VISITS, *PASSERS}
