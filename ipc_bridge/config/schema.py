"""Every key of the configuration, once: its name, what it may hold and its default.

What the values mean is explained to people in ``config.example.yaml``.
"""

# ruff: noqa: RUF009 - option() returns a dataclass field, which ruff does not know

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, ClassVar, Literal

import voluptuous as vol

from ipc_bridge.config.keys import InDirectory, Keys, Section, each, option, section
from ipc_bridge.config.values import (
    Validator,
    choice,
    file_in,
    flag,
    host,
    host_and_perhaps_port,
    host_and_port,
    is_loopback,
    kind,
    mapping,
    module_name,
    mqtt_version,
    path_in,
    plugin_name,
    plugin_settings,
    port,
    positive,
    seconds,
    serial,
    shop,
    text,
    topic,
    url,
    whole,
)
from ipc_bridge.config.yaml_file import Source, Tagged

_existing_file = InDirectory(file_in)
_path = InDirectory(path_in)
_level = choice("debug", "info", "warning", "error", "critical")


def _named(name: Validator, value: Validator) -> vol.All:
    # A schema of its own: inside a section's, names that are wrong would be passed over.
    return vol.All(mapping, vol.Schema({name: value}))


Level = Literal["debug", "info", "warning", "error", "critical"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MqttTls(Keys):
    """``mqtt.tls``: TLS towards the broker. Without ``ca``, the system's authorities are trusted."""

    ca: Path | None = option(_existing_file)
    certificate: Path | None = option(_existing_file)
    key: Path | None = option(_existing_file)
    insecure: bool = option(flag, default=False)

    @classmethod
    def conflicts(cls, values: Mapping[str, Any]) -> Iterator[vol.Invalid]:
        """A client certificate is of use only together with its key."""
        for one, other in (("certificate", "key"), ("key", "certificate")):
            if values[one] is not None and values[other] is None:
                yield vol.Invalid(f"is missing, expected a file, because {one} is given", path=[other])


def _broker_tls(directory: Path) -> Validator:
    keys = Section(MqttTls, directory)

    def validate(value: Any) -> MqttTls | None:
        if isinstance(value, dict):
            tls: MqttTls = keys(value)
            return tls
        if isinstance(value, Tagged):
            value = flag(value)
        if not isinstance(value, bool):
            raise vol.Invalid(
                f"is {kind(value)}, expected true or a section with the keys ca, certificate, key, insecure"
            )
        return MqttTls() if value else None

    return validate


@dataclass(frozen=True, slots=True, kw_only=True)
class RetainImages(Keys):
    """``mqtt.retain_images``: which pictures the broker keeps."""

    faces: bool = option(flag, default=False)
    snapshots: bool = option(flag, default=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mqtt(Keys):
    """``mqtt``: the broker. ``port`` is 8883 where TLS is on and no port is given."""

    host: str = option(host, "127.0.0.1")
    port: int = option(port, 1883)
    username: str | None = option(text)
    password: str | None = option(text, secret=True)
    client_id: str | None = option(text)
    version: Literal["5", "3.1.1"] = option(mqtt_version, "5")
    base_topic: str = option(topic, "ipc_bridge")
    tls: MqttTls | None = option(InDirectory(_broker_tls))
    embedded: bool = option(flag, default=False)
    retain_images: RetainImages = option(section(RetainImages), RetainImages())

    @classmethod
    def conflicts(cls, values: Mapping[str, Any]) -> Iterator[vol.Invalid]:
        """A broker of our own speaks no TLS, and lets nobody else in without a password."""
        if not values["embedded"]:
            return
        if values["tls"] is not None:
            yield vol.Invalid("does not go with mqtt.embedded, which has no TLS; expected one of the two", path=["tls"])
        if not is_loopback(values["host"]):
            for name in ("username", "password"):
                if values[name] is None:
                    reason = "because mqtt.embedded listens beyond this machine (mqtt.host is no loopback address)"
                    yield vol.Invalid(f"is missing, expected a {name} of your choice, {reason}", path=[name])


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeAssistant(Keys):
    """``homeassistant``: discovery messages for the hub."""

    enabled: bool = option(flag, default=True)
    discovery_prefix: str = option(topic, "homeassistant")
    discovery: Literal["device", "component"] = option(choice("device", "component"), "device")


@dataclass(frozen=True, slots=True, kw_only=True)
class Account(Keys):
    """``account``: the vendor's credentials and client certificate (PKCS #12)."""

    app_id: str = option(text, required="the app_id that the vendor handed out", secret=True)
    secret_key: str = option(text, required="the secret_key that the vendor handed out", secret=True)
    certificate: Path | None = option(_existing_file)
    certificate_password: str | None = option(text, secret=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls(Keys):
    """``tls``: how cameras prove who they are."""

    verify: Literal["pin", "ca", "off"] = option(choice("pin", "ca", "off"), "pin")
    ca: Path | None = option(_existing_file)
    legacy: bool = option(flag, default=False)

    @classmethod
    def conflicts(cls, values: Mapping[str, Any]) -> Iterator[vol.Invalid]:
        """To check against an authority, one needs it."""
        if values["verify"] == "ca" and values["ca"] is None:
            yield vol.Invalid("is missing, expected a file with certificates, because tls.verify is ca", path=["ca"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Discovery(Keys):
    """``discovery``: finding cameras. ``bind`` and ``targets`` are (host, port); a port of None is the usual one."""

    enabled: bool = option(flag, default=True)
    interval: float = option(seconds, 60.0)
    bind: tuple[str, int] = option(host_and_port, ("0.0.0.0", 10001))  # noqa: S104 - answers come to any interface
    targets: tuple[tuple[str, int | None], ...] = option(each(host_and_perhaps_port), ())
    adopt: Literal["all", "listed"] = option(choice("all", "listed"), "all")


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraDefaults(Keys):
    """``camera``: what holds for every camera that does not say otherwise."""

    api_port: int = option(port, 443)
    channel_port: int = option(port, 10021)
    transport: Literal["channel", "hook"] = option(choice("channel", "hook"), "channel")
    keep_alive: int = option(whole(1, 3600, "a whole number of seconds"), 30)
    activation_code: str | None = option(text, secret=True)
    snapshot_interval: float | None = option(seconds)
    snapshot_on_motion: bool = option(flag, default=False)
    rtsp_username: str | None = option(text)
    rtsp_password: str | None = option(text, secret=True)
    # Null in the file; the account of the whole configuration takes its place before anyone sees it.
    account: Account = option(section(Account))


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraConfig(CameraDefaults):
    """One of ``cameras``, with everything it does not say itself filled in; ``host`` is None until it is discovered."""

    sn: str = option(serial, required="the camera's serial number")
    name: str | None = option(text)
    host: str | None = option(host)


def _cameras(directory: Path) -> Validator:
    # Dicts, because what is not given comes from `camera`, which is not known here.
    entries = each(section(CameraConfig, dict)).make(directory)

    def validate(value: Any) -> tuple[dict[str, Any], ...]:
        problems: list[vol.Invalid] = []
        first: dict[str, int] = {}
        for index, entry in enumerate(value if isinstance(value, list) else []):
            sn = entry.get("sn") if isinstance(entry, dict) else None
            if isinstance(sn, str) and first.setdefault(sn, index) != index:
                text_ = f"is that of cameras[{first[sn]}] again, expected each serial number once"
                problems.append(vol.Invalid(text_, path=[index, "sn"]))
        try:
            made: tuple[dict[str, Any], ...] = entries(value)
        except vol.MultipleInvalid as broken:
            problems = broken.errors + problems
        if problems:
            raise vol.MultipleInvalid(problems)
        return made

    return validate


@dataclass(frozen=True, slots=True, kw_only=True)
class Events(Keys):
    """``events``, in seconds."""

    off_delay: float = option(seconds, 30.0)
    max_age: float = option(seconds, 30.0)
    late: Literal["mark", "drop"] = option(choice("mark", "drop"), "mark")


@dataclass(frozen=True, slots=True, kw_only=True)
class Journal(Keys):
    """``journal``: how much of the past is kept."""

    keep_days: float = option(positive("days"), 30.0)
    keep_megabytes: float = option(positive("megabytes"), 256.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class State(Keys):
    """``state``: how often cameras are asked, in seconds."""

    interval: float = option(seconds, 300.0)
    flow_interval: float = option(seconds, 60.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Commands(Keys):
    """``commands``: what MQTT clients may do."""

    timeout: float = option(seconds, 15.0)
    allow_destructive: bool = option(flag, default=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pictures(Keys):
    """``pictures``: how many faces and snapshots are kept."""

    enabled: bool = option(flag, default=True)
    keep_days: float = option(positive("days"), 30.0)
    keep_megabytes: float = option(positive("megabytes"), 512.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plugins(Keys):
    """``plugins``: where they lie, and those that are loaded, each with its own settings."""

    directory: Path = option(_path, Path("plugins"))
    # Settings may hold passwords, under names that only the plugin knows.
    enabled: Mapping[str, Mapping[str, Any]] = option(_named(plugin_name, plugin_settings), dict, secret=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Web(Keys):
    """``web``: hooks, health, metrics and the dashboard."""

    enabled: bool = option(flag, default=True)
    host: str = option(host, "127.0.0.1")
    port: int = option(port, 8099)
    public_url: str | None = option(url)
    token: str | None = option(text, secret=True)

    @classmethod
    def conflicts(cls, values: Mapping[str, Any]) -> Iterator[vol.Invalid]:
        """Others on the network get in only with a token."""
        if values["enabled"] and values["token"] is None and not is_loopback(values["host"]):
            yield vol.Invalid(
                "is missing, expected a token of your choice, because web.host is no loopback address", path=["token"]
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Cloud(Keys):
    """``cloud``: the vendor's cloud API."""

    base_url: str = option(url, required="the address of the cloud's API, such as https://HOST")
    app_id: str = option(text, required="the app_id of the cloud account", secret=True)
    secret_key: str = option(text, required="the secret_key of the cloud account", secret=True)
    shops: tuple[str, ...] = option(each(shop), ())
    company: str | None = option(text)
    interval: float = option(seconds, 60.0)
    hook: bool = option(flag, default=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage(Keys):
    """``storage``: where the bridge keeps what must survive a restart."""

    # Null in the file; the platform's state directory takes its place before anyone sees it.
    directory: Path = option(_path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Log(Keys):
    """``log``."""

    level: Level = option(_level, "info")
    levels: Mapping[str, Level] = option(_named(module_name, _level), dict)
    format: Literal["text", "json"] = option(choice("text", "json"), "text")


@dataclass(frozen=True, slots=True, kw_only=True)
class Config(Keys):
    """The whole configuration, every default filled in and every path absolute."""

    is_root: ClassVar[bool] = True

    mqtt: Mqtt = option(section(Mqtt), Mqtt())
    homeassistant: HomeAssistant = option(section(HomeAssistant), HomeAssistant())
    account: Account = option(section(Account), required="a section with app_id and secret_key, from the vendor")
    tls: Tls = option(section(Tls), Tls())
    discovery: Discovery = option(section(Discovery), Discovery())
    camera: CameraDefaults = option(section(CameraDefaults), CameraDefaults())
    cameras: tuple[CameraConfig, ...] = option(InDirectory(_cameras), ())
    events: Events = option(section(Events), Events())
    journal: Journal = option(section(Journal), Journal())
    state: State = option(section(State), State())
    commands: Commands = option(section(Commands), Commands())
    pictures: Pictures = option(section(Pictures), Pictures())
    plugins: Plugins = option(section(Plugins), Plugins)
    web: Web = option(section(Web), Web())
    cloud: Cloud | None = option(section(Cloud))
    storage: Storage = option(section(Storage), Storage())
    log: Log = option(section(Log), Log)
    source: Source = field(default=Source(), repr=False, compare=False)
    """No key: the lines of the file, for those who check a part of it later (``source.problem(path, text)``)."""

    @classmethod
    def conflicts(cls, values: Mapping[str, Any]) -> Iterator[vol.Invalid]:
        """What cameras and the cloud post has to be received."""
        asking: list[tuple[str, list[Hashable]]] = []
        if values["camera"].transport == "hook":
            asking.append(("camera.transport is hook", ["camera", "transport"]))
        for index, camera in enumerate(values["cameras"]):
            if camera.get("transport") == "hook":
                asking.append((f"cameras[{index}].transport is hook", ["cameras", index, "transport"]))
        if values["cloud"] is not None and values["cloud"].hook:
            asking.append(("cloud.hook is true", ["cloud", "hook"]))
        web = values["web"]
        for why, path in asking if not web.enabled else ():
            instead = "false" if path[0] == "cloud" else "channel"
            what = why.rpartition(" ")[2]
            yield vol.Invalid(f"{what} needs web.enabled, which is false; expected {instead}", path=path)
        if asking and web.enabled and web.public_url is None:
            expected = "the address of the bridge as it is seen from there, such as http://192.168.1.10:8099"
            yield vol.Invalid(f"is missing, expected {expected}, because {asking[0][0]}", path=["web", "public_url"])

    def camera_for(self, sn: str) -> CameraConfig:
        """What holds for the camera ``sn``: its entry under ``cameras``, else the defaults for an adopted one."""
        for camera in self.cameras:
            if camera.sn == sn:
                return camera
        return CameraConfig(sn=sn, **shallow(self.camera))


def shallow(part: Keys) -> dict[str, Any]:
    """The fields of ``part`` by name, sections inside it as they are."""
    return {item.name: getattr(part, item.name) for item in fields(part)}
