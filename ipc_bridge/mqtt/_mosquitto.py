"""What mosquitto is given to run as the embedded broker: its configuration, its password file, its command."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import logging
import os
import secrets
import shutil
from typing import TYPE_CHECKING, Final

from ipc_bridge.errors import StorageError

if TYPE_CHECKING:
    from pathlib import Path

logger = logging.getLogger(__name__)

SYSTEM_DIRECTORIES: Final = "/usr/sbin:/usr/local/sbin:/sbin"  # often not in the PATH of a normal user

# What mosquitto is told besides listeners and passwords. Each line of the file carries its reason.
SETTINGS: Final = (
    ("per_listener_settings false", "one set of users for all listeners"),
    ("log_dest stderr", "read by the bridge, which logs it at debug"),
    ("log_timestamp false", "the bridge's log has one"),
    ("set_tcp_nodelay true", "without it small packets wait up to 44 ms for an acknowledgement"),
    ("max_inflight_messages 200", "the default of 20 shuts the bridge's window after every 20 events"),
    ("max_queued_messages 10000", "for each client that is away or slow; what is older is in the bridge's journal"),
    ("max_queued_bytes 33554432", "32 MiB for each client, so that pictures cannot fill the memory"),
    ("max_packet_size 8388608", "8 MiB: a camera's JPEG is far smaller"),
    ("persistent_client_expiration 14d", "else a client that never comes back has its queue for ever"),
    ("persistence true", "retained messages and queues outlive a restart"),
    ("autosave_interval 1800", "seconds between writes of all of it: kind to SD cards"),
)


def find_mosquitto() -> str | None:
    """Return the path of mosquitto, None where it is not installed."""
    return shutil.which("mosquitto") or shutil.which("mosquitto", path=SYSTEM_DIRECTORIES)


def write_config(directory: Path, addresses: list[str], port: int, username: str | None, password: str | None) -> Path:
    """Write mosquitto's configuration, and its password file where there is a user.

    Args:
        directory: For these files and what mosquitto keeps; made with mode 0700 where missing.
        addresses: Numeric, to listen on.
        port: The same on all of them.
        username: Without ``:``. None: everybody may connect.
        password: Belongs to ``username``.

    Returns:
        Where the configuration is.

    Raises:
        StorageError: ``directory`` cannot be written.
    """
    directory = directory.resolve()
    lines = ["# Written by ipc-bridge at every start of its embedded broker; changes are lost."]
    for setting, reason in SETTINGS:
        lines += [f"# {reason}", setting]
    lines += [f"persistence_location {directory}/"]
    if os.geteuid() == 0:
        # As root it would change to a user that cannot read this directory, and the kernel would then forget to end it
        # with the bridge.
        lines += ["user root"]
    if username is not None and password is not None:
        passwords = directory / "mosquitto.passwd"
        _write_private(passwords, f"{username}:{password_hash(password)}\n")
        lines += ["allow_anonymous false", f"password_file {passwords}"]
    else:
        lines += ["allow_anonymous true"]
    lines += [f"listener {port} {address}" for address in addresses]
    config = directory / "mosquitto.conf"
    _write_private(config, "\n".join(lines) + "\n")
    return config


def password_hash(password: str) -> str:
    """Hash a password as mosquitto 2 keeps it: ``$7$iterations$salt$hash``, PBKDF2 with SHA-512.

    The 12 bytes of salt are what mosquitto insists on; its own 101 iterations are few.
    """
    salt, iterations = secrets.token_bytes(12), 10_000
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, iterations)
    return f"$7${iterations}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"


async def dying_with_parent() -> list[str]:
    """Return the command to put before another one, so that the kernel ends that one with the bridge."""
    setpriv = shutil.which("setpriv")
    if setpriv is not None:
        prefix = [setpriv, "--pdeathsig", "TERM"]
        nothing = asyncio.subprocess.DEVNULL
        probe = await asyncio.create_subprocess_exec(*prefix, "true", stdin=nothing, stdout=nothing, stderr=nothing)
        if await probe.wait() == 0:  # busybox has a setpriv that cannot do it
            return [*prefix, "--"]
    logger.warning(
        "There is no setpriv of util-linux here: if the bridge is killed, its mosquitto stays and keeps the port. "
        "Install util-linux."
    )
    return []


def _write_private(path: Path, text: str) -> None:
    """Write a file that only this user can read."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.unlink(missing_ok=True)  # an old file would keep its mode
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise StorageError(f"{path}: cannot be written for the embedded broker: {error.strerror}") from error
