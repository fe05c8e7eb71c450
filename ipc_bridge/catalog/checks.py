"""What parameters must be together; the rows of the table name these functions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import voluptuous as vol

PICTURES = {0: (1920, 1080), 1: (1280, 720)}
"""Width and height by ``resolution``."""
MIN_LINE = 100
"""Pixels from left to right."""


def door_line_in_picture(params: Mapping[str, Any]) -> None:
    """The line lies in the picture and leads from left to right."""
    for axis, limit in zip("xy", PICTURES[params["resolution"]], strict=True):
        for name in (f"start_{axis}", f"end_{axis}"):
            if params[name] > limit:
                raise vol.Invalid(f"{name} may be at most {limit} with this resolution, not {params[name]}")
    if params["end_x"] - params["start_x"] < MIN_LINE:
        raise vol.Invalid(f"end_x must be at least {MIN_LINE} more than start_x")


def age_or_range(params: Mapping[str, Any]) -> None:
    """A visitor is asked for by age or by range."""
    if params.keys() >= {"age", "age_range"}:
        raise vol.Invalid("age and age_range exclude each other: give one of them")


def list_as_long_as_num(params: Mapping[str, Any]) -> None:
    """``num`` says how long the list is."""
    for name, value in params.items():
        if isinstance(value, list) and len(value) != params["num"]:
            raise vol.Invalid(f"num must be the length of {name}, which is {len(value)}")


def default_group_keeps_name(params: Mapping[str, Any]) -> None:
    """The camera's own two groups have their names for good, and no other group may take them."""
    for group in ("stranger", "regular"):
        if (params["old_name"] == group) != (params["name"] == group):
            raise vol.Invalid(f"name must be old_name for the group {group}, and cannot be {group} for another")


def address_for_static(params: Mapping[str, Any]) -> None:
    """A static address is whole; with DHCP the network gives it."""
    given = params.keys() - {"proto"}
    if params["proto"] == "dhcp" and given:
        raise vol.Invalid(f"{min(given)} goes only with proto static: with dhcp the network gives the address")
    if params["proto"] == "static" and (missing := {"ipaddr", "netmask", "gateway"} - given):
        raise vol.Invalid(f"proto static needs {', '.join(sorted(missing))}, too")
