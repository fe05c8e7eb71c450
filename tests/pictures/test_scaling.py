"""Pictures made small: whatever a camera sends, JPEG of so many bytes or a refusal comes of it."""

from __future__ import annotations

import io
import random
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from ipc_bridge.errors import RejectedFileError
from ipc_bridge.picture_size import JPEG_MAGIC, picture_size
from ipc_bridge.pictures.scaling import MAX_PIXELS, fit, is_fit
from ipc_bridge.simulator.portraits import JPEG


def noise(width: int, height: int, kind: str = "JPEG", mode: str = "RGB", **options: Any) -> bytes:
    """A picture that nothing can pack well."""
    image = Image.frombytes(mode, (width, height), random.Random(1).randbytes(width * height * len(mode)))
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


PHOTO = noise(640, 480, quality=95)
DRAWING = noise(64, 48, "PNG", "RGBA")


def check(picture: bytes, limit: int) -> Image.Image:
    smaller = fit(picture, limit)
    assert len(smaller) <= limit
    with Image.open(io.BytesIO(smaller)) as image:
        assert image.format == "JPEG"
        image.load()
        return image


def test_what_fits_stays_as_it_is() -> None:
    assert is_fit(JPEG, len(JPEG))
    assert fit(JPEG, len(JPEG)) is JPEG
    assert not is_fit(JPEG, len(JPEG) - 1)
    assert not is_fit(DRAWING, 10**9)


def test_nothing_of_the_library_is_loaded_for_it() -> None:
    code = (
        "import sys; from ipc_bridge.pictures.scaling import fit; from ipc_bridge.simulator.portraits import JPEG; "
        "fit(JPEG, 1000); sys.exit('PIL' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_it_loses_quality_before_it_loses_pixels() -> None:
    assert check(PHOTO, len(PHOTO) // 2).size == (640, 480)
    assert check(PHOTO, 20_000).size == (160, 120)


def test_a_png_becomes_a_jpeg() -> None:
    assert check(DRAWING, 200_000).size == (64, 48)


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_other_colours(mode: str) -> None:
    picture = noise(64, 48, mode=mode)
    assert check(picture, len(picture) - 1).mode == "RGB"


def test_a_picture_that_cannot_be_so_small() -> None:
    with pytest.raises(RejectedFileError, match="640 by 480 pixels cannot be made to fit into 300 bytes"):
        fit(PHOTO, 300)


def test_more_pixels_than_a_camera_has_are_not_unpacked() -> None:
    width = MAX_PIXELS // 1000 + 1
    large = b"\x89PNG\r\n\x1a\n" + (13).to_bytes(4) + b"IHDR" + width.to_bytes(4) + (1000).to_bytes(4)
    assert picture_size(large) == (width, 1000)
    with pytest.raises(RejectedFileError, match=f"a picture of {width} by 1000 pixels is none"):
        fit(large, 1000)


@pytest.mark.parametrize("picture", [b"", b"GIF89a", JPEG_MAGIC, PHOTO[:5000], DRAWING[:100], JPEG[:60] + bytes(500)])
def test_what_is_no_picture(picture: bytes) -> None:
    with pytest.raises(RejectedFileError):
        fit(picture, 50)


@given(
    picture=st.sampled_from([noise(48, 32), noise(16, 16, "PNG", "L"), noise(40, 20, "PNG", "RGBA"), JPEG]),
    at=st.integers(0, 4000),
    damage=st.binary(min_size=1, max_size=8),
    cut=st.integers(0, 4000),
)
@settings(max_examples=200, deadline=None)
def test_damage_is_refused_or_does_not_matter(picture: bytes, at: int, damage: bytes, cut: int) -> None:
    at %= len(picture)
    damaged = picture[:at] + damage + picture[at + len(damage) :]
    damaged = damaged[: len(damaged) - cut % len(damaged) // 2]
    try:
        smaller = fit(damaged, 600)
    except RejectedFileError:
        return
    assert smaller.startswith(JPEG_MAGIC)
    assert len(smaller) <= 600
