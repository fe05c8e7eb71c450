"""Parts of the machine that some tests need, and what happens where one is missing.

A test says what it needs (``require_program("mosquitto")``). Where that is missing the test is skipped, and the end of
the run names the part and how to install it. With ``IPC_BRIDGE_TEST_REQUIRE=all``, as in CI, it fails instead: a run
that is green has run everything.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import NoReturn

import pytest

VARIABLE = "IPC_BRIDGE_TEST_REQUIRE"
MISSING = "missing on this machine: "
"""Begins the reason of every skip that is made here."""

PACKAGES = {
    "ip": "iproute2",
    "mount": "mount",
    "mosquitto": "mosquitto",
    "mosquitto_pub": "mosquitto-clients",
    "mosquitto_sub": "mosquitto-clients",
    "openssl": "openssl",
    "systemd-analyze": "systemd",
}
"""The Debian package of each program that a test may ask for."""


def require_program(name: str) -> Path:
    """Returns where a program is, or ends the test where there is none.

    Args:
        name: One of ``PACKAGES``.
    """
    package = PACKAGES[name]
    # Debian's daemons and `ip` lie where an ordinary user's PATH does not lead.
    places = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin", "/sbin"])
    found = shutil.which(name, path=places)
    if found is None:
        _missing(f"the program {name} (apt-get install {package})")
    return Path(found)


def require(found: object, part: str) -> None:
    """Ends the test unless ``found``.

    Args:
        found: Whether the part is there.
        part: What it is, and how to get it.
    """
    if not found:
        _missing(part)


def require_network_namespaces() -> Path:
    """Returns where ``ip`` is, or ends the test where it may not make network namespaces."""
    ip = require_program("ip")
    if os.geteuid() != 0:
        _missing("the right to make network namespaces (run the tests as root)")
    name = f"ipc-bridge-probe-{os.getpid()}"
    added = subprocess.run([ip, "netns", "add", name], capture_output=True, text=True, check=False)
    if added.returncode != 0:
        _missing(f"network namespaces (ip netns add: {added.stderr.strip()})")
    subprocess.run([ip, "netns", "delete", name], check=True)
    return ip


def require_mounts() -> Path:
    """Returns where ``mount`` is, or ends the test where it may not mount a file system in memory."""
    mount = require_program("mount")
    if os.geteuid() != 0:
        _missing("the right to mount a file system (run the tests as root)")
    with tempfile.TemporaryDirectory() as directory:
        mounted = subprocess.run(
            [mount, "-t", "tmpfs", "tmpfs", directory], capture_output=True, text=True, check=False
        )
        if mounted.returncode != 0:
            _missing(f"file systems in memory ({mounted.stderr.strip()})")
        subprocess.run(["umount", directory], check=True)
    return mount


def _missing(part: str) -> NoReturn:
    if os.environ.get(VARIABLE) == "all":
        pytest.fail(f"{MISSING}{part}; {VARIABLE}=all allows no skip", pytrace=False)
    pytest.skip(MISSING + part)
