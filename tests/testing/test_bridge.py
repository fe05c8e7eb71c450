"""The fixtures for authors of plugins."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ipc_bridge.simulator import SimulatedCamera
from ipc_bridge.testing.bridge import BridgeUnderTest

HEAD = "from ipc_bridge import hookimpl\n"
GREET = """
@hookimpl
async def face_recognized(bridge, camera, event):
    if event.group == bridge.settings["group"]:
        await bridge.publish("shop/arrival", [camera.name, event.age, event.gender, event.attributes])

@hookimpl
async def late_event_received(bridge, event):
    await bridge.publish("shop/late", event.event_type)

@hookimpl
async def motion_detected(bridge, camera, event):
    await bridge.publish("shop/motion", {"motion": event.motion, "sound": event.sound})
    await camera.set(led="ON")

@hookimpl
def register_commands():
    return {"echo": lambda params: params}

@hookimpl
def filter_event(event):
    return event.event_type != "stranger"
"""


@pytest.fixture
def greet(tmp_path: Path) -> Path:
    path = tmp_path / "greet.py"
    path.write_text(HEAD + GREET, encoding="utf-8")
    return path


def test_a_plugin_sees_what_happens(
    bridge: BridgeUnderTest,
    camera: SimulatedCamera,
    emit_face: Callable[..., Any],
    emit_motion: Callable[..., Any],
    greet: Path,
) -> None:
    bridge.enable(greet, group="vip")
    emit_face(group="staff")
    event = emit_face(group="vip", gender="female", age=34, attributes={"card": "gold"})
    assert (event["group"], event["late"]) == ("vip", False)
    name, age, gender, attributes = bridge.wait_for("shop/arrival")
    assert (name, age, gender, attributes["card"]) == ("Front door", 34, "female", "gold")
    assert emit_face(face_id="00000001", late=True)["late"] is True
    assert bridge.wait_for("shop/late") == "member"
    emit_motion(sound=True)
    assert bridge.wait_for("shop/motion") == {"motion": True, "sound": True}
    assert emit_face(group="stranger") is None
    bridge.settle()
    assert len(bridge.published("shop/arrival")) == 1
    assert camera.calls[-1].path != ""
    bridge.publish("ipc_bridge/plugin/greet/request/echo", {"a": 1, "transaction": 7})
    assert bridge.wait_for("ipc_bridge/plugin/greet/response/echo")["data"] == {"a": 1}


def test_a_plugin_that_comes_with_the_bridge(bridge: BridgeUnderTest, emit_motion: Callable[..., Any]) -> None:
    bridge.enable("snapshot_on_motion")
    emit_motion()
    picture = bridge.wait_for(f"ipc_bridge/camera/{bridge.camera.sn}/snapshot")
    assert picture.startswith(b"\xff\xd8")


def test_a_plugin_that_is_refused_fails_its_test(bridge: BridgeUnderTest, tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("import nowhere\n", encoding="utf-8")
    with pytest.raises(AssertionError, match=r"plugin broken is refused: .*No module named 'nowhere'"):
        bridge.enable(tmp_path / "broken.py")
    (tmp_path / "late.py").write_text(
        f"{HEAD}@hookimpl\ndef startup(): raise OSError('no network')\n", encoding="utf-8"
    )
    with pytest.raises(AssertionError, match="plugin late: it did not start: OSError: no network"):
        bridge.enable(tmp_path / "late.py")
    bridge.may_fail = True


def test_a_plugin_that_fails_fails_its_test(tmp_path: Path) -> None:
    (tmp_path / "fails.py").write_text(
        f"{HEAD}@hookimpl\ndef event_received(): raise ValueError('x')\n", encoding="utf-8"
    )

    def scenario() -> None:
        with BridgeUnderTest(tmp_path) as bridge:
            bridge.enable(tmp_path / "fails.py")
            bridge.emit_face()
            bridge.settle()

    with pytest.raises(AssertionError, match=r"failures of plugins, see the captured log: \{'fails': 2\}"):
        scenario()


def test_what_does_not_come_is_told_with_what_came(bridge: BridgeUnderTest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ipc_bridge.testing.bridge.PATIENCE", 0.05)
    bridge.publish("shop/other", "hello")
    with pytest.raises(AssertionError, match=r"not published on shop/nothing: .*; there came \[\], .*'shop/other'"):
        bridge.wait_for("shop/nothing")
    monkeypatch.undo()
