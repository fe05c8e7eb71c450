"""docs/hooks.md is made of the hooks, and tells of each."""

from __future__ import annotations

import pytest

from docs.generate import hooks
from ipc_bridge.hooks.loading import HOOKS


@pytest.mark.parametrize("hook", HOOKS)
def test_the_document_tells_of_each_hook(hook: str) -> None:
    assert f"### {hook}\n\n    def {hook}(" in hooks()
