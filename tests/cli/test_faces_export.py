"""``faces export``: the faces of a group as files, which an import takes again."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from click.testing import Result

from ipc_bridge.simulator.portraits import digest
from tests.cli.cameras import Shop, opened


async def run(shop: Shop, directory: Path, group: str = "vip") -> Result:
    return await shop.invoke("faces", "export", shop.camera.sn, str(directory), "--group", group)


def table(directory: Path) -> list[dict[str, str]]:
    with (directory / "faces.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


async def test_pictures_and_a_table(shop: Shop, tmp_path: Path) -> None:
    target = tmp_path / "a" / "vip"
    result = await run(shop, target)
    assert (result.exit_code, result.stdout) == (0, f"2 faces of group vip in {target}/faces.csv.\n")
    assert target.stat().st_mode & 0o777 == 0o700
    rows = table(target)
    assert list(rows[0]) == ["file", "faceid", "age", "gender", "vip_level", "hobby", "weight", "height"]
    assert rows[0] == {
        "file": "00000001.jpg",
        "faceid": "00000001",
        "age": "10",
        "gender": "female",
        "vip_level": "1",
        "hobby": "tennis",
        "weight": "60",
        "height": "180",
    }
    for row in rows:
        picture = (target / row["file"]).read_bytes()
        assert digest(picture) == shop.camera.library.faces[row["faceid"]].picture


async def test_an_import_takes_it(shop: Shop, tmp_path: Path) -> None:
    (shop.camera.library.groups["vip"].faces["00000002"]).attributes["hobby"] = 'go, "the game"'
    assert (await run(shop, tmp_path / "vip")).exit_code == 0
    other_place = tmp_path / "other"
    other_place.mkdir()
    async with opened(other_place, sn="FS-2", people=()) as other:
        other.camera.library.create_group("vip", 10)
        result = await other.invoke(
            "faces", "import", "FS-2", str(tmp_path / "vip"), "--group", "vip", "--create-attributes"
        )
        assert (result.exit_code, result.stdout) == (0, "2 faces added to group vip, 0 there already, 0 refused.\n")
        assert known(other) == known(shop)


def known(shop: Shop) -> dict[str, dict[str, Any]]:
    faces = shop.camera.library.groups["vip"].faces
    return {
        faceid: {"age": face.age, "gender": face.gender, "picture": face.picture, **face.attributes}
        for faceid, face in faces.items()
    }


async def test_more_than_a_page(shop: Shop, tmp_path: Path) -> None:
    shop.camera.library.create_group("many", 500)
    for _ in range(205):
        shop.camera.library.add_face("many")
    result = await run(shop, tmp_path / "many", "many")
    assert result.stdout.startswith("205 faces of group many")
    assert len({row["faceid"] for row in table(tmp_path / "many")}) == 205
    pages = [call.params["page_num"] for call in shop.camera.calls if call.path == "face/getFaceList"]
    assert pages == ["1", "2", "3"]


async def test_a_face_without_a_picture(shop: Shop, tmp_path: Path) -> None:
    shop.camera.library.faces["00000002"].picture = "0" * 64
    result = await run(shop, tmp_path / "vip")
    assert result.exit_code == 1
    assert "2 faces of group vip" in result.stdout
    assert "1 face without a picture:" in result.stdout
    assert "HTTP 404 and no picture" in result.stdout
    # It is known all the same.
    assert table(tmp_path / "vip")[1]["faceid"] == "00000002"
    assert names(tmp_path / "vip") == ["00000001.jpg", "faces.csv"]


async def test_a_name_that_no_file_should_have(shop: Shop, tmp_path: Path) -> None:
    shop.camera.library.faces["00000001"].faceid = "../../evil"
    result = await run(shop, tmp_path / "vip")
    assert result.exit_code == 1
    assert "this is no faceid" in result.stdout
    assert [row["faceid"] for row in table(tmp_path / "vip")] == ["00000002"]
    assert names(tmp_path) == ["config.yaml", "vip"]


async def test_strangers_have_no_attributes(shop: Shop, tmp_path: Path) -> None:
    assert (await run(shop, tmp_path / "strangers", "stranger")).exit_code == 0
    rows = table(tmp_path / "strangers")
    assert list(rows[0]) == ["file", "faceid", "age", "gender"]
    assert [row["gender"] for row in rows] == ["male", "female", "unknown"]


async def test_an_empty_group(shop: Shop, tmp_path: Path) -> None:
    shop.camera.library.create_group("friends", 5)
    result = await run(shop, tmp_path / "friends", "friends")
    assert (result.exit_code, table(tmp_path / "friends")) == (0, [])
    assert result.stdout.startswith("0 faces of group friends")


async def test_a_group_that_there_is_not(shop: Shop, tmp_path: Path) -> None:
    result = await run(shop, tmp_path / "friends", "friends")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "the camera has no group friends: it has regular, stranger, vip, staff" in result.stderr
    assert not (tmp_path / "friends").exists()


async def test_a_table_is_not_overwritten(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "faces.csv").write_text("mine", encoding="utf-8")
    result = await run(shop, tmp_path)
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"{tmp_path}/faces.csv is there already: give another directory" in result.stderr
    assert (tmp_path / "faces.csv").read_text(encoding="utf-8") == "mine"


async def test_a_directory_that_cannot_be_made(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = await run(shop, tmp_path / "file" / "vip")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "Not a directory" in result.stderr
