"""What the cloud does when it is called: a function for each row of its catalogue, a module for each group."""

from ipc_bridge.simulator.cloud.handlers import devices, faces, flow, media
from ipc_bridge.simulator.cloud.handlers.registry import HANDLERS, own_camera

__all__ = ["HANDLERS", "devices", "faces", "flow", "media", "own_camera"]
