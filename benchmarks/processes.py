"""Child processes: started, measured from outside through /proc, and ended without fail."""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

STOP_TIMEOUT = 6.0
"""Seconds between SIGTERM and SIGKILL."""
START_TIMEOUT = 10.0
OPEN_FILES = 8_192
"""Sockets that 500 cameras and their clients need, with room to spare."""
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_SYSTEM_DIRECTORIES = "/usr/sbin:/usr/local/sbin:/sbin"

MOSQUITTO_CONFIG = """\
listener {port} {host}
allow_anonymous true
persistence false
log_dest none
# Otherwise as it is out of the box: a window of 20, Nagle's algorithm on. What it drops, a peer would be blamed for.
max_queued_messages 0
"""


class BenchmarkError(Exception):
    """A measurement cannot be made; the message says why."""


@contextlib.contextmanager
def child(command: Sequence[str | Path], output: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run ``command`` until the context ends; what it says goes to ``output``.

    Raises:
        BenchmarkError: it ended by itself, or something else went wrong while it ran; with its last words.
    """
    with output.open("wb") as file:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT)
    try:
        yield process
        _expect_running(process)
    except BenchmarkError as error:
        last_words = output.read_text(encoding="utf-8", errors="replace")[-2_000:]
        if not last_words:
            raise
        raise BenchmarkError(f"{output.stem}: {error}\n{last_words}") from error
    finally:
        process.terminate()
        try:
            process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _expect_running(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        raise BenchmarkError(f"it ended with status {process.returncode}")


@contextlib.contextmanager
def mosquitto(host: str, directory: Path) -> Iterator[tuple[int, int]]:
    """Run mosquitto on a free port of ``host``; gives its process id and port.

    Raises:
        BenchmarkError: it is not installed or does not start.
    """
    program = shutil.which("mosquitto") or shutil.which("mosquitto", path=_SYSTEM_DIRECTORIES)
    if program is None:
        raise BenchmarkError("mosquitto is not installed (on Debian: apt-get install mosquitto)")
    port = free_port()
    config = directory / "mosquitto.conf"
    config.write_text(MOSQUITTO_CONFIG.format(port=port, host=host), encoding="utf-8")
    with child([program, "-c", config], directory / "mosquitto.log") as process:
        deadline = time.monotonic() + START_TIMEOUT
        while True:
            with contextlib.suppress(OSError), socket.create_connection((host, port), 1.0):
                break
            if process.poll() is not None or time.monotonic() > deadline:
                raise BenchmarkError("mosquitto does not start")
            time.sleep(0.02)
        yield process.pid, port


def module(name: str, *arguments: str | Path) -> list[str | Path]:
    """The command that runs a Python module."""
    return [sys.executable, "-m", name, *arguments]


def free_port() -> int:
    """A TCP port that is free on every address of this machine."""
    with socket.socket() as probe:
        probe.bind(("", 0))
        return int(probe.getsockname()[1])


def cpu_seconds(pid: int) -> float:
    """CPU time that a process has used, in user and kernel mode."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_SECOND


def resident_megabytes(pid: int) -> float:
    """Memory of a process that is in RAM, in MB of 10^6 bytes."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise BenchmarkError(f"process {pid} has ended")


def allow_many_files() -> None:
    """Raise this process's limit of open files, which its children inherit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
