"""How callbacks are recognised in what cameras list: the documents show them with less than they were given."""

from __future__ import annotations

import pytest

from ipc_bridge.bridge.hook_registration import is_same_callback

OURS = "http://10.10.61.206:8000/hook/secret"


@pytest.mark.parametrize(
    "listed",
    [
        OURS,
        "10.10.61.206:8000/hook/secret",
        "https://10.10.61.206:8000/hook/secret",
        # As in the documents' sample.
        "10.10.61.206:8000",
        "http://10.10.61.206:8000",
    ],
)
def test_what_is_ours(listed: str) -> None:
    assert is_same_callback(OURS, listed)


@pytest.mark.parametrize(
    "listed",
    [
        "",
        "10.10.61.206",
        "10.10.61.206/hook/secret",
        "10.10.61.207:8000/hook/secret",
        "10.10.61.206:8001/hook/secret",
        "10.10.61.206:8000/hook/other",
        "10.10.61.206:8000/hook/secret/",
        "10.10.61.206:8000/",
        "http://10.10.61.206:99999/hook/secret",
        "http://[::1/hook/secret",
        "somebody else",
    ],
)
def test_what_is_not(listed: str) -> None:
    assert not is_same_callback(OURS, listed)


@pytest.mark.parametrize(
    ("url", "listed"),
    [
        ("http://bridge.lan/hook/a", "bridge.lan/hook/a"),
        ("http://bridge.lan/hook/a", "BRIDGE.lan:80/hook/a"),
        ("https://bridge.lan/hook/a", "bridge.lan:443/hook/a"),
        ("https://bridge.lan/hook/a", "bridge.lan/hook/a"),
        ("http://[fd00::1]:8000/hook/a", "[fd00::1]:8000/hook/a"),
    ],
)
def test_usual_ports_need_not_be_said(url: str, listed: str) -> None:
    assert is_same_callback(url, listed)
