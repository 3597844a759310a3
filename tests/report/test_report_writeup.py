"""The write-up and the other Markdown: it parses, it says what the page says, it does nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import TemplateError
from markdown_it import MarkdownIt
from markdown_it.token import Token
from played import SCENARIOS, demo, played
from report_samples import EVIL, empty, everything, hostile, observation, seeing, unasked, very_long

from runbooks.diagnose.model import Verdict
from runbooks.evidence.models import Outcome
from runbooks.report import escape, inline, status, templating, writeup
from runbooks.report.document import Report

SAMPLES = pytest.mark.parametrize("sample", [demo, empty, hostile, everything, very_long])


@cache
def written(sample: Callable[[], Report]) -> str:
    return writeup.render(sample())


def parsed(text: str) -> Iterator[Token]:
    """As GitHub reads it: with tables and strikethrough, and raw HTML where there is any."""
    for token in MarkdownIt("gfm-like", {"html": True, "linkify": False}).parse(text):
        yield token
        yield from token.children or ()


def headings(text: str, level: str) -> list[str]:
    found = pairwise(parsed(text))
    return [after.content for before, after in found if before.type == "heading_open" and before.tag == level]


def section(text: str, title: str) -> str:
    return text.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


@SAMPLES
def test_it_holds_no_html_and_only_its_own_links(sample: Callable[[], Report]) -> None:
    text = written(sample)
    tokens = list(parsed(text))
    assert not [token.content for token in tokens if token.type in ("html_block", "html_inline", "image", "s_open")]
    links = {str(token.attrs["href"]) for token in tokens if token.type == "link_open"}
    assert links == {f"#{number.lower()}" for number in headings(text, "h3")} & links
    assert all(re.fullmatch(r"#e\d\d[a-z]?", link) for link in links)


@SAMPLES
def test_every_note_is_a_link_or_says_that_it_is_none(sample: Callable[[], Report]) -> None:
    """A note that leads nowhere stands as text, with its brackets."""
    report = sample()
    tokens = list(parsed(written(sample)))
    linked = {after.content for before, after in pairwise(tokens) if before.type == "link_open"}
    assert linked <= set(report.evidence.observations)
    running = " ".join(token.content for token in tokens if token.type == "text")
    assert not {
        number for number in re.findall(r"\[(E\d\d[a-z]?)\]", running) if number in report.evidence.observations
    }


@SAMPLES
def test_nothing_github_would_turn_into_a_link_stands_in_running_text(sample: Callable[[], Report]) -> None:
    running = [token.content for token in parsed(written(sample)) if token.type == "text"]
    for content in running:
        assert not re.search(r"://|\bwww\.|@\w|(^|\s)#\d", content), content


@SAMPLES
def test_it_is_short_enough_for_an_issue_and_its_fences_end(sample: Callable[[], Report]) -> None:
    report = sample()
    text = written(sample)
    assert len(text) <= writeup.MOST_CHARACTERS < 65_536
    assert writeup.render(report) == text
    assert headings(text, "h3") == list(report.evidence.observations), "no fence swallows the evidence"
    assert headings(text, "h2")[-1] == "Evidence"
    assert "Summary" in headings(text, "h2")


def test_what_does_not_fit_says_how_much_is_missing() -> None:
    text = written(very_long)
    assert re.search(r"## \w.*\n\n… \\\[cut: [\d,]+ characters, see `report.html`\\\]", text)
    assert "**Do first:**" in section(text, "Summary")
    longest = max(len(body) for body in re.split(r"^## ", text, flags=re.MULTILINE))
    assert longest < 30_000


@SAMPLES
def test_the_only_table_is_straight_and_short_as_it_stands(sample: Callable[[], Report]) -> None:
    text = written(sample)
    fences = re.compile(r"^ *(`{3,}).*?^ *\1$", re.DOTALL | re.MULTILINE)
    lines = [line for line in fences.sub("", text).splitlines() if line.startswith("|")]
    assert bool(lines) == (sample is everything)
    assert len({len(line) for line in lines}) <= 1
    assert all(len(line) <= 100 for line in lines)
    tokens = [token.type for token in parsed(text)]
    assert tokens.count("table_open") == (1 if lines else 0)
    assert tokens.count("tr_open") == max(0, len(lines) - 1)


def test_it_reads_in_order() -> None:
    text = writeup.render(demo())
    assert headings(text, "h2") == [
        "Summary", "Root cause", "Contributing factors", "Impact", "What to do", "Verification", "Prevention",
        "Timeline", "Visibility", "Hypotheses", "Ruled out", "Comparison with other machines of the app", "Not checked",
        "For a chat or a ticket", "For Fly's support", "Evidence",
    ]  # fmt: skip
    assert text.startswith(f"# {demo().title}\n\n- **Status:** ● ROOT CAUSE IDENTIFIED")
    assert "Simulated reconstruction" in text
    assert "The program exited with exit code 1, 4 times. [E07] [E06] [E25]" in text
    assert "- [ ] **1. Set SUPABASE_SERVICE_KEY to a new key** (owner: ____, due: ____)\n\n  " in text
    assert (
        "- [ ] **The machine is listed**\n\n  The list has the new id.\n\n  ```sh\n  fly machine list -a vyx-app"
        in text
    )
    assert "[x]" not in text


def test_a_fix_is_judged_by_its_checks_first() -> None:
    report = everything()
    text = writeup.render(report)
    heads = headings(text, "h2")
    assert heads[:2] == ["The five checks", "Summary"]
    assert heads.index("Engineer's notes") < heads.index("Changes since the previous run") < heads.index("Timeline")
    assert heads.index("Verification") < heads.index("Hypotheses")
    assert heads.index("Hypotheses") < heads.index("Comparison with other machines of the app")
    told = section(text, "The five checks")
    assert "| The database row says running    | ? not checked | ✗ fails         | [E14]    |" in told
    assert "| The WebSocket connects           | – skipped     | ✗ fails         | [E17]    |" in told
    assert "now: nobody could ask; at the incident: it says starting" in told
    review = report.diagnosis.review
    assert review is not None
    assert review.incident is not None
    alone = replace(review, incident=replace(review.incident, checks=()))
    text = writeup.render(replace(report, diagnosis=replace(report.diagnosis, review=alone)))
    assert "| The WebSocket connects           | – skipped     | –               | [E17]    |" in text


def test_notes_siblings_and_earlier_runs_are_told() -> None:
    text = writeup.render(everything())
    notes = section(text, "Engineer's notes")
    assert "not checked by this tool" in notes
    assert "> Sara set the secret at 10:41.  \n> \\- told &lt;b&gt;everybody&lt;/b&gt;  \n>\n> \\# no heading" in notes
    since = section(text, "Changes since the previous run")
    assert "- **machine by id**: does not: 404 → sees it: started" in since
    assert "3 more runs" in since
    siblings = section(text, "Comparison with other machines of the app")
    assert "► **state**: destroyed; the others: stopped (×2)" in siblings
    assert "host: ok, same on all" in siblings
    assert "Since then the row's `starting` is untrue: the machine is destroyed. [E14] [E06]" in section(
        text, "Contributing factors"
    )
    assert "The list shows it, and a look by id does not. [E05] [E03]" in section(text, "Root cause")


def test_a_report_without_a_feed_claims_nothing_about_fly() -> None:
    assert "incident that Fly reports" not in writeup.render(unasked(demo(), "E16"))
    told = writeup.render(demo())
    assert "Fly reports no incident: the feed lists 1 incident" in section(told, "Summary")
    assert "Besides these hypotheses, **an incident that Fly reports**: " in section(told, "Ruled out")
    told = writeup.render(seeing(demo(), observation("status", Outcome.COULD_NOT_LOOK, "the feed is off")))
    assert "Whether Fly reports an incident is not known: the feed is off" in section(told, "Summary")
    assert "Fly had" not in section(told, "Ruled out")


def test_a_hypothesis_is_a_list_of_its_own_and_a_refuted_one_says_what_is_true_of_it() -> None:
    assert (
        "○ open: **The program crashes when it starts** (`startup-crash`, initial hypothesis)\n\n"
        "- missing: No exit of the machine's program was observed. [E04] [E07]\n"
        "- next test: If a second run does no harm, create one machine "
    ) in section(writeup.render(played("gone-without-trace")), "Hypotheses")
    text = writeup.render(demo())
    assert (
        "Supports: The registry has no registry.fly.io/vyx-app:latest now. [E09] "
        "Contradicts: The platform knows machine 91850296bd4738, so it had resolved the image: "
    ) in section(text, "Ruled out")
    assert "the image tag is missing" in section(text, "Summary")


def test_very_many_moments_are_cut_but_never_the_decisive_one() -> None:
    report = very_long()
    report = replace(report, diagnosis=replace(report.diagnosis, remedies=(), prevention=(), hypotheses=()), notes=())
    told = section(writeup.render(report), "Timeline")
    assert "◆ **decisive:**" in told
    lines = re.findall(r"^- (\d+) · ", told, re.MULTILINE)
    gaps = [int(found[1].replace(",", "")) for found in re.finditer(r"cut: ([\d,]+) more moments, \d+–\d+\\\]", told)]
    assert len(gaps) == 2
    assert len(lines) + sum(gaps) == 2_000


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_cold_reader_learns_cause_confidence_next_step_and_limits(name: str) -> None:
    """From the summary alone, whatever he believed before."""
    action, not_so, state = SCENARIOS[name]
    report = played(name)
    diagnosis = report.diagnosis
    text = writeup.render(report)
    summary = section(text, "Summary")
    assert f"**Do first:** {action}" in summary
    if diagnosis.cause:
        assert f"The cause is **{diagnosis.cause.confidence}** by evidence" in summary
        assert f"(`{diagnosis.cause.slug}`)" in summary
    elif diagnosis.verdict is Verdict.HEALTHY:
        assert "No problem was found in what could be checked." in summary
    else:
        assert "The cause is **not established**" in summary
    if diagnosis.cause and diagnosis.cause.owner:
        assert f"Owner: {status.OWNERS[diagnosis.cause.owner]}." in summary
    assert not_so in summary.partition("**Not the cause:**")[2]
    limits = summary.partition("**Not checked")[2]
    gaps = [one.what.partition(" (E")[0].rstrip("?")[1:] for one in diagnosis.not_checked if one.gap]
    assert all(what in limits for what in gaps[:3])
    assert (f"; and {len(gaps) - 3} more" in limits) is (len(gaps) > 3)
    assert ("nothing; every question that was asked was answered" in limits) is (not gaps)
    whole = section(text, "Not checked")
    assert all(one.what in whole and one.why in whole for one in diagnosis.not_checked)
    assert ("Not asked, because it does not apply here" in whole) is any(not one.gap for one in diagnosis.not_checked)
    fly = ("Fly reports no incident", "Fly had an incident", "Whether Fly reports an incident is not known")
    assert any(words in summary for words in fly)
    assert ("\n## Verification\n" in text) is (diagnosis.verdict is not Verdict.HEALTHY)
    impact = section(text, "Impact")
    assert "how many users were affected" in impact
    told = re.search(rf"The machine(?:: | is ){state or '[a-z]'}.* since", impact)
    assert bool(told) is bool(state)
    assert len(re.split(r"(?<=[.]) (?=[A-Z])", summary.partition("\n\n**Do first")[0])) <= 6


@given(st.text(st.sampled_from("[]()!:E03`\\ <>x*_~\n"), max_size=30))
def test_no_text_around_a_note_makes_it_lead_elsewhere(text: str) -> None:
    tokens = list(parsed(f"{inline.markdown(text, {'E03'})}\n\n{inline.markdown_targets(['E03'])}"))
    assert {str(token.attrs["href"]) for token in tokens if token.type == "link_open"} <= {"#e03"}
    assert not [token for token in tokens if token.type in ("image", "html_inline", "html_block")]


@pytest.mark.parametrize(
    "text", ["![E03]", "[E03](javascript:x)", "[E03]: http://x", "[E03][E04]", "[E03]` `(x)", "[x][E03]", "[E03] (x)"]
)
def test_what_stands_beside_a_note_stays_text(text: str) -> None:
    known = ["E03", "E04"]
    tokens = list(parsed(f"{inline.markdown(text, known)}\n\n{inline.markdown_targets(known)}"))
    links = [str(token.attrs["href"]) for token in tokens if token.type == "link_open"]
    assert links == [f"#{number.lower()}" for number in re.findall(r"E0\d", text)]
    assert not [token for token in tokens if token.type == "image"]


@pytest.mark.parametrize(
    "text",
    [
        EVIL, "# h", "- a", "1. a", "+ a", "=== a", "--- ", "> q", "a | b", "a\\|b", "*a* _b_ ~~c~~ **d**", "<b>x</b>",
        "[a]: http://x", "[a](b)", "`", "``", "`a``b`", "&lt;", "a\nb", "http://x.y/|`z`", "\\`a`", "~~~", "    code",
        "![a](b)", "@a", "`<b>`", "x@y.z `", "a\\", "https://x.y/a\\|b",
    ],
)  # fmt: skip
def test_a_sentence_stays_a_sentence(text: str) -> None:
    """Alone, in a list, and in a table: one paragraph, no markup but code."""
    shown = inline.markdown(text)
    kinds = {"inline", "text", "code_inline", "paragraph_open", "paragraph_close"}
    assert {token.type for token in parsed(shown)} <= kinds
    assert {token.type for token in parsed(f"- {shown}")} <= kinds | {
        "bullet_list_open", "bullet_list_close", "list_item_open", "list_item_close",
    }  # fmt: skip
    cells = [token for token in parsed(f"| a | b |\n| --- | --- |\n| {shown} | last |") if token.type == "td_open"]
    assert len(cells) == 2


@pytest.mark.parametrize("form", ["html", "md", "txt"])
def test_a_template_cannot_show_a_value_as_it_is(form: str) -> None:
    """Whatever it does with it: as it is, in a macro, in a list, by the filters that exist."""
    jinja = templating.environment(form)
    for source in (
        "{{ evil }}",
        "{% macro m(x) %}{{ x }}{% endmacro %}{{ m(evil) }}",
        "{% set x = [evil] %}{% for one in x %}{{ one }}{% endfor %}",
        "{% set x %}{{ evil }}{% endset %}{{ x }}",
        '{{ "%s" | format(evil) }}',
        "{% filter flow %}{{ evil }}{% endfilter %}",
    ):
        shown = jinja.from_string(source).render(evil=EVIL, known=())
        assert "\x1b" not in shown
        assert "\u202e" not in shown
        assert form == "txt" or not re.search("<(script|img|details)", shown)
        assert form != "md" or "[link](" not in shown
    for refused in ("{{ evil | safe }}", "{{ evil ~ evil }}", "{{ evil + evil }}", "{{ [evil] | join }}"):
        with pytest.raises(TemplateError):
            jinja.from_string(refused).render(evil=EVIL, known=())


def test_a_fence_cannot_be_left() -> None:
    block = escape.fence("a\n`````\n# out\n<b>")
    assert [token.type for token in parsed(block)] == ["fence"]


@SAMPLES
def test_sections_in_text(sample: Callable[[], Report]) -> None:
    for section in sample().sections:
        shown = repr(section)
        assert shown.isprintable() or not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", shown)
        table_lines = [line for line in shown.splitlines() if not line.startswith("  ")]
        assert max(map(len, table_lines)) <= 101
