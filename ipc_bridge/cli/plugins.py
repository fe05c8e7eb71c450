"""``plugins``: for those who write them, and for those who use them."""

from __future__ import annotations

import ast
import asyncio
import re
import sys
import time
from collections.abc import Mapping
from datetime import datetime
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import click

from ipc_bridge import logs
from ipc_bridge.bridge.plugins.check import problem_lines, try_plugin
from ipc_bridge.bridge.plugins.replay import Replay
from ipc_bridge.cli.configuration import WRONG_CONFIGURATION, config_option, load
from ipc_bridge.cli.output import plain, show, table
from ipc_bridge.cli.plugin_files import EXAMPLE, PLUGIN, TEST, filled_in
from ipc_bridge.cli.since import EXAMPLES, parse_since
from ipc_bridge.clock import SystemClock
from ipc_bridge.config.secrets import secrets_of
from ipc_bridge.errors import PluginError, StorageError
from ipc_bridge.hooks.loading import SHIPPED, known_plugins
from ipc_bridge.hooks.values import dumps
from ipc_bridge.journal.entry import Entry

ASKED = {"publish": "publications", "call": "calls", "set": "changes of settings", "press": "presses"}
MAX_SHOWN = 500
"""Characters of a payload that are printed."""


@click.group()
def plugins() -> None:
    """Write, check and try plugins; docs/plugins.md says how they are written."""


@plugins.command()
@click.argument("name")
@click.option(
    "--directory",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("plugins"),
    show_default=True,
    help="Where the files are put: plugins.directory of the configuration.",
)
def new(name: str, directory: Path) -> None:
    """Begin a plugin: write NAME.py and its test, which passes."""
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,63}", name):
        raise click.BadParameter("expected small letters, digits and _", param_hint="NAME")
    files = {directory / f"{name}.py": PLUGIN, directory / f"test_{name}.py": TEST}
    for path in files:
        if path.exists():
            raise click.ClickException(f"{path} is there already: choose another name, or take it away")
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for path, template in files.items():
            path.write_text(filled_in(template, name), encoding="utf-8")
    except OSError as error:
        raise click.ClickException(f"{directory} cannot be written: {error.strerror}") from error
    click.echo(f"{' and '.join(map(str, files))} are written. Try it: pytest {directory / f'test_{name}.py'}")
    click.echo("The bridge loads it with this in its configuration:\n")
    click.echo(filled_in(EXAMPLE, name, str(directory)), nl=False)


@plugins.command("list")
@config_option
def list_plugins(config_path: Path) -> None:
    """List the plugins that there are, and which of them the configuration enables."""
    config = load(config_path)
    known = known_plugins(config.plugins.directory)
    missing = dict.fromkeys(name for name in config.plugins.enabled if name not in known)
    rows = table("Plugin", "Enabled", "From", "What it does")
    for name, where in sorted({**known, **missing}.items()):
        enabled = "yes" if name in config.plugins.enabled else ""
        rows.add_row(plain(name), enabled, plain(_origin(where)), plain(_summary(where)))
    show(rows)


@plugins.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@config_option
def check(config_path: Path, names: tuple[str, ...]) -> None:
    """Load plugins, which runs their code, and name every mistake: those given, else all that are enabled."""
    config = load(config_path)
    problems = []
    wanted = names or tuple(config.plugins.enabled)
    for name in wanted:
        try:
            hooks = asyncio.run(try_plugin(config, name))
        except PluginError as error:
            problems += problem_lines(config, name, error)
        else:
            click.echo(f"{name} can be loaded: {', '.join(hooks)}")
    for problem in problems:
        click.echo(problem, err=True)
    if problems:
        sys.exit(WRONG_CONFIGURATION)
    if not wanted:
        click.echo("The configuration enables no plugins.")


@plugins.command()
@click.argument("name")
@click.option("--since", metavar="WHEN", default="yesterday", show_default=True, help=f"From then on: {EXAMPLES}.")
@config_option
def replay(config_path: Path, name: str, since: str) -> None:
    """Run the journal's events through a plugin; a bridge may be running or not.

    What the plugin would publish, and ask of cameras, is printed and not done; it remembers nothing of before. What it
    does by itself, such as posting to a web server, it does. Events are late where they were when they came.
    """
    config = load(config_path)
    logs.set_up(config.log.level, config.log.levels, config.log.format, secrets_of(config))
    try:
        beginning = parse_since(since, time.time())
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--since") from error
    run = Replay(config, SystemClock(), _tell)
    try:
        asyncio.run(run.run(name, beginning))
    except PluginError as error:
        raise click.ClickException("\n".join(problem_lines(config, name, error))) from error
    except StorageError as error:
        raise click.ClickException(str(error)) from error
    counts = run.counters
    asked = ", ".join(f"{counts[what]} {words}" for what, words in ASKED.items() if counts[what])
    click.echo(f"{counts['events']} events: {asked or 'nothing asked for'}; {counts['failures']} failures.")
    if counts["failures"]:
        sys.exit(1)


def _tell(entry: Entry | None, what: str, arguments: Mapping[str, Any]) -> None:
    when = "" if entry is None else datetime.fromtimestamp(entry.event.time).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    kind = "" if entry is None else entry.event.kind
    match what, arguments:
        case "publish", {"topic": topic, "text": text}:
            said = f"{topic} {text}"
        case "publish", {"topic": topic}:
            said = f"{topic} (bytes)"
        case "failure", {"reason": reason}:
            said = str(reason)
        case _:
            said = dumps(arguments).decode()
    click.echo(f"{when:<19} {kind:<6} {what:<8} {said[:MAX_SHOWN]}")


def _origin(where: Path | EntryPoint | None) -> str:
    match where:
        case Path() if where.parent == SHIPPED:
            return "ipc-bridge"
        case Path():
            return str(where)
        case EntryPoint():
            return where.dist.name if where.dist is not None else where.value
    return "nowhere: it is missing"


def _summary(where: Path | EntryPoint | None) -> str:
    """The first line of a file's docstring; its code is not run."""
    if not isinstance(where, Path):
        return ""
    try:
        text = ast.get_docstring(ast.parse(where.read_bytes())) or ""
    except (OSError, SyntaxError, ValueError):
        return "(cannot be read)"
    return text.partition("\n")[0]
