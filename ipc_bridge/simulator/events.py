"""Events as the channel sends them: who passes a camera, and what it says about them.

Documented in "Message Channel" of the vendor's device API.
"""

from __future__ import annotations

import itertools
import random
from typing import Any

from ipc_bridge.simulator.addresses import detection_path, snap_path
from ipc_bridge.simulator.library import Face
from ipc_bridge.simulator.state import CameraState
from ipc_bridge.wire.packet import DETECT_EVENT, FACE_EVENT

MOTION, SOUND, BOTH = range(1, 4)
"""``detect_type`` on the channel; the HTTP hook counts otherwise."""


class NotSeenError(Exception):
    """The camera recognises nobody at the moment; the message says why."""


class EventSource:
    """Makes one camera's events, without ``event_id``, and counts who comes.

    Args:
        state: the camera.
        chance: who comes next.
    """

    def __init__(self, state: CameraState, chance: random.Random) -> None:
        self._state = state
        self._chance = chance
        self._numbers = itertools.cycle(range(1, 100))

    def face(self, faceid: Any = None, group_name: Any = None) -> dict[str, Any]:
        """Someone was recognised.

        Args:
            faceid: who; someone where None. For whom the library does not have, the event is about somebody else,
                who is not counted.
            group_name: of which group, where it has any faces.

        Raises:
            NotSeenError: the SD card does not work.
        """
        self._check_card()
        face = self._state.library.faces.get(faceid) if isinstance(faceid, str) else None
        if face is None:
            face = self._someone(group_name)
        if faceid in (None, face.faceid):
            self._state.recognise(face)
        return self._describe(face)

    def stranger(self) -> dict[str, Any]:
        """Someone whom the camera never saw was recognised.

        Raises:
            NotSeenError: the SD card does not work.
        """
        self._check_card()
        face = self._state.library.admit_stranger()
        self._state.recognise(face)
        return self._describe(face)

    def motion(self) -> dict[str, Any]:
        """Something moved or was heard."""
        return {
            **self._head(DETECT_EVENT),
            "detect_type": self._chance.choices((MOTION, SOUND, BOTH), (6, 2, 1))[0],
            "video_url": self._state.sign_address(detection_path(int(self._state.now())), hyphen=False),
        }

    def _check_card(self) -> None:
        if not self._state.card.works:
            raise NotSeenError(f"{self._state.settings.sn} recognises nobody: its SD card does not work")

    def _someone(self, group_name: Any) -> Face:
        library = self._state.library
        group = library.groups.get(group_name) if isinstance(group_name, str) else None
        faces = tuple(group.faces.values()) if group is not None else ()
        faces = faces or tuple(library.faces.values())
        return self._chance.choice(faces) if faces else library.admit_stranger()

    def _describe(self, face: Face) -> dict[str, Any]:
        return {
            **self._head(FACE_EVENT),
            "group_name": face.group.name,
            "faceid": face.faceid,
            "cloud_faceid": f"87987{face.faceid}",
            # "Blank when not set", says the document, and an empty text is what that looks like.
            "age": "" if face.age is None else face.age,
            "age_range": face.age_range,
            "gender": face.gender,
            "arrive_times": face.arrive_count,
            "pic_url": self._state.sign_address(snap_path(int(self._state.now() * 1000), next(self._numbers))),
            **face.attributes,
        }

    def _head(self, event_type: str) -> dict[str, Any]:
        return {"event_type": event_type, "sn": self._state.settings.sn, "report_time": int(self._state.now())}
