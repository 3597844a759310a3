"""What is told again becomes one line; what is new, decisive or in another order never does."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from report_samples import at

from runbooks.diagnose.model import Moment
from runbooks.report.collapse_repeats import Line, RepeatedBlock, fold, spans


def moments(texts: str, decisive: int = -1) -> list[Moment]:
    return [Moment(at(n), "log", text, "E07", n == decisive) for n, text in enumerate(texts)]


def shown(texts: str, decisive: int = -1) -> str:
    """Each line by its text, each fold as its lines' first numbers and how often."""
    return " ".join(
        one.moment.text if isinstance(one, Line) else f"({spans(one.like)} x{len(one.rounds)})"
        for one in fold(moments(texts, decisive))
    )


def test_the_rounds_of_a_loop_become_one_line() -> None:
    assert shown("abcdabcdabcdz") == "a b c d (1–4 x2) z"


def test_a_round_that_misses_a_line_is_a_round_of_its_own() -> None:
    assert shown("aXbcdabcdabcd") == "a X b c d (1, 3–5 x2)"
    assert shown("abcdabcdabc") == "a b c d (1–4 x1) (1–3 x1)"


def test_a_short_repeat_is_told_in_full() -> None:
    assert shown("abab") == "a b a b"
    assert shown("aaaa") == "a a a a"


def test_something_new_inside_a_round_is_told() -> None:
    assert shown("abcdefabcXdef") == "a b c d e f (1–3 x1) X (4–6 x1)"


def test_another_order_is_another_round() -> None:
    assert shown("abcdcba") == "a b c d c b a"


def test_what_is_decisive_is_never_folded() -> None:
    assert shown("abcdabcd", decisive=6) == "a b c d a b c d"
    assert shown("abcdefabcdef", decisive=9) == "a b c d e f (1–3 x1) d e f"


def test_the_same_words_of_another_source_are_new() -> None:
    told = [*moments("abc"), *(Moment(at(9), "caller", text, "E19") for text in "abc")]
    assert not [one for one in fold(told) if isinstance(one, RepeatedBlock)]


@given(st.text("abcd", max_size=60), st.integers(-1, 60))
def test_every_moment_is_told_once_in_its_order(texts: str, decisive: int) -> None:
    told = moments(texts, decisive)
    lines = [line for one in fold(told) for line in ([one] if isinstance(one, Line) else one.lines)]
    assert [line.number for line in lines] == list(range(1, len(told) + 1))
    assert [line.moment for line in lines] == told
    first = {one.number for one in fold(told) if isinstance(one, Line)}
    for one in fold(told):
        if isinstance(one, RepeatedBlock):
            assert set(one.like) <= first, "it refers to lines that stand there"
            assert all(line.moment.text == told[line.like - 1].text for line in one.lines)
            assert not any(line.moment.decisive for line in one.lines)


def test_neighbours_are_drawn_together() -> None:
    assert spans([8, 10, 11, 12, 14]) == "8, 10–12, 14"
    assert spans([]) == ""
