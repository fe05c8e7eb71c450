"""The body of a call, form-encoded or multipart, read as strictly as it can be."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from aiohttp import BodyPartReader, web

from ipc_bridge.simulator.refusals import Code, RefusalError

_FORM = "application/x-www-form-urlencoded"
_MULTIPART = "multipart/form-data"
_MAX_FIELDS = 100
_MAX_TEXT = 64 * 2**10
_MAX_FILE = 2 * 2**20
"""Bytes: twice what a picture may have, so that one that is too large can still be told from no picture."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as it came."""

    filename: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Form:
    """What a call carries: texts, which are signed, and files, which are not."""

    texts: dict[str, str] = field(default_factory=dict)
    files: dict[str, Upload] = field(default_factory=dict)

    def add(self, name: str, value: str | Upload) -> None:
        """Take one part in.

        Raises:
            RefusalError: one of that name is there, or there are too many.
        """
        if name in self.texts or name in self.files or len(self.texts) + len(self.files) >= _MAX_FIELDS:
            raise RefusalError(Code.PARAMS_INVALID)
        if isinstance(value, str):
            self.texts[name] = value
        else:
            self.files[name] = value


async def read_form(request: web.BaseRequest, *, multipart: bool) -> Form:
    """Read a call's body; ``multipart`` says which of the two forms the call takes.

    Raises:
        RefusalError: with :attr:`Code.PARAMS_INVALID`, whatever is wrong.
    """
    if request.content_type != (_MULTIPART if multipart else _FORM):
        raise RefusalError(Code.PARAMS_INVALID)
    try:
        return await (_read_multipart(request) if multipart else _read_urlencoded(request))
    except (ValueError, web.HTTPRequestEntityTooLarge, RuntimeWarning) as error:
        # aiohttp warns of headers that it cannot read; where warnings are errors, that ends here.
        raise RefusalError(Code.PARAMS_INVALID) from error


async def _read_urlencoded(request: web.BaseRequest) -> Form:
    pairs = parse_qsl(
        (await request.read()).decode("ascii"),
        keep_blank_values=True,
        strict_parsing=True,
        errors="strict",
        max_num_fields=_MAX_FIELDS,
    )
    form = Form()
    for name, text in pairs:
        form.add(name, text)
    return form


async def _read_multipart(request: web.BaseRequest) -> Form:
    form = Form()
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader) or not part.name:
            raise RefusalError(Code.PARAMS_INVALID)
        if part.filename is None:
            form.add(part.name, (await _read_part(part, _MAX_TEXT)).decode())
        else:
            form.add(part.name, Upload(part.filename, await _read_part(part, _MAX_FILE)))
    return form


async def _read_part(part: BodyPartReader, limit: int) -> bytes:
    content = bytearray()
    while chunk := await part.read_chunk():
        content += chunk
        if len(content) > limit:
            raise RefusalError(Code.PARAMS_INVALID)
    return bytes(content)
