"""``faces import``: pictures and what is known of them to a camera, once each, whatever happens on the way."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from ipc_bridge.cli import main
from ipc_bridge.cli.face_import import STATE_NAME
from ipc_bridge.simulator import MOTION_MODEL, Code
from ipc_bridge.simulator.library import Face
from ipc_bridge.simulator.portraits import JPEG, digest, portrait
from tests.cli.cameras import Shop, opened
from tests.cli.rig import PATIENCE, started

PNG_OF_4K = b"\x89PNG\r\n\x1a\n" + bytes.fromhex("0000000D") + b"IHDR" + bytes.fromhex("00000F00 00000870 0802000000")


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A directory with three people in it, and a note."""
    directory = tmp_path / "people"
    directory.mkdir()
    for name in ("anna.jpg", "bernd.JPEG", "cleo.png"):
        (directory / name).write_bytes(portrait(name))
    (directory / "notes.txt").write_text("nobody", encoding="utf-8")
    return directory


async def run(shop: Shop, directory: Path, *options: str, group: str = "vip") -> Result:
    return await shop.invoke("faces", "import", shop.camera.sn, str(directory), "--group", group, *options)


def faces(shop: Shop, names: Iterable[str], group: str = "vip") -> dict[str, Face]:
    """The faces of a group with these pictures, by the names of :func:`pictures`."""
    by_picture = {face.picture: face for face in shop.camera.library.groups[group].faces.values()}
    found = {name: by_picture.get(digest(portrait(name))) for name in names}
    return {name: face for name, face in found.items() if face is not None}


def added(shop: Shop) -> int:
    return sum(call.path == "face/addFace" and call.code == 0 for call in shop.camera.calls)


def state(directory: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (directory / STATE_NAME).read_text(encoding="utf-8").splitlines()]


CSV = """\
file,faceid,age,gender,hobby,vip_level
anna.jpg,4711,34,female,"tennis, chess",1
bernd.JPEG,,,1,,
cleo.png,,0,,,2
"""
YAML = """\
anna.jpg: {faceid: 4711, age: 34, gender: female, hobby: "tennis, chess", vip_level: 1}
bernd.JPEG: {gender: 1}
cleo.png:
  age: 0
  vip_level: 2
"""


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("faces.csv", CSV),
        ("faces.csv", "\ufeff" + CSV),
        ("faces.csv", CSV.replace('"tennis, chess"', "tennis@ chess").replace(",", ";").replace("@", ",")),
        ("faces.csv", CSV.replace("\n", "\r\n")),
        ("faces.yaml", YAML),
        ("faces.yml", YAML),
        ("elsewhere.yaml", YAML),
    ],
    ids=["CSV", "with a mark", "semicolons", "of Windows", "YAML", "yml", "elsewhere"],
)
async def test_pictures_with_a_table(shop: Shop, pictures: Path, name: str, content: str) -> None:
    (pictures / name).write_bytes(content.encode())
    options = () if name.startswith("faces") else ("--table", str(pictures / name))
    result = await run(shop, pictures, *options)
    assert (result.exit_code, result.stdout) == (0, "3 faces added to group vip, 0 there already, 0 refused.\n")
    found = faces(shop, ["anna.jpg", "bernd.JPEG", "cleo.png"])
    anna, bernd, cleo = found["anna.jpg"], found["bernd.JPEG"], found["cleo.png"]
    assert (anna.faceid, anna.age, anna.gender) == ("4711", 34, 2)
    assert anna.attributes == {"hobby": "tennis, chess", "vip_level": "1"}
    assert (bernd.age, bernd.gender, bernd.attributes) == (None, 1, {})
    assert cleo.attributes == {"vip_level": "2"}
    assert [record["file"] for record in state(pictures)] == ["anna.jpg", "bernd.JPEG", "cleo.png"]
    assert state(pictures)[0] == {
        "sn": shop.camera.sn,
        "group": "vip",
        "file": "anna.jpg",
        "sha256": digest(portrait("anna.jpg")),
        "faceid": "4711",
    }


async def test_what_is_done_is_not_done_again(shop: Shop, pictures: Path) -> None:
    assert (await run(shop, pictures)).exit_code == 0
    assert added(shop) == 3
    (pictures / "dora.jpg").write_bytes(portrait("dora.jpg"))
    result = await run(shop, pictures)
    assert (result.exit_code, result.stdout) == (0, "1 face added to group vip, 3 there already, 0 refused.\n")
    assert added(shop) == 4
    # Another group is another matter.
    assert (await run(shop, pictures, group="staff")).stdout.startswith("4 faces added to group staff, 0 there already")


async def test_what_is_refused_is_reported_and_the_rest_done(shop: Shop, pictures: Path) -> None:
    (pictures / "broken.jpg").write_bytes(JPEG[:-2])
    (pictures / "large.png").write_bytes(PNG_OF_4K)
    (pictures / "text.jpg").write_text("no picture", encoding="utf-8")
    (pictures / "twin.jpg").write_bytes(portrait("anna.jpg"))
    (pictures / "taken.jpg").write_bytes(portrait("taken.jpg"))
    (pictures / "faces.csv").write_text(
        "file,faceid,age,gender\nbernd.JPEG,,old,\ncleo.png,,,robot\nnobody.jpg,,,\ntaken.jpg,00000001,,\n",
        encoding="utf-8",
    )
    result = await run(shop, pictures)
    assert result.exit_code == 1
    assert result.stdout.startswith("1 face added to group vip, 0 there already, 8 refused.\n\nFile ")
    reasons = dict(line.split(maxsplit=1) for line in result.stdout.splitlines()[3:])
    assert reasons["nobody.jpg"].strip() == "there is no such picture"
    assert 'age may be a whole number from 0 to 150, not "old"' in reasons["bernd.JPEG"]
    assert 'gender may be 0 (unknown), 1 (male) or 2 (female), not "robot"' in reasons["cleo.png"]
    assert "is not a JPEG or PNG of at most 1920x1080 pixels" in reasons["large.png"]
    assert "is not a JPEG or PNG" in reasons["text.jpg"]
    assert reasons["twin.jpg"].strip() == "it is the same picture as anna.jpg"
    assert Code.FACE_ID_EXISTED.name in reasons["taken.jpg"]
    assert Code.FACE_ID_PIC_NOT_QUALIFIED.name in reasons["broken.jpg"]

    assert len(reasons) == 8

    # Once that is put right the same command does what is left.
    for name in ("broken.jpg", "large.png", "text.jpg", "twin.jpg", "faces.csv"):
        (pictures / name).unlink()
    result = await run(shop, pictures)
    assert (result.exit_code, result.stdout) == (0, "3 faces added to group vip, 1 there already, 0 refused.\n")


# The group.


async def test_a_group_that_there_is_not(shop: Shop, pictures: Path) -> None:
    result = await run(shop, pictures, group="friends")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "the camera has no group friends: create it with `ipc-bridge groups create`" in result.stderr
    assert not added(shop)


async def test_a_camera_without_faces(pictures: Path) -> None:
    async with opened(pictures, model=MOTION_MODEL) as shop:
        result = await run(shop, pictures)
    assert (result.exit_code, result.stdout) == (1, "")
    assert Code.OP_NOT_SUPPORT.name in result.stderr


async def test_attributes_that_the_group_does_not_have(shop: Shop, pictures: Path) -> None:
    (pictures / "faces.csv").write_text("file,name,shift\nanna.jpg,Anna,late\n", encoding="utf-8")
    result = await run(shop, pictures, group="staff")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "group staff has no attribute name: give --create-attributes" in result.stderr
    assert not added(shop)
    result = await run(shop, pictures, "--create-attributes", group="staff")
    assert result.exit_code == 0
    assert shop.camera.library.groups["staff"].attributes == ["shift", "name"]
    assert faces(shop, ["anna.jpg"], "staff")["anna.jpg"].attributes == {"name": "Anna", "shift": "late"}


@pytest.mark.parametrize(
    ("columns", "group", "status", "complaint"),
    [
        ("a,b,c,d,e,f", "staff", 2, "num may be a whole number from 1 to 5, not 6"),
        ("a,b,c,d,e", "staff", 1, Code.ATTRIBUTE_NUM_EXCEED.name),
        ("mood", "stranger", 2, "group_name may be text"),
    ],
)
async def test_attributes_that_cannot_be(
    shop: Shop, pictures: Path, columns: str, group: str, status: int, complaint: str
) -> None:
    row = ",".join("x" for _ in columns.split(","))
    (pictures / "faces.csv").write_text(f"file,{columns}\nanna.jpg,{row}\n", encoding="utf-8")
    result = await run(shop, pictures, "--create-attributes", group=group)
    assert (result.exit_code, result.stdout) == (status, "")
    assert complaint in result.stderr
    assert not added(shop)


async def test_a_group_that_is_full_ends_it(shop: Shop, pictures: Path) -> None:
    group = shop.camera.library.groups["vip"]
    group.capacity = len(group.faces) + 2
    result = await run(shop, pictures)
    assert result.exit_code == 1
    assert result.stdout == "2 faces added to group vip, 0 there already, 0 refused.\n"
    assert f"What is done is in {pictures / STATE_NAME}: the same command goes on from there." in result.stderr
    assert Code.GROUP_OVERFLOW.name in result.stderr
    group.capacity += 10
    result = await run(shop, pictures)
    assert (result.exit_code, result.stdout) == (0, "1 face added to group vip, 2 there already, 0 refused.\n")


# The camera goes, or the person who typed it does.


async def test_a_camera_that_goes(shop: Shop, pictures: Path) -> None:
    await shop.camera.stop()
    result = await run(shop, pictures)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "no connection to" in result.stderr
    await shop.camera.start()
    assert (await run(shop, pictures)).exit_code == 0
    assert len(faces(shop, ["anna.jpg", "bernd.JPEG", "cleo.png"])) == 3


async def test_ctrl_c_remembers_what_the_camera_has_taken(shop: Shop, pictures: Path) -> None:
    for number in range(7):
        (pictures / f"{number}.jpg").write_bytes(portrait(str(number)))
    library = shop.camera.library
    before = len(library.faces)
    # It takes a face at once, and says so later.
    shop.camera.faults.delay = 0.5
    command = ("faces", "import", shop.camera.sn, str(pictures), "--group", "vip", "--config", str(shop.config))
    async with started(*command, cwd=pictures) as process:
        await shop.camera.wait_until(lambda: len(library.faces) == before + 1, PATIENCE)
        process.child.send_signal(signal.SIGINT)
        assert await process.ends() == 1
    # One, unless this machine was asleep meanwhile.
    done = len(library.faces) - before
    assert process.output.startswith(f"{done} face")
    assert "the same command goes on from there" in process.log
    assert "Traceback" not in process.log
    assert len(state(pictures)) == done < 10
    shop.camera.faults.delay = 0.0
    result = await run(shop, pictures)
    assert result.exit_code == 0
    assert f"added to group vip, {done} there already, 0 refused." in result.stdout
    assert len(library.faces) == before + 10


async def test_a_line_that_was_cut_short_is_no_line(shop: Shop, pictures: Path) -> None:
    assert (await run(shop, pictures)).exit_code == 0
    path = pictures / STATE_NAME
    path.write_bytes(path.read_bytes()[:-30] + b"\n[1]\n" + b'{"sn": ')
    result = await run(shop, pictures)
    assert result.stdout.startswith("1 face added to group vip, 2 there already")
    result = await run(shop, pictures)
    assert result.stdout.startswith("0 faces added to group vip, 3 there already")


async def test_the_way_is_shown_on_a_terminal(shop: Shop, pictures: Path) -> None:
    arguments = ["faces", "import", shop.camera.sn, str(pictures), "--group", "vip", "--config", str(shop.config)]
    runner = CliRunner(env={"FORCE_COLOR": "1", "COLUMNS": "100"})
    result = await asyncio.to_thread(runner.invoke, main, arguments)
    assert result.exit_code == 0
    assert "to group vip" in result.stderr
    assert "3/3" in result.stderr


# What is wrong with the directory or its table: nothing is sent.


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("faces.csv", "picture,age\nanna.jpg,3\n", "faces.csv:1: there is no column file"),
        ("faces.csv", "", "faces.csv:1: there is no column file"),
        ("faces.csv", "file,age\nanna.jpg,3,4\n", "faces.csv:2: there are more cells than columns"),
        ("faces.csv", "file,age\n,3\n", "faces.csv:2: file is empty"),
        ("faces.csv", "file\nanna.jpg\nanna.jpg\n", "faces.csv:3: anna.jpg stands there twice"),
        ("faces.csv", b"file\n\xff\n", "faces.csv is not in UTF-8"),
        ("faces.csv", 'file,age\n"' + "x" * 200_000, "field larger than field limit"),
        ("faces.csv", b"x" * (16 * 1024 * 1024 + 1), "faces.csv is larger than 16777216 bytes"),
        ("faces.csv", "file\n" + "\n".join(map(str, range(30_001))), "has 30001 faces, and a camera holds 30000"),
        ("faces.yaml", "[anna.jpg]", "faces.yaml has no mapping of pictures"),
        ("faces.yaml", "anna.jpg: {age: [3]}", "faces.yaml: anna.jpg: expected a mapping of names to text"),
        ("faces.yaml", "anna.jpg: 3", "faces.yaml: anna.jpg: expected a mapping of names to text"),
        ("faces.yaml", "anna.jpg: {", "faces.yaml is no YAML"),
    ],
)
async def test_a_table_that_is_none(
    shop: Shop, pictures: Path, name: str, content: str | bytes, complaint: str
) -> None:
    (pictures / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    result = await run(shop, pictures)
    assert (result.exit_code, result.stdout) == (2, "")
    assert complaint in result.stderr
    assert not shop.camera.calls
    assert not (pictures / STATE_NAME).exists()


async def test_two_tables(shop: Shop, pictures: Path) -> None:
    (pictures / "faces.csv").write_text(CSV, encoding="utf-8")
    (pictures / "faces.yaml").write_text(YAML, encoding="utf-8")
    result = await run(shop, pictures)
    assert result.exit_code == 2
    assert "faces.yaml are both there: give one with --table" in result.stderr
    assert (await run(shop, pictures, "--table", str(pictures / "faces.csv"))).exit_code == 0


async def test_no_pictures(shop: Shop, tmp_path: Path) -> None:
    result = await run(shop, tmp_path)
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"{tmp_path} has 0 JPEG or PNG pictures; expected 1 to 30000" in result.stderr


async def test_a_state_file_that_cannot_be_written(shop: Shop, pictures: Path) -> None:
    (pictures / STATE_NAME).mkdir()
    result = await run(shop, pictures)
    assert (result.exit_code, result.stdout) == (1, "")
    assert f"{pictures / STATE_NAME}: Is a directory" in result.stderr
    assert not added(shop)
