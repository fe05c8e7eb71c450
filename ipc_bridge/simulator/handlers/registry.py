"""Which function answers which call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from ipc_bridge.catalog.endpoint import Endpoint

Handler = Callable[..., dict[str, Any] | None]
"""Takes the camera's state, and the private parameters by name as the catalogue's fields decode them; those that
were not sent are left out. Returns ``data``, or None where the answer is a code alone.

Raises:
    RefusalError: the answer is that code.
"""
_H = TypeVar("_H", bound=Handler)


class Handlers(dict[str, Handler]):
    """By path. The modules beside fill it in."""

    def answers(self, endpoint: Endpoint) -> Callable[[_H], _H]:
        """Mark the function that answers ``endpoint``."""

        def register(handler: _H) -> _H:
            self[endpoint.path] = handler
            return handler

        return register


HANDLERS = Handlers()
answers = HANDLERS.answers
"""Those of cameras."""
