"""What is said of addresses that anybody on the way can read along."""

from __future__ import annotations

import pytest

from ipc_bridge.bridge.shops import _warn_of_plain_http


@pytest.mark.parametrize(
    ("url", "warns"),
    [
        ("https://cloud.example/openapi", False),
        ("http://cloud.example/openapi", True),
        ("http://10.0.0.1:8099/hook/", True),
        ("http://127.0.0.1:8444/openapi", False),
        ("http://localhost/openapi", False),
    ],
)
def test_plain_http_leaves_this_machine_with_a_warning(url: str, warns: bool, caplog: pytest.LogCaptureFixture) -> None:
    _warn_of_plain_http("cloud.base_url", url)
    assert ("cloud.base_url begins with http://" in caplog.text) == warns
