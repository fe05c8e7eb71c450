"""What the interfaces of one camera share, and the checks that they make of a signed request."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from ipc_bridge.simulator.addresses import sign_address
from ipc_bridge.simulator.book import EventBook
from ipc_bridge.simulator.card import MemoryCard
from ipc_bridge.simulator.certificates import shared_identity
from ipc_bridge.simulator.changes import Changes
from ipc_bridge.simulator.controls import INSTALLED_LINE, Controls
from ipc_bridge.simulator.faults import Faults, Refusable
from ipc_bridge.simulator.library import Face, FaceLibrary
from ipc_bridge.simulator.people import UNKNOWN
from ipc_bridge.simulator.refusals import Code, RefusalError
from ipc_bridge.simulator.settings import FACE_MODEL, CameraSettings
from ipc_bridge.simulator.statistics import Flow, Statistics
from ipc_bridge.wire.packet import DETECT_EVENT, FACE_EVENT
from ipc_bridge.wire.signing import is_signed

_TIMESTAMP = re.compile(r"[0-9]{10}")
_NONCE = re.compile(r"[0-9A-Za-z]{6,10}")


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
        self.controls = Controls(settings.name, door_line=INSTALLED_LINE if settings.activated else None)
        self.library = FaceLibrary(settings.people)
        self.statistics = Statistics()
        self.card = MemoryCard()
        self.hooks: dict[str, list[str]] = {}
        """Addresses that events are to be posted to, by topic; a reboot forgets them."""
        self.booted_at = 0.0
        """Unix time of the last start or reboot; 0 before."""
        self.connects = 0
        """CONNECTs that came, accepted or not."""
        self.request_reboot: Callable[[], None] = lambda: None
        """What the API calls to have the camera rebooted."""
        self.request_move: Callable[[str], None] = lambda _host: None
        """What the API calls to have the camera go to another address."""

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

    def sign_address(self, path: str, *, hyphen: bool = True) -> str:
        """The address under which the file ``path`` can be fetched from now on."""
        return sign_address(self.origin, self.settings.secret_key, path, self.now(), hyphen=hyphen)

    # What happens to it as a whole.

    def boot(self) -> None:
        """It was switched on, or comes back from a reboot."""
        now = self.now()
        self.card.start(now if self.booted_at else now - self.settings.recorded_seconds)
        self.booted_at = now
        self.hooks.clear()

    def halt(self) -> None:
        """It goes off."""
        self.card.stop(self.now())

    def activate(self) -> None:
        """It belongs to somebody from now on; its face library begins anew."""
        self.activated = True
        self.library.wipe()

    def format_card(self) -> None:
        """Lose what is on the card: recordings, faces, counts."""
        self.card.format(self.now())
        self.library.wipe()
        self.statistics.clear()

    def restore_factory_settings(self) -> None:
        """Lose the activation, all settings, faces and counts."""
        self.activated = False
        self.controls = Controls()
        self.library.wipe()
        self.statistics.clear()
        self.hooks.clear()

    def recognise(self, face: Face) -> None:
        """A face of the library is seen: it arrives, it visits, and it is counted."""
        now = int(self.now())
        self.library.arrive(face, now)
        self.statistics.visit(face.faceid, now)
        self.count(Flow.IN, gender=face.gender, age_range=face.age_range)

    def count(self, flow: Flow, number: int = 1, *, gender: int = UNKNOWN, age_range: int = 1) -> None:
        """People pass: they are counted where there is a door line and a card to keep the counts."""
        if self.controls.door_line is not None and self.card.works:
            self.statistics.count(flow, int(self.now()), number, gender=gender, age_range=age_range)

    # What it makes of requests.

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
            RefusalError: with :attr:`Code.PARAMS_INVALID`.
        """
        well_formed = (
            params.get("app_id")
            and params.get("sign")
            and _TIMESTAMP.fullmatch(params.get("timestamp", ""))
            and _NONCE.fullmatch(params.get("random", ""))
        )
        if not well_formed:
            raise RefusalError(Code.PARAMS_INVALID)

    def check_signature(self, params: Mapping[str, str], key: str, refusal: int = Code.SECRET_KEY_INVALID) -> None:
        """Refuse an unknown account, a wrong signature and a time too far off.

        Args:
            params: all that takes part in the signature, and ``sign``.
            key: what it must be signed with.
            refusal: the code of a wrong signature.

        Raises:
            RefusalError: with :attr:`Code.APPID_INVALID` or ``refusal``.
        """
        if params["app_id"] != self.settings.app_id:
            raise RefusalError(Code.APPID_INVALID)
        if not is_signed(params, key):
            raise RefusalError(refusal)
        skew = self.settings.max_skew
        if skew is not None and abs(int(params["timestamp"]) - self.now()) > skew:
            raise RefusalError(refusal)
