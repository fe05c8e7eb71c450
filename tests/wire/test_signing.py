"""Signatures, against the documents' samples."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipc_bridge.wire.signing import Credentials, is_signed, make_nonce, public_params, sign
from tests.wire.vectors import fuzz

PRINTED = {"app_id": "JO83UNV983U9OR", "random": "289192", "sn": "FS101D8BS00106", "timestamp": "1593029283"}
RECOMPUTED = {
    "app_id": "2039dds",
    "content": "newproductmask",
    "environment": "test",
    "product_id": "389238",
    "random": "289192",
    "timestamp": "1593029283",
    "user_id": "29389",
}
VECTORS = {
    "printed in the documents": (PRINTED, "12345678", "72CB1C1031D3BA103D2FA1A57E171C2D"),
    "recomputed": (RECOMPUTED, "kdsofkdsnflke9382938k", "4AB07ACA8AC43AC0FD83718BF4D740E1"),
}
each_vector = pytest.mark.parametrize(("params", "key", "signature"), VECTORS.values(), ids=VECTORS)


@each_vector
def test_the_documents_signature(params: dict[str, str], key: str, signature: str) -> None:
    assert sign(params, key) == signature


@each_vector
def test_the_order_of_the_parameters_and_sign_itself_do_not_matter(
    params: dict[str, str], key: str, signature: str
) -> None:
    backwards = dict(reversed(params.items()))
    assert sign({"sign": "anything", **backwards}, key) == signature


@each_vector
def test_a_signature_is_recognised(params: dict[str, str], key: str, signature: str) -> None:
    assert is_signed({**params, "sign": signature}, key)


WRONG = {
    "missing": {},
    "empty": {"sign": ""},
    "lower case": {"sign": "72cb1c1031d3ba103d2fa1a57e171c2d"},
    "cut short": {"sign": "72CB1C1031D3BA103D2FA1A57E171C2"},
    "not ASCII": {"sign": "７２CB"},
    "of other values": {"sign": "72CB1C1031D3BA103D2FA1A57E171C2D", "random": "289193"},
    "of fewer values": {"sign": "72CB1C1031D3BA103D2FA1A57E171C2D", "payload": "{}"},
}


@pytest.mark.parametrize("change", WRONG.values(), ids=WRONG)
def test_a_wrong_signature_is_recognised(change: dict[str, str]) -> None:
    assert not is_signed({**PRINTED, **change}, "12345678")


def test_the_key_is_part_of_the_signature() -> None:
    assert not is_signed({**PRINTED, "sign": "72CB1C1031D3BA103D2FA1A57E171C2D"}, "12345679")


# MD5 of the texts in the comments, computed by another program.
VALUES = {
    # a=1 &b=%20=+&key=k
    "as they are before URL encoding": ({"b": "%20=+", "a": "1 "}, "E1CD33A8D879A972C3C407E2D805F588"),
    # name=<U+524D U+53F0>&key=k
    "in UTF-8": ({"name": "前台"}, "4BC9B63F82CC5CA4641D12A7569622B9"),
    # event_list=["dynamic_detect_event"]&key=k
    "a list as its JSON text": ({"event_list": '["dynamic_detect_event"]'}, "C9B99B8FF527D1CA7B0141B5DE833B56"),
    # B=1&a=2&key=k
    "upper case before lower case": ({"a": "2", "B": "1"}, "0AF37DABD443BF48214BD1FABBB27569"),
    # &key=k
    "none": ({}, "CF6F248308395835A7D267D7C0BD53F5"),
}


@pytest.mark.parametrize(("params", "signature"), VALUES.values(), ids=VALUES)
def test_values_are_signed(params: dict[str, str], signature: str) -> None:
    assert sign(params, "k") == signature


def test_the_public_parameters() -> None:
    params = public_params(Credentials("JO83UNV983U9OR", "12345678"), 1593029283, "289192")
    assert params == {"app_id": "JO83UNV983U9OR", "timestamp": "1593029283", "random": "289192"}


def test_credentials_do_not_show_their_key() -> None:
    assert "12345678" not in repr(Credentials("JO83UNV983U9OR", "12345678"))


def test_nonces_are_ten_digits_and_fresh() -> None:
    nonces = [make_nonce() for _ in range(100)]
    assert all(len(nonce) == 10 and nonce.isascii() and nonce.isdigit() for nonce in nonces)
    # Among 100 of 10**10 values two equal ones turn up once in two million runs; three hardly ever.
    assert len(set(nonces)) > 97
    assert all(len(set(digits)) > 1 for digits in zip(*nonces, strict=True)), "a digit that never changes"


@given(st.dictionaries(st.text(max_size=8), st.text(max_size=8)), st.text(max_size=8))
@fuzz
def test_what_was_signed_is_recognised(params: dict[str, str], key: str) -> None:
    assert is_signed({**params, "sign": sign(params, key)}, key)
    assert not is_signed({**params, "sign": sign(params, key)}, key + "x")
