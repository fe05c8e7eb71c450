"""What is remembered of cameras, in a real file."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from ipc_bridge.bridge import registry as module
from ipc_bridge.bridge.registry import MAX_CAMERAS, KnownCamera, KnownShop, Registry
from ipc_bridge.models import Model
from ipc_bridge.storage import JsonFile
from ipc_bridge.wire.frame import Coverage
from ipc_bridge.wire.session import Dialect
from tests.bridge.samples import SN
from tests.mqtt.broker import eventually

FULL: dict[str, Any] = {
    "sn": SN,
    "host": "10.0.0.1",
    "own_name": "Front door",
    "model_name": "FM020",
    "mac": "02:00:00:00:00:01",
    "firmware": "1.3.6",
    "hardware": "1.0.0",
    "channel_pin": "ab" * 32,
    "api_pin": "cd" * 32,
    "coverage": "frame",
    "signs_keep_alive": False,
    "posts": True,
    "announced": {"motion": "binary_sensor"},
    "unsupported": ["config/getZoomFocusConf"],
}
EMPTY: dict[str, Any] = {**dict.fromkeys(FULL), "sn": SN, "posts": False, "announced": {}, "unsupported": []}


@pytest.fixture
def file(tmp_path: Path) -> JsonFile:
    return JsonFile(tmp_path / "cameras.json")


def content(file: JsonFile) -> dict[str, Any]:
    fields: dict[str, Any] = json.loads(file.path.read_bytes())
    return fields


def rows_read(file: JsonFile, rows: object) -> dict[str, KnownCamera]:
    file.path.write_text(json.dumps({"client_id": "c", "cameras": rows}), encoding="utf-8")
    return Registry(file).cameras


async def test_what_is_saved_is_known_at_the_next_start(file: JsonFile) -> None:
    one = Registry(file)
    one.bridge_announced["version"] = "sensor"
    record = one.record(SN)
    for name, value in FULL.items():
        setattr(record, name, value)
    assert one.record(SN) is record
    one.changed()
    one.save()

    two = Registry(file)
    assert two.client_id == one.client_id
    assert two.bridge_announced == {"version": "sensor"}
    assert two.cameras == {SN: record}
    assert two.cameras[SN].dialect == Dialect(Coverage.FRAME, signs_keep_alive=False)
    assert content(file)["cameras"] == [FULL]


async def test_the_first_start_makes_a_client_id_and_keeps_it(file: JsonFile) -> None:
    one = Registry(file)
    assert one.client_id.startswith("ipc-bridge-")
    one.save()
    assert Registry(file).client_id == one.client_id
    before = file.path.stat().st_mtime_ns
    Registry(file).save()
    assert file.path.stat().st_mtime_ns == before, "nothing changed, nothing is written"


@pytest.mark.parametrize("name", [name for name in FULL if name != "sn"])
@pytest.mark.parametrize("wrong", [7, 1.5, True, ["x"], {"x": 1}, None])
def test_a_value_of_the_wrong_type_counts_as_not_known(file: JsonFile, name: str, wrong: object) -> None:
    if name in ("signs_keep_alive", "posts") and wrong is True:
        wrong = "yes"
    if name == "unsupported" and wrong == ["x"]:
        wrong = [7]
    (record,) = rows_read(file, [{**FULL, name: wrong}]).values()
    assert getattr(record, name) == EMPTY[name]
    others = {key: value for key, value in FULL.items() if key != name}
    assert {key: getattr(record, key) for key in others} == others


def test_a_coverage_that_is_not_known(file: JsonFile) -> None:
    (record,) = rows_read(file, [{**FULL, "coverage": "everything"}]).values()
    assert record.coverage is None
    assert record.dialect is None


def test_a_platform_that_is_no_text_is_left_out(file: JsonFile) -> None:
    (record,) = rows_read(file, [{**FULL, "announced": {"motion": "binary_sensor", "x": 7}}]).values()
    assert record.announced == {"motion": "binary_sensor"}


@pytest.mark.parametrize("rows", [None, 7, "x", {}, [None, 7, "x", [], {}, {"sn": 7}, {"sn": "a/b"}, {"sn": ""}]])
def test_rows_that_are_no_cameras_are_left_out(file: JsonFile, rows: object) -> None:
    assert rows_read(file, rows) == {}


def test_keys_of_a_newer_version_do_no_harm(file: JsonFile) -> None:
    assert list(rows_read(file, [{**FULL, "mood": "good"}])) == [SN]


def test_more_cameras_than_any_site_has_are_left_out(file: JsonFile) -> None:
    assert len(rows_read(file, [{"sn": f"S{number}"} for number in range(MAX_CAMERAS + 5)])) == MAX_CAMERAS


@pytest.mark.parametrize("client_id", [None, 7, ["x"]])
def test_a_client_id_of_the_wrong_type_is_replaced(file: JsonFile, client_id: object) -> None:
    file.path.write_text(json.dumps({"client_id": client_id, "bridge_announced": [1]}), encoding="utf-8")
    registry = Registry(file)
    assert registry.client_id.startswith("ipc-bridge-")
    assert registry.bridge_announced == {}


@pytest.mark.parametrize(
    ("coverage", "signs"), [(None, None), ("payload", None), (None, True)], ids=["nothing", "half", "other half"]
)
def test_half_a_dialect_is_none(coverage: str | None, signs: bool | None) -> None:
    assert KnownCamera(SN, coverage=coverage, signs_keep_alive=signs).dialect is None


@pytest.mark.parametrize("coverage", Coverage)
@pytest.mark.parametrize("signs", [True, False])
def test_a_dialect_survives(coverage: Coverage, signs: bool) -> None:
    record = KnownCamera(SN)
    record.dialect = Dialect(coverage, signs)
    assert record.dialect == Dialect(coverage, signs)


def test_a_record_as_the_rest_of_the_program_sees_it() -> None:
    info = KnownCamera(SN, host="10.0.0.1", own_name="Front door", model_name="FS").info("Hall")
    assert (info.name, info.model, info.model_name, info.host) == ("Hall", Model.FM020, "FS", "10.0.0.1")


async def test_changes_are_written_in_the_background(file: JsonFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WRITE_EVERY", 0.001)
    registry = Registry(file)
    writing = asyncio.create_task(registry.run())
    await eventually(file.path.exists)
    registry.record(SN)
    registry.changed()
    await eventually(lambda: len(content(file)["cameras"]) == 1)
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing


async def test_a_disk_that_takes_nothing_is_told_of_once_and_tried_again(
    file: JsonFile, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.001)
    obstacle = file.path.with_suffix(".new")
    obstacle.mkdir()
    tries = 0
    write = file.write

    def counted(value: dict[str, Any]) -> None:
        nonlocal tries
        tries += 1
        write(value)

    monkeypatch.setattr(file, "write", counted)
    writing = asyncio.create_task(Registry(file).run())
    await eventually(lambda: tries >= 3)
    assert caplog.text.count("cannot be written") == 1
    obstacle.rmdir()
    await eventually(file.path.exists)
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing


async def test_the_last_write_may_fail(file: JsonFile, caplog: pytest.LogCaptureFixture) -> None:
    file.path.with_suffix(".new").mkdir()
    Registry(file).save()
    assert "cannot be written" in caplog.text


async def test_what_could_not_be_written_is_tried_once_more_at_the_end(
    file: JsonFile, caplog: pytest.LogCaptureFixture
) -> None:
    obstacle = file.path.with_suffix(".new")
    obstacle.mkdir()
    registry = Registry(file)
    writing = asyncio.create_task(registry.run())
    await eventually(lambda: "cannot be written" in caplog.text)
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    obstacle.rmdir()
    registry.save()
    assert content(file)["client_id"] == registry.client_id


# Shops.


def test_what_is_remembered_of_shops(file: JsonFile) -> None:
    one = Registry(file)
    shop = one.shop("100939020409")
    shop.announced["flow_in"] = "sensor"
    shop.cameras[SN] = {"reachable": "binary_sensor"}
    shop.hook_url = "https://bridge.example/hook/abc"
    assert one.shop("100939020409") is shop
    one.changed()
    one.save()
    assert Registry(file).shops == {"100939020409": shop}


@pytest.mark.parametrize("rows", [None, 7, {}, [7, {}, {"number": 7}, {"number": "a/b"}]])
def test_rows_that_are_no_shops_are_left_out(file: JsonFile, rows: object) -> None:
    file.path.write_text(json.dumps({"client_id": "c", "shops": rows}), encoding="utf-8")
    assert Registry(file).shops == {}


def test_what_cannot_be_read_of_a_shop_is_not_known(file: JsonFile) -> None:
    rows = [{"number": "1", "announced": 7, "cameras": [], "hook_url": 7}, {"number": "2", "cameras": {SN: 7}}]
    file.path.write_text(json.dumps({"client_id": "c", "shops": rows}), encoding="utf-8")
    assert Registry(file).shops == {"1": KnownShop("1"), "2": KnownShop("2", cameras={SN: {}})}
