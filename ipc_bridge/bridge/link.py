"""The way by which one camera's events come: what its runner asks of a channel or a hook."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from ipc_bridge.device.api import CameraApi
from ipc_bridge.errors import BridgeError, DeviceError
from ipc_bridge.models import Model, Transport

Acknowledge = Callable[[int | None], None]
"""Takes an event's id once the event is safe or of no use; None where it has no id that can be read."""
OnEvent = Callable[[bytes, Transport, Acknowledge], None]
"""Takes an event's payload, and the way that it came."""


class TryAgainError(DeviceError):
    """Half of an answer: the camera is there, and the next try may succeed."""


class Session(Protocol):
    """Signed in at one address; used once: :meth:`begin`, :meth:`keep`, :meth:`close`."""

    async def begin(self, model: Model) -> None:
        """Ask for the events that ``model`` may have to tell.

        Raises:
            DeviceError: the camera refuses, or is gone.
        """

    async def keep(self) -> DeviceError:
        """See that events keep coming, and return why they do not any more. Cancelled, it says goodbye."""

    async def answers(self, timeout: float) -> bool:
        """Ask now whether the camera is still there; wait for at most ``timeout`` seconds."""

    def is_at(self, host: str) -> bool:
        """Whether it is with ``host``, by the name or the number of its address."""

    def abort(self) -> None:
        """The camera is not there any more."""

    def close(self) -> None:
        """Hang up; does not wait."""


class Link(Protocol):
    """Makes one camera's sessions, one at a time; lives as long as the camera's runner."""

    async def open(self, host: str, api: CameraApi) -> Session:
        """Sign in at ``host``, and remember what got us in.

        Args:
            host: where the camera may be.
            api: its API there, which lives as long as the session.

        Raises:
            DeviceError, ClientCertificateError: there is no session to be had here.
            RefusedError: the camera's own last word.
            TryAgainError: something was learnt that the next try is to use.
        """

    def failed(self, error: BridgeError) -> None:
        """A try at the last address there was, or a session, ended with ``error``."""

    def pause(self) -> None:
        """Take nothing more until :meth:`resume`: the camera keeps what it has."""

    def resume(self) -> None:
        """Take events again."""

    def end(self) -> None:
        """There will be no other session."""
