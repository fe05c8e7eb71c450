"""Fake cameras, as strict as real ones and breakable on purpose.

For tests, the demo, benchmarks and authors of plugins; ``async with SimulatedCamera() as camera:``
is a camera on a loopback address. It shares the byte formats (``wire``) and the list of endpoints
(``catalog``) with the bridge, nothing else.
"""

from ipc_bridge.simulator.book import SentEvent
from ipc_bridge.simulator.calls import ApiCall, SentFile
from ipc_bridge.simulator.camera import SimulatedCamera
from ipc_bridge.simulator.card import CardStatus
from ipc_bridge.simulator.certificates import (
    Identity,
    KeyType,
    make_identity,
    server_context,
    shared_authority,
    shared_identity,
)
from ipc_bridge.simulator.events import NotSeenError
from ipc_bridge.simulator.faults import Faults
from ipc_bridge.simulator.fleet import Fleet, FleetSettings
from ipc_bridge.simulator.people import PEOPLE, Person
from ipc_bridge.simulator.refusals import Code
from ipc_bridge.simulator.run import SimulateOptions, simulate
from ipc_bridge.simulator.settings import FACE_MODEL, MOTION_MODEL, CameraSettings
from ipc_bridge.simulator.statistics import Flow

__all__ = [
    "FACE_MODEL",
    "MOTION_MODEL",
    "PEOPLE",
    "ApiCall",
    "CameraSettings",
    "CardStatus",
    "Code",
    "Faults",
    "Fleet",
    "FleetSettings",
    "Flow",
    "Identity",
    "KeyType",
    "NotSeenError",
    "Person",
    "SentEvent",
    "SentFile",
    "SimulateOptions",
    "SimulatedCamera",
    "make_identity",
    "server_context",
    "shared_authority",
    "shared_identity",
    "simulate",
]
