"""What may stand in a configuration, and what becomes of it."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from ipc_bridge.config import Account, MqttTls
from tests.config.files import load

FORMS = [
    ("mqtt: {port: 8883}", "mqtt.port", 8883),
    ("mqtt: {port: null}", "mqtt.port", 1883),
    ("mqtt: {tls: true}", "mqtt.port", 8883),
    ("mqtt: {tls: true, port: 1883}", "mqtt.port", 1883),
    ("mqtt: {tls: true}", "mqtt.tls", MqttTls()),
    ("mqtt: {tls: {}}", "mqtt.tls", MqttTls()),
    ("mqtt: {tls: false}", "mqtt.tls", None),
    ("mqtt: {tls: false}", "mqtt.port", 1883),
    ("mqtt: {tls: {insecure: true}}", "mqtt.tls", MqttTls(insecure=True)),
    ("mqtt: {version: 5}", "mqtt.version", "5"),
    ("mqtt: {version: 5.0}", "mqtt.version", "5"),
    ("mqtt: {version: '5'}", "mqtt.version", "5"),
    ("mqtt: {version: 3.1.1}", "mqtt.version", "3.1.1"),
    ("mqtt: {host: '::1'}", "mqtt.host", "::1"),
    ("mqtt: {host: core-mosquitto}", "mqtt.host", "core-mosquitto"),
    ("mqtt: {base_topic: a/b c}", "mqtt.base_topic", "a/b c"),
    ("mqtt: {embedded: true}", "mqtt.embedded", True),
    ("mqtt: {embedded: true, host: 0.0.0.0, username: u, password: p}", "mqtt.embedded", True),
    ("mqtt:", "mqtt.host", "127.0.0.1"),
    ("tls: {verify: off}", "tls.verify", "off"),
    ("tls: {verify: 'off'}", "tls.verify", "off"),
    ("tls: {verify: CA, ca: config.yaml}", "tls.verify", "ca"),
    ("discovery: {enabled: no}", "discovery.enabled", False),
    ("discovery: {interval: 0.5}", "discovery.interval", 0.5),
    ("discovery: {bind: '[::]:10001'}", "discovery.bind", ("::", 10001)),
    ("discovery: {bind: 'localhost:1'}", "discovery.bind", ("localhost", 1)),
    (
        "discovery: {targets: [10.0.0.255, 'cam:20001', '::1', '[::1]:5']}",
        "discovery.targets",
        (("10.0.0.255", None), ("cam", 20001), ("::1", None), ("::1", 5)),
    ),
    ("discovery: {targets: }", "discovery.targets", ()),
    ("cameras:", "cameras", ()),
    (
        "plugins: {enabled: {a: , b-c: {x: [1, {1: null}]}}}",
        "plugins.enabled",
        {"a": {}, "b-c": {"x": [1, {"1": None}]}},
    ),
    ("web: {host: 0.0.0.0, token: t}", "web.token", "t"),
    ("web: {host: 0.0.0.0, enabled: false}", "web.token", None),
    ("web: {host: localhost}", "web.host", "localhost"),
    ("web: {public_url: 'http://10.0.0.1:8099/ipc/'}", "web.public_url", "http://10.0.0.1:8099/ipc"),
    ("cloud: {base_url: 'http://127.0.0.1:1', app_id: a, secret_key: b}", "cloud.base_url", "http://127.0.0.1:1"),
    ("cloud: {base_url: 'https://h', app_id: a, secret_key: b}", "cloud.interval", 60.0),
    ("storage: {directory: /var/lib/x}", "storage.directory", Path("/var/lib/x")),
    ("log: {level: DEBUG}", "log.level", "debug"),
    ("log: {levels: {ipc_bridge.mqtt: error}}", "log.levels", {"ipc_bridge.mqtt": "error"}),
    ("events: &e {max_age: 7}\n", "events.max_age", 7.0),
]


def at(config: object, path: str) -> Any:
    value: Any = config
    for name in path.split("."):
        value = getattr(value, name)
    return value


@pytest.mark.parametrize(("text", "path", "expected"), FORMS, ids=[text for text, _, _ in FORMS])
def test_forms(text: str, path: str, expected: object, tmp_path: Path) -> None:
    value = at(load(tmp_path, f"{text}\n"), path)
    assert value == expected
    assert type(value) is type(expected)


TAGGED = [
    ("mqtt: {port: V}", "1884", "mqtt.port", 1884),
    ("mqtt: {embedded: V}", "yes", "mqtt.embedded", True),
    ("mqtt: {embedded: V}", "0", "mqtt.embedded", False),
    ("mqtt: {tls: V}", "true", "mqtt.port", 8883),
    ("mqtt: {version: V}", "3.1.1", "mqtt.version", "3.1.1"),
    ("mqtt: {username: V}", "0012", "mqtt.username", "0012"),
    ("tls: {verify: V}", "off", "tls.verify", "off"),
    ("events: {max_age: V}", "2.5", "events.max_age", 2.5),
    ("discovery: {targets: [V]}", "a:7", "discovery.targets", (("a", 7),)),
    ("discovery: {bind: V}", "127.0.0.1:7", "discovery.bind", ("127.0.0.1", 7)),
    ("plugins: {enabled: {a: {b: [V]}}}", "t", "plugins.enabled", {"a": {"b": ["t"]}}),
    ("log: {levels: {a: V}}", "error", "log.levels", {"a": "error"}),
    ("storage: {directory: V}", "/x", "storage.directory", Path("/x")),
]


@pytest.mark.parametrize("row", TAGGED, ids=[text for text, _, _, _ in TAGGED])
@pytest.mark.parametrize("tag", ["!env X", "!secret x", "!file sub/x"])
def test_tags_stand_for_any_scalar(row: tuple[str, str, str, object], tag: str, tmp_path: Path) -> None:
    text, given, path, expected = row
    (tmp_path / "secrets.yaml").write_text(f"x: {given}\n", encoding="utf-8")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "x").write_bytes(f"{given}\r\n".encode())
    value = at(load(tmp_path, f"{text.replace('V', tag)}\n", X=given), path)
    assert value == expected
    assert type(value) is type(expected)


def test_text_of_a_tag_is_plain_text_in_the_end(tmp_path: Path) -> None:
    config = load(tmp_path, "mqtt: {password: !env X}\nplugins: {enabled: {a: {b: !env X}}}\n", X=" p w ")
    assert type(config.mqtt.password) is str
    assert config.mqtt.password == " p w "
    assert type(config.plugins.enabled["a"]["b"]) is str


@pytest.mark.parametrize("given", ["12.9", "1_000", "0x10", "", "-1", "٣", "9" * 5000])
def test_only_plain_digits_of_a_tag_are_a_number(given: str, tmp_path: Path) -> None:
    with pytest.raises(Exception, match="what !env X gives is wrong"):
        load(tmp_path, "mqtt: {port: !env X}\n", X=given)


def test_paths_are_counted_from_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "certs").mkdir()
    (tmp_path / "certs" / "ca.pem").touch()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    config = load(Path(".."), "tls: {ca: certs/ca.pem}\nplugins: {directory: mine}\nstorage: {directory: state}\n")
    assert config.tls.ca is not None
    assert config.tls.ca.samefile(tmp_path / "certs" / "ca.pem")
    for path in (config.tls.ca, config.plugins.directory, config.storage.directory):
        assert path.is_absolute()
    assert config.plugins.directory.resolve() == tmp_path.resolve() / "mine"


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"HOME": "/h", "XDG_STATE_HOME": "/x", "STATE_DIRECTORY": "/s/one:/s/two"}, "/s/one"),
        ({"HOME": "/h", "XDG_STATE_HOME": "/x"}, "/x/ipc-bridge"),
        ({"HOME": "/h", "XDG_STATE_HOME": "relative"}, "/h/.local/state/ipc-bridge"),
        ({"HOME": "/h"}, "/h/.local/state/ipc-bridge"),
    ],
)
@pytest.mark.parametrize("text", ["", "storage:\n", "storage: {directory: }\n"])
def test_the_state_directory(text: str, environment: dict[str, str], expected: str, tmp_path: Path) -> None:
    assert load(tmp_path, text, environment).storage.directory == Path(expected)


CAMERAS = """
    camera:
      api_port: 8443
      keep_alive: 12
      account: {app_id: shared, secret_key: s}
    cameras:
      - sn: A
        name: Front door
        keep_alive: 13
        transport:
      - sn: B
        host: 10.0.0.2
        account: {app_id: own, secret_key: s}
    """


def test_a_camera_has_what_it_says_and_else_what_all_have(tmp_path: Path) -> None:
    config = load(tmp_path, CAMERAS)
    first, second = config.cameras
    assert (first.sn, first.name, first.host) == ("A", "Front door", None)
    assert (first.api_port, first.channel_port, first.keep_alive, first.transport) == (8443, 10021, 13, "channel")
    assert (second.host, second.keep_alive) == ("10.0.0.2", 12)
    assert [first.account.app_id, second.account.app_id] == ["shared", "own"]


def test_a_camera_that_is_not_listed_has_what_all_have(tmp_path: Path) -> None:
    config = load(tmp_path, CAMERAS)
    assert config.camera_for("B") is config.cameras[1]
    adopted = config.camera_for("C")
    assert (adopted.sn, adopted.name, adopted.host, adopted.api_port) == ("C", None, None, 8443)
    assert adopted.account.app_id == "shared"


def test_the_account_of_all_is_the_last_resort(tmp_path: Path) -> None:
    config = load(tmp_path, "cameras: [{sn: A}]\n")
    assert config.camera.account == config.cameras[0].account == config.camera_for("B").account == config.account
    assert config.account == Account(app_id="app", secret_key="key")


def test_anchors_and_merge_keys(tmp_path: Path) -> None:
    config = load(
        tmp_path,
        """
        cameras:
          - &first {sn: A, keep_alive: 11, api_port: 1}
          - {<<: *first, sn: B, api_port: 2}
          - {sn: C, <<: [{keep_alive: 9}, *first]}
        journal: &limits {keep_days: 2}
        pictures: *limits
        """,
    )
    assert [(camera.sn, camera.keep_alive, camera.api_port) for camera in config.cameras] == [
        ("A", 11, 1),
        ("B", 11, 2),
        ("C", 9, 1),
    ]
    assert config.pictures.keep_days == 2.0


def test_a_byte_order_mark_and_windows_lines_do_not_matter(tmp_path: Path) -> None:
    assert load(tmp_path, "\ufeffmqtt:\r\n  port: 5\r\n").mqtt.port == 5


def test_no_secret_in_a_repr(tmp_path: Path) -> None:
    config = load(
        tmp_path,
        """
        mqtt: {password: hidden-1}
        web: {token: hidden-2}
        camera: {activation_code: hidden-3, account: {app_id: hidden-4, secret_key: hidden-5}}
        cloud: {base_url: 'https://h', app_id: hidden-6, secret_key: hidden-7}
        plugins: {enabled: {a: {key: hidden-8}}}
        """,
    )
    assert "hidden" not in repr(config)


def test_the_result_is_frozen(tmp_path: Path) -> None:
    config = load(tmp_path, "")
    for part in (config, *(getattr(config, item.name) for item in dataclasses.fields(config) if item.name != "cloud")):
        if not isinstance(part, tuple):
            assert not hasattr(part, "__dict__")
            with pytest.raises(dataclasses.FrozenInstanceError):
                setattr(part, dataclasses.fields(part)[0].name, None)
