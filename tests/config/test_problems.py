"""What is wrong is said with its line, all at once, and without secrets."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ipc_bridge.config import load_config
from ipc_bridge.errors import ConfigError
from tests.config.files import ACCOUNT, HOME, load, problems

PORT = "a port, a whole number from 1 to 65535"
SECONDS = "a number of seconds above 0"
TOPIC = "a topic of at most 200 characters, no level of it empty, without +, # and a leading / or $"
SERIAL = "a serial number of 1 to 64 of A-Z a-z 0-9 _ - (in quotes), because it becomes a topic level"
TEXT = "text in one line that is not empty"
QUOTES = "text (put it in quotes)"
HOST = "a host name or an IP address"
TARGET = "HOST or HOST:PORT, with an IPv6 address in brackets"
BIND = "HOST:PORT, such as 0.0.0.0:10001"
URL = "an address such as https://HOST:PORT/PATH, without a user, '?' and '#'"
FILE = "a file that exists and may be read, by its path from DIR"
LONG = "a" * 201
MQTT_KEYS = "host, port, username, password, client_id, version, base_topic, tls, embedded, retain_images"
SHOP = "a shop number of 1 to 64 of A-Z a-z 0-9 _ - (in quotes), because it becomes a topic level"
SEEN = "expected the address of the bridge as it is seen from there, such as http://192.168.1.10:8099"
TOKEN = "a token of your choice, because web.host is no loopback address"
EMBEDDED = "because mqtt.embedded listens beyond this machine (mqtt.host is no loopback address)"
SECTIONS = (
    "mqtt, homeassistant, account, tls, discovery, camera, cameras, events, journal, state, commands, pictures, "
    "plugins, web, cloud, storage, log"
)

# The text before an account, and the only problem that it has.
ONE_VALUE = [
    ("mqtt: {port: 0}", f"1: mqtt.port: 0 is wrong, expected {PORT}"),
    ("mqtt: {port: 65536}", f"1: mqtt.port: 65536 is wrong, expected {PORT}"),
    ("mqtt: {port: true}", f"1: mqtt.port: true is wrong, expected {PORT}"),
    ("mqtt: {port: 1883.0}", f"1: mqtt.port: 1883.0 is wrong, expected {PORT}"),
    ("mqtt: {port: '1883'}", f"1: mqtt.port: '1883' is wrong, expected {PORT}"),
    ("mqtt: {port: []}", f"1: mqtt.port: a list is wrong, expected {PORT}"),
    ("mqtt:\n  host: a b\n", f"2: mqtt.host: 'a b' is wrong, expected {HOST}"),
    ("mqtt: {host: 300.1.1.1}", f"1: mqtt.host: '300.1.1.1' is wrong, expected {HOST}"),
    ("mqtt: {host: 5}", f"1: mqtt.host: 5 is wrong, expected {QUOTES}"),
    ("mqtt: {host: ''}", f"1: mqtt.host: '' is wrong, expected {TEXT}"),
    ('mqtt: {username: "a\\0"}', f"1: mqtt.username: 'a\\x00' is wrong, expected {TEXT}"),
    ('mqtt: {username: "\\ud800"}', f"1: mqtt.username: '\\ud800' is wrong, expected {TEXT}"),
    ("mqtt: {version: 4}", "1: mqtt.version: 4 is wrong, expected 5 or 3.1.1"),
    ("mqtt: {version: true}", "1: mqtt.version: true is wrong, expected 5 or 3.1.1"),
    ("mqtt: {base_topic: ''}", f"1: mqtt.base_topic: '' is wrong, expected {TOPIC}"),
    ("mqtt: {base_topic: a/+}", f"1: mqtt.base_topic: 'a/+' is wrong, expected {TOPIC}"),
    ("mqtt: {base_topic: 'a/#'}", f"1: mqtt.base_topic: 'a/#' is wrong, expected {TOPIC}"),
    ("mqtt: {base_topic: /a}", f"1: mqtt.base_topic: '/a' is wrong, expected {TOPIC}"),
    ("mqtt: {base_topic: a/}", f"1: mqtt.base_topic: 'a/' is wrong, expected {TOPIC}"),
    ("mqtt: {base_topic: a/ /b}", f"1: mqtt.base_topic: 'a/ /b' is wrong, expected {TOPIC}"),
    ("mqtt: {base_topic: $SYS}", f"1: mqtt.base_topic: '$SYS' is wrong, expected {TOPIC}"),
    ('mqtt: {base_topic: "a\\0b"}', f"1: mqtt.base_topic: 'a\\x00b' is wrong, expected {TOPIC}"),
    (f"mqtt: {{base_topic: {LONG}}}", f"1: mqtt.base_topic: '{LONG[:60]}... is wrong, expected {TOPIC}"),
    (
        "mqtt: {tls: 5}",
        "1: mqtt.tls: is a number, expected true or a section with the keys ca, certificate, key, insecure",
    ),
    ("mqtt: {tls: {ca: no.pem}}", f"1: mqtt.tls.ca: 'no.pem' is wrong, expected {FILE}"),
    (
        "mqtt:\n  tls:\n    certificate: config.yaml\n",
        "2: mqtt.tls.key: is missing, expected a file, because certificate is given",
    ),
    (
        "mqtt:\n  tls:\n    key: config.yaml\n",
        "2: mqtt.tls.certificate: is missing, expected a file, because key is given",
    ),
    (
        "mqtt:\n  embedded: true\n  tls: true\n",
        "3: mqtt.tls: does not go with mqtt.embedded, which has no TLS; expected one of the two",
    ),
    ("mqtt: {embedded: 1}", "1: mqtt.embedded: 1 is wrong, expected true or false"),
    ("mqtt: {prot: 1}", "1: mqtt.prot: is an unknown key, did you mean port?"),
    (
        "mqtt: {xyz: 1}",
        f"1: mqtt.xyz: is an unknown key, expected one of {MQTT_KEYS}",
    ),
    (
        "mqtt:\n- 1\n",
        f"1: mqtt: is a list, expected a section with the keys {MQTT_KEYS}",
    ),
    ("mqtt:\n  port: 1\n  port: 2\n", "3: mqtt.port: is given twice, first in line 2; keep one"),
    (
        "mqtt:\n  1: x\n  ? [a]\n  : b\n",
        f"2: mqtt.1: is an unknown key, expected one of {MQTT_KEYS}",
    ),
    ("mqtt:\n  !env X : 1\n", "2: mqtt.?: is not a key, expected a plain name before the colon"),
    (
        "mqtt: {port: !foo bar}",
        "1: mqtt.port: has an unknown tag, expected !secret, !env, !file or quotes around the text",
    ),
    ("mqtt: !!set {port}", "1: mqtt: has an unknown tag, expected !secret, !env, !file or quotes around the text"),
    (
        f"mqtt: {{username: {'a' * 65_536}}}",
        f"1: mqtt.username: '{LONG[:60]}... is wrong, expected text of at most 65535 bytes",
    ),
    (f"tls: {{ca: {'a' * 300}}}", f"1: tls.ca: '{LONG[:60]}... is wrong, expected {FILE}"),
    ("mqtt: {port: !!int x}", "1: mqtt.port: cannot be read as a number, expected one with fewer digits or none"),
    ("mqtt: {' ': 1}", f"1: mqtt.' ': is an unknown key, expected one of {MQTT_KEYS}"),
    ("homeassistent: {}", "1: homeassistent: is an unknown key, did you mean homeassistant?"),
    (
        "homeassistant: {discovery: entity}",
        "1: homeassistant.discovery: 'entity' is wrong, expected device or component",
    ),
    (
        "homeassistant: {discovery_prefix: a//b}",
        f"1: homeassistant.discovery_prefix: 'a//b' is wrong, expected {TOPIC}",
    ),
    ("tls: {verify: yes}", "1: tls.verify: true is wrong, expected pin or ca or off"),
    ("tls:\n  verify: ca\n", "1: tls.ca: is missing, expected a file with certificates, because tls.verify is ca"),
    ("discovery: {interval: 0}", f"1: discovery.interval: 0 is wrong, expected {SECONDS}"),
    ("discovery: {interval: true}", f"1: discovery.interval: true is wrong, expected {SECONDS}"),
    ("discovery: {interval: .inf}", f"1: discovery.interval: inf is wrong, expected {SECONDS}"),
    ("discovery: {interval: .nan}", f"1: discovery.interval: nan is wrong, expected {SECONDS}"),
    ("discovery: {interval: '60'}", f"1: discovery.interval: '60' is wrong, expected {SECONDS}"),
    ("discovery: {bind: 0.0.0.0}", f"1: discovery.bind: '0.0.0.0' is wrong, expected {BIND}"),
    ("discovery: {bind: '0.0.0.0:0'}", f"1: discovery.bind: '0.0.0.0:0' is wrong, expected {BIND}"),
    ("discovery: {bind: '::1'}", f"1: discovery.bind: '::1' is wrong, expected {BIND}"),
    ("discovery: {bind: 10001}", f"1: discovery.bind: 10001 is wrong, expected {QUOTES}"),
    ("discovery: {targets: x}", "1: discovery.targets: is text, expected a list"),
    ("discovery:\n  targets:\n  - a\n  - b:x\n", f"4: discovery.targets[1]: 'b:x' is wrong, expected {TARGET}"),
    ("discovery: {targets: ['[a]:1']}", f"1: discovery.targets[0]: '[a]:1' is wrong, expected {TARGET}"),
    ("discovery: {adopt: none}", "1: discovery.adopt: 'none' is wrong, expected all or listed"),
    ("camera: {keep_alive: 0}", "1: camera.keep_alive: 0 is wrong, expected a whole number of seconds from 1 to 3600"),
    (
        "camera: {keep_alive: 3601}",
        "1: camera.keep_alive: 3601 is wrong, expected a whole number of seconds from 1 to 3600",
    ),
    (
        "camera: {keep_alive: 1.5}",
        "1: camera.keep_alive: 1.5 is wrong, expected a whole number of seconds from 1 to 3600",
    ),
    ("camera: {transport: both}", "1: camera.transport: 'both' is wrong, expected channel or hook"),
    (
        "camera:\n  account:\n    app_id: a\n",
        "2: camera.account.secret_key: is missing, expected the secret_key that the vendor handed out",
    ),
    ("cameras: {sn: A}", "1: cameras: is a mapping, expected a list"),
    ("cameras:\n- sn: A\n- name: x\n", "3: cameras[1].sn: is missing, expected the camera's serial number"),
    ("cameras:\n- sn: A\n- sn: B\n  host: '['\n", f"4: cameras[1].host: '[' is wrong, expected {HOST}"),
    ("cameras: [{sn: a/b}]", f"1: cameras[0].sn: 'a/b' is wrong, expected {SERIAL}"),
    ("cameras: [{sn: 123}]", f"1: cameras[0].sn: 123 is wrong, expected {SERIAL}"),
    (f"cameras: [{{sn: {LONG[:65]}}}]", f"1: cameras[0].sn: '{LONG[:60]}... is wrong, expected {SERIAL}"),
    (
        "cameras:\n- sn: A\n- sn: A\n",
        "3: cameras[1].sn: is that of cameras[0] again, expected each serial number once",
    ),
    ("events: {late: maybe}", "1: events.late: 'maybe' is wrong, expected mark or drop"),
    ("events: {max_age: -1}", f"1: events.max_age: -1 is wrong, expected {SECONDS}"),
    ("journal: {keep_days: 0}", "1: journal.keep_days: 0 is wrong, expected a number of days above 0"),
    (
        "pictures: {keep_megabytes: x}",
        "1: pictures.keep_megabytes: 'x' is wrong, expected a number of megabytes above 0",
    ),
    ("plugins: {enabled: [a]}", "1: plugins.enabled: is a list, expected a mapping of NAME: VALUE"),
    ("plugins: {enabled: {a: 1}}", "1: plugins.enabled.a: is a number, expected a mapping of NAME: VALUE"),
    (
        "plugins: {enabled: {../a: {}}}",
        "1: plugins.enabled.../a: cannot be a plugin, expected the name of its file without .py",
    ),
    (
        "web:\n  host: 0.0.0.0\n",
        f"1: web.token: is missing, expected {TOKEN}",
    ),
    ("web: {public_url: example.org}", f"1: web.public_url: 'example.org' is wrong, expected {URL}"),
    ("web: {public_url: 'https://u:hunter2@h'}", f"1: web.public_url: this value is wrong, expected {URL}"),
    ("web: {public_url: 'https://[h'}", f"1: web.public_url: 'https://[h' is wrong, expected {URL}"),
    (
        "web: {enabled: false}\ncamera: {transport: hook}\n",
        "2: camera.transport: hook needs web.enabled, which is false; expected channel",
    ),
    (
        "web: {enabled: false}\ncameras: [{sn: A, transport: hook}]\n",
        "2: cameras[0].transport: hook needs web.enabled, which is false; expected channel",
    ),
    (
        "web: {enabled: false}\ncloud: {base_url: 'https://h', app_id: a, secret_key: b, hook: true}\n",
        "2: cloud.hook: true needs web.enabled, which is false; expected false",
    ),
    ("camera: {transport: hook}\n", f"1: web.public_url: is missing, {SEEN}, because camera.transport is hook"),
    (
        "cameras:\n- {sn: A}\n- {sn: B, transport: hook}\n- {sn: C, transport: hook}\n",
        f"1: web.public_url: is missing, {SEEN}, because cameras[1].transport is hook",
    ),
    (
        "camera: {transport: hook}\nweb:\n  port: 0\n  public_url: 'http://h'\n",
        "3: web.port: 0 is wrong, expected a port, a whole number from 1 to 65535",
    ),
    (
        "\nweb: {port: 80}\ncloud: {base_url: 'https://h', app_id: a, secret_key: b, hook: true}\n",
        f"2: web.public_url: is missing, {SEEN}, because cloud.hook is true",
    ),
    (
        "cloud: {base_url: 'ftp://h', app_id: a, secret_key: b}",
        f"1: cloud.base_url: 'ftp://h' is wrong, expected {URL}",
    ),
    (
        "cloud: {base_url: 'https://h', app_id: a, secret_key: b, shops: [12]}",
        f"1: cloud.shops[0]: 12 is wrong, expected {SHOP}",
    ),
    ("log: {level: loud}", "1: log.level: 'loud' is wrong, expected debug or info or warning or error or critical"),
    ("log: {levels: {a: 1}}", "1: log.levels.a: 1 is wrong, expected debug or info or warning or error or critical"),
    ("log: {levels: {a b: info}}", "1: log.levels.a b: cannot be a module, expected a name such as ipc_bridge.mqtt"),
    ("log: {format: xml}", "1: log.format: 'xml' is wrong, expected text or json"),
    ("storage: {directory: 1}", f"1: storage.directory: 1 is wrong, expected {QUOTES}"),
]


@pytest.mark.parametrize(("text", "expected"), ONE_VALUE, ids=[text[:80] for text, _ in ONE_VALUE])
def test_one_mistake_is_one_line(text: str, expected: str, tmp_path: Path) -> None:
    found = problems(tmp_path, f"{text.rstrip()}\n{ACCOUNT}")
    assert f"config.yaml:{expected}" in found
    # The one row with two mistakes has a key that is no scalar beside.
    assert len(found) == (2 if "? [a]" in text else 1)


# The whole text, and all of its problems: where there is no configuration to speak of.
NO_CONFIGURATION = [
    ("", "1: account: is missing, expected a section with app_id and secret_key, from the vendor"),
    ("# nothing\n", "1: account: is missing, expected a section with app_id and secret_key, from the vendor"),
    ("\naccount:\n", "2: account: is missing, expected a section with app_id and secret_key, from the vendor"),
    (
        "5",
        f"1: configuration: is a number, expected a mapping with the sections {SECTIONS}",
    ),
    (
        "- a",
        f"1: configuration: is a list, expected a mapping with the sections {SECTIONS}",
    ),
    ("mqtt: {\n", "2: configuration: is no YAML: expected the node content, but found '<stream end>'"),
    ("a: b: c", "1: configuration: is no YAML: mapping values are not allowed here"),
    ("a: 1\n\tb: 2", "2: configuration: is no YAML: found character '\\t' that cannot start any token"),
    ("a: 1\n--- \nb: 2", "2: configuration: is no YAML: but found another document"),
    ("a: b\nc: \0", "2: configuration: is no YAML: there is a control character, expected text"),
    ('a: "\\UFFFFFFFF"', "1: configuration: is no YAML: there is an escape or a version that means nothing"),
    ("a: *hunter2", "1: configuration: is no YAML: found undefined alias something"),
    ("a: &x\n  b: *x\n", "1: configuration: has an anchor that contains itself, expected an end to it"),
    ("a: &x\n  <<: *x\n", "1: configuration: has an anchor that contains itself, expected an end to it"),
    ("a: {<<: 5}", "1: configuration: has something behind '<<' that is no mapping"),
    ("[" * 1000, "1: configuration: is nested too deeply, expected at most 50 levels"),
    ("- " * 1000, "1: configuration: is nested too deeply, expected at most 50 levels"),
    (
        "".join(f"{' ' * n}a:\n" for n in range(1000)),
        "50: configuration: is nested too deeply, expected at most 50 levels",
    ),
    ("a: " + "[" * 1000 + "]" * 1000, "1: configuration: is nested too deeply, expected at most 50 levels"),
]


@pytest.mark.parametrize(("text", "expected"), NO_CONFIGURATION, ids=[text[:20] for text, _ in NO_CONFIGURATION])
def test_no_configuration_at_all(text: str, expected: str, tmp_path: Path) -> None:
    assert problems(tmp_path, text) == [f"config.yaml:{expected}"]


def test_aliases_cannot_grow_without_limit(tmp_path: Path) -> None:
    lists = "".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]\n" for n in range(1, 10))
    (line,) = problems(tmp_path, f"l0: &l0 [x]\n{lists}")
    assert line.endswith("grows to more than 100000 values through its aliases")
    maps = "".join(f"m{n}: &m{n} {{<<: [{', '.join([f'*m{n - 1}'] * 9)}]}}\n" for n in range(1, 10))
    (line,) = problems(tmp_path, f"m0: &m0 {{a: 1}}\n{maps}")
    assert line.endswith("grows to more than 100000 values through its aliases")


def test_a_chain_of_anchors_is_as_deep_as_what_it_stands_for(tmp_path: Path) -> None:
    chain = "".join(f"m{n}: &m{n} {{<<: *m{n - 1}}}\n" for n in range(1, 3000))
    (line,) = problems(tmp_path, f"m0: &m0 {{}}\n{chain}")
    assert line.endswith("configuration: is nested too deeply, expected at most 50 levels")


def test_everything_is_said_at_once_in_the_order_of_the_lines(tmp_path: Path) -> None:
    text = """\
        web:
          host: 0.0.0.0
          port: 0
        mqtt:
          password: hunter2
          pasword: hunter2
          embedded: true
          host: 0.0.0.0
          port: x
        account:
          app_id: 5
        cameras:
          - sn: A
            api_port: 0
            keep_alive: 0
          - sn: A
          - host: h
        """
    assert problems(tmp_path, text) == [
        f"config.yaml:1: web.token: is missing, expected {TOKEN}",
        f"config.yaml:3: web.port: 0 is wrong, expected {PORT}",
        f"config.yaml:4: mqtt.username: is missing, expected a username of your choice, {EMBEDDED}",
        "config.yaml:6: mqtt.pasword: is an unknown key, did you mean password?",
        f"config.yaml:9: mqtt.port: 'x' is wrong, expected {PORT}",
        "config.yaml:10: account.secret_key: is missing, expected the secret_key that the vendor handed out",
        f"config.yaml:11: account.app_id: this value is wrong, expected {QUOTES}",
        f"config.yaml:14: cameras[0].api_port: 0 is wrong, expected {PORT}",
        "config.yaml:15: cameras[0].keep_alive: 0 is wrong, expected a whole number of seconds from 1 to 3600",
        "config.yaml:16: cameras[1].sn: is that of cameras[0] again, expected each serial number once",
        "config.yaml:17: cameras[2].sn: is missing, expected the camera's serial number",
    ]


@pytest.mark.parametrize(
    "place",
    [
        "mqtt: {password: VALUE}",
        "web: {token: VALUE}",
        "camera: {activation_code: VALUE}",
        "camera: {account: {secret_key: VALUE, app_id: VALUE, certificate_password: VALUE}}",
        "cameras: [{sn: A, activation_code: VALUE}]",
        "cloud: {base_url: 'https://h', app_id: VALUE, secret_key: VALUE}",
        "plugins: {enabled: {a: [VALUE]}}",
    ],
)
@pytest.mark.parametrize("value", ["4711471147", "[4711471147]", "{a: 4711471147}", "!4711471147", "*4711471147"])
def test_secrets_are_never_shown(place: str, value: str, tmp_path: Path) -> None:
    assert "4711471147" not in "\n".join(problems(tmp_path, f"{place.replace('VALUE', value)}\n{ACCOUNT}"))


@pytest.mark.parametrize("tag", ["!env X", "!secret x", "!file x"])
@pytest.mark.parametrize("key", ["mqtt: {port: V}", "tls: {verify: V}", "cameras: [{sn: V}]", "log: {levels: {a: V}}"])
def test_what_a_tag_gives_is_never_shown(key: str, tag: str, tmp_path: Path) -> None:
    (tmp_path / "secrets.yaml").write_text("x: hunter 2\n", encoding="utf-8")
    (tmp_path / "x").write_text("hunter 2\n", encoding="utf-8")
    (line,) = problems(tmp_path, f"{key.replace('V', tag)}\n{ACCOUNT}", {**HOME, "X": "hunter 2"})
    assert f"what {tag} gives is wrong, expected " in line
    assert "hunter" not in line


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("!env MISSING", "!env MISSING gives nothing: the environment has no such variable"),
        ("!secret missing", "!secret missing gives nothing: secrets.yaml has no such name"),
        ("!secret section", "!secret section gives nothing: secrets.yaml has more than a single value there"),
        ("!file missing", "!file missing gives nothing: no such file or directory"),
        ("!file .", "!file . gives nothing: is a directory"),
        ("!file large", "!file large gives nothing: it is larger than 65536 bytes"),
        ("!file binary", "!file binary gives nothing: it is not UTF-8 at byte 1"),
        ('!file "a\\0"', "!file 'a\\x00' gives nothing: its name cannot be that of a file"),
        ("!env [A]", "has !env before more than a single name"),
    ],
)
def test_tags_that_give_nothing(value: str, expected: str, tmp_path: Path) -> None:
    (tmp_path / "secrets.yaml").write_text("section: {a: b}\n", encoding="utf-8")
    (tmp_path / "large").write_bytes(b"x" * 65_537)
    (tmp_path / "binary").write_bytes(b"x\xff")
    assert problems(tmp_path, f"account:\n  secret_key: key\n  app_id: {value}\n") == [
        f"config.yaml:3: account.app_id: {expected}"
    ]


@pytest.mark.parametrize(
    ("secrets", "expected"),
    [
        (None, "secrets.yaml cannot be read: no such file or directory"),
        ("a: b\nc: hunter2: 5\n", "secrets.yaml is no YAML at its line 2"),
        ("- hunter2\n", "secrets.yaml is not a list of NAME: VALUE"),
        ("", "secrets.yaml is not a list of NAME: VALUE"),
    ],
)
def test_broken_secrets(secrets: str | None, expected: str, tmp_path: Path) -> None:
    if secrets is not None:
        (tmp_path / "secrets.yaml").write_text(secrets, encoding="utf-8")
    assert problems(tmp_path, f"mqtt:\n  password: !secret x\n{ACCOUNT}") == [
        f"config.yaml:2: mqtt.password: !secret x gives nothing: {expected}"
    ]


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes(b"a: \xe4\n")
    (tmp_path / "large.yaml").write_bytes(b"#" * 1_048_577)
    expected = {
        "missing.yaml": "no such file or directory",
        "latin.yaml": "it is not UTF-8 at byte 3",
        "large.yaml": "it is larger than 1048576 bytes",
        ".": "is a directory",
    }
    for name, reason in expected.items():
        with pytest.raises(ConfigError) as caught:
            load_config(tmp_path / name, HOME)
        assert caught.value.problems == [
            f"{tmp_path / name}:1: configuration: cannot be read ({reason}), expected a YAML file in UTF-8"
        ]


def test_the_file_is_named_as_the_user_gave_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=re.escape("here.yaml:1: configuration: cannot be read")):
        load_config(Path("here.yaml"), HOME)


def test_without_a_home_the_state_needs_a_place(tmp_path: Path) -> None:
    assert problems(tmp_path, ACCOUNT, {}) == [
        "config.yaml:1: storage.directory: is missing, expected a path, because HOME is not set either"
    ]


def test_a_plugin_can_complain_with_the_line_of_its_setting(tmp_path: Path) -> None:
    config = load(tmp_path, "plugins:\n  enabled:\n    door:\n      url: 5\n")
    known = config.source.problem(("plugins", "enabled", "door", "url"), "is wrong")
    missing = config.source.problem(("plugins", "enabled", "door", "token"), "is missing")
    assert known.removeprefix(f"{tmp_path}/") == "config.yaml:4: plugins.enabled.door.url: is wrong"
    assert missing.removeprefix(f"{tmp_path}/") == "config.yaml:3: plugins.enabled.door.token: is missing"
