"""What a camera does when it is called: a function for each row of the catalogue, a module for each group."""

from ipc_bridge.simulator.handlers import config, device, face, hook, media, people_flow
from ipc_bridge.simulator.handlers.registry import HANDLERS, Handler, answers

__all__ = ["HANDLERS", "Handler", "answers", "config", "device", "face", "hook", "media", "people_flow"]
