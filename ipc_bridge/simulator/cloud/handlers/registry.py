"""Which function answers which call of the cloud."""

from __future__ import annotations

from ipc_bridge.simulator.cloud.refusals import CloudCode
from ipc_bridge.simulator.cloud.shop import Shop
from ipc_bridge.simulator.cloud.state import CloudCamera, CloudState
from ipc_bridge.simulator.handlers.registry import Handlers
from ipc_bridge.simulator.refusals import RefusalError

HANDLERS = Handlers()
"""Each takes the cloud's state and the private parameters by name; ``sunmi_shop_no`` has become ``shop``, and
``ipc_id`` and ``ipc_sn``, where one of them is enough, have become ``camera``."""
answers = HANDLERS.answers


def own_camera(cloud: CloudState, shop: Shop, ipc_id: str | None, ipc_sn: str | None) -> CloudCamera:
    """The shop's camera that is meant.

    Raises:
        RefusalError: there is none, or it is not the shop's.
    """
    camera = cloud.find_camera(ipc_id, ipc_sn)
    if camera.shop != shop.number:
        raise RefusalError(CloudCode.NOT_BOUND)
    return camera
