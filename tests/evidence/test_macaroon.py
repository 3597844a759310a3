"""Tokens read offline: what they say, what is missing, and that nothing breaks the reader."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from real.mint import (
    AUTHENTICATION,
    EVERY,
    READ,
    action,
    apps,
    if_present,
    macaroon,
    organisation,
    packed,
    third_party,
    window,
)

from runbooks.evidence.macaroon import described, read_token
from runbooks.evidence.models import TokenPart

NOW = datetime(2025, 11, 24, 20, 10, tzinfo=UTC)
BEGIN, END = int(datetime(2025, 11, 24, tzinfo=UTC).timestamp()), int(datetime(2025, 11, 25, tzinfo=UTC).timestamp())


def only(token: str) -> TokenPart:
    told = read_token(token)
    assert told is not None
    assert len(told.permissions) == 1
    return told.permissions[0]


def test_a_read_only_token_of_an_organisation() -> None:
    token = macaroon(*organisation(812345), *window(BEGIN, END), *action(READ))
    part = only(token)
    assert (part.organizations, part.apps, part.actions) == (("812345",), (), "r")
    assert (part.not_before, part.not_after) == (
        datetime(2025, 11, 24, tzinfo=UTC),
        datetime(2025, 11, 25, tzinfo=UTC),
    )
    told = read_token(token)
    assert told is not None
    assert described(told, NOW) == (
        "by its own words, the token is for organisation 812345, all its apps, rights r, "
        "valid until 2025-11-25 00:00 UTC"
    )
    assert "expired since 2025-11-25" in described(told, datetime(2025, 11, 26, tzinfo=UTC))
    assert "not valid before 2025-11-24" in described(told, datetime(2025, 11, 23, tzinfo=UTC))


def test_a_deploy_token_is_limited_to_its_app() -> None:
    """The app stands inside of an IfPresent, beside the features that a deployment needs."""
    inner = [*apps({554433: EVERY}), 5, [{"builder": EVERY, "wg": EVERY}]]
    part = only(macaroon(*organisation(812345), *if_present(inner, READ)))
    assert part.apps == ("554433 (rwcdC)",)
    assert part.actions == "rwcdC"
    assert part.others == ("FeatureSet", "IfPresent (else r)")
    assert part.not_after is None


def test_a_discharge_that_is_there_and_one_that_is_not() -> None:
    permission = macaroon(*organisation(1), *window(BEGIN, END + 900), *third_party(ticket=b"ticket one"))
    discharge = macaroon(*window(BEGIN, END), 12, b"bound", location=AUTHENTICATION, kid=b"ticket one", proof=True)
    other = macaroon(location=AUTHENTICATION, kid=b"ticket two", proof=True)
    alone, together, mismatched = (
        only(permission),
        only(f"FlyV1 {permission},{discharge}"),
        only(f"{permission}, {other}"),
    )
    assert alone.undischarged == mismatched.undischarged == (AUTHENTICATION,)
    assert together.undischarged == ()
    assert together.third_parties == (AUTHENTICATION,)
    assert together.not_after == datetime(2025, 11, 25, tzinfo=UTC), "it ends with its discharge"
    told = read_token(permission)
    assert told is not None
    assert f"without the discharge of {AUTHENTICATION}, so the API refuses it" in described(told, NOW)
    lone = read_token(discharge)
    assert lone is not None
    assert described(lone, NOW) == "the token holds only discharges, and no permission"


def test_any_one_permission_of_a_list_suffices() -> None:
    token = (
        f"{macaroon(*organisation(1))},fo1_somethingopaque,{macaroon(*organisation(2), *action(READ), kid=b'other')}"
    )
    told = read_token(token)
    assert told is not None
    assert [part.kind for part in told.parts] == ["permission", "unreadable", "permission"]
    sentence = described(told, NOW)
    assert "organisation 1, all its apps, rights rwcdC, without an end; or: for organisation 2" in sentence
    assert "1 more could not be read" in sentence


def test_what_is_unknown_is_named_by_its_number() -> None:
    part = only(macaroon(4711, ["new"], 2, [{"vol_1": READ}], 21, 3600, 1 << 48, None, "text", 5))
    assert part.others == (
        "caveat type 4711",
        "Volumes",
        "MaxValidity (3600 s)",
        f"caveat type {1 << 48}",
        "caveat type text",
    )


def test_fields_by_name_and_rights_as_letters() -> None:
    """Another writer may use maps where Fly's library uses arrays."""
    part = only(macaroon(0, {"id": 7, "mask": "rC"}, 4, {"not_before": BEGIN, "not_after": END}, 3, {"apps": {0: 31}}))
    assert (part.organizations, part.actions, part.apps) == (("7",), "rC", ("any (rwcdC)",))
    assert part.not_after is not None


@pytest.mark.parametrize("prefix", ["fm2_", "fm1r_", "fm1a_"])
@pytest.mark.parametrize("scheme", ["", "FlyV1 ", "Bearer ", "Bearer FlyV1 "])
def test_every_spelling_of_a_token(prefix: str, scheme: str) -> None:
    token = macaroon(*organisation(9), kid=b"\xfb\xff\xfe", prefix=prefix)
    for text in (token, token.rstrip("="), token[:5] + token[5:].replace("+", "-").replace("/", "_")):
        assert only(scheme + text).organizations == ("9",)


@pytest.mark.parametrize("token", ["", "fo1_abcdef", "secret", "fm2_", "fm2_%%%", "fm2_AAAA", "fm2_" + "A" * 5000])
def test_what_says_nothing_about_itself(token: str) -> None:
    assert read_token(token) is None


@pytest.mark.parametrize("end", [0, -5, 1 << 62, (1 << 64) - 1, 253402300800])
def test_times_beyond_the_calendar(end: int) -> None:
    part = only(macaroon(*window(0, end)))
    assert part.not_after is not None
    assert part.not_before is None


def test_nothing_secret_leaves() -> None:
    kid, ticket = b"KEY-ID-KEY-ID-XY", b"TICKET-TICKET-TI"
    told = repr(read_token(macaroon(*third_party(ticket=ticket), kid=kid)))
    for secret in (kid, ticket, b"verifier-key", b"\x02" * 32, b"\x01" * 16):
        for form in (secret.decode(), secret.hex(), base64.b64encode(secret).decode(), repr(secret)[2:-1]):
            assert form not in told


def test_bombs_are_refused() -> None:
    nested = packed(1)
    for _ in range(2000):
        nested = b"\x91" + nested
    for raw in (nested, b"\xdd\xff\xff\xff\xff" + b"\xc0" * 200_000, b"\xdf\xff\xff\xff\xff", b"\xc6\xff\xff\xff\xff"):
        assert read_token("fm2_" + base64.b64encode(raw).decode()) is None


LEAVES = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text() | st.binary()
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text() | st.integers(0, 99), inner, max_size=4),
    max_leaves=20,
)


@given(st.lists(st.tuples(st.integers(0, 40) | VALUES, VALUES), max_size=6), VALUES, VALUES)
@example([(3, [{0: None}]), (13, [[13, [[], 0]], None]), (26, [])], None, "x")
def test_any_caveat_is_read(caveats: list[tuple[Any, Any]], nonce: Any, location: Any) -> None:
    flat = [item for pair in caveats for item in pair]
    raw = packed([nonce, location, flat, b"tail"])
    told = read_token("fm2_" + base64.b64encode(raw).decode())
    assert (told is not None) == isinstance(location, str)
    if told is not None:
        described(told, NOW)


@given(st.binary(max_size=400))
def test_any_bytes_are_read(raw: bytes) -> None:
    told = read_token("fm2_" + base64.b64encode(raw).decode())
    if told is not None:
        described(told, NOW)


@given(st.text(max_size=60))
def test_any_text_is_read(text: str) -> None:
    read_token(text)
    read_token("fm2_" + text)
