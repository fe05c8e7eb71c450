"""What the bridge remembers of each camera, and of the cloud's shops, between two starts."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import orjson

from ipc_bridge.errors import StorageError
from ipc_bridge.models import CameraInfo, Model, is_serial
from ipc_bridge.storage import JsonFile
from ipc_bridge.wire.frame import Coverage
from ipc_bridge.wire.session import Dialect

log = logging.getLogger(__name__)

FILE_NAME = "cameras.json"
WRITE_EVERY = 1.0
"""Seconds between two writes: when the bridge starts, everything changes at once."""
RETRY_SECONDS = 60.0
"""Between two tries to write on a disk that is full."""
_TEXTS = ("host", "own_name", "model_name", "mac", "firmware", "hardware", "channel_pin", "api_pin")

MAX_CAMERAS = 500
"""More than any site has: somebody who answers discovery with invented serials stops here."""


@dataclass(slots=True)
class KnownCamera:
    """One camera's record. ``host`` is where it was last talked to."""

    sn: str
    host: str | None = None
    own_name: str | None = None
    model_name: str | None = None
    mac: str | None = None
    firmware: str | None = None
    hardware: str | None = None
    channel_pin: str | None = None
    api_pin: str | None = None
    coverage: str | None = None
    signs_keep_alive: bool | None = None
    posts: bool = False
    """Whether it was told to post its events to us, and not yet that it need not any more."""
    announced: dict[str, str] = field(default_factory=dict)
    """Home Assistant's components of this camera: id to platform."""
    unsupported: list[str] = field(default_factory=list)
    """Paths of calls that tell settings which this camera, with this firmware, does not have."""

    @property
    def dialect(self) -> Dialect | None:
        """How the camera reads what the documents leave open, once that is known."""
        if self.coverage is None or self.signs_keep_alive is None:
            return None
        return Dialect(Coverage(self.coverage), self.signs_keep_alive)

    @dialect.setter
    def dialect(self, dialect: Dialect) -> None:
        self.coverage = dialect.coverage.value
        self.signs_keep_alive = dialect.signs_keep_alive

    def info(self, configured_name: str | None) -> CameraInfo:
        """The record as what the rest of the program sees."""
        return CameraInfo(
            sn=self.sn,
            configured_name=configured_name,
            own_name=self.own_name,
            model=Model.parse(self.model_name),
            model_name=self.model_name,
            host=self.host,
            mac=self.mac,
            firmware=self.firmware,
            hardware=self.hardware,
        )


@dataclass(slots=True)
class KnownShop:
    """The record of one of the cloud's shops."""

    number: str
    announced: dict[str, str] = field(default_factory=dict)
    """Home Assistant's components of this shop: id to platform."""
    cameras: dict[str, dict[str, str]] = field(default_factory=dict)
    """The same of its cameras, as far as the cloud tells of them, by serial number."""
    hook_url: str | None = None
    """Where the cloud was told to post its events: it can be told only once, and never otherwise."""


class Registry:
    """All records, kept in one file.

    Writing happens behind :meth:`run`, in a thread: an SD card may take seconds.
    """

    def __init__(self, file: JsonFile) -> None:
        self._file = file
        self._changed = asyncio.Event()
        content = file.read()
        client_id = content.get("client_id")
        self.client_id = client_id if isinstance(client_id, str) and client_id else f"ipc-bridge-{secrets.token_hex(6)}"
        self.bridge_announced: dict[str, str] = _strings(content.get("bridge_announced"))
        self.cameras: dict[str, KnownCamera] = _read_cameras(content)
        shops = content.get("shops")
        self.shops: dict[str, KnownShop] = {}
        for row in shops[:MAX_CAMERAS] if isinstance(shops, list) else []:
            if isinstance(row, dict) and is_serial(row.get("number")):
                self.shops[row["number"]] = _read_shop(row)
        self.forgotten: set[str] = {sn for sn in content.get("forgotten") or () if is_serial(sn)}
        """Serials that are not taken in again by themselves."""
        self.clearing: set[str] = {topic for topic in content.get("clearing") or () if isinstance(topic, str)}
        """Topics of forgotten cameras that the broker may still keep."""
        if client_id != self.client_id:
            self.changed()

    def record(self, sn: str) -> KnownCamera:
        """The record of ``sn``, a new one where there is none."""
        return self.cameras.setdefault(sn, KnownCamera(sn))

    def shop(self, number: str) -> KnownShop:
        """The record of a shop, a new one where there is none."""
        return self.shops.setdefault(number, KnownShop(number))

    def forget(self, sn: str, topics: Iterable[str]) -> None:
        """Remember nothing more of ``sn``, but that ``topics`` are to be cleared."""
        self.cameras.pop(sn, None)
        if len(self.forgotten) < MAX_CAMERAS:
            self.forgotten.add(sn)
        self.clearing.update(topics)
        self.changed()

    def cleared(self, topic: str) -> None:
        """The broker does not keep ``topic`` any more."""
        self.clearing.discard(topic)
        self.changed()

    def changed(self) -> None:
        """Something was changed: write it soon."""
        self._changed.set()

    async def run(self) -> None:
        """Write what changed, until cancelled; what is left then is for :meth:`save`."""
        failing = False
        while True:
            await self._changed.wait()
            try:
                await asyncio.to_thread(self._file.write, self._take())
                failing = False
                await asyncio.sleep(WRITE_EVERY)
            except StorageError as error:
                if not failing:
                    log.error("%s", error)
                failing = True
                self._changed.set()
                await asyncio.sleep(RETRY_SECONDS)

    def save(self) -> None:
        """Write what is not written yet; blocks."""
        if self._changed.is_set():
            try:
                self._file.write(self._take())
            except StorageError as error:
                log.error("%s", error)

    def _take(self) -> dict[str, Any]:
        self._changed.clear()
        return {
            "client_id": self.client_id,
            "bridge_announced": dict(self.bridge_announced),
            "forgotten": sorted(self.forgotten),
            "clearing": sorted(self.clearing),
            "cameras": [asdict(replace(record)) for record in self.cameras.values()],
            "shops": [asdict(shop) for shop in self.shops.values()],
        }


def peek(directory: Path) -> dict[str, KnownCamera]:
    """Read the records in a state directory from beside a running bridge, and leave everything as it is.

    Raises:
        StorageError: they cannot be read.
    """
    path = directory / FILE_NAME
    try:
        content = orjson.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, orjson.JSONDecodeError) as error:
        raise StorageError(f"{path} cannot be read: {error}; look at storage.directory") from error
    return _read_cameras(content) if isinstance(content, dict) else {}


def _read_cameras(content: Mapping[str, Any]) -> dict[str, KnownCamera]:
    rows = content.get("cameras")
    cameras: dict[str, KnownCamera] = {}
    for row in rows if isinstance(rows, list) else []:
        record = _read_row(row)
        if record is not None and len(cameras) < MAX_CAMERAS:
            cameras[record.sn] = record
    return cameras


def _read_row(row: object) -> KnownCamera | None:
    """A record, as far as it can be read: what has the wrong type counts as not known."""
    if not isinstance(row, dict) or not is_serial(row.get("sn")):
        return None
    signs = row.get("signs_keep_alive")
    coverage = row.get("coverage")
    return KnownCamera(
        sn=row["sn"],
        **{name: row[name] for name in _TEXTS if isinstance(row.get(name), str)},
        coverage=coverage if coverage in [item.value for item in Coverage] else None,
        signs_keep_alive=signs if isinstance(signs, bool) else None,
        posts=row.get("posts") is True,
        announced=_strings(row.get("announced")),
        unsupported=_texts(row.get("unsupported")),
    )


def _read_shop(row: dict[str, Any]) -> KnownShop:
    cameras, url = row.get("cameras"), row.get("hook_url")
    return KnownShop(
        number=row["number"],
        announced=_strings(row.get("announced")),
        cameras={sn: _strings(one) for sn, one in cameras.items()} if isinstance(cameras, dict) else {},
        hook_url=url if isinstance(url, str) else None,
    )


def _texts(value: object) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _strings(value: object) -> dict[str, str]:
    if not isinstance(value, dict):
        return {}
    return {str(name): item for name, item in value.items() if isinstance(item, str)}
