"""``groups``: what a camera has, new ones, changes, and who becomes a regular."""

from __future__ import annotations

import json

import pytest

from ipc_bridge.cli.face_groups import changes_of
from ipc_bridge.errors import ParameterError
from ipc_bridge.simulator import Code
from tests.cli.cameras import Shop


async def run(shop: Shop, verb: str, *arguments: str, typed: str | None = None) -> tuple[int, str, str]:
    result = await shop.invoke("groups", verb, shop.camera.sn, *arguments, typed=typed)
    return result.exit_code, result.stdout, result.stderr


def changing_calls(shop: Shop) -> list[str]:
    reading = {"face/getGroupList", "face/getFaceInfoItem"}
    return [call.path for call in shop.camera.calls if call.path not in reading]


# list.


async def test_the_groups_and_the_rule(shop: Shop) -> None:
    status, output, log = await run(shop, "list")
    assert (status, log) == (0, "")
    lines = [" ".join(line.split()) for line in output.splitlines()]
    assert lines[0] == "Group Faces Capacity Description Attributes"
    assert "vip 2 1000 this is vip group vip_level, hobby, weight, height" in lines
    assert "regular 2 5000 this is regular group -" in lines
    assert lines[-1] == "A stranger who comes 5 times in 7 days is a regular."


async def test_as_json(shop: Shop) -> None:
    status, output, _ = await run(shop, "list", "--json")
    groups = {group.pop("name"): group for group in json.loads(output)}
    assert status == 0
    assert list(groups) == ["regular", "stranger", "vip", "staff"]
    assert groups["staff"] == {
        "count": 2,
        "capacity": 1000,
        "description": "this is staff group",
        "attributes": ["shift"],
        "visits": None,
        "days": None,
    }
    assert (groups["stranger"]["visits"], groups["stranger"]["days"]) == (5, 7)


# create.


async def test_a_new_group(shop: Shop) -> None:
    options = ("--capacity", "50", "--description", "Friends of the house", "--attribute", "name", "--attribute", "tel")
    assert await run(shop, "create", "friends", *options) == (0, "There is a group friends now.\n", "")
    group = shop.camera.library.groups["friends"]
    assert (group.capacity, group.description, group.attributes) == (50, "Friends of the house", ["name", "tel"])


async def test_a_new_group_of_which_little_is_said(shop: Shop) -> None:
    assert (await run(shop, "create", "friends"))[0] == 0
    group = shop.camera.library.groups["friends"]
    assert (group.capacity, group.description, group.attributes) == (1000, "friends", [])


@pytest.mark.parametrize(
    ("arguments", "status", "complaint"),
    [
        (["vip"], 1, Code.GROUP_NAME_EXISTED.name),
        (["friends", "--capacity", "0"], 2, "capacity may be a whole number from 1 to 30000, not 0"),
        (["stranger"], 2, "name may be text of 1 to 96 characters"),
        (["friends", "--attribute", "age"], 2, "name_list may be"),
        (["friends", *["--attribute", "x"] * 2], 2, "name_list may be"),
    ],
)
async def test_groups_that_cannot_be_made(shop: Shop, arguments: list[str], status: int, complaint: str) -> None:
    code, output, log = await run(shop, "create", *arguments)
    assert (code, output) == (status, "")
    assert complaint in log
    # Mistakes are found before anything is sent.
    assert changing_calls(shop) == (["face/createGroup"] if status == 1 else [])


# set.


async def test_everything_at_once(shop: Shop) -> None:
    options = ["--rename", "crew", "--capacity", "70", "--attribute", "name", "--attribute", "shift"]
    assert await run(shop, "set", "staff", *options) == (0, "Done.\n", "")
    group = shop.camera.library.groups["crew"]
    assert (group.capacity, group.description, group.attributes) == (70, "this is staff group", ["shift", "name"])
    assert "staff" not in shop.camera.library.groups


async def test_a_group_without_a_description_gets_its_name(shop: Shop) -> None:
    shop.camera.library.groups["staff"].description = ""
    assert (await run(shop, "set", "staff", "--capacity", "70"))[0] == 0
    assert shop.camera.library.groups["staff"].description == "staff"


@pytest.mark.parametrize(
    ("options", "rule"),
    [(["--visits", "3"], (3, 7)), (["--days", "30"], (5, 30)), (["--visits", "2", "--days", "1"], (2, 1))],
)
async def test_who_becomes_a_regular(shop: Shop, options: list[str], rule: tuple[int, int]) -> None:
    assert (await run(shop, "set", "stranger", *options))[0] == 0
    assert (shop.camera.library.times, shop.camera.library.period) == rule
    assert changing_calls(shop) == ["face/updateMigration"]


def test_a_rule_that_the_camera_does_not_tell() -> None:
    group = {"name": "stranger", "capacity": 1000, "description": None, "times": None, "period": None}
    with pytest.raises(ParameterError, match="does not tell its rule: give --visits and --days"):
        changes_of(group, [], {}, {"times": 3}, add=(), remove=())
    ((_, values),) = changes_of(group, [], {}, {"times": 3, "period": 9}, add=(), remove=())
    assert values == {"arrive_times": 3, "period": 9}


async def test_attributes_are_removed_when_a_person_says_so(shop: Shop) -> None:
    group = shop.camera.library.groups["vip"]
    options = ("--remove-attribute", "hobby", "--remove-attribute", "nothing")
    status, output, log = await run(shop, "set", "vip", *options, typed="n\n")
    assert (status, output) == (1, "")
    assert "All values of hobby, nothing in group vip are lost. Do it?" in log
    assert not shop.camera.calls
    assert (await run(shop, "set", "vip", *options, "--yes"))[0] == 0
    assert group.attributes == ["vip_level", "weight", "height"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["vip"], "There is nothing to change"),
        (["friends", "--capacity", "5"], "the camera has no group friends: it has regular, stranger, vip, staff"),
        (["vip", "--visits", "5"], "--visits and --days are for stranger only"),
        (["stranger", "--visits", "11"], "arrive_times may be a whole number from 1 to 10, not 11"),
        (["stranger", "--rename", "guests"], "name must be old_name where one of them is stranger or regular"),
        (["stranger", "--attribute", "mood"], "group_name may be text"),
        (["vip", "--capacity", "50", "--attribute", "age"], "name_list may be"),
    ],
)
async def test_changes_that_cannot_be(shop: Shop, arguments: list[str], complaint: str) -> None:
    status, output, log = await run(shop, "set", *arguments)
    assert (status, output) == (2, "")
    assert complaint in log
    assert not changing_calls(shop)


async def test_what_the_camera_refuses(shop: Shop) -> None:
    status, output, log = await run(shop, "set", "vip", "--rename", "staff")
    assert (status, output) == (1, "")
    assert Code.GROUP_NAME_EXISTED.name in log
