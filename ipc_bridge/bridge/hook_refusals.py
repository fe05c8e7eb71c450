"""Why a post to a hook is not taken: a table, with the HTTP status of the answer."""

from __future__ import annotations

import enum

from ipc_bridge.errors import HookRefusedError


class Refusal(enum.Enum):
    """Counted under their names in lower case; the sentence says what to do where there is something to do."""

    UNKNOWN_PATH = 404, "its path is nobody's: an old registration, or somebody who guesses"
    WRONG_ADDRESS = (
        403,
        "it does not come from the camera's address: cameras must reach the bridge directly, without a proxy or NAT",
    )
    NO_LENGTH = 411, "it does not say its length"
    TOO_LARGE = 413, "it is larger than 1 MB"
    TOO_MANY_PARTS = 413, "it has more parts than an event"
    WRONG_TYPE = 415, "it has not the form that posts have"
    TOO_SLOW = 408, "it did not come to its end in time"
    BROKEN_OFF = 400, "the connection broke before its end"
    MALFORMED = 400, "it does not have each field once"
    UNSIGNED = 401, "it is not signed"
    WRONG_ACCOUNT = 401, "it is signed for another app_id"
    WRONG_SIGNATURE = 401, "its signature is wrong: look at the secret_key of who posts, or it is somebody else"
    WRONG_TIME = 401, "its time is too far off: set the clocks, or somebody repeats what was sent long ago"
    REPLAYED = 403, "it has been taken before"
    TOO_MANY = 429, "too many posts to this hook are under way"
    NO_ROOM = 503, "the journal has no room at the moment"
    NOT_SAFE = 503, "its event could not be written to the disk in time"

    def __init__(self, status: int, reason: str) -> None:
        self.status = status
        self.reason = reason

    @property
    def kind(self) -> str:
        """What it is counted as."""
        return self.name.lower()

    def error(self) -> HookRefusedError:
        """As an error to raise."""
        return HookRefusedError(self.reason, self.kind, self.status)
