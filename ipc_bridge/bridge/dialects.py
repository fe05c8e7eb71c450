"""Tries out how a camera reads the protocol's open points, in the documented order."""

from __future__ import annotations

from dataclasses import replace

from ipc_bridge.wire.frame import Coverage
from ipc_bridge.wire.session import Dialect

_OTHER_COVERAGE = {Coverage.PAYLOAD: Coverage.FRAME, Coverage.FRAME: Coverage.PAYLOAD}


class DialectSearch:
    """The next dialect to try with one camera.

    Args:
        remembered: what worked before; None begins with what the documents say.
    """

    def __init__(self, remembered: Dialect | None) -> None:
        self.current = remembered or Dialect()
        self._signature_refused = False

    def worked(self) -> None:
        """The camera accepted :attr:`current`."""
        self._signature_refused = False

    def silent(self) -> None:
        """The camera hung up on CONNECT, or did not answer: it may read the CRC otherwise."""
        self.current = replace(self.current, coverage=_OTHER_COVERAGE[self.current.coverage])

    def signature_refused(self) -> bool:
        """The camera refused the signature: it may read ``keep_alive`` otherwise.

        Returns whether the other way is still to be tried; if not, the credentials are wrong, and
        the next round begins with the first way again.
        """
        self.current = replace(self.current, signs_keep_alive=not self.current.signs_keep_alive)
        self._signature_refused = not self._signature_refused
        return self._signature_refused
