"""What single values may be: voluptuous validators for numbers, names, addresses and topics.

Voluptuous' own ``int`` and ``Range`` take ``True``, ``Coerce(int)`` turns 12.9 into 12, and their messages are written
for programmers. Text counts as a number only where a tag brought it, because the environment knows nothing but text.
"""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import voluptuous as vol

from ipc_bridge.config.yaml_file import Tagged
from ipc_bridge.models import is_serial

Validator = Callable[[Any], Any]

MAX_SECONDS = 1_000_000_000
"""About 31 years: beyond it, timers overflow."""

_LABEL = r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST_NAME = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(\.{_LABEL})*\.?")
_ADDRESS = re.compile(r"(?:\[(?P<six>[^\[\]]+)\]|(?P<host>[^:\[\]]+))(?::(?P<port>[0-9]{1,5}))?")
_FLAG_WORDS = {
    **dict.fromkeys(("true", "yes", "on", "1"), True),
    **dict.fromkeys(("false", "no", "off", "0"), False),
}


class UnfitError(vol.Invalid):
    """The value does not fit. The message says what was expected; the value is shown unless it is ``secret``."""

    secret = False


def kind(value: object) -> str:
    """What ``value`` is, in a person's words."""
    if isinstance(value, bool):
        return "true or false"
    names = {str: "text", int: "a number", float: "a number", list: "a list", dict: "a mapping"}
    return next((name for type_, name in names.items() if isinstance(value, type_)), "empty")


def text(value: Any) -> str:
    """Text that is not empty, in one line."""
    if isinstance(value, bool | int | float):
        raise UnfitError("text (put it in quotes)")
    # A lone surrogate, from an escape or from the environment, is what UTF-8 cannot say.
    if not isinstance(value, str) or not value or re.search(r"[\x00-\x1f\x7f\ud800-\udfff]", value):
        raise UnfitError("text in one line that is not empty")
    if len(value.encode()) > 65_535:
        raise UnfitError("text of at most 65535 bytes")
    return str(value)


def flag(value: Any) -> bool:
    """True or false."""
    if isinstance(value, Tagged):
        value = _FLAG_WORDS.get(value.strip().lower())
    if not isinstance(value, bool):
        raise UnfitError("true or false")
    return value


def whole(low: int, high: int, what: str = "a whole number") -> Validator:
    """A whole number from ``low`` to ``high``, both allowed."""

    def validate(value: Any) -> int:
        if isinstance(value, Tagged) and re.fullmatch(r"\s*[0-9]{1,18}\s*", value, re.ASCII):
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise UnfitError(f"{what} from {low} to {high}")
        return value

    return validate


port = whole(1, 65_535, "a port, a whole number")


def positive(unit: str) -> Validator:
    """A number above 0 that counts ``unit`` (``seconds``)."""

    def validate(value: Any) -> float:
        if isinstance(value, Tagged) and re.fullmatch(r"\s*[0-9]{1,18}(\.[0-9]{1,18})?\s*", value, re.ASCII):
            value = float(value)
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value <= MAX_SECONDS:
            raise UnfitError(f"a number of {unit} above 0")
        return float(value)

    return validate


seconds = positive("seconds")


def choice(*names: str) -> Validator:
    """One of ``names``, in any case."""

    def validate(value: Any) -> str:
        if isinstance(value, bool):
            # YAML reads a plain off as false.
            value = "on" if value else "off"
        if not isinstance(value, str) or value.strip().lower() not in names:
            raise UnfitError(" or ".join(names))
        return value.strip().lower()

    return validate


def mqtt_version(value: Any) -> str:
    """``5`` or ``3.1.1``, however YAML read it."""
    known = {"5": "5", "5.0": "5", "3.1.1": "3.1.1"}
    if isinstance(value, bool | list | dict) or str(value).strip() not in known:
        raise UnfitError("5 or 3.1.1")
    return known[str(value).strip()]


def host(value: Any) -> str:
    """A host name or an IP address, without a port."""
    name = text(value)
    if not _is_host(name):
        raise UnfitError("a host name or an IP address")
    return name


def host_and_port(value: Any) -> tuple[str, int]:
    """``HOST:PORT`` as its two parts."""
    name, number = _address(value) or ("", None)
    if number is None:
        raise UnfitError("HOST:PORT, such as 0.0.0.0:10001")
    return name, number


def host_and_perhaps_port(value: Any) -> tuple[str, int | None]:
    """``HOST`` or ``HOST:PORT`` as its two parts."""
    parts = _address(value)
    if parts is None:
        raise UnfitError("HOST or HOST:PORT, with an IPv6 address in brackets")
    return parts


def is_loopback(name: str) -> bool:
    """Whether ``name`` can only be reached from this machine."""
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name.lower() == "localhost"


def topic(value: Any) -> str:
    """The beginning of MQTT topics: levels with ``/`` between them."""
    name = value if isinstance(value, str) else ""
    levels = name.split("/")
    # Brokers keep topics with "$" in front for themselves.
    bad = not all(level.strip() for level in levels) or re.search(r"[+#\x00-\x1f\x7f\ud800-\udfff]|\A\$", name)
    if bad or len(name) > 200:
        raise UnfitError("a topic of at most 200 characters, no level of it empty, without +, # and a leading / or $")
    return str(name)


def serial(value: Any) -> str:
    """A camera's serial number."""
    if not is_serial(value):
        raise UnfitError("a serial number of 1 to 64 of A-Z a-z 0-9 _ - (in quotes), because it becomes a topic level")
    return str(value)


def shop(value: Any) -> str:
    """A shop's ``sunmi_shop_no``, which becomes a topic level as serial numbers do."""
    if not is_serial(value):
        raise UnfitError("a shop number of 1 to 64 of A-Z a-z 0-9 _ - (in quotes), because it becomes a topic level")
    return str(value)


def url(value: Any) -> str:
    """An address that begins with ``https://`` or, where someone insists, ``http://``; no ``/`` at its end."""
    address = text(value)
    try:
        parts = urlsplit(address)
        fits = parts.scheme in ("https", "http") and _is_host(parts.hostname or "") and parts.port != 0
    except ValueError:
        fits = False
    if not fits or "@" in address or "?" in address or "#" in address or " " in address:
        raise UnfitError("an address such as https://HOST:PORT/PATH, without a user, '?' and '#'")
    return address.rstrip("/")


def plugin_name(value: Any) -> str:
    """A plugin's name, which is that of its file."""
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,63}", value):
        raise vol.Invalid("cannot be a plugin, expected the name of its file without .py")
    return str(value)


def module_name(value: Any) -> str:
    """The name of a logger."""
    if not re.fullmatch(r"[A-Za-z_]\w*(\.\w+)*", value) or len(value) > 200:
        raise vol.Invalid("cannot be a module, expected a name such as ipc_bridge.mqtt")
    return str(value)


def mapping(value: Any) -> dict[str, Any]:
    """Any mapping; its keys are text already."""
    if not isinstance(value, dict):
        raise vol.Invalid(f"is {kind(value)}, expected a mapping of NAME: VALUE")
    return value


def plain(value: Any) -> Any:
    """A plugin's own settings: anything, without the marks of tags. The depth of the file is limited already."""
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return str(value) if isinstance(value, Tagged) else value


def plugin_settings(value: Any) -> dict[str, Any]:
    """A mapping, or nothing for a plugin without settings."""
    return {} if value is None else {name: plain(item) for name, item in mapping(value).items()}


def path_in(directory: Path) -> Validator:
    """A path, counted from ``directory`` where it is not absolute."""
    return lambda value: directory / text(value)


def file_in(directory: Path) -> Validator:
    """The path of a file that exists and may be read."""

    def validate(value: Any) -> Path:
        path = directory / text(value)
        try:
            found = path.is_file() and os.access(path, os.R_OK)
        except OSError:
            found = False
        if not found:
            raise UnfitError(f"a file that exists and may be read, by its path from {directory}")
        return path

    return validate


def _is_ip(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return not re.search(r"\s", name)


def _is_host(name: str) -> bool:
    return _is_ip(name) or bool(_HOST_NAME.fullmatch(name) and not re.fullmatch(r"[0-9.]+", name))


def _address(value: Any) -> tuple[str, int | None] | None:
    name = text(value)
    found = _ADDRESS.fullmatch(name)
    if found is None:
        return (name, None) if _is_ip(name) else None
    number = None if found["port"] is None else int(found["port"])
    fits = _is_ip(found["six"]) if found["six"] is not None else _is_host(found["host"])
    if not fits or (number is not None and not 1 <= number <= 65_535):
        return None
    return found["six"] or found["host"], number
