"""The report as GitHub Markdown, for an issue: the answer first, then what it rests on.

Footnotes link to the evidence list at the end, whose headings give the anchors. Answers themselves
stay in the page and the evidence folder.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator

from runbooks.diagnose.model import Claim, Hypothesis, Moment, Remedy
from runbooks.evidence.catalogue import FACETS
from runbooks.evidence.models import Exchange, Look
from runbooks.report import escape, facts, inline, paste, status, table, times
from runbooks.report.document import Report

MOST_MOMENTS, HEAD, TAIL = 60, 35, 15
MOST_EXCHANGES = 6
_SHORT = 500
MOST_CHARACTERS = 60_000
"""GitHub takes 65,536 characters in an issue; a longer write-up leaves the single requests out."""

Part = Callable[[Report, Collection[str]], Iterator[str]]


def render(report: Report) -> str:
    """The whole document. The same report always gives the same bytes."""
    text = _render(report, _evidence)
    return text if len(text) <= MOST_CHARACTERS else _render(report, _evidence_in_short)


def _render(report: Report, evidence: Part) -> str:
    known = frozenset(report.evidence.looks)
    parts: list[str] = []
    makers: tuple[Part, ...] = (
        _opening,
        _cause,
        _contradictions,
        _ruled_out,
        _remedies,
        _symptoms,
        _visibility,
        _timeline,
        _hypotheses,
        _contributing,
        _verification,
        _prevention,
        _not_checked,
        evidence,
        _closing,
    )
    for make in makers:
        parts += make(report, known)
    return "\n\n".join(part for part in parts if part) + "\n"


def _opening(report: Report, known: Collection[str]) -> Iterator[str]:
    diagnosis, standing = report.diagnosis, status.of(report.diagnosis)
    yield f"# {_say(report.title or diagnosis.headline, known, 300)}"
    yield (
        f"**Status:** {standing.sign} {standing.words} ({standing.meaning})  \n"
        f"**Looked at:** {times.second(report.evidence.looked_at)}"
    )
    scenario = status.simulated(report.evidence)
    if scenario:
        yield (
            f"> **Simulated reconstruction.** The evidence comes from the built-in simulator (scenario "
            f"{escape.code(escape.line(scenario, 80))}), not from a real machine."
        )
    if report.title:
        yield f"**{_say(diagnosis.headline, known)}**"
    rows = [[label, escape.markdown(escape.line(value, 120))] for label, value in facts.of(report)]
    yield table.markdown_rows(["fact", "value"], rows)
    yield "For a chat or a ticket:"
    yield escape.fence(paste.block(report))


def _cause(report: Report, known: Collection[str]) -> Iterator[str]:
    cause = report.diagnosis.cause
    yield "## Root cause"
    if cause is None:
        healthy = report.diagnosis.verdict == "healthy"
        yield "None: nothing wrong was found." if healthy else "Not established: see the hypotheses below."
        return
    yield _claim(Claim(cause.statement, cause.evidence), known)
    sign = status.STATUS_SIGNS.get(cause.confidence, "")
    yield f"{escape.code(cause.slug)}, {sign} **{escape.markdown(cause.confidence)}**"


def _contradictions(report: Report, known: Collection[str]) -> Iterator[str]:
    if report.diagnosis.contradictions:
        yield "## The evidence contradicts itself"
        yield "\n".join(f"- {_claim(claim, known)}" for claim in report.diagnosis.contradictions)


def _remedies(report: Report, known: Collection[str]) -> Iterator[str]:
    if report.diagnosis.remedies:
        yield "## What to do"
        yield from _steps(report.diagnosis.remedies, known)


def _symptoms(report: Report, known: Collection[str]) -> Iterator[str]:
    if report.diagnosis.symptoms:
        yield "## Symptoms"
        yield "\n".join(
            f"- {status.SYMPTOM_SIGNS[one.holds]} {_claim(Claim(one.text, one.evidence), known)}"
            f" – {status.SYMPTOM_WORDS[one.holds]}"
            for one in report.diagnosis.symptoms
        )


def _visibility(report: Report, known: Collection[str]) -> Iterator[str]:
    if report.diagnosis.visibility:
        yield "## Who sees the machine"
        rows = [
            [
                _say(view.view, known, _SHORT),
                f"{status.SEES_SIGNS[view.sees]} {status.SEES_WORDS[view.sees]}",
                _say(view.state, known, _SHORT),
                inline.markdown_notes(view.evidence, known),
            ]
            for view in report.diagnosis.visibility
        ]
        if report.diagnosis.reading.text:
            yield _claim(report.diagnosis.reading, known)
        yield table.markdown_rows(["view", "sees it?", "state", "evidence"], rows)


def _timeline(report: Report, known: Collection[str]) -> Iterator[str]:
    moments = report.diagnosis.timeline
    if not moments:
        return
    yield "## Timeline"
    chosen = list(_chosen(moments))
    rows = [_moment(number, moment, known) for number, moment in chosen]
    yield table.markdown_rows(["#", "UTC", "source", "what", "evidence"], rows)
    if len(chosen) < len(moments):
        yield f"… \\[cut: {len(moments) - len(chosen):,} more moments, numbered as in `summary.json`\\]"


def _chosen(moments: tuple[Moment, ...]) -> Iterator[tuple[int, Moment]]:
    """All moments, or of very many the first, the last and the decisive ones, with their numbers."""
    every = list(enumerate(moments, start=1))
    if len(every) <= MOST_MOMENTS:
        yield from every
        return
    decisive = [pair for pair in every[HEAD:-TAIL] if pair[1].decisive][: MOST_MOMENTS - HEAD - TAIL]
    yield from [*every[:HEAD], *decisive, *every[-TAIL:]]


def _moment(number: int, moment: Moment, known: Collection[str]) -> list[str]:
    text = _say(moment.text, known, _SHORT)
    return [
        str(number),
        f"{times.utc(moment.at):%Y-%m-%d} {times.clock(moment.at)}",
        _say(moment.source, known, 60),
        f"◆ **decisive:** {text}" if moment.decisive else text,
        inline.markdown_notes([moment.evidence] if moment.evidence else [], known),
    ]


def _hypotheses(report: Report, known: Collection[str]) -> Iterator[str]:
    hypotheses = report.diagnosis.hypotheses
    if not hypotheses:
        return
    yield "## Hypotheses"
    rows = [
        [
            f"{status.STATUS_SIGNS[one.status]} {one.status}",
            _say(one.title, known, _SHORT) + (f", raised by {_say(one.asked_by, known, 80)}" if one.asked_by else ""),
            _claims(one.supports, known),
            _claims(one.against, known),
            _missing(one, known),
        ]
        for one in hypotheses
    ]
    yield table.markdown_rows(["status", "hypothesis", "for", "against", "missing, next test"], rows)


def _missing(hypothesis: Hypothesis, known: Collection[str]) -> str:
    parts = [_claims(hypothesis.missing, known)] if hypothesis.missing else []
    if hypothesis.next_test:
        parts.append(f"Next: {_say(hypothesis.next_test, known, _SHORT)}")
    return "; ".join(parts)


def _claims(claims: Iterable[Claim], known: Collection[str]) -> str:
    return "; ".join(_claim(claim, known, _SHORT) for claim in claims)


def _contributing(report: Report, known: Collection[str]) -> Iterator[str]:
    if report.diagnosis.chain:
        yield "## What contributed"
        yield "\n".join(
            f"- {escape.code(finding.slug)}: {_claim(Claim(finding.statement, finding.evidence), known)}"
            for finding in report.diagnosis.chain
        )


def _ruled_out(report: Report, known: Collection[str]) -> Iterator[str]:
    """The usual suspicions that the evidence speaks against, for readers who came with one of them."""
    out = [h for h in report.diagnosis.hypotheses if h.status.value == "refuted" and h.asked_by and h.against]
    if out:
        yield "## Ruled out"
        yield "\n".join(f"- ✗ {_say(h.title, known, _SHORT)}: {_claim(h.against[-1], known)}" for h in out)


def _verification(report: Report, known: Collection[str]) -> Iterator[str]:
    """Unticked boxes: ticking them is the reader's part."""
    if not report.diagnosis.verification:
        return
    yield "## Verification"
    for one in report.diagnosis.verification:
        yield f"- [ ] {_titled(one, known)}"
        if one.commands:
            yield _indented(escape.fence(_commands(one), "sh"))


def _prevention(report: Report, known: Collection[str]) -> Iterator[str]:
    if report.diagnosis.prevention:
        yield "## Prevention"
        yield from _steps(report.diagnosis.prevention, known)


def _not_checked(report: Report, known: Collection[str]) -> Iterator[str]:
    yield "## Not checked"
    rows = [f"- **{_say(one.what, known)}**: {_say(one.why, known)}" for one in report.diagnosis.not_checked]
    rows += [f"- **One of this tool's own checks failed**: {_say(fault, known)}" for fault in report.diagnosis.faults]
    yield "\n".join(rows) or "Everything this runbook asks was answered."


def _evidence(report: Report, known: Collection[str], most: int = MOST_EXCHANGES) -> Iterator[str]:
    yield "## Evidence"
    for look in report.evidence.looks.values():
        yield f"### {look.number}"
        yield _look(look, known, most)
    for name, reason in report.evidence.skipped.items():
        question = f" {FACETS[name].question}" if name in FACETS else ""
        yield f"Not asked: {escape.markdown(escape.line(name, 60))}.{question} {_say(reason, known, _SHORT)}"


def _evidence_in_short(report: Report, known: Collection[str]) -> Iterator[str]:
    return _evidence(report, known, 0)


def _look(look: Look, known: Collection[str], most: int) -> str:
    lines = [
        f"**{escape.markdown(look.facet.question)}** {status.OUTCOME_SIGNS[look.outcome]} "
        f"{status.OUTCOME_WORDS[look.outcome]}: {_say(look.reason, known)}"
    ]
    exchanges = [f"- {_exchange(exchange)}" for exchange in look.exchanges[:most]]
    if len(look.exchanges) > most:
        exchanges.append(f"- … \\[cut: {len(look.exchanges) - most} more exchanges, see `report.html`\\]")
    return "\n\n".join([*lines, "\n".join(exchanges)] if exchanges else lines)


def _exchange(exchange: Exchange) -> str:
    parts = [
        escape.code(f"{escape.line(exchange.method, 20)} {escape.line(exchange.url, 300)}"),
        times.second(exchange.at),
        f"status {exchange.status}" if exchange.status is not None else "no status",
    ]
    if exchange.error:
        parts.append(escape.markdown(escape.line(exchange.error, 200)))
    if exchange.request_id:
        parts.append(f"fly-request-id {escape.code(escape.line(exchange.request_id, 120))}")
    parts.append(f"sha256 {escape.code(exchange.sha256[:12])}…")
    return ", ".join(parts)


def _closing(report: Report, known: Collection[str]) -> Iterator[str]:
    requests = report.requests
    hosts = ", ".join(f"{escape.line(host, 80)} {count}" for host, count in sorted(requests.by_host.items()))
    masked = ", ".join(f"{escape.line(kind, 60)} {count}" for kind, count in sorted(report.masked.items()))
    made = facts.requests(report) + (f": {escape.markdown(hosts)}" if hosts else "")
    yield "---"
    yield (
        f"fly-runbooks {escape.code(escape.line(report.version, 40))}, runbook "
        f"{escape.code(escape.line(report.runbook, 80))}. {made}. "
        f"Masked: {escape.markdown(masked) or 'nothing'}."
    )


def _steps(remedies: Iterable[Remedy], known: Collection[str]) -> Iterator[str]:
    for number, one in enumerate(remedies, start=1):
        yield f"{number}. {_titled(one, known)}"
        if one.commands:
            yield _indented(escape.fence(_commands(one), "sh"), len(f"{number}. "))
        yield _indented("Owner: …", len(f"{number}. "))


def _titled(remedy: Remedy, known: Collection[str]) -> str:
    title = f"**{_say(remedy.title, known, 300)}**"
    return f"{title}: {_say(remedy.why, known)}" if remedy.why else title


def _commands(remedy: Remedy) -> str:
    return "\n".join(escape.plain(command, 40_000) for command in remedy.commands)


def _indented(block: str, width: int = 2) -> str:
    """A block that belongs to the list item before it, whose mark is `width` wide."""
    return "\n".join(" " * width + line if line else "" for line in block.split("\n"))


def _claim(claim: Claim, known: Collection[str], limit: int = escape.SENTENCE) -> str:
    text = _say(claim.text, known, limit)
    return f"{text} {inline.markdown_notes(claim.evidence, known)}" if claim.evidence else text


def _say(sentence: str, known: Collection[str], limit: int = escape.SENTENCE) -> str:
    return inline.markdown(sentence, known, limit).strip()
