"""The calls that a camera got, as tests and people want to see them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from ipc_bridge.catalog.codes import DEVICE_CODES
from ipc_bridge.catalog.device import ENDPOINTS
from ipc_bridge.simulator.forms import Form
from ipc_bridge.simulator.parameters import PUBLIC

_MAX_SHOWN = 60


@dataclass(frozen=True, slots=True)
class SentFile:
    """What is remembered of a file."""

    filename: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class ApiCall:
    """One call as it came, and what it got; as text it is one line for people, without what is secret."""

    path: str
    params: Mapping[str, str]
    """Public ones and the signature included."""
    code: int
    files: Mapping[str, SentFile] = field(default_factory=dict)

    def __str__(self) -> str:
        row = ENDPOINTS.get(self.path)
        fields = row.fields if row is not None else {}
        words = [self.path]
        for name, text in self.params.items():
            if name not in PUBLIC:
                hidden = name in fields and fields[name].secret
                words.append(f"{name}={'***' if hidden else _shorten(text)}")
        words += [f"{name}=<{file.filename}, {file.size} bytes>" for name, file in self.files.items()]
        code = DEVICE_CODES.get(self.code)
        return f"{' '.join(words)} -> {self.code}" + (f" {code.name}" if code is not None else "")


def note_call(path: str, form: Form, code: int) -> ApiCall:
    """Return what is remembered of a call."""
    files = {
        name: SentFile(upload.filename, len(upload.content), hashlib.sha256(upload.content).hexdigest())
        for name, upload in form.files.items()
    }
    return ApiCall(path, form.texts, code, files)


def _shorten(text: str) -> str:
    shown = text if text.isprintable() else repr(text)
    return shown if len(shown) <= _MAX_SHOWN else f"{shown[:_MAX_SHOWN]}..."
