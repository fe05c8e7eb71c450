"""Fake cameras, as strict as real ones and breakable on purpose.

For tests, the demo, benchmarks and authors of plugins; ``async with SimulatedCamera() as camera:``
is a camera on a loopback address. It shares the byte formats (``wire``) with the bridge, nothing else.
"""

from ipc_bridge.simulator.api import ApiCall
from ipc_bridge.simulator.book import SentEvent
from ipc_bridge.simulator.camera import SimulatedCamera
from ipc_bridge.simulator.certificates import (
    Identity,
    KeyType,
    make_identity,
    server_context,
    shared_authority,
    shared_identity,
)
from ipc_bridge.simulator.events import PEOPLE, Person
from ipc_bridge.simulator.faults import Faults
from ipc_bridge.simulator.fleet import Fleet, FleetSettings
from ipc_bridge.simulator.run import SimulateOptions, simulate
from ipc_bridge.simulator.settings import FACE_MODEL, MOTION_MODEL, CameraSettings

__all__ = [
    "FACE_MODEL",
    "MOTION_MODEL",
    "PEOPLE",
    "ApiCall",
    "CameraSettings",
    "Faults",
    "Fleet",
    "FleetSettings",
    "Identity",
    "KeyType",
    "Person",
    "SentEvent",
    "SimulateOptions",
    "SimulatedCamera",
    "make_identity",
    "server_context",
    "shared_authority",
    "shared_identity",
    "simulate",
]
