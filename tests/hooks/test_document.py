"""docs/hooks.md is made of the hooks, and tells of each."""

from __future__ import annotations

import pytest

from docs.generate import FOLDER, hooks
from ipc_bridge.hooks.loading import HOOKS


def test_the_document_is_as_the_hooks() -> None:
    assert (FOLDER / "hooks.md").read_text(encoding="utf-8") == hooks(), "run `make docs`"


@pytest.mark.parametrize("hook", HOOKS)
def test_the_document_tells_of_each_hook(hook: str) -> None:
    assert f"### {hook}\n\n    def {hook}(" in hooks()
