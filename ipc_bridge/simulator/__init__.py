"""Fake cameras, as strict as real ones and breakable on purpose.

For tests, the demo, benchmarks and authors of plugins; ``async with SimulatedCamera() as camera:``
is a camera on a loopback address. It shares the byte formats (``wire``) and the list of endpoints
(``catalog``) with the bridge, nothing else.

    async with SimulatedCamera() as camera:
        camera.emit_face(faceid="00000001")  # of the library: the arrival is counted, attributes go along
        camera.library.add_face("vip", attributes={"hobby": "chess"})
        camera.controls.led_switch  # what the API has set
        camera.card = CardStatus.OUT
        print(camera.calls[-1])  # config/setZoom zoom=501 -> 110 LENS_ZOOM_PARAM_INVALID
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
