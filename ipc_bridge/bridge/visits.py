"""One visit, whoever tells of it: the cloud and the camera itself may both see the same person come in."""

from __future__ import annotations

from collections import OrderedDict

from ipc_bridge.models import FaceEvent

SAME_VISIT = 10.0
"""Seconds: the cloud is told by the camera, and tells us a few later."""
MAX_FACES = 1_000
"""People within these seconds: more than any chain's doors let in."""


class Visits:
    """Tells the first word of a visit from what comes after it. Who is nobody to the cloud is always new."""

    def __init__(self) -> None:
        self._seen: OrderedDict[str, float] = OrderedDict()
        """Times of visits by the cloud's id of the face, the latest last."""

    def is_new(self, event: FaceEvent) -> bool:
        """Whether ``event`` is the first that tells of its visit; ask once of each event, in order."""
        face = event.cloud_face_id
        if face is None:
            return True
        before = self._seen.get(face)
        if before is not None and abs(event.received_at - before) <= SAME_VISIT:
            return False
        self._seen[face] = event.received_at
        self._seen.move_to_end(face)
        if len(self._seen) > MAX_FACES:
            self._seen.popitem(last=False)
        return True
