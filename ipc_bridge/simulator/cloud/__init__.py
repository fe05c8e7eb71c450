"""A fake cloud, as strict as its documents: shops with cameras, faces and visitors, and events that it posts.

async with SimulatedCloud() as cloud:
    cloud.base_url, cloud.shop("100939020409")
    cloud.visit("100939020409")  # somebody comes in, is counted, and posted to whoever asked for it
"""

from ipc_bridge.simulator.cloud.cloud import SimulatedCloud
from ipc_bridge.simulator.cloud.settings import CallbackForm, CloudSettings
from ipc_bridge.simulator.cloud.shop import Face, Group, Shop
from ipc_bridge.simulator.cloud.state import CloudCamera
from ipc_bridge.simulator.cloud.visitors import GroupType

__all__ = ["CallbackForm", "CloudCamera", "CloudSettings", "Face", "Group", "GroupType", "Shop", "SimulatedCloud"]
