"""What the platform says no with, as people have seen it: the table, and what no text may do to the recognisers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from slices import read_yaml

from runbooks.diagnose.refusal_patterns import TABLE
from runbooks.diagnose.refusals import meanings

TEXTS: list[dict[str, Any]] = read_yaml(Path(__file__).with_name("refusals.yaml"))
KINDS = {kind for kind, _ in TABLE}


@pytest.mark.parametrize("entry", TEXTS, ids=lambda entry: entry["says"][:60])
def test_what_a_text_means(entry: dict[str, Any]) -> None:
    told = meanings(entry["says"], entry.get("status"))
    assert [(meaning.kind, dict(meaning.names)) for meaning in told] == [
        (kind, {name: str(value) for name, value in names.items()}) for kind, names in entry["means"].items()
    ]


def test_the_table_of_texts_is_large_and_says_where_each_was_seen() -> None:
    assert sum(1 for entry in TEXTS if entry["means"]) >= 150
    assert sum(1 for entry in TEXTS if not entry["means"]) >= 40
    assert all(entry["from"] for entry in TEXTS)


def test_each_kind_has_an_example() -> None:
    assert {kind for entry in TEXTS for kind in entry["means"]} == KINDS


@pytest.mark.parametrize("status", [400, 403, 409, 412, 422, 503])
def test_lack_of_room_is_told_by_its_words_under_any_status(status: int) -> None:
    assert [meaning.kind for meaning in meanings("aborted: no capacity", status)] == ["region-capacity"]


def test_a_quotation_stands_in_one_line_and_is_what_was_said() -> None:
    (meaning,) = meanings("Error: insufficient resources to create\n  new machine with existing volume 'vol_1a2b'")
    assert meaning.quote == "insufficient resources to create new machine with existing volume 'vol_1a2b'"


PIECES = sorted(
    {word for entry in TEXTS for word in entry["says"].split()} | {"@", ":", "\n", "\\", '"', "{", "vol_", "│"}
)


@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=8), max_size=40), st.none() | st.integers(0, 999))
def test_any_words_in_any_order_are_read_and_bounded(words: list[str], status: int | None) -> None:
    for meaning in meanings(" ".join(words), status):
        assert meaning.kind in KINDS
        assert 0 < len(meaning.quote) <= 300
        assert all(name.isidentifier() and len(value) <= 200 for name, value in meaning.names.items())


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    [
        "failed to get manifest " * 40_000,
        "failed to get manifest " + "a" * 900_000,
        "failed to get manifest " + "a@" * 400_000,
        "failed to get manifest " + "a:" * 400_000,
        "image " + "@:" * 400_000,
        "organization x is using " * 40_000,
        "region aaa " * 90_000,
        "unable to x machine, not currently " + "a, or " * 100_000,
        "machine " + "- " * 400_000,
        "volume vol_" + "a" * 900_000,
        " " * 1_000_000,
        "\n" * 1_000_000,
        "\\" * 1_000_000,
        "app " * 250_000,
        "dial tcp " * 100_000,
    ],
    ids=lambda text: f"{text[:12]}-{len(text)}",
)
def test_a_megabyte_of_nonsense_ends(text: str) -> None:
    """Nothing is measured: what is quadratic in these would not come back."""
    meanings(text)


def test_a_machine_that_was_suspended_is_no_suspended_organisation() -> None:
    told = "1786543641000 app[6e82b1ef0d4987] iad [info]Virtual machine has been suspended"
    assert not meanings(told)
    assert [found.kind for found in meanings("Your organization has been suspended")] == ["suspended"]
