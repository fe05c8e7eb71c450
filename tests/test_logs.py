"""Logging: secrets blotted out, one line of JSON each, nothing said twice."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest

from ipc_bridge.logs import REDACTED, JsonFormatter, Once, Redactor, set_up

SECRET = "hunter2-secret"


@pytest.fixture(autouse=True)
def root_logger() -> Iterator[None]:
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    yield
    root.setLevel(level)
    root.handlers[:] = handlers
    logging.getLogger("ipc_bridge.device").setLevel(logging.NOTSET)


def logged(style: str, *, level: str = "info", levels: dict[str, str] | None = None) -> io.StringIO:
    stream = io.StringIO()
    set_up(level, levels or {}, style, [SECRET, None, ""], stream)
    return stream


def raise_with(text: str) -> None:
    raise ValueError(text)


@pytest.mark.parametrize("style", ["text", "json"])
def test_a_secret_is_blotted_out_of_message_arguments_and_traceback(style: str) -> None:
    stream = logged(style)
    log = logging.getLogger("ipc_bridge.test")
    log.warning("the key is " + SECRET)  # noqa: G003 - a message that somebody put together
    log.warning("the key is %s and %s", SECRET, {"key": SECRET})
    try:
        raise_with(f"no {SECRET}")
    except ValueError:
        log.exception("failed")
    assert SECRET not in stream.getvalue()
    assert stream.getvalue().count(REDACTED) >= 4
    assert "ValueError: no " + REDACTED in stream.getvalue()


def test_the_longer_of_two_secrets_is_blotted_out_whole() -> None:
    record = logging.LogRecord("x", logging.INFO, "", 0, "secret1234", None, None)
    assert Redactor(["secret", "secret1234"]).filter(record)
    assert record.getMessage() == REDACTED


@pytest.mark.parametrize("secret", ["abc", "", None])
def test_what_is_too_short_to_be_a_secret_stays(secret: str | None) -> None:
    record = logging.LogRecord("x", logging.INFO, "", 0, "abc %s", ("def",), None)
    assert Redactor([secret]).filter(record)
    assert record.getMessage() == "abc def"
    assert record.args == ("def",)


def test_a_line_of_json() -> None:
    stream = logged("json")
    logging.getLogger("ipc_bridge.test").warning("two\nlines of %s", "中文")
    (line,) = stream.getvalue().splitlines()
    assert json.loads(line) | {"time": ""} == {
        "time": "",
        "level": "warning",
        "logger": "ipc_bridge.test",
        "message": "two\nlines of 中文",
    }
    assert json.loads(line)["time"].endswith("+00:00")


def test_json_tells_the_exception() -> None:
    try:
        raise_with("why")
    except ValueError as error:
        record = logging.LogRecord("x", logging.ERROR, "", 0, "failed", None, (ValueError, error, error.__traceback__))
    assert json.loads(JsonFormatter().format(record))["exception"].endswith("ValueError: why")


def test_a_logger_may_have_a_level_of_its_own() -> None:
    stream = logged("text", level="warning", levels={"ipc_bridge.device": "debug"})
    logging.getLogger("ipc_bridge.device").debug("close look")
    logging.getLogger("ipc_bridge.mqtt").info("not wanted")
    assert "DEBUG   ipc_bridge.device: close look" in stream.getvalue()
    assert "not wanted" not in stream.getvalue()


def test_once_is_a_warning_and_then_detail(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    log = logging.getLogger("ipc_bridge.test")
    once = Once()
    for _ in range(2):
        once.warning(log, "a", "%s happened", "A")
    once.warning(log, "b", "B happened")
    once.forget("a")
    once.forget("never said")
    once.warning(log, "a", "A again")
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("WARNING", "A happened"),
        ("DEBUG", "A happened"),
        ("WARNING", "B happened"),
        ("WARNING", "A again"),
    ]


def test_once_forgets_rather_than_grow(caplog: pytest.LogCaptureFixture) -> None:
    log = logging.getLogger("ipc_bridge.test")
    once = Once()
    for number in range(Once.MAX_KEYS + 1):
        once.warning(log, str(number), "x")
    assert len(once._said) <= Once.MAX_KEYS
    caplog.clear()
    once.warning(log, "0", "again")
    assert caplog.records[0].levelno == logging.WARNING
