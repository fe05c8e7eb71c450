"""One fake cloud: everything that the real one is documented to do."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import orjson

from ipc_bridge.catalog.cloud import PERSON_CAME
from ipc_bridge.simulator.calls import ApiCall
from ipc_bridge.simulator.certificates import server_context
from ipc_bridge.simulator.changes import Changes
from ipc_bridge.simulator.cloud.callbacks import Callbacks
from ipc_bridge.simulator.cloud.server import CloudServer
from ipc_bridge.simulator.cloud.settings import CloudSettings
from ipc_bridge.simulator.cloud.shop import Face, Shop
from ipc_bridge.simulator.cloud.state import CloudCamera, CloudState


class SimulatedCloud:
    """A cloud on an address of this machine; an async context manager.

    Args:
        settings: what it is like.
    """

    def __init__(self, settings: CloudSettings | None = None) -> None:
        self.settings = settings or CloudSettings()
        self.state = CloudState(self.settings)
        self.callbacks = Callbacks(self.settings)
        self._server = CloudServer(self.state)
        self._chance = random.Random(self.settings.seed)

    async def __aenter__(self) -> Self:
        settings = self.settings
        context = None if settings.identity is None else server_context(settings.identity, None)
        port = await self._server.listen(settings.host, settings.port, context)
        self.state.origin = f"{'http' if context is None else 'https'}://{settings.host}:{port}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.callbacks.close()
        await self._server.close()

    @property
    def base_url(self) -> str:
        """What clients are configured with."""
        return f"{self.state.origin}/openapi"

    @property
    def calls(self) -> list[ApiCall]:
        """The last calls that it got, newest last."""
        return list(self._server.calls)

    @property
    def changes(self) -> Changes:
        """Tells of calls."""
        return self.state.changes

    def shop(self, number: str) -> Shop:
        """One of its shops."""
        return self.state.shops[number]

    def camera(self, sn: str) -> CloudCamera:
        """One of its cameras, by serial number."""
        return self.state.find_camera(None, sn)

    def refuse(self, code: int, count: int = 1) -> None:
        """Answer the next calls with ``code``; one of three digits is HTTP's status, and 0 lets one pass."""
        self._server.refusals.extend([code] * count)

    def visit(self, number: str, face: Face | None = None, camera: CloudCamera | None = None) -> Face:
        """Somebody comes into a shop: counted, and posted to whoever asked for it.

        Args:
            number: the shop.
            face: who; anyone where None.
            camera: of the shop, that sees it; its first where None.
        """
        shop = self.shop(number)
        face = face or self._chance.choice(list(shop.faces.values()))
        seen_by = camera or next((one for one in self.state.cameras.values() if one.shop == number), None)
        # The group is told as it was on coming in: that it came may move it.
        payload = None if seen_by is None else _payload(seen_by, face)
        shop.arrive(face)
        if payload is not None:
            self.post(number, payload)
        return face

    async def play(self, events_every: float) -> None:
        """Have people come to each shop every ``events_every`` seconds on average, for ever."""
        rate = len(self.state.shops) / events_every
        while True:
            await asyncio.sleep(self._chance.expovariate(rate))
            number = self._chance.choice(list(self.state.shops))
            self.visit(number)
            self.shop(number).pass_by(passed=self._chance.randrange(3))

    def post(self, number: str, payload: Mapping[str, Any], event: int = PERSON_CAME) -> None:
        """Post an event, whatever it is, to all callbacks of a shop."""
        text = orjson.dumps(dict(payload)).decode()
        fields = {"sunmi_shop_no": number, "shop_id": "", "event": str(event), "payload": text}
        for url in self.shop(number).callbacks:
            self.callbacks.post(url, fields)


def _payload(camera: CloudCamera, face: Face) -> dict[str, Any]:
    return {
        "ipc_id": camera.ipc_id,
        "face_id": face.face_id,
        "gender": face.gender,
        "age_range": face.age_range,
        "group_id": face.group.group_id,
        "group_name": face.group.name,
        "group_type": int(face.group.type),
    }
