"""When Home Assistant is told what: once, changes gathered, removals in two steps, births together."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import pytest

from ipc_bridge.config import HomeAssistant
from ipc_bridge.homeassistant import announcer as module
from ipc_bridge.homeassistant.announcer import BIRTH_DELAY, Announcer
from ipc_bridge.homeassistant.payloads import Device
from ipc_bridge.mqtt.connection import Received
from ipc_bridge.mqtt.topics import Topics
from tests.mqtt.broker import eventually

TOPICS = Topics("ipc_bridge", "homeassistant")
TOPIC = "homeassistant/device/ipc_bridge_X/config"
SHORT = 0.03


@dataclass
class Outlet:
    """What went out, and who waits for the broker."""

    sent: list[tuple[str, bytes]] = field(default_factory=list)
    waiting: list[Callable[[], None]] = field(default_factory=list)
    repeats: int = 0

    def announce(self, topic: str, payload: bytes, then: Callable[[], None] | None = None) -> None:
        self.sent.append((topic, payload))
        if then is not None:
            self.waiting.append(then)

    def repeat(self) -> None:
        self.repeats += 1

    def broker_has_it(self) -> None:
        waiting, self.waiting = self.waiting, []
        for then in waiting:
            then()

    @property
    def messages(self) -> list[dict[str, Any]]:
        return [json.loads(payload) for _, payload in self.sent]

    def components(self, number: int = -1) -> dict[str, Any]:
        components: dict[str, Any] = self.messages[number]["components"]
        return components


@pytest.fixture
def outlet() -> Outlet:
    return Outlet()


@pytest.fixture(autouse=True)
def short_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "DEBOUNCE", SHORT)
    monkeypatch.setattr(module, "HOLD", SHORT)


def announcer(
    outlet: Outlet,
    *,
    enabled: bool = True,
    discovery: Literal["device", "component"] = "device",
    uniform: Callable[[float, float], float] = lambda _low, _high: 0.0,
) -> Announcer:
    return Announcer(HomeAssistant(enabled=enabled, discovery=discovery), TOPICS, outlet, uniform=uniform)


def device(name: str = "Front door", device_id: str = "ipc_bridge_X", **platforms: str) -> Device:
    components = {
        key: {"platform": platform, "unique_id": f"X_{key}", "state_topic": "t"} for key, platform in platforms.items()
    }
    return Device(device_id, {"identifiers": [device_id], "name": name}, components, {"name": "ipc-bridge"})


async def quiet(outlet: Outlet) -> int:
    """How many messages have gone out once all that was put off is over."""
    loop = asyncio.get_running_loop()
    over = loop.create_future()
    loop.call_later(4 * SHORT, over.set_result, None)
    await over
    return len(outlet.sent)


async def test_the_first_announcement_goes_out_at_once(outlet: Outlet) -> None:
    announced: dict[str, str] = {}
    announcer(outlet).announce(device(motion="binary_sensor"), announced)
    assert [topic for topic, _ in outlet.sent] == [TOPIC]
    assert outlet.components() == {"motion": {"platform": "binary_sensor", "unique_id": "X_motion", "state_topic": "t"}}
    assert announced == {"motion": "binary_sensor"}
    assert await quiet(outlet) == 1


async def test_events_may_follow_a_while_after_the_broker_has_it(
    outlet: Outlet, monkeypatch: pytest.MonkeyPatch
) -> None:
    called: list[str] = []
    announcer(outlet).announce(device(motion="binary_sensor"), {}, lambda: called.append("then"))
    assert await quiet(outlet) == 1
    assert not called, "the broker has not answered"
    outlet.broker_has_it()
    assert not called, "Home Assistant needs a moment"
    await eventually(lambda: called == ["then"])


async def test_the_next_announcement_holds_nothing_back(outlet: Outlet) -> None:
    one = announcer(outlet)
    called: list[str] = []
    one.announce(device(), {})
    one.announce(device(), {}, lambda: called.append("then"))
    assert called == ["then"]
    assert await quiet(outlet) == 1


async def test_changes_are_gathered_into_one(outlet: Outlet) -> None:
    one = announcer(outlet)
    announced: dict[str, str] = {}
    one.announce(device("A"), announced)
    for name in "BCD":
        one.announce(device(name, motion="binary_sensor"), announced)
    assert len(outlet.sent) == 1
    await eventually(lambda: len(outlet.sent) == 2)
    assert outlet.messages[-1]["device"]["name"] == "D"
    assert announced == {"motion": "binary_sensor"}
    assert await quiet(outlet) == 2


async def test_a_change_that_is_taken_back_is_none(outlet: Outlet) -> None:
    one = announcer(outlet)
    one.announce(device("A"), {})
    one.announce(device("B"), {})
    one.announce(device("A"), {})
    assert await quiet(outlet) == 1


async def test_what_is_the_same_is_not_sent_again(outlet: Outlet) -> None:
    one = announcer(outlet)
    one.announce(device("A"), {})
    for _ in range(3):
        one.announce(device("A"), {})
    assert await quiet(outlet) == 1


async def test_devices_do_not_wait_for_each_other(outlet: Outlet) -> None:
    one = announcer(outlet)
    one.announce(device("A", "X"), {})
    one.announce(device("B", "Y"), {})
    assert [topic for topic, _ in outlet.sent] == [TOPICS.device_discovery("X"), TOPICS.device_discovery("Y")]


async def test_a_component_that_goes_is_first_bare_and_then_left_out(outlet: Outlet) -> None:
    one = announcer(outlet)
    announced = {"motion": "binary_sensor", "face_event": "event"}
    one.announce(device(motion="binary_sensor"), announced)
    assert outlet.components()["face_event"] == {"platform": "event"}
    assert outlet.components()["motion"]["unique_id"] == "X_motion"
    # Were the bridge to stop now, the next start would do it again.
    assert announced == {"motion": "binary_sensor", "face_event": "event"}
    await eventually(lambda: len(outlet.sent) == 2)
    assert list(outlet.components()) == ["motion"]
    assert announced == {"motion": "binary_sensor"}
    assert await quiet(outlet) == 2


async def test_a_component_that_goes_with_a_later_change(outlet: Outlet) -> None:
    one = announcer(outlet)
    announced: dict[str, str] = {}
    one.announce(device(motion="binary_sensor", face_event="event"), announced)
    one.announce(device(motion="binary_sensor"), announced)
    await eventually(lambda: len(outlet.sent) == 3)
    assert outlet.components(1)["face_event"] == {"platform": "event"}
    assert list(outlet.components(2)) == ["motion"]
    assert announced == {"motion": "binary_sensor"}
    assert await quiet(outlet) == 3


async def test_a_component_that_changes_its_platform_goes_and_comes_again(outlet: Outlet) -> None:
    announced = {"motion": "sensor"}
    announcer(outlet).announce(device(motion="binary_sensor"), announced)
    assert outlet.components() == {"motion": {"platform": "sensor"}}
    assert announced == {"motion": "sensor"}
    await eventually(lambda: len(outlet.sent) == 2)
    assert outlet.components()["motion"]["platform"] == "binary_sensor"
    assert announced == {"motion": "binary_sensor"}
    assert await quiet(outlet) == 2


async def test_two_components_that_go_one_after_the_other(outlet: Outlet) -> None:
    one = announcer(outlet)
    announced = {"a": "sensor", "b": "sensor", "c": "sensor"}
    one.announce(device(a="sensor", b="sensor"), announced)
    one.announce(device(a="sensor"), announced)
    await eventually(lambda: len(outlet.sent) == 3)
    assert [set(outlet.components(number)) for number in range(3)] == [{"a", "b", "c"}, {"a", "b"}, {"a"}]
    assert outlet.components(0)["c"] == outlet.components(1)["b"] == {"platform": "sensor"}
    assert announced == {"a": "sensor"}
    assert await quiet(outlet) == 3


async def test_a_component_that_comes_back_before_it_was_left_out(outlet: Outlet) -> None:
    one = announcer(outlet)
    announced = {"a": "sensor", "b": "sensor"}
    one.announce(device(a="sensor"), announced)
    one.announce(device(a="sensor", b="sensor"), announced)
    await eventually(lambda: len(outlet.sent) == 2)
    assert outlet.components()["b"]["unique_id"] == "X_b"
    assert announced == {"a": "sensor", "b": "sensor"}
    assert await quiet(outlet) == 2


async def test_what_is_undecided_stays_as_it_is(outlet: Outlet) -> None:
    one = announcer(outlet)
    announced = {"led": "switch", "old": "switch"}
    # After a restart: the camera's settings are not known yet.
    one.announce(replace(device(motion="binary_sensor"), undecided=frozenset({"led", "zoom"})), announced)
    assert outlet.components().keys() == {"motion", "old"}
    await eventually(lambda: len(outlet.sent) == 2)
    assert outlet.components().keys() == {"motion"}
    assert announced == {"led": "switch", "motion": "binary_sensor"}
    one.announce(device(motion="binary_sensor", led="switch"), announced)
    await eventually(lambda: len(outlet.sent) == 3)
    assert outlet.components()["led"]["unique_id"] == "X_led"
    assert announced == {"led": "switch", "motion": "binary_sensor"}
    assert await quiet(outlet) == 3


async def test_what_is_decided_against_goes(outlet: Outlet) -> None:
    one = announcer(outlet)
    announced = {"led": "switch"}
    one.announce(replace(device(), undecided=frozenset({"led"})), announced)
    one.announce(device(), announced)
    await eventually(lambda: len(outlet.sent) == 3)
    assert [outlet.components(number) for number in range(3)] == [{}, {"led": {"platform": "switch"}}, {}]
    assert announced == {}
    assert await quiet(outlet) == 3


async def test_the_component_form_has_a_topic_each(outlet: Outlet) -> None:
    announced = {"old": "event", "motion": "sensor"}
    called: list[str] = []
    announcer(outlet, discovery="component").announce(
        device(motion="binary_sensor", version="sensor"), announced, lambda: called.append("then")
    )
    assert sorted(topic for topic, payload in outlet.sent if payload) == [
        "homeassistant/binary_sensor/ipc_bridge_X/motion/config",
        "homeassistant/sensor/ipc_bridge_X/version/config",
    ]
    assert sorted(topic for topic, payload in outlet.sent if not payload) == [
        "homeassistant/event/ipc_bridge_X/old/config",
        "homeassistant/sensor/ipc_bridge_X/motion/config",
    ]
    assert announced == {"motion": "binary_sensor", "version": "sensor"}
    outlet.broker_has_it()
    await eventually(lambda: bool(called))
    assert await quiet(outlet) == 4


async def test_who_has_no_home_assistant_is_left_alone(outlet: Outlet) -> None:
    one = announcer(outlet, enabled=False)
    called: list[str] = []
    announced = {"old": "sensor"}
    one.announce(device("A"), announced, lambda: called.append("then"))
    one.announce(device("B"), announced)
    assert called == ["then"]
    assert announced == {"old": "sensor"}
    assert await quiet(outlet) == 0


# Births.

BIRTH = Received("homeassistant/status", b"online", retained=False)


async def test_several_births_are_one(outlet: Outlet) -> None:
    asked: list[tuple[float, float]] = []

    def uniform(low: float, high: float) -> float:
        asked.append((low, high))
        return SHORT

    one = announcer(outlet, uniform=uniform)
    for _ in range(3):
        one.birth(BIRTH)
    assert outlet.repeats == 0
    await eventually(lambda: outlet.repeats == 1)
    assert asked == [BIRTH_DELAY] == [(2.0, 10.0)]
    await quiet(outlet)
    assert outlet.repeats == 1
    one.birth(BIRTH)
    await eventually(lambda: outlet.repeats == 2)


@pytest.mark.parametrize("message", [replace(BIRTH, payload=b"offline"), replace(BIRTH, retained=True)])
async def test_what_is_no_birth(outlet: Outlet, message: Received) -> None:
    announcer(outlet).birth(message)
    await quiet(outlet)
    assert outlet.repeats == 0
