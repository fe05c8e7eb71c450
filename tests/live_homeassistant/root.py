"""Where the tests' Home Assistant lives: a Debian that has the Python it asks for, built once, outside the checkout.

Home Assistant wants a newer Python than the bridge. So it gets a root directory of its own, made by debootstrap, and
in it a virtual environment that this machine's pip fills with the wheels of ``requirements/homeassistant.txt``. Mirror
and index are those that apt and pip are configured with here.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

SUITE = "forky"
"""The Debian that has ``PYTHON``."""
PYTHON = "python3.14"
LIBRARIES = ("libturbojpeg0",)
"""What wheels leave to Debian."""
NEEDED = {"debootstrap": "debootstrap", "mosquitto": "mosquitto", "ip": "iproute2", "unshare": "util-linux"}
"""Programs of this machine, and the packages that they are in."""
PINS = Path(__file__).parents[2] / "requirements" / "homeassistant.txt"
INTERPRETER = "/opt/homeassistant/bin/python"
"""The virtual environment's, as seen in the root."""

_RECIPE = "2"
"""Counted up where the same is installed in another way."""
_WITHOUT_WHEELS = ("PyRIC", "PyTurboJPEG")
"""Pure Python, published as source only."""
_SITE_PACKAGES = f"opt/homeassistant/lib/{PYTHON}/site-packages"
_CLEAN = ("env", "--ignore-environment", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8")
"""What begins a command in the root: nothing of this machine's settings means anything there."""
# debootstrap mounts what it needs: in a namespace that ends with it nothing stays mounted below a directory that is
# removed some day.
_OWN_MOUNTS = ("unshare", "--mount", "--propagation", "private")
_LAST = 3000
"""Characters of a failed command's output that are shown."""


class BuildError(Exception):
    """The root cannot be built: what is missing, and what to do."""


def directory() -> Path:
    """Where roots are kept: ``IPC_BRIDGE_HOMEASSISTANT``, else the user's cache."""
    if configured := os.environ.get("IPC_BRIDGE_HOMEASSISTANT"):
        return Path(configured).absolute()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "ipc-bridge" / "homeassistant"


def path() -> Path:
    """The root for these pins and this way of building, whether or not it is there."""
    content = [SUITE, PYTHON, *LIBRARIES, platform.machine(), _RECIPE, PINS.read_text(encoding="utf-8")]
    return directory() / hashlib.sha256("\n".join(content).encode()).hexdigest()[:16]


@contextlib.contextmanager
def in_use() -> Iterator[Path]:
    """The root, which nobody removes meanwhile."""
    with _locked(fcntl.LOCK_SH):
        yield path()


def build(say: Callable[[str], None]) -> Path:
    """Build the root unless it is there, and return its path.

    A gigabyte and a half each: only the newest stays. It waits until nobody :meth:`uses <in_use>` another.

    Args:
        say: is told what is done.

    Raises:
        BuildError: something that it takes is missing.
    """
    root = path()
    if os.geteuid() != 0:
        raise BuildError("Home Assistant lives in a root directory and a network of its own, which take root's rights")
    if missing := [f"{name} (apt-get install {package})" for name, package in NEEDED.items() if not _has(name)]:
        raise BuildError(f"Home Assistant's tests need {', '.join(missing)}")
    if root.exists():
        return root
    mirror = _mirror()
    directory().mkdir(parents=True, exist_ok=True)
    say(f"Building Home Assistant in {root}: one to three minutes, once")
    with _locked(fcntl.LOCK_EX):
        if root.exists():
            return root
        for old in directory().iterdir():
            if old.is_dir():
                shutil.rmtree(old)
        unfinished = root.with_suffix(".unfinished")
        unfinished.mkdir()
        for part, command in _steps(unfinished, mirror):
            begun = time.monotonic()
            _run(command)
            say(f"  {part}: {time.monotonic() - begun:.0f} s")
        unfinished.rename(root)
    return root


def _steps(root: Path, mirror: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    # The suites of Debian differ in nothing that debootstrap cares about, and an old one does not know the new names.
    script = "/usr/share/debootstrap/scripts/sid"
    packages = ",".join([PYTHON, *LIBRARIES])
    debootstrap = (*_OWN_MOUNTS, "debootstrap", "--variant=minbase", "--force-check-gpg", f"--include={packages}")
    yield f"{PYTHON} from Debian's {SUITE}", (*debootstrap, SUITE, str(root), mirror, script)
    yield "virtual environment", inside(root, PYTHON, "-m", "venv", "--without-pip", "/opt/homeassistant")
    # This machine's pip, with its configuration, for another Python: so it takes wheels, and makes one of what is
    # Python alone. The pins are complete, and the Python that a package wants is not the one that pip runs on.
    pip = (sys.executable, "-m", "pip", "install", "--require-hashes", "--no-deps")
    wheels = ("--only-binary=:all:", *(f"--no-binary={name}" for name in _WITHOUT_WHEELS))
    target = ("--python-version", PYTHON.removeprefix("python"), "--ignore-requires-python", "--no-compile")
    there = ("--target", str(root / _SITE_PACKAGES), "--requirement", str(PINS))
    yield "its packages", (*pip, *wheels, *target, *there)
    # But for its thousand components, of which the tests use a few: those are compiled when they are first imported.
    compileall = ("-m", "compileall", "-q", "-j", "0", "-x", "/homeassistant/components/", f"/{_SITE_PACKAGES}")
    yield "their compilation", inside(root, INTERPRETER, *compileall)
    # Where each Home Assistant finds its own configuration.
    yield "directories", ("mkdir", str(root / "config"))


def inside(root: Path, *command: str) -> tuple[str, ...]:
    """The command line that has ``command`` done in the root."""
    return (*_CLEAN, "chroot", str(root), *command)


def _mirror() -> str:
    """Debian's mirror, as apt has it.

    Raises:
        BuildError: apt has none.
    """
    fields = "$(ORIGIN) $(LABEL) $(COMPONENT) $(REPO_URI)"
    # Without its lists apt knows of no mirror; images are often without.
    for first in (True, False):
        if not first:
            _run(("apt-get", "update"))
        listed = _run(("apt-get", "indextargets", "--format", fields, "Created-By: Packages"))
        for line in listed.splitlines():
            *kind, uri = line.split(" ")
            if kind == ["Debian", "Debian", "main"]:
                return uri
    raise BuildError("apt knows no mirror of Debian, from which the root could be made")


def _run(command: tuple[str, ...]) -> str:
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        env={**os.environ, "PATH": search_path(), "DEBIAN_FRONTEND": "noninteractive"},
    )
    if done.returncode != 0:
        raise BuildError(f"{' '.join(command)}: exit status {done.returncode}\n{done.stdout[-_LAST:]}")
    return done.stdout


def _has(program: str) -> bool:
    return shutil.which(program, path=search_path()) is not None


def search_path() -> str:
    """A PATH that leads to administrators' tools."""
    # Debian's tools for administrators lie where an ordinary user's PATH does not lead.
    return os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin", "/sbin"])


@contextlib.contextmanager
def _locked(kind: int) -> Iterator[None]:
    with (directory() / "lock").open("a") as lock:
        fcntl.flock(lock, kind)
        yield


if __name__ == "__main__":
    try:
        build(functools.partial(print, flush=True))
    except BuildError as problem:
        sys.exit(str(problem))
