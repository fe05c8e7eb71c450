"""The same person by the camera and by the cloud: one visit."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ipc_bridge.bridge import visits as module
from ipc_bridge.bridge.visits import SAME_VISIT, Visits
from ipc_bridge.models import FaceEvent, Transport
from tests.bridge.samples import NOW, face_event


def seen(after: float = 0.0, face: str | None = "29195", transport: Transport = Transport.CHANNEL) -> FaceEvent:
    return replace(face_event(1), cloud_face_id=face, received_at=NOW + after, transport=transport)


@pytest.mark.parametrize("first", [Transport.CHANNEL, Transport.CLOUD])
def test_the_same_person_within_seconds_is_one_visit(first: Transport) -> None:
    visits = Visits()
    second = Transport.CLOUD if first is Transport.CHANNEL else Transport.HOOK
    assert visits.is_new(seen(transport=first))
    assert not visits.is_new(seen(SAME_VISIT, transport=second))
    assert visits.is_new(seen(SAME_VISIT + 0.1, transport=second))


def test_others_and_people_whom_the_cloud_does_not_know() -> None:
    visits = Visits()
    assert all(visits.is_new(seen(face=face)) for face in ("1", "2", None, None))
    assert not visits.is_new(seen(face="1"))


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_FACES", 2)
    visits = Visits()
    assert all(visits.is_new(seen(face=face)) for face in ("1", "2", "3", "1"))
    assert not visits.is_new(seen(face="3"))
