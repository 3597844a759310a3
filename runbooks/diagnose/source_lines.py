"""Where in the caller's files a cause can be corrected: the lines that send, build, hard-code or write it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet

from runbooks.base.facets import Facet
from runbooks.diagnose.facts import Facts
from runbooks.diagnose.ledger import Entry
from runbooks.diagnose.model import Finding, Remedy
from runbooks.diagnose.near_miss import near_miss
from runbooks.diagnose.preconditions import Standing
from runbooks.evidence.source_files import LineKind, SourceLine, Sources

Step = tuple[Remedy, Mapping[str, str], AbstractSet[Standing], Remedy | None]
_MOST = 3
_HOLE = re.compile(r"\$?\{[^{}]*\}|%s|%\(\w+\)s")


def place(finding: Finding, facts: Facts) -> Finding:
    """The finding with the files and lines that it is about, where some are known."""
    told = where(finding.slug, facts)
    if not told:
        return finding
    evidence = (*finding.evidence, Facet.SOURCES.value)
    return finding._replace(statement=f"{finding.statement} {told}", evidence=tuple(dict.fromkeys(evidence)))


def place_remedy(remedy: Remedy, slug: str, facts: Facts) -> Remedy:
    """The same for what to do about it."""
    told = where(slug, facts)
    return remedy._replace(why=f"{remedy.why} {told}".strip()) if told else remedy


def placed_step(entry: Entry, facts: Facts) -> Step:
    """What to do about a cause, as `preconditions.follow` takes it, with the lines to change.

    The lines are filled in like a name: what stands in a file is no template.
    """
    info, told = entry.info, where(entry.info.slug, facts)
    if not told:
        return info.remedy, entry.names, info.needs, info.instead
    names = {**entry.names, "where": told}
    remedy, instead = (one and one._replace(why=f"{one.why} {{where}}".strip()) for one in (info.remedy, info.instead))
    return remedy or info.remedy, names, info.needs, instead


def where(slug: str, facts: Facts) -> str:
    """One sentence: file, line and the line itself; only the files, where no line shows it; "" without either."""
    sources = facts.answer(Facet.SOURCES, Sources)
    find = _FINDERS.get(slug)
    if sources is None or find is None:
        return ""
    lines = find(facts, sources.lines)
    if lines:
        shown = "; ".join(f"{line.place} (“{line.text}”)" for line in lines[:_MOST])
        more = f"; and {len(lines) - _MOST} more" if len(lines) > _MOST else ""
        return f"In the caller's files: {shown}{more}."
    names = ", ".join(file.name for file in sources.files[:_MOST])
    read = any(file.lines for file in sources.files)
    return f"Files involved: {names}{'; no line of them shows it' if read else ', not read'}." if names else ""


Lines = Sequence[SourceLine]


def _variables(facts: Facts, lines: Lines) -> Lines:
    """The line that sends the wrong name; else the one that sends the right name without a value."""
    sent = [line for line in lines if line.kind is LineKind.VARIABLE]
    names = tuple(dict.fromkeys(line.value for line in sent))
    wanted = [name for match in facts.log.matches("missing-variable") for name in match.names]
    env = facts.machine.description.env if facts.machine.description else {}
    wrong = {near_miss(name, tuple(n for n in names if n != name and (not env or n in env))) for name in wanted}
    meant = [line for line in sent if line.value in wrong]
    return _once(meant or [line for line in sent if line.value in wanted])


def _images(facts: Facts, lines: Lines) -> Lines:
    """The line that names the image: as it was requested, or as it ran."""
    refs = {ref.removeprefix("docker.io/") for ref in (facts.subject.image, facts.machine.ran_text) if ref}
    return _once([line for line in lines if line.kind is LineKind.IMAGE and any(_fits(line.value, r) for r in refs)])


def _fits(written: str, reference: str) -> bool:
    """Could this text, with its holes filled, be the reference?"""
    pattern = ".*".join(re.escape(part) for part in _HOLE.split(written.removeprefix("docker.io/")))
    return re.fullmatch(f"{pattern}(?::latest)?", reference) is not None and bool(_HOLE.sub("", written).strip("/:"))


def _urls(facts: Facts, lines: Lines) -> Lines:
    return _once([line for line in lines if line.kind is LineKind.URL])


def _rows(facts: Facts, lines: Lines) -> Lines:
    """The line that writes the state that the row has, and the one that writes a time of start."""
    status = facts.caller.record.status.lower() if facts.caller.record else ""
    written = [line for line in lines if line.kind is LineKind.STATUS and line.value == status]
    return _once([*written, *(line for line in lines if line.kind is LineKind.STARTED_AT)])


def _once(lines: Lines) -> Lines:
    """Each line of a file once, in the order of the files."""
    return tuple({line.place: line for line in lines}.values())


_FINDERS: Mapping[str, Callable[[Facts, Lines], Lines]] = {
    "missing-environment": _variables,
    **dict.fromkeys(
        (
            "image-tag-missing",
            "image-not-yet-propagated",
            "image-unauthorized",
            "image-pull-failed",
            "image-wrong-architecture",
            "image-too-large",
            "image-not-as-believed",
            "mutable-tag",
        ),
        _images,
    ),
    **dict.fromkeys(("wrong-hostname", "url-from-machine-name"), _urls),
    **dict.fromkeys(("record-never-updated", "status-before-observed", "unverified-200"), _rows),
}
"""What is looked for in the files, by cause or finding."""
