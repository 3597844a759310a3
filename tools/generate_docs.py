"""The catalogue of causes as pages: `python -m tools.generate_docs docs` writes `docs/causes/` and the table beside it.

Everything comes from the registry that `runbooks explain` reads, and from the scenarios, which are played for it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

from runbooks.base.facets import known_facets
from runbooks.base.settings import load_settings
from runbooks.collect.collector import Collector
from runbooks.collect.context import Target
from runbooks.definitions import find, validate
from runbooks.diagnose.arguments import Kind, Point
from runbooks.diagnose.catalogue import CauseInfo, catalogue
from runbooks.diagnose.commands import filled, sentence
from runbooks.diagnose.facts import Facts
from runbooks.diagnose.model import Claim, Diagnosis, Remedy
from runbooks.diagnose.verdict import diagnose
from runbooks.evidence.models import Evidence, Observation, Outcome
from runbooks.simulator.scenario import load_scenario, scenario_names
from runbooks.source import open_source
from tools.generate_reference import api_page, runbooks_page

_FAMILIES = (
    "scope",
    "image",
    "placement",
    "api",
    "startup",
    "running",
    "lifecycle",
    "removal",
    "stopped",
    "visibility",
    "network",
    "timing",
    "serving",
)
_KINDS = {Kind.SUPPORTS: "S", Kind.CONTRADICTS: "R", Kind.MISSING: "N"}


@cache
def play(name: str) -> Evidence:
    """The evidence of a scenario, collected from the simulator as a run would."""
    given = validate("machine_not_visible", {"source": f"simulator:{name}"})
    with open_source(given.source, load_settings()) as source:
        asked = Target(org_slug=given.org_slug, **given.target())
        return Collector(asked, source, facets=find("machine_not_visible").facets).run()


def without(whole: Evidence, *numbers: str) -> Evidence:
    """The same evidence, as if these looks could not have been made."""

    def hidden(observation: Observation) -> Observation:
        return replace(observation, outcome=Outcome.COULD_NOT_LOOK, answer=None, reason="taken away", exchanges=())

    return replace(whole, observations={n: hidden(x) if n in numbers else x for n, x in whole.observations.items()})


def pages() -> Mapping[str, str]:
    """Path below `docs/` → text, for every page."""
    known = catalogue()
    scenarios: dict[str, list[str]] = {}
    for name in scenario_names():
        scenarios.setdefault(load_scenario(name).expect["cause"] or "", []).append(name)
    found = {f"causes/{slug}.md": _page(info, known, scenarios.get(slug, [])) for slug, info in known.items()}
    found |= {"causes/README.md": _index(known), "evidence-by-cause.md": _table(known)}
    return found | {"runbooks.md": runbooks_page(), "api.md": api_page()}


def write(folder: Path) -> int:
    """Write all pages; what is no longer in the catalogue is removed."""
    written = pages()
    (folder / "causes").mkdir(parents=True, exist_ok=True)
    for old in (folder / "causes").glob("*.md"):
        if f"causes/{old.name}" not in written:
            old.unlink()
    for path, text in written.items():
        (folder / path).write_text(text, encoding="utf-8")
    return len(written)


def _page(info: CauseInfo, known: Mapping[str, CauseInfo], scenarios: list[str]) -> str:
    kind = "A mechanism: it hides the machine, or follows from something deeper." if info.mechanism else "A cause."
    parts = [f"# {info.title}", f"`{info.slug}` · family {info.family} · {kind}", "## What it looks like", info.doc]
    if scenarios:
        parts += list(_example(info.slug, scenarios))
    parts += ["## How to tell it from its neighbours", _bullets(_neighbours(info, known))]
    related = list(_related(info, known))
    if related:
        parts += ["## What belongs to it", _bullets(related)]
    parts += ["## The test that settles it", sentence(info.next_test, {})]
    parts += [f"## What to do: {filled(info.remedy, {}).title}", *_remedy(filled(info.remedy, {}))]
    if info.instead:
        other = filled(info.instead, {})
        parts += [f"## What to do if the machine is in another state by now: {other.title}", *_remedy(other)]
    if info.prevention:
        parts += [f"## How to prevent it: {filled(info.prevention, {}).title}", *_remedy(filled(info.prevention, {}))]
    parts += ["## Sources", _bullets(f"<{link}>" for link in info.links)]
    return "\n\n".join(parts) + "\n"


def _example(slug: str, scenarios: list[str]) -> Iterator[str]:
    found = diagnose(play(scenarios[0]))
    if found.cause and found.cause.slug == slug:
        yield f"In the simulated scenario `{scenarios[0]}` the report says:"
        yield f"> {_plain(found.cause.statement)}"
        yield _bullets(_plain(f"{c.text} [{', '.join(c.evidence)}]") for c in _proof(found, slug))
    yield "To see it:"
    yield "```\n" + "\n".join(f"runbooks run machine_not_visible --source simulator:{n}" for n in scenarios) + "\n```"


def _proof(found: Diagnosis, slug: str) -> tuple[Claim, ...]:
    return next(h.supports for h in found.hypotheses if h.slug == slug)[:3]


def _plain(text: str) -> str:
    """Quoted lines may hold what Markdown would take for markup."""
    for sign in ("\\", "<", "*", "_", "`"):
        text = text.replace(sign, f"\\{sign}")
    return " ".join(text.split())


def _neighbours(info: CauseInfo, known: Mapping[str, CauseInfo]) -> Iterator[str]:
    for slug, how in info.distinguish_from.items():
        yield f"It is rather [{slug}]({slug}.md) if: {how}"
    for other in known.values():
        if info.slug in other.distinguish_from and other.slug not in info.distinguish_from:
            yield f"[{other.slug}]({other.slug}.md) is told from this by: {other.distinguish_from[info.slug]}"


def _related(info: CauseInfo, known: Mapping[str, CauseInfo]) -> Iterator[str]:
    if info.is_a:
        yield f"It is a special form of [{info.is_a}]({info.is_a}.md)."
    if info.explains:
        yield "It can bring about " + ", ".join(f"[{s}]({s}.md)" for s in info.explains) + "."
    if by := [other.slug for other in known.values() if info.slug in other.explains]:
        yield "It can be brought about by " + ", ".join(f"[{s}]({s}.md)" for s in by) + "."


def _remedy(remedy: Remedy) -> Iterator[str]:
    yield remedy.why
    if remedy.commands:
        yield "```\n" + "\n".join(remedy.commands) + "\n```"


def _bullets(lines: Iterator[str] | list[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _index(known: Mapping[str, CauseInfo]) -> str:
    parts = [
        "# Causes",
        "Everything that a report can name, by family. A cause is what a person would have to change or wait for; "
        "a mechanism (*M*) explains why the machine is gone or hidden. `runbooks explain not-listening` prints one of "
        "them.",
        "Which look supports which cause: [evidence-by-cause.md](../evidence-by-cause.md).",
    ]
    families = dict.fromkeys((*_FAMILIES, *(info.family for info in known.values())))
    for family in families:
        rows = [info for info in known.values() if info.family == family]
        parts += [f"## {family.capitalize()}"] if rows else []
        parts += [
            _bullets([f"[{i.slug}]({i.slug}.md){' *M*' if i.mechanism else ''}: {i.title}" for i in rows])
        ] * bool(rows)
    parts.append(
        "`healthy` is a verdict, not a cause: the machine runs, the list shows it, its URL answers, its row agrees, "
        "and each of these was asked."
    )
    return "\n\n".join(parts) + "\n"


def _table(known: Mapping[str, CauseInfo]) -> str:
    cited: dict[tuple[str, str], set[str]] = {}
    for name in scenario_names():
        whole = play(name)
        for evidence in (whole, *(without(whole, number) for number in whole.observations)):
            facts = Facts(evidence)
            for info in known.values():
                for point in info.rule(facts):
                    if isinstance(point, Point):
                        for number in point.evidence:
                            cited.setdefault((info.slug, number[:3]), set()).add(_KINDS[point.kind])
    facets = [facet for facet in known_facets() if not facet.is_repeat]
    head = ["cause", *(facet.value for facet in facets)]
    rows = [
        [
            f"[{slug}](causes/{slug}.md)",
            *("".join(sorted(cited.get((slug, f.value), ()), key="SRN".index)) for f in facets),
        ]
        for slug in known
    ]
    lines = ["| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *rows)]
    return (
        "\n\n".join(
            (
                "# Which look bears on which cause",
                "S: the look can support the cause. R: it can refute it or speak against it. N: the report says what "
                "is missing when it could not be made. Found by hearing every rule on the evidence of every scenario, "
                "whole and with each single look taken away.",
                "No cause can be confirmed from a single absent facet: a proof needs a look that saw something "
                "(`tests/diagnose/test_removal.py` takes everything else away and checks).",
                "\n".join(lines),
                "## The looks",
                _bullets([f"{facet.value} {facet.slug}: {facet.question}" for facet in facets]),
            )
        )
        + "\n"
    )


if __name__ == "__main__":
    print(f"{write(Path(sys.argv[1]))} pages written")
