"""For tests of plugins: fixtures for pytest, which finds them by itself where the bridge is installed.

    def test_a_guest_is_greeted(bridge, emit_face):
        bridge.enable("plugins/greet.py")
        emit_face(group="vip")
        assert bridge.wait_for("shop/arrival")

No broker, no camera and no network are needed: ``bridge`` is a :class:`~ipc_bridge.testing.bridge.BridgeUnderTest`, the
real bridge with a simulated camera. A plugin that fails fails its test.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from ipc_bridge.simulator import SimulatedCamera
    from ipc_bridge.testing.bridge import BridgeUnderTest


@pytest.fixture
def bridge(tmp_path: Path) -> Iterator[BridgeUnderTest]:
    """A bridge with one camera that is online, and no plugins yet."""
    # Not before a test asks for it: pytest imports this file in every run.
    from ipc_bridge.testing.bridge import BridgeUnderTest  # noqa: PLC0415 - see above

    with BridgeUnderTest(tmp_path) as bridge:
        yield bridge


@pytest.fixture
def camera(bridge: BridgeUnderTest) -> SimulatedCamera:
    """The bridge's camera: what it was asked, and what it holds."""
    return bridge.camera


@pytest.fixture
def emit_face(bridge: BridgeUnderTest) -> Callable[..., dict[str, Any] | None]:
    """Has the camera recognise somebody: ``emit_face(group="vip")``."""
    return bridge.emit_face


@pytest.fixture
def emit_motion(bridge: BridgeUnderTest) -> Callable[..., dict[str, Any] | None]:
    """Has the camera see or hear something: ``emit_motion(sound=True)``."""
    return bridge.emit_motion
