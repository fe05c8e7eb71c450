"""What of a configuration is never seen in a log."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from ipc_bridge import logs
from ipc_bridge.config import Config, load_config
from ipc_bridge.config.secrets import secrets_of
from tests.cli.rig import write_config

SECRETS = {
    "account-key-1",
    "p12-password-2",
    "broker-password-3",
    "activation-4",
    "camera-key-5",
    "camera-p12-6",
    "camera-activation-7",
    "web-token-8",
    "cloud-key-9",
    "plugin-password-10",
    "plugin-token-11",
    "plugin-deep-12",
}


@pytest.fixture
def config(tmp_path: Path) -> Config:
    plugin = {"password": "plugin-password-10", "tokens": ["plugin-token-11", {"deep": "plugin-deep-12"}], "size": 5}
    path = write_config(
        tmp_path,
        account={"app_id": "my-account", "secret_key": "account-key-1", "certificate_password": "p12-password-2"},
        mqtt={"host": "127.30.4.1", "username": "bridge", "password": "broker-password-3"},
        camera={"activation_code": "activation-4"},
        cameras=[
            {
                "sn": "FS101D8BS00106",
                "activation_code": "camera-activation-7",
                "account": {
                    "app_id": "other-account",
                    "secret_key": "camera-key-5",
                    "certificate_password": "camera-p12-6",
                },
            }
        ],
        web={"enabled": True, "token": "web-token-8"},
        cloud={"base_url": "https://cloud.example", "app_id": "cloud-account", "secret_key": "cloud-key-9"},
        plugins={"enabled": {"webhook": plugin}},
    )
    return load_config(path, {})


@pytest.fixture(autouse=True)
def root_logger() -> Iterator[None]:
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    yield
    root.setLevel(level)
    root.handlers[:] = handlers


def test_every_secret_and_nothing_else(config: Config) -> None:
    assert set(secrets_of(config)) == SECRETS


@pytest.mark.parametrize("style", ["text", "json"])
def test_no_log_line_shows_them(config: Config, style: str) -> None:
    stream = io.StringIO()
    logs.set_up("debug", {}, style, secrets_of(config), stream)
    log = logging.getLogger("ipc_bridge.test")
    log.info("%s %r", " ".join(sorted(SECRETS)), sorted(SECRETS))
    log.info("%r", config)
    log.info("%s", config.account.app_id)
    text = stream.getvalue()
    assert not [secret for secret in SECRETS if secret in text]
    assert logs.REDACTED in text
    # It names the account, and is no secret.
    assert "my-account" in text
