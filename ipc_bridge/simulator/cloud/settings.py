"""What a simulated cloud is like: one frozen record."""

from __future__ import annotations

import enum
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from ipc_bridge.simulator.certificates import Identity

SHOP = "100939020409"
COMPANY = "100000001"


class CallbackForm(enum.Enum):
    """How events are posted: the documents do not say."""

    FORM = "form"
    MULTIPART = "multipart"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class CloudSettings:
    """One cloud. A port of 0 takes a free one."""

    host: str = "127.0.0.1"
    port: int = 0
    identity: Identity | None = None
    """Its certificate; None: it speaks plain HTTP, which the real one does not."""
    app_id: str = "demo-app"
    secret_key: str = field(default="demo-secret", repr=False)
    max_skew: float = 300.0
    """Seconds that a ``timestamp`` may be off its clock."""
    company: str = COMPANY
    shops: tuple[str, ...] = (SHOP,)
    cameras: tuple[tuple[str, str], ...] = ()
    """Serial numbers and MAC addresses, bound to the shops in turn."""
    unbound: tuple[tuple[str, str], ...] = (("C201D8BS00089", "0C25766F5705"),)
    """Cameras that were made and are nobody's yet."""
    history_days: int = 400
    """How long its shops have been open when it starts."""
    face_seconds: float = 2.0
    """How long it looks at the picture of a new face."""
    callback_form: CallbackForm = CallbackForm.FORM
    callback_retries: tuple[float, ...] = (15.0, 30.0, 60.0, 120.0)
    """Seconds after which an event that was not taken is posted again."""
    stray_code: bool = False
    """Answer the frequency call with code 1, as the documents' example does."""
    seed: str = "cloud"
    """Makes the past the same each time."""
    clock: Callable[[], float] = time.time
    """Unix seconds."""
