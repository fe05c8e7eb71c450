"""Addresses by name and by number."""

from __future__ import annotations

import pytest

from ipc_bridge.device.address import Address, numbers_of, plain_number
from ipc_bridge.errors import UnreachableError


@pytest.mark.parametrize(
    ("address", "plain"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("::ffff:192.168.1.9", "192.168.1.9"),
        ("fe80::1%eth0", "fe80::1"),
        ("FD00:0:0::1", "fd00::1"),
        ("no number", "no number"),
    ],
)
def test_plain_numbers(address: str, plain: str) -> None:
    assert plain_number(address) == plain


async def test_numbers_of_a_host() -> None:
    assert await numbers_of("127.0.0.9") == {"127.0.0.9"}
    assert await numbers_of("localhost") & {"127.0.0.1", "::1"}
    with pytest.raises(UnreachableError, match=r"the name camera\.invalid has no address"):
        await numbers_of("camera.invalid")


def test_an_address_as_text() -> None:
    assert str(Address("camera", 443)) == "camera:443"
