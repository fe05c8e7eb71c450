"""In which order a camera's reading of the documents is tried out."""

from __future__ import annotations

import pytest

from ipc_bridge.bridge.dialects import DialectSearch
from ipc_bridge.wire.frame import Coverage
from ipc_bridge.wire.session import Dialect

# P and F: the CRC over payload or frame; + and -: keep_alive signed or not.
DIALECTS = {
    "P+": Dialect(Coverage.PAYLOAD, True),
    "P-": Dialect(Coverage.PAYLOAD, False),
    "F+": Dialect(Coverage.FRAME, True),
    "F-": Dialect(Coverage.FRAME, False),
}
NAMES = {dialect: name for name, dialect in DIALECTS.items()}


def tried(search: DialectSearch, answers: str) -> list[str]:
    """The dialects tried while a camera is silent (s), refuses the signature (r) or accepts (a)."""
    names = [NAMES[search.current]]
    for answer in answers:
        match answer:
            case "s":
                search.silent()
            case "r":
                search.signature_refused()
            case "a":
                search.worked()
        names.append(NAMES[search.current])
    return names


@pytest.mark.parametrize(
    ("remembered", "answers", "order"),
    [
        (None, "", "P+"),
        (None, "ssss", "P+ F+ P+ F+ P+"),
        (None, "rrrr", "P+ P- P+ P- P+"),
        (None, "sr", "P+ F+ F-"),
        (None, "ra", "P+ P- P-"),
        (None, "sraaa", "P+ F+ F- F- F- F-"),
        ("F-", "", "F-"),
        ("F-", "sr", "F- P- P+"),
        ("F-", "ar", "F- F- F+"),
    ],
)
def test_the_order_of_the_search(remembered: str | None, answers: str, order: str) -> None:
    search = DialectSearch(DIALECTS[remembered] if remembered else None)
    assert tried(search, answers) == order.split()


def test_the_credentials_are_wrong_once_both_ways_were_refused() -> None:
    search = DialectSearch(None)
    assert [search.signature_refused() for _ in range(4)] == [True, False, True, False]


def test_a_session_between_two_refusals_begins_the_round_anew() -> None:
    search = DialectSearch(None)
    assert search.signature_refused()
    search.worked()
    assert search.signature_refused()


def test_silence_does_not_end_the_search_for_the_signature() -> None:
    search = DialectSearch(None)
    assert search.signature_refused()
    search.silent()
    assert not search.signature_refused()


def test_all_four_are_reached() -> None:
    seen = set()
    for answers in ("", "s", "r", "sr"):
        search = DialectSearch(None)
        seen.add(tried(search, answers)[-1])
    assert seen == set(DIALECTS)
