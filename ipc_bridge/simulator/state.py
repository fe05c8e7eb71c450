"""What the interfaces of one camera share, and the check that both make of a signed request."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from ipc_bridge.simulator.book import EventBook
from ipc_bridge.simulator.certificates import shared_identity
from ipc_bridge.simulator.changes import Changes
from ipc_bridge.simulator.faults import Faults, Refusable
from ipc_bridge.simulator.settings import FACE_MODEL, CameraSettings
from ipc_bridge.wire.packet import DETECT_EVENT, FACE_EVENT
from ipc_bridge.wire.signing import is_signed

APPID_INVALID = 1
PARAMS_INVALID = 2
SECRET_KEY_INVALID = 5
URL_NOT_FOUND = 6
NOT_ACTIVATED = 7
ACTIVATION_FAILED = 8
ALREADY_ACTIVATED = 9
SN_MISMATCH = 11
NO_SUCH_EVENT = 310
"""The codes of the vendor's table that the simulator gives by itself."""

_TIMESTAMP = re.compile(r"[0-9]{10}")
_NONCE = re.compile(r"[0-9A-Za-z]{6,10}")


class RefusalError(Exception):
    """A request is answered with ``code``."""

    def __init__(self, code: int) -> None:
        super().__init__(f"refused with code {code}")
        self.code = code


class CameraState:
    """One camera, apart from its sockets."""

    def __init__(self, settings: CameraSettings) -> None:
        self.settings = settings
        self.changes = Changes()
        self.faults = Faults(self.changes)
        self.book = EventBook(settings.remember_events, self.changes)
        self.identity = settings.identity or shared_identity()
        self.host = settings.host
        self.api_port = settings.api_port
        self.activated = settings.activated
        self.name = settings.name
        self.connects = 0
        """CONNECTs that came, accepted or not."""
        self.request_reboot: Callable[[], None] = lambda: None
        """What the API calls to have the camera rebooted."""

    @property
    def topics(self) -> frozenset[str]:
        """What can be subscribed to."""
        return frozenset({DETECT_EVENT, FACE_EVENT} if self.settings.model == FACE_MODEL else {DETECT_EVENT})

    @property
    def origin(self) -> str:
        """The front of every address on this camera."""
        return f"https://{self.host}" + ("" if self.api_port in (0, 443) else f":{self.api_port}")

    def now(self) -> float:
        """The camera's own idea of Unix time."""
        return self.settings.clock() + self.settings.clock_offset + self.faults.clock_offset

    def refuse_by_fault(self, what: Refusable) -> None:
        """Refuse this request where the ``refuse`` fault says so.

        Raises:
            RefusalError: with the code that was set.
        """
        if (code := self.faults.take_refusal(what)) is not None:
            raise RefusalError(code)

    def check_public_params(self, params: Mapping[str, str]) -> None:
        """Refuse what lacks a public parameter or has one of the wrong form.

        Raises:
            RefusalError: with :data:`PARAMS_INVALID`.
        """
        well_formed = (
            params.get("app_id")
            and params.get("sign")
            and _TIMESTAMP.fullmatch(params.get("timestamp", ""))
            and _NONCE.fullmatch(params.get("random", ""))
        )
        if not well_formed:
            raise RefusalError(PARAMS_INVALID)

    def check_signature(self, params: Mapping[str, str], key: str, refusal: int = SECRET_KEY_INVALID) -> None:
        """Refuse an unknown account, a wrong signature and a time too far off.

        Args:
            params: all that takes part in the signature, and ``sign``.
            key: what it must be signed with.
            refusal: the code of a wrong signature.

        Raises:
            RefusalError: with :data:`APPID_INVALID` or ``refusal``.
        """
        if params["app_id"] != self.settings.app_id:
            raise RefusalError(APPID_INVALID)
        if not is_signed(params, key):
            raise RefusalError(refusal)
        skew = self.settings.max_skew
        if skew is not None and abs(int(params["timestamp"]) - self.now()) > skew:
            raise RefusalError(refusal)
