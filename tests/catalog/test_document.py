"""The documents that are made of the catalogue."""

from __future__ import annotations

from docs.generate import FOLDER, endpoints


def test_the_document_is_as_the_catalogue() -> None:
    assert (FOLDER / "endpoints.md").read_text(encoding="utf-8") == endpoints(), "run `make docs`"
