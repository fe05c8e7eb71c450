"""What the simulated cloud keeps, and the checks that it makes of every request."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from ipc_bridge.simulator.changes import Changes
from ipc_bridge.simulator.cloud.refusals import CloudCode
from ipc_bridge.simulator.cloud.settings import CloudSettings
from ipc_bridge.simulator.cloud.shop import Shop
from ipc_bridge.simulator.refusals import RefusalError
from ipc_bridge.wire.signing import is_signed

_FIRST_CAMERA = 549_755_805_835
_TIMESTAMP = re.compile(r"[0-9]{10}")
_NONCE = re.compile(r"[0-9A-Za-z]{6,10}")


@dataclass(slots=True)
class CloudCamera:
    """A camera that was made; ``shop`` is None while it is nobody's."""

    ipc_id: str
    sn: str
    mac: str
    shop: str | None
    name: str
    model: str = "FM020"
    firmware: str = "1.3.6"
    online: bool = True
    connected: int = 0


class CloudState:
    """One cloud, apart from its sockets."""

    def __init__(self, settings: CloudSettings) -> None:
        self.settings = settings
        self.changes = Changes()
        self.shops = {number: Shop(number, settings.seed, settings.history_days, self.now) for number in settings.shops}
        self.cameras: dict[str, CloudCamera] = {}
        """By ``ipc_id``."""
        self.playbacks: set[str] = set()
        self.origin = ""
        """The front of every address that it hands out."""
        for place, (sn, mac) in enumerate(settings.cameras):
            self.make_camera(sn, mac, settings.shops[place % len(settings.shops)])
        for sn, mac in settings.unbound:
            self.make_camera(sn, mac, None)

    def now(self) -> float:
        """Unix seconds."""
        return self.settings.clock()

    def make_camera(self, sn: str, mac: str, shop: str | None, *, model: str = "FM020") -> CloudCamera:
        """Make a camera, bound to a shop or to none."""
        ipc_id = str(_FIRST_CAMERA + len(self.cameras))
        camera = CloudCamera(ipc_id, sn, mac, shop, f"Camera {sn[-4:]}", model, connected=int(self.now()))
        self.cameras[ipc_id] = camera
        return camera

    def find_camera(self, ipc_id: str | None, ipc_sn: str | None) -> CloudCamera:
        """The camera that both name, where both are given.

        Raises:
            RefusalError: there is none.
        """
        for camera in self.cameras.values():
            if ipc_id in (None, camera.ipc_id) and ipc_sn in (None, camera.sn):
                return camera
        raise RefusalError(CloudCode.NO_CAMERA)

    def address(self, path: str) -> str:
        """The address of a file or a stream, for whoever was told."""
        mark = hashlib.sha256(f"{path}{self.settings.secret_key}".encode()).hexdigest()[:32]
        return f"{self.origin}/{path}?auth_key={int(self.now())}-{mark}"

    def check_sender(self, texts: Mapping[str, str]) -> None:
        """Judge who calls, and when.

        Raises:
            RefusalError: it is not who it says, or too late.
        """
        if not _TIMESTAMP.fullmatch(texts.get("timestamp", "")) or not _NONCE.fullmatch(texts.get("random", "")):
            raise RefusalError(CloudCode.PARAMETER)
        if texts.get("app_id") != self.settings.app_id or not is_signed(texts, self.settings.secret_key):
            raise RefusalError(CloudCode.SIGNATURE)
        if abs(int(texts["timestamp"]) - self.now()) > self.settings.max_skew:
            raise RefusalError(CloudCode.TIMESTAMP)
