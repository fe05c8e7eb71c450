"""Logging: text or JSON lines, secrets blotted out, nothing said a thousand times."""

from __future__ import annotations

import logging
import math
import sys
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import TextIO

import orjson

REDACTED = "<redacted>"
_MIN_SECRET = 4
"""A shorter secret would blot out half of every line, and protects nothing."""


class Redactor(logging.Filter):
    """Blots out known secrets in whatever is logged, tracebacks included.

    Args:
        secrets: the configuration's.
    """

    def __init__(self, secrets: Iterable[str | None]) -> None:
        super().__init__()
        self._secrets = sorted({s for s in secrets if s and len(s) >= _MIN_SECRET}, key=len, reverse=True)

    def filter(self, record: logging.LogRecord) -> bool:
        """See :class:`logging.Filter`; every record passes."""
        message = record.getMessage()
        if record.exc_info and not record.exc_text:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        clean = self._blot(message)
        if clean != message:
            record.msg, record.args = clean, None
        if record.exc_text:
            record.exc_text = self._blot(record.exc_text)
        return True

    def _blot(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, REDACTED)
        return text


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message, and exception where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """See :class:`logging.Formatter`."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_text or record.exc_info:
            line["exception"] = record.exc_text or self.formatException(record.exc_info or (None, None, None))
        return orjson.dumps(line, default=str).decode()


class Once:
    """Warns once of each thing, and tells the rest at debug.

    Keys are bounded: a network full of nonsense must not fill the memory. When there are too
    many, all are forgotten and may be said again.
    """

    MAX_KEYS = 500

    def __init__(self) -> None:
        self._said: set[str] = set()

    def warning(self, logger: logging.Logger, key: str, message: str, *args: object) -> None:
        """Log ``message``, at warning the first time that ``key`` comes."""
        if len(self._said) >= self.MAX_KEYS:
            self._said.clear()
        level = logging.DEBUG if key in self._said else logging.WARNING
        self._said.add(key)
        logger.log(level, message, *args)

    def forget(self, key: str) -> None:
        """What ``key`` stands for has ended: its next time is news again."""
        self._said.discard(key)


class Seldom:
    """Warns of what anybody can cause as often as they like: once in :attr:`EVERY` seconds, with a count of the rest.

    Args:
        now: tells the time in seconds, from anywhere.
    """

    EVERY = 60.0

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._silent_until = -math.inf
        self._unsaid = 0

    def warning(self, logger: logging.Logger, message: str, *args: object) -> None:
        """Log ``message`` where it is time for one."""
        now = self._now()
        if now < self._silent_until:
            self._unsaid += 1
            return
        self._silent_until = now + self.EVERY
        others = f" ({self._unsaid} others before)" if self._unsaid else ""
        self._unsaid = 0
        logger.warning("%s%s", message % args, others)


def set_up(
    level: str,
    levels: Mapping[str, str],
    style: str,
    secrets: Iterable[str | None],
    stream: TextIO = sys.stderr,
) -> None:
    """Configure the program's logging; called once, by the command line.

    Args:
        level: of everything that ``levels`` does not name.
        levels: by logger, such as ``ipc_bridge.device``.
        style: ``text`` or ``json``.
        secrets: what must never be seen.
        stream: where lines go.
    """
    handler = logging.StreamHandler(stream)
    handler.addFilter(Redactor(secrets))
    if style == "json":
        handler.setFormatter(JsonFormatter())
    else:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s"))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # It tells of every part of every picture.
    logging.getLogger("PIL").setLevel(max(logging.INFO, logging.getLogger().level))
    for name, own_level in levels.items():
        logging.getLogger(name).setLevel(own_level.upper())
