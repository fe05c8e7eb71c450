"""``clips``: recordings and clips, listed, downloaded, and gone on with after a cut."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp import web
from click.testing import Result

from ipc_bridge.cli import recordings, video_file
from ipc_bridge.device import downloads
from ipc_bridge.errors import ReplyError
from ipc_bridge.journal.journal import Journal
from ipc_bridge.journal.store import FILE_NAME, JournalStore
from ipc_bridge.models import MotionEvent, Transport
from ipc_bridge.simulator import CardStatus, Code
from ipc_bridge.simulator.addresses import detection_path
from ipc_bridge.simulator.card import RECORD_SECONDS
from ipc_bridge.simulator.files import flv
from tests.bridge.samples import StoppedClock
from tests.cli.cameras import Shop, opened
from tests.device.test_api import api_of, server

MINUTE = flv(RECORD_SECONDS)
NAME = r"FS101D8BS00101_\d{8}T\d{6}[+-]\d{4}_60s\.flv"
START = 1_795_600_000
"""A Unix time at which a camera of these tests has been recording for ten minutes."""


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    """A camera that has ten recordings, of which none is added while a test runs."""
    clock = StoppedClock(START)
    async with opened(tmp_path, clock=clock.time, recorded_seconds=600.0, clip_unit=0.0) as shop:
        yield shop


async def clips(shop: Shop, *words: str) -> Result:
    period = ("--since", iso(START - 3600), "--until", iso(START))
    return await shop.invoke("clips", shop.camera.sn, *(() if "--now" in words else period), *words)


def iso(unix_seconds: int) -> str:
    return datetime.fromtimestamp(unix_seconds, UTC).isoformat()


def files(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir() if path.is_file()}


async def test_a_list(shop: Shop) -> None:
    result = await clips(shop)
    assert result.exit_code == 0
    head, *rows = result.stdout.splitlines()
    assert head.split() == ["Begin", "Seconds", "Video"]
    assert len(rows) == 10
    assert all(re.fullmatch(rf"\d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d +60 +{NAME} *", row) for row in rows)
    assert rows == sorted(rows)
    assert "10 videos. Give --out to download." in result.stderr


async def test_a_download_that_is_done_twice_does_nothing_the_second_time(shop: Shop, tmp_path: Path) -> None:
    out = tmp_path / "deep" / "videos"
    result = await clips(shop, "--out", str(out))
    assert (result.exit_code, result.stdout) == (0, f"10 videos downloaded to {out}, 0 there already.\n")
    there = files(out)
    assert all(re.fullmatch(NAME, name) for name in there)
    assert list(there.values()) == [MINUTE] * 10
    (out / sorted(there)[3]).unlink()
    shop.camera.faults.cut_downloads = 0
    result = await clips(shop, "--out", str(out))
    assert result.stdout == f"1 video downloaded to {out}, 9 there already.\n"
    assert files(out) == there


async def test_pages(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recordings, "PAGE", 5)
    result = await clips(shop)
    assert len(result.stdout.splitlines()) == 11
    # The last page was full: another one is asked for, and there is none.
    pages = [call.params["page_num"] for call in shop.camera.calls if call.path == "media/getRecordList"]
    assert pages == ["1", "2", "3"]


async def test_a_download_goes_on_after_a_cut(shop: Shop, tmp_path: Path) -> None:
    # More than two cuts a video: each piece begins where the last one ended.
    shop.camera.faults.cut_downloads = len(MINUTE) // 3
    result = await clips(shop, "--out", str(tmp_path / "out"))
    assert result.exit_code == 0, result.output
    assert list(files(tmp_path / "out").values()) == [MINUTE] * 10


async def test_a_download_that_was_interrupted_is_gone_on_with_the_next_time(shop: Shop, tmp_path: Path) -> None:
    out = tmp_path / "out"
    names = re.findall(NAME, (await clips(shop)).stdout)
    out.mkdir()
    for name in names:
        (out / f"{name}.part").write_bytes(MINUTE[:500])
    # It takes no more than what is missing.
    shop.camera.faults.cut_downloads = len(MINUTE) - 500
    result = await clips(shop, "--out", str(out))
    assert result.exit_code == 0, result.output
    assert list(files(out).values()) == [MINUTE] * 10


async def test_one_that_is_whole_but_for_its_name(shop: Shop, tmp_path: Path) -> None:
    out = tmp_path / "out"
    name, *_ = re.findall(NAME, (await clips(shop)).stdout)
    out.mkdir()
    (out / f"{name}.part").write_bytes(MINUTE)
    assert (await clips(shop, "--out", str(out))).exit_code == 0
    assert list(files(out).values()) == [MINUTE] * 10


async def test_a_camera_that_cannot_begin_in_the_middle(tmp_path: Path) -> None:
    clock = StoppedClock(START)
    async with opened(tmp_path, clock=clock.time, recorded_seconds=120.0, serves_ranges=False) as shop:
        out = tmp_path / "out"
        shop.camera.faults.cut_downloads = 500
        result = await clips(shop, "--out", str(out))
        assert result.exit_code == 1
        assert "on 127.30.7.1" in result.stderr
        assert len(files(out)) == 1
        shop.camera.faults.cut_downloads = 0
        assert (await clips(shop, "--out", str(out))).exit_code == 0
        assert list(files(out).values()) == [MINUTE] * 2


async def test_a_key_that_ran_out_in_the_meantime(shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    list_recordings = recordings.list_recordings
    asked: list[int] = []

    async def stale(*parameters: object) -> list[recordings.Video]:
        asked.append(1)
        videos = await list_recordings(*parameters)  # type: ignore[arg-type] # handed on
        if len(asked) > 1:
            return videos
        return [recordings.Video(one.name, one.begin, one.end, one.url[:-1] + "x") for one in videos]

    monkeypatch.setattr("ipc_bridge.cli.clips.list_recordings", stale)
    result = await clips(shop, "--out", str(tmp_path / "out"))
    assert result.exit_code == 0, result.output
    assert len(asked) == 11
    assert list(files(tmp_path / "out").values()) == [MINUTE] * 10


async def test_what_cannot_be_had_is_told_and_the_rest_is_brought(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(video_file, "MAX_SIZE", 100)
    result = await clips(shop, "--out", str(tmp_path / "out"))
    assert result.exit_code == 1
    assert "0 videos downloaded" in result.stdout
    assert "10 could not be had" in result.stdout
    assert "a video has more than" in result.stdout


async def test_a_file_that_cannot_be_written_ends_it(shop: Shop, tmp_path: Path) -> None:
    out = tmp_path / "out"
    name, *_ = re.findall(NAME, (await clips(shop)).stdout)
    (out / f"{name}.part").mkdir(parents=True)
    result = await clips(shop, "--out", str(out))
    assert (result.exit_code, f"{name}.part cannot be written: Is a directory" in result.stderr) == (1, True)


@pytest.mark.parametrize(
    ("begin", "status", "content", "outcome"),
    [
        # What is there is more than the camera has: it begins anew.
        (b"FLV" + bytes(9), 416, b"", "HTTP 416"),
        (b"", 200, b"", "an empty video"),
        (b"", 200, b'{"code": 236}', "which is no video"),
    ],
)
async def test_answers_that_are_no_video(
    tmp_path: Path, begin: bytes, status: int, content: bytes, outcome: str
) -> None:
    asked: list[str | None] = []

    async def respond(request: web.BaseRequest) -> web.StreamResponse:
        asked.append(request.headers.get("Range"))
        return web.Response(body=content, status=status)

    path = tmp_path / "video.flv"
    if begin:
        path.with_name("video.flv.part").write_bytes(begin)
    async with server(respond) as address, api_of(address) as api:
        with pytest.raises(ReplyError, match=outcome):
            await video_file.bring(api, f"https://{address}/1.flv", path, lambda _got, _size: None)
    assert files(tmp_path) == {}
    assert asked == (["bytes=12-", None] if begin else [None])


async def test_no_recordings(shop: Shop) -> None:
    shop.camera.card = CardStatus.OUT
    result = await clips(shop)
    assert (result.exit_code, result.stdout) == (0, "")
    assert "There are none in that time." in result.stderr
    shop.camera.faults.refuse("api", Code.OP_NOT_ALLOWED)
    result = await clips(shop)
    assert (result.exit_code, "code 12" in result.stderr) == (1, True)


async def test_clips_of_motion_are_those_of_the_journal(shop: Shop, tmp_path: Path) -> None:
    clock = StoppedClock(START - 60)
    (tmp_path / "state").mkdir()
    journal = Journal(JournalStore(tmp_path / "state" / FILE_NAME, clock, 1e9, 10_000_000), clock)
    await journal.open()
    for number, url in enumerate(
        (shop.camera._state.sign_address(detection_path(START - 70)), "https://127.0.0.9/x.flv", None)
    ):
        journal.append(motion(number, url), lambda: None)
    await journal.close()
    out = tmp_path / "out"
    result = await clips(shop, "--motion", "--out", str(out))
    assert result.exit_code == 1
    assert "1 video downloaded" in result.stdout
    assert "not on this camera" in result.stdout
    ((name, content),) = files(out).items()
    assert name.endswith("_motion_0.flv")
    assert content == flv(10)
    assert len((await clips(shop, "--motion")).stdout.splitlines()) == 3


def motion(number: int, url: str | None) -> MotionEvent:
    return MotionEvent(
        uid=f"FS101D8BS00101:motion:{number}:1",
        sn="FS101D8BS00101",
        camera="Front door",
        event_id=number,
        time=START - 70.0,
        received_at=START - 60.0,
        transport=Transport.CHANNEL,
        motion=True,
        sound=False,
        human=False,
        video_url=url,
    )


async def test_a_clip_around_now(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads, "POLL_SECONDS", 0.01)
    async with opened(tmp_path, clip_unit=0.02) as shop:
        result = await clips(shop, "--now", "--preceding", "8", "--following", "4", "--out", str(tmp_path))
        assert result.exit_code == 0, result.output
        path = Path(result.stdout.removeprefix("The clip is in ").removesuffix(".\n"))
        assert path.name.endswith("_clip_8_4.flv")
        assert files(tmp_path)[path.name] == flv(12)
        (call,) = [call for call in shop.camera.calls if call.path == "media/getCurVideos"]
        assert (call.params["preceding"], call.params["following"]) == ("8", "4")


async def test_a_clip_of_which_the_camera_has_too_little_yet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ipc_bridge.cli.clips.POLL_SECONDS", 0.01)
    async with opened(tmp_path, clip_unit=0.0) as shop:
        shop.camera.faults.refuse("api", Code.CLIP_FRAGMENT_NOT_READY, 2)
        result = await clips(shop, "--now", "--out", str(tmp_path))
        assert result.exit_code == 0, result.output
        shop.camera.card = CardStatus.OUT
        result = await clips(shop, "--now", "--out", str(tmp_path))
        assert (result.exit_code, "code 237" in result.stderr) == (1, True)


async def test_a_clip_that_never_comes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ipc_bridge.cli.clips.CUT_WITHIN", -7.9)
    async with opened(tmp_path, clip_unit=1000.0) as shop:
        result = await clips(shop, "--now", "--out", str(tmp_path))
        assert (result.exit_code, "has not cut the clip within 0.1 s" in result.stderr) == (1, True)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--now", "--motion"), "--now and --motion exclude each other"),
        (("--since", "tomorrow"), "tomorrow is no time"),
        (("--since", "2026-11-22", "--until", "2026-11-21"), "ends before it begins"),
        (("--now", "--following", "5"), "'5' is not one of"),
    ],
)
async def test_mistakes(shop: Shop, words: tuple[str, ...], complaint: str) -> None:
    result = await shop.invoke("clips", shop.camera.sn, *words)
    assert (result.exit_code, complaint in result.stderr) == (2, True), result.output


async def test_a_place_that_cannot_be_written(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = await clips(shop, "--out", str(tmp_path / "file" / "out"))
    assert (result.exit_code, "Not a directory" in result.stderr) == (1, True)
