"""Cameras' streams as other programs want them in their configuration."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import yaml


@dataclass(frozen=True, slots=True)
class Login:
    """What cameras ask for on their streams."""

    username: str
    password: str

    def at(self, url: str) -> str:
        """Return an RTSP address with it."""
        place = urlsplit(url)
        host = place.netloc.rpartition("@")[2]
        login = f"{quote(self.username, safe='')}:{quote(self.password, safe='')}"
        return urlunsplit(place._replace(netloc=f"{login}@{host}"))


@dataclass(frozen=True, slots=True)
class Streams:
    """One camera's: ``large`` in full HD, ``small`` in HD; None for what it does not have."""

    sn: str
    name: str
    large: str | None
    small: str | None


def _go2rtc(cameras: Mapping[str, Streams]) -> dict[str, Any]:
    streams = {}
    for key, camera in cameras.items():
        if camera.large is not None:
            streams[key] = [camera.large]
        if camera.small is not None:
            streams[key if camera.large is None else f"{key}_hd"] = [camera.small]
    return {"streams": streams}


def _frigate(cameras: Mapping[str, Streams]) -> dict[str, Any]:
    return {"cameras": {key: {"ffmpeg": {"inputs": _inputs(camera)}} for key, camera in cameras.items()}}


def _inputs(camera: Streams) -> list[dict[str, Any]]:
    # To look for things, the smaller picture is enough.
    roles: dict[str, list[str]] = {}
    for role, url in (("record", camera.large or camera.small), ("detect", camera.small or camera.large)):
        if url is not None:
            roles.setdefault(url, []).append(role)
    return [{"path": url, "roles": names} for url, names in roles.items()]


def _home_assistant(cameras: Mapping[str, Streams]) -> dict[str, Any]:
    return {
        "camera": [
            {
                "platform": "ffmpeg",
                "name": camera.name,
                "input": f"-rtsp_transport tcp -i {camera.large or camera.small}",
            }
            for camera in cameras.values()
        ]
    }


FORMATS: dict[str, Callable[[Mapping[str, Streams]], dict[str, Any]]] = {
    "go2rtc": _go2rtc,
    "frigate": _frigate,
    "homeassistant": _home_assistant,
}
"""What is made of cameras, by program."""


def write(form: str, cameras: Sequence[Streams]) -> str:
    """Return what is to be pasted into a program's configuration."""
    return yaml.dump(FORMATS[form](_named(cameras)), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1000)


class _Dumper(yaml.SafeDumper):
    """Escapes what cannot be seen: the line breaks that only Unicode knows are not read back as they are."""


def _represent_text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if text.isprintable() else '"')


_Dumper.add_representer(str, _represent_text)


def _named(cameras: Sequence[Streams]) -> dict[str, Streams]:
    """Cameras by names that can be keys; those that would have the same have their serial in it."""
    keys = [_slug(camera.name) for camera in cameras]
    return {
        key if key and keys.count(key) == 1 else _slug(f"{key} {camera.sn}"): camera
        for key, camera in zip(keys, cameras, strict=True)
    }


def _slug(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "_", plain).strip("_")
