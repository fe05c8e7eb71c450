"""Threads that are interrupted: where they run Python code, now, and never later."""

from __future__ import annotations

import os
import threading

from ipc_bridge.hooks.thread import Interrupted, interrupt

PATIENCE = 15.0


def test_a_loop_without_an_end_is_interrupted() -> None:
    ended = threading.Event()

    def spin() -> None:
        try:
            while True:
                pass
        except Interrupted:
            ended.set()

    thread = threading.Thread(target=spin, daemon=True)
    thread.start()
    # On a busy machine it may not get its turn at once.
    for _ in range(1_000):
        if ended.is_set():
            break
        interrupt(thread.ident or 0)
    assert ended.wait(PATIENCE)
    thread.join(PATIENCE)


def test_one_that_sits_in_the_system_does_not_get_it_later_either() -> None:
    reader, writer = os.pipe()
    said: list[str] = []

    def wait() -> None:
        try:
            os.read(reader, 1)
            said.append("undisturbed")
        except Interrupted:
            said.append("interrupted")

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    for _ in range(20):
        interrupt(thread.ident or 0)
    os.write(writer, b"x")
    thread.join(PATIENCE)
    os.close(reader)
    os.close(writer)
    assert said == ["undisturbed"]
