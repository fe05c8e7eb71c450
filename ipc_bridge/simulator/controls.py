"""What can be set on a camera by its API, under the vendor's names and with the factory's values."""

from __future__ import annotations

from dataclasses import dataclass

ROTATIONS = (0, 90, 180, 270)
FACTORY_NAME = "IPC"
PICTURES = {0: (1920, 1080), 1: (1280, 720)}
"""Width and height in pixels by ``resolution``."""
MIN_LINE = 100
"""Pixels from the left end of the door line to the right one."""


@dataclass(frozen=True, slots=True)
class DoorLine:
    """Where people are counted who cross it, in pixels of the image that ``resolution`` stands for."""

    resolution: int
    start_x: int
    start_y: int
    end_x: int
    end_y: int


INSTALLED_LINE = DoorLine(0, 500, 800, 1400, 800)
"""What the people who put the camera up have set."""


@dataclass(frozen=True, slots=True)
class Network:
    """Wired or wireless: the address."""

    proto: str = "dhcp"
    ipaddr: str = ""
    netmask: str = "255.0.0.0"
    gateway: str = ""
    dns1: str = ""
    dns2: str = ""


@dataclass(slots=True)
class Controls:
    """One camera's."""

    name: str = FACTORY_NAME
    led_switch: int = 1
    irmode: int = 2
    rotation: int = 0

    zoom: int = 0
    focus: int = 0
    focus_x: int = 50
    focus_y: int = 50

    motion_level: int = 2
    audio_level: int = 2
    weekday: int = 128
    start_time: int = 0
    stop_time: int = 1440

    facerecog_interval: int = 10
    """It is kept, but :meth:`SimulatedCamera.emit_face` does not wait for it."""
    customer_judgemode: int = 1
    optimize_seconds: int = 2
    door_line: DoorLine | None = None
    """None: nobody is counted."""

    ssid: str = ""
    password: str = ""
    network: Network = Network()
