"""Groups of faces: what a camera says of them, and the calls that change one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ipc_bridge.catalog.checks import DEFAULT_GROUPS
from ipc_bridge.catalog.device import (
    ADD_FACE_INFO_ITEM,
    GET_FACE_INFO_ITEM,
    GET_GROUP_LIST,
    REMOVE_FACE_INFO_ITEM,
    UPDATE_GROUP,
    UPDATE_MIGRATION,
)
from ipc_bridge.catalog.endpoint import Endpoint
from ipc_bridge.device.api import CameraApi
from ipc_bridge.errors import ParameterError

STRANGER = "stranger"

Calls = list[tuple[Endpoint, dict[str, Any]]]
"""Calls with what is sent, already checked."""


async def ask_groups(api: CameraApi) -> list[dict[str, Any]]:
    """Return all groups, as :data:`GET_GROUP_LIST` tells them.

    Raises:
        DeviceError: the camera refuses, or cannot be reached.
    """
    return list((await api.ask(GET_GROUP_LIST))["face_group"] or [])


async def ask_attributes(api: CameraApi, group: str) -> list[str]:
    """Return the names of a group's attributes, in the camera's order.

    Raises:
        DeviceError: the camera refuses, or cannot be reached.
    """
    if group in DEFAULT_GROUPS:
        return []
    answer = await api.call(GET_FACE_INFO_ITEM, group_name=group)
    return list(GET_FACE_INFO_ITEM.read(answer)["name_list"] or [])


def attribute_calls(endpoint: Endpoint, group: str, names: Sequence[str]) -> Calls:
    """The call that adds or removes attributes; none for none.

    Raises:
        ParameterError: a name is not fit.
    """
    if not names:
        return []
    params = {"num": len(names), "group_name": group, "name_list": list(names)}
    return [(endpoint, endpoint.check(params))]


def changes_of(
    group: Mapping[str, Any],
    has: Sequence[str],
    wanted: Mapping[str, Any],
    rule: Mapping[str, int],
    *,
    add: Sequence[str],
    remove: Sequence[str],
) -> Calls:
    """Return the calls that change a group; the name comes last, because the others go by the old one.

    Args:
        group: what the camera says of it.
        has: its attributes.
        wanted: new values of ``name``, ``capacity`` and ``description``.
        rule: new values of ``times`` and ``period``, for strangers.
        add: attributes that it shall have.
        remove: attributes that it shall not have.

    Raises:
        ParameterError: something does not fit; nothing should be sent.
    """
    name = group["name"]
    calls = attribute_calls(ADD_FACE_INFO_ITEM, name, [one for one in add if one not in has])
    calls += attribute_calls(REMOVE_FACE_INFO_ITEM, name, [one for one in remove if one in has])
    if rule and name != STRANGER:
        raise ParameterError(f"--visits and --days are for {STRANGER} only: who becomes a regular")
    if rule:
        times, period = ({**group, **rule}[part] for part in ("times", "period"))
        if times is None or period is None:
            raise ParameterError("the camera does not tell its rule: give --visits and --days")
        calls.append((UPDATE_MIGRATION, UPDATE_MIGRATION.check({"arrive_times": times, "period": period})))
    if wanted:
        kept = {"name": name, "capacity": group["capacity"], "description": group["description"] or name}
        calls.append((UPDATE_GROUP, UPDATE_GROUP.check({"old_name": name, **kept, **wanted})))
    return calls
