"""The example, the dataclasses and the contract name the same keys and defaults."""

from __future__ import annotations

import dataclasses
import re
import typing
from pathlib import Path
from typing import Any

import yaml

from ipc_bridge.config import Config, load_config
from ipc_bridge.config.keys import keys_of
from ipc_bridge.config.yaml_file import read_document
from tests.config.files import HOME, load, write

EXAMPLE = Path(__file__).parents[2] / "config.example.yaml"
FILLED_IN = {"YOUR_APP_ID": "app", "YOUR_SECRET_KEY": "key"}
SECRETS = (
    "mqtt_password",
    "certificate_password",
    "activation_code",
    "rtsp_password",
    "other_secret_key",
    "web_token",
    "webhook_secret",
    "cloud_secret_key",
)
FILES = ("broker-ca.pem", "bridge.pem", "bridge.key", "openapi.p12", "cameras-ca.pem")

# The contract of keys and their defaults, as it is agreed with other programs. "required" has none.
CONTRACT = """
mqtt: {host: 127.0.0.1, port: 1883, username: null, password: null, client_id: null, version: 5, base_topic: ipc_bridge,
  tls: null, embedded: false, retain_images: {faces: false, snapshots: true}}
homeassistant: {enabled: true, discovery_prefix: homeassistant, discovery: device}
account: {app_id: required, secret_key: required, certificate: null, certificate_password: null}
tls: {verify: pin, ca: null, legacy: false}
discovery: {enabled: true, interval: 60, bind: '0.0.0.0:10001', targets: [], adopt: all}
camera: {api_port: 443, channel_port: 10021, transport: channel, keep_alive: 30, activation_code: null, account: null,
  snapshot_interval: null, snapshot_on_motion: false, rtsp_username: null, rtsp_password: null}
cameras: []
events: {off_delay: 30, max_age: 30, late: mark}
journal: {keep_days: 30, keep_megabytes: 256}
state: {interval: 300, flow_interval: 60}
commands: {timeout: 15, allow_destructive: false}
pictures: {enabled: true, keep_days: 30, keep_megabytes: 512}
plugins: {directory: plugins, enabled: {}}
web: {enabled: true, host: 127.0.0.1, port: 8099, public_url: null, token: null}
cloud: null
storage: {directory: null}
log: {level: info, levels: {}, format: text}
"""


def example() -> str:
    text = EXAMPLE.read_text(encoding="utf-8")
    for placeholder, value in FILLED_IN.items():
        assert text.count(placeholder) == 1
        text = text.replace(placeholder, value)
    return text


def uncommented() -> str:
    """The example with every optional key in use, and without the empty value that it replaces."""
    lines = [re.sub(r"^( *)#( {2,}[a-z#-]|[a-z_]+:)", r"\1\2", line) for line in example().splitlines()]
    empty = re.compile(r" *(cameras: \[\]|enabled: \{\}|cloud: null|levels: \{\})")
    return "\n".join(line for line in lines if not empty.fullmatch(line))


def directory_with_everything(directory: Path) -> Path:
    (directory / "secrets.yaml").write_text("".join(f"{name}: hidden\n" for name in SECRETS), encoding="utf-8")
    for name in FILES:
        (directory / name).touch()
    return write(directory, uncommented())


def section_in(hint: Any) -> type[Any] | None:
    """The section that a field's type holds: itself, in a union, or in a tuple."""
    if dataclasses.is_dataclass(hint):
        return typing.cast(type[Any], hint)
    return next((found for part in typing.get_args(hint) if (found := section_in(part))), None)


def keys_in_dataclasses(section: type[Any]) -> set[str]:
    names = set()
    hints = typing.get_type_hints(section)
    for item in keys_of(section):
        names.add(item.name)
        inner = section_in(hints[item.name])
        names |= {f"{item.name}.{name}" for name in keys_in_dataclasses(inner)} if inner else set()
    return names


def keys_in_file(value: object) -> set[str]:
    if isinstance(value, list):
        return {name for item in value for name in keys_in_file(item)}
    if not isinstance(value, dict):
        return set()
    inner = {f"{name}.{below}" for name, item in value.items() for below in keys_in_file(item)}
    return set(value) | inner


def test_the_example_works_with_an_account_filled_in(tmp_path: Path) -> None:
    assert load_config(write(tmp_path, example()), HOME) == load(tmp_path, "")


def test_every_optional_key_of_the_example_works(tmp_path: Path) -> None:
    config = load_config(directory_with_everything(tmp_path), HOME)
    assert config.mqtt.password == "hidden"
    assert config.cameras[0].keep_alive == 10
    assert config.cloud is not None
    assert config.cloud.shops == ("100939020409",)


def test_the_example_names_exactly_the_keys_of_the_dataclasses(tmp_path: Path) -> None:
    root = read_document(directory_with_everything(tmp_path), HOME).root
    # What stands below these two is named by people, not by us.
    free = re.compile(r"(plugins\.enabled|log\.levels)\..*")
    named = {name for name in keys_in_file(root) if not free.fullmatch(name)}
    accounts = {f"{place}.account.{name}" for place in ("camera", "cameras") for name in FILES_AND_PASSWORDS}
    assert named == keys_in_dataclasses(Config) - accounts


# The accounts of single cameras refer to the one account that is explained in full.
FILES_AND_PASSWORDS = ("certificate", "certificate_password")


def test_the_defaults_are_those_of_the_contract(tmp_path: Path) -> None:
    contract = yaml.safe_load(CONTRACT)
    shown = yaml.safe_load(example())
    assert set(contract) == {item.name for item in keys_of(Config)}
    contract["account"] |= {"app_id": "app", "secret_key": "key"}
    assert load_config(write(tmp_path, yaml.safe_dump(contract)), HOME) == load(tmp_path, "")
    for section, keys in contract.items():
        if isinstance(keys, dict):
            hints = typing.get_type_hints(Config)
            assert set(keys) == {item.name for item in keys_of(typing.cast(Any, section_in(hints[section])))}
            assert {name: value for name, value in keys.items() if value is not None} == {
                name: value for name, value in shown[section].items() if value is not None
            }


def test_the_comments_that_are_keys_are_told_from_prose() -> None:
    # Otherwise the tests above would look at less than they seem to.
    assert uncommented().count("#cameras") == 0
    assert len(keys_in_file(yaml.safe_load(re.sub(r"!\w+ ", "", uncommented())))) > 90
