"""What the simulated cloud refuses with."""

from __future__ import annotations

import enum


class CloudCode(enum.IntEnum):
    """A list of its own beside the catalogue's, so that neither hides the other's mistakes."""

    CAMERA_SILENT = 5011
    NO_DATA = 5013
    PARAMETER = 5020
    TOO_LONG = 5021
    TIME = 5025
    NO_SHOP = 5041
    MAC = 5079
    NO_MATCH = 5087
    SIGNATURE = 5090
    TIMESTAMP = 5091
    NO_CAMERA = 5501
    NOT_FOUND = 5506
    IN_USE = 5509
    """The camera is bound, or the group is not empty."""
    NOT_BOUND = 5510
    FULL = 5520
    NOT_IN_GROUP = 5521
    NO_GROUP = 5522
    GROUP_EXISTS = 5523
    DEFAULT_NOT_DELETED = 5524
    DEFAULT_NOT_CHANGED = 5525
