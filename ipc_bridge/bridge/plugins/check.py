"""Looks whether plugins can be loaded, without a bridge around them."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from ipc_bridge.bridge.plugins.loading import Places, load, new_host
from ipc_bridge.bridge.plugins.plan import read_plan
from ipc_bridge.config import Config
from ipc_bridge.errors import CommandError, PluginError, PluginRefusedError
from ipc_bridge.hooks.host import Serve
from ipc_bridge.mqtt.topics import Topics


async def check_plugins(config: Config) -> list[str]:
    """Load all plugins that the configuration enables, which runs their code, and end them again.

    Returns:
        A line for each problem, as :class:`~ipc_bridge.errors.ConfigError` has them.
    """
    lines: list[str] = []
    for name in config.plugins.enabled:
        try:
            await try_plugin(config, name)
        except PluginError as error:
            lines += problem_lines(config, name, error)
    return lines


async def try_plugin(config: Config, name: str) -> list[str]:
    """Load one plugin and end it again; return its hooks.

    Raises:
        PluginError: it cannot be loaded.
    """
    plan = read_plan(name, config.plugins.enabled.get(name, {}))
    with tempfile.TemporaryDirectory(prefix="ipc-bridge-") as folder:
        topics = Topics(config.mqtt.base_topic, config.homeassistant.discovery_prefix)
        places = Places(config.plugins.directory, topics.plugins, Path(folder) / "plugin.sock")
        host = new_host(plan, places, _Nobody(), [])
        try:
            return list((await load(host, plan, places)).hooks)
        finally:
            await host.stop()


def problem_lines(config: Config, name: str, error: PluginError) -> list[str]:
    """Why a plugin is not loaded, with its lines of the configuration."""
    problems = error.problems if isinstance(error, PluginRefusedError) else [((), str(error))]
    return [config.source.problem(("plugins", "enabled", name, *path), text) for path, text in problems]


class _Nobody(Serve):
    """There is no bridge that could do anything."""

    async def do(self, operation: str, _arguments: dict[str, Any]) -> Any:
        raise CommandError("offline", f"{operation}: the plugin is only looked at, there is no bridge")

    def failed(self, reason: str) -> None:
        """What fails aside is not what is looked at."""
