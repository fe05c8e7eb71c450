"""Builds Home Assistant where it is missing, and runs its tests; arguments are pytest's, instead of its own.

They get a network of their own that has loopback addresses and no way out: Home Assistant looks for things in the
network that it is in, whatever its configuration says. And processes of their own, which end with it.
"""

from __future__ import annotations

import functools
import os
import sys
from pathlib import Path

from tests.live_homeassistant import root

# The one that takes longest begins.
_FILES = sorted(Path(__file__).parent.glob("test_*.py"), key=lambda path: (path.stem != "test_restarts", path))
EVERYTHING = [*map(str, _FILES), "-n", "2", "--dist", "loadfile", "--no-loadscope-reorder"]


def main() -> None:
    """Become pytest."""
    try:
        root.build(functools.partial(print, flush=True))
    except root.BuildError as error:
        sys.exit(str(error))
    alone = ("unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
    # With a route for multicast, without which it would not start.
    loopback = ("sh", "-c", 'ip link set lo up multicast on && ip route add 224.0.0.0/4 dev lo && exec "$@"', "sh")
    pytest = (sys.executable, "-m", "pytest", *(sys.argv[1:] or EVERYTHING))
    os.environ["PATH"] = root.search_path()
    os.execvp(alone[0], [*alone, *loopback, *pytest])


if __name__ == "__main__":
    main()
