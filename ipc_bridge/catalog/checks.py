"""What parameters of a call must be together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import voluptuous as vol

DEFAULT_GROUPS = ("stranger", "regular")
"""Every camera has them; they cannot be renamed, deleted or given attributes."""
_PICTURES = {0: (1920, 1080), 1: (1280, 720)}  # width and height by resolution
_SHORTEST_LINE = 100  # pixels from left to right


def line_in_picture(params: Mapping[str, Any]) -> None:
    """The line of a door lies in the picture and leads from left to right."""
    for axis, limit in zip("xy", _PICTURES[params["resolution"]], strict=True):
        for name in (f"start_{axis}", f"end_{axis}"):
            if params[name] > limit:
                raise vol.Invalid(f"{name} may be at most {limit} with this resolution, not {params[name]}")
    if params["end_x"] - params["start_x"] < _SHORTEST_LINE:
        raise vol.Invalid(f"end_x must be at least {_SHORTEST_LINE} more than start_x")


def age_or_range(params: Mapping[str, Any]) -> None:
    """Visitors are asked for by age or by range."""
    if params.keys() >= {"age", "age_range"}:
        raise vol.Invalid("age and age_range exclude each other: give one of them")


def list_as_long_as_num(params: Mapping[str, Any]) -> None:
    """``num`` says how long the list is."""
    for name, value in params.items():
        if isinstance(value, list) and len(value) != params["num"]:
            raise vol.Invalid(f"num must be the length of {name}, {len(value)}")


def default_group_keeps_name(params: Mapping[str, Any]) -> None:
    """A default group is never renamed, and no group becomes one."""
    if params["name"] != params["old_name"] and {params["name"], params["old_name"]} & set(DEFAULT_GROUPS):
        raise vol.Invalid(f"name must be old_name where one of them is {' or '.join(DEFAULT_GROUPS)}")


def address_is_whole(params: Mapping[str, Any]) -> None:
    """A static address needs its parts; with DHCP the network gives them."""
    given = params.keys() - {"proto"}
    if params["proto"] == "dhcp" and given:
        raise vol.Invalid(f"{min(given)} goes with proto static only: with dhcp the network gives the addresses")
    if params["proto"] == "static" and (missing := {"ipaddr", "netmask", "gateway"} - given):
        raise vol.Invalid(f"proto static needs {' and '.join(sorted(missing))}, too")


def names_camera(params: Mapping[str, Any]) -> None:
    """A camera is named by ``ipc_id``, by ``ipc_sn``, or by both where they agree."""
    if not params.keys() & {"ipc_id", "ipc_sn"}:
        raise vol.Invalid("give ipc_id or ipc_sn: which camera")


def period_in_order(params: Mapping[str, Any]) -> None:
    """``end_time`` is not before ``start_time``."""
    if params["end_time"] < params["start_time"]:
        raise vol.Invalid("end_time may not be before start_time")
