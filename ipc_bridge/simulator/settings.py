"""What a simulated camera is like: one frozen record."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from ipc_bridge.simulator.certificates import Identity
from ipc_bridge.simulator.people import PEOPLE, Person
from ipc_bridge.simulator.refusals import Code
from ipc_bridge.wire import discovery
from ipc_bridge.wire.session import Dialect

FACE_MODEL = "FM020"
"""The model that recognises faces."""
MOTION_MODEL = "FM010"


@dataclass(frozen=True, slots=True)
class CameraSettings:
    """One camera. A port of 0 takes a free one, which the camera then keeps for its life."""

    sn: str = "FS101D8BS00101"
    model: str = FACE_MODEL
    host: str = "127.0.0.1"
    api_port: int = 0
    channel_port: int = 0
    discovery_port: int | None = discovery.PORT
    """Where it listens, and where it answers to; None: it does not answer to discovery."""
    discovery_broadcast: str | None = None
    """A broadcast address that it hears as well: 127.255.255.255 works between Linux loopback addresses."""

    app_id: str = "demo-app"
    secret_key: str = field(default="demo-secret", repr=False)
    activated: bool = True
    activation_code: str = field(default="12345678", repr=False)
    max_skew: float | None = None
    """Seconds that a ``timestamp`` may be off the camera's clock; None: any time will do."""

    name: str = "Front door"
    mac: str = "02:00:00:00:00:01"
    firmware: str = "1.3.6"
    hardware: str = "1.0.0"

    dialect: Dialect = field(default_factory=Dialect)
    """The CRC it insists on, in both directions, and whether it takes ``keep_alive`` as signed."""
    prose_types: bool = False
    """Send UNSUBACK as 7 and DISCONNECT as 17, as the documents' prose has it."""
    max_clients: int = 4
    """Channel connections at a time; one more is closed at once."""
    keep_alive_unit: float = 1.0
    """Seconds that one second of ``keep_alive`` lasts: tests of a silent client shorten it."""
    connect_timeout: float = 10.0
    """Seconds a client may take to send CONNECT."""
    resend_unacknowledged: bool = False
    """Whether events without PUBACK are sent again to a client that subscribes."""
    remember_events: int = 10_000
    """Events kept with their payload, unacknowledged and acknowledged each; the oldest go first."""
    hook_attempts: int = 3
    """How often it posts an event that is not answered with 200, each time signed anew; the documents do not say."""
    hook_retry_seconds: float = 1.0
    hook_timeout: float = 10.0
    """Seconds that it waits for the answer to a post."""
    reboot_seconds: float = 3.0
    """How long a reboot that the API asked for takes."""

    people: tuple[Person, ...] = PEOPLE
    """Whom it knows from the start; activation forgets them."""
    max_zoom: int = 500
    max_focus: int = 780
    """What its lens can do; the API's ranges are those of the best one."""
    unsupported: Code = Code.OP_NOT_SUPPORT
    """The answer to calls that the model does not have; an old firmware says :attr:`Code.URL_NOT_FOUND`."""
    recorded_seconds: float = 3600.0
    """How long it has been recording when it is started first."""
    clip_unit: float = 1.0
    """Seconds of ``clock`` that one second of waiting for a clip lasts: a clip is there 4 to 12 of them later."""
    serves_ranges: bool = True
    """Whether a download can begin in the middle of a file."""
    address_lifetime: float = 3600.0
    """Seconds after which the address of a file is refused."""

    identity: Identity | None = None
    """Its certificate; None: the one that all cameras of the process share."""
    client_authority: bytes | None = None
    """PEM of the authority whose certificate every client must show; None: clients need none."""
    newest_tls: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2

    clock: Callable[[], float] = time.time
    """Unix seconds."""
    clock_offset: float = 0.0
    """Seconds by which the camera's clock is ahead of ``clock``."""
    seed: int | None = None
    """For the choice of people and sounds; None: the serial number is the seed."""
