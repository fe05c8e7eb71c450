"""Every topic, as the contract writes it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipc_bridge.mqtt.topics import Topics

SN = "FS101D8BS00106"


def test_the_contracts_topics() -> None:
    topics = Topics("ipc_bridge", "homeassistant")
    assert topics.bridge("status") == "ipc_bridge/bridge/status"
    assert topics.camera(SN, "event/face") == f"ipc_bridge/camera/{SN}/event/face"
    assert topics.device_discovery(f"ipc_bridge_{SN}") == f"homeassistant/device/ipc_bridge_{SN}/config"
    assert topics.component_discovery("sensor", "ipc_bridge_bridge", "version") == (
        "homeassistant/sensor/ipc_bridge_bridge/version/config"
    )
    assert topics.birth == "homeassistant/status"


@pytest.mark.parametrize(
    ("base", "node"), [("ipc_bridge", "ipc_bridge"), ("site/ipc", "site_ipc"), ("a b.c", "a_b_c"), ("büro", "b_ro")]
)
def test_the_base_topic_in_ids(base: str, node: str) -> None:
    assert Topics(base, "ha").node == node


@given(st.text(min_size=1))
def test_ids_have_only_what_home_assistant_allows(base: str) -> None:
    assert re.fullmatch(r"[a-zA-Z0-9_-]+", Topics(base, "ha").node)
