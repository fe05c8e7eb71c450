"""Who wants to know what happens with a camera."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from ipc_bridge.bridge.link import Acknowledge
from ipc_bridge.models import Transport

if TYPE_CHECKING:
    from ipc_bridge.bridge.camera import CameraRunner


class Observer(Protocol):
    """Told by each camera's runner."""

    def camera_changed(self, runner: CameraRunner) -> None:
        """Its status, the reason for it, or what is known of it changed: also which properties it does not have."""

    def state_changed(self, runner: CameraRunner) -> None:
        """Its properties changed."""

    def people_counted(self, runner: CameraRunner) -> None:
        """Its counts of people changed."""

    def camera_event(self, kind: str, runner: CameraRunner, **details: Any) -> None:
        """Something happened that ``bridge/event`` tells."""

    def camera_described(self, runner: CameraRunner) -> None:
        """It is known well enough to be announced, and is not subscribed yet."""

    def event_received(
        self, runner: CameraRunner, payload: bytes, transport: Transport, acknowledge: Acknowledge
    ) -> None:
        """An event came; ``acknowledge`` takes its id once it is safe."""


class Listener(Protocol):
    """Told of all cameras, beside the hub."""

    def camera_happened(self, kind: str, sn: str) -> None:
        """Something happened that ``bridge/event`` tells."""

    def state_changed(self, sn: str, values: Mapping[str, Any]) -> None:
        """A camera's properties were read, and some are others."""
