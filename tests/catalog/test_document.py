"""The documents that are made of the catalogue."""

from __future__ import annotations

import pytest

from docs.generate import DOCUMENTS, FOLDER


@pytest.mark.parametrize("file", DOCUMENTS)
def test_a_document_is_as_the_catalogue(file: str) -> None:
    assert (FOLDER / file).read_text(encoding="utf-8") == DOCUMENTS[file](), "run `make docs`"
