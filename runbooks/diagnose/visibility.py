"""The visibility matrix: who sees the machine, who does not, and who could not be asked (facts §1.6, §2)."""

from __future__ import annotations

from collections.abc import Iterator

from runbooks.diagnose.facts import GONE, Facts
from runbooks.diagnose.model import Claim, Sees, View
from runbooks.evidence.models import Listing, Machine, Outcome


def matrix(facts: Facts) -> tuple[View, ...]:
    """One row a view, the platform's first, then what people look at, then the way in, then the caller."""
    return tuple(_rows(facts))


def _rows(facts: Facts) -> Iterator[View]:
    yield _machine(facts)
    yield _listed(facts, "E05", f"list of {facts.subject.app}")
    yield _listed(facts, "E06", f"list of {facts.subject.app}, destroyed ones included")
    yield _plain(facts, "E04", "its events", f"{len(facts.events)} events")
    yield _plain(facts, "E07", "its log", f"{len(facts.logs.lines) if facts.logs else 0} lines")
    yield _organisation(facts)
    yield _listed(facts, "E05", "fly machine list (same list)")
    yield _fly_status(facts)
    yield _launch_tools(facts)
    yield View("dashboard", Sees.COULD_NOT_LOOK, "its rules are not documented, and it has no interface to ask", ())
    yield _private_name(facts)
    yield _name(facts, "E12", f"DNS of {facts.app_host}")
    if facts.believed_host and facts.believed_host != facts.app_host:
        yield _name(facts, "E13", f"DNS of {facts.believed_host}")
    if facts.believed_url:
        yield _probe(facts, "E17", facts.believed_url)
    yield _probe(facts, "E18", f"{facts.app_host}, machine named in the header")
    yield _record(facts)
    yield _caller(facts)


def _machine(facts: Facts) -> View:
    look = facts.look("E03")
    view = "machine by id"
    if look is None or look.outcome is Outcome.COULD_NOT_LOOK:
        return View(view, Sees.COULD_NOT_LOOK, look.reason if look else "not asked", ("E03",) if look else ())
    if isinstance(look.answer, Machine):
        return View(view, Sees.YES, look.answer.state, ("E03",))
    refusal = facts.refusal("E03")
    return View(view, Sees.NO, f"404 {refusal.text}" if refusal else "404", ("E03",))


def _listed(facts: Facts, number: str, view: str) -> View:
    if number == "E05" and facts.looked("E05b"):
        number = "E05b"  # the repeat, after the time that a list may lag
    look = facts.look(number)
    if look is None or not isinstance(look.answer, Listing):
        return View(view, Sees.COULD_NOT_LOOK, look.reason if look else "not asked", (number,) if look else ())
    if not facts.subject.machine_id and not facts.subject.machine_name:
        return View(view, Sees.COULD_NOT_LOOK, "neither id nor name is known", (number,))
    for sighting in facts.sightings:
        if sighting.at == number:
            return View(view, Sees.YES, sighting.machine.state, (number,))
    count = len(look.answer.machines)
    return View(view, Sees.NO, f"not among {count} machine{'' if count == 1 else 's'}", (number,))


def _organisation(facts: Facts) -> View:
    look = facts.look("E08")
    view = f"organisation {facts.subject.org}".strip()
    if look is None or not isinstance(look.answer, Listing):
        return View(view, Sees.COULD_NOT_LOOK, look.reason if look else "not asked", (look.number,) if look else ())
    listing = look.answer
    for sighting in facts.sightings:
        if sighting.at == "E08":
            return View(view, Sees.YES, f"{sighting.machine.state} in {sighting.app or 'an unnamed app'}", ("E08",))
    if listing.error_regions or not listing.complete:
        why = ", ".join(listing.error_regions) + " did not answer" if listing.error_regions else "more pages exist"
        return View(view, Sees.COULD_NOT_LOOK, f"not found, but {why}", ("E08",))
    return View(view, Sees.NO, f"not among {len(listing.machines)} machines", ("E08",))


def _plain(facts: Facts, number: str, view: str, found: str) -> View:
    look = facts.look(number)
    if look is None or look.outcome is Outcome.COULD_NOT_LOOK:
        return View(view, Sees.COULD_NOT_LOOK, look.reason if look else "not asked", (number,) if look else ())
    if look.outcome is Outcome.SEEN:
        return View(view, Sees.YES, found, (number,))
    return View(view, Sees.NO, look.reason, (number,))


def _fly_status(facts: Facts) -> View:
    """What `fly status` would show follows from the list and the metadata; it was not run."""
    view = "fly status (derived, not run)"
    listed = _listed(facts, "E05", view)
    if listed.sees is not Sees.YES:
        return listed
    machine = next(s.machine for s in facts.sightings if s.at in listed.evidence)
    if machine.config is None:
        return View(view, Sees.COULD_NOT_LOOK, "the list shows no metadata to judge by", listed.evidence)
    if machine.metadata.get("fly_platform_version") == "v2" and machine.state not in GONE:
        return View(view, Sees.YES, machine.state, listed.evidence)
    return View(view, Sees.NO, "only hinted at: no fly_platform_version=v2 in its metadata", listed.evidence)


def _launch_tools(facts: Facts) -> View:
    """`fly deploy` and `fly scale` touch machines of a process group only (facts §2)."""
    view = "fly deploy, fly scale (derived, not run)"
    listed = _listed(facts, "E05", view)
    if listed.sees is not Sees.YES or facts.config is None:
        unknown = View(view, Sees.COULD_NOT_LOOK, "no config seen", listed.evidence)
        return listed if listed.sees is not Sees.YES else unknown
    group = facts.machine.metadata.get("fly_process_group") if facts.machine else None
    version = facts.machine.metadata.get("fly_platform_version") if facts.machine else None
    if group and version == "v2":
        return View(view, Sees.YES, f"process group {group}: the next deploy may replace it", facts.config_at)
    return View(view, Sees.NO, "no process group in its metadata: they leave it alone", facts.config_at)


def _private_name(facts: Facts) -> View:
    """The private name exists for started machines only (facts §7.1); it cannot be asked from outside."""
    view = f"{facts.subject.machine_id or 'ID'}.vm.{facts.subject.app}.internal (derived)"
    if not facts.state:
        return View(view, Sees.COULD_NOT_LOOK, "its state is not known", ())
    if facts.state == "started":
        return View(view, Sees.YES, "resolves inside the private network", facts.state_at)
    return View(view, Sees.NO, f"exists for started machines only; it is {facts.state}", facts.state_at)


def reading(facts: Facts) -> Claim:
    """What the platform's own views mean together: the truth table of facts §1.6."""
    get, listed, deleted = facts.outcome("E03"), facts.outcome("E05"), facts.outcome("E06")
    token, app = facts.token, facts.refusal("E02")
    if token is not None and not token.valid:
        return Claim("The token is not accepted: none of these views says anything about the machine.", ("E01",))
    if app and app.status == 403:
        return Claim("The app is in an organisation that this token cannot read.", ("E02",))
    if facts.outcome("E02") is Outcome.ABSENT:
        return Claim("There is no app of this name that this token can see.", ("E02",))
    if facts.other_apps:
        return Claim(f"The machine is in another app: {facts.other_apps[0].app}.", (facts.other_apps[0].at,))
    if facts.state in GONE and facts.sightings:
        return Claim(f"The machine is destroyed{_by_whom(facts)}.", facts.seen_at)
    if get is Outcome.SEEN:
        if listed is Outcome.SEEN and not any(n in facts.seen_at for n in ("E05", "E05b")):
            return Claim("The machine exists, and the list leaves it out.", ("E03", "E05"))
        return Claim(
            "The machine exists. Who does not see it looks elsewhere, through a filter, or at its own records.",
            facts.seen_at,
        )
    if get is Outcome.ABSENT and deleted in (Outcome.SEEN, Outcome.ABSENT):
        if facts.log_at:
            return Claim(
                "No list knows it any more, and its log proves that it existed.", ("E03", "E06", *facts.log_at)
            )
        return Claim(
            "No view knows it: destroyed too long ago, in another organisation, or never made. An id cannot tell.",
            ("E03", "E06"),
        )
    return Claim(
        "Too few of the platform's views could be asked to say where the machine is.", facts.made("E03", "E05", "E06")
    )


def _by_whom(facts: Facts) -> str:
    """What its last events say about who destroyed it (facts §1.5): flyd acts for the platform or the config."""
    event = facts.event_of("destroy", "destroyed") or facts.event_of("destroy")
    if event is None:
        return "; no event that is still kept says by whom"
    source = event[0].source
    if source == "user":
        return ", by a request (source user)"
    if (facts.config or {}).get("auto_destroy") is True:
        return f" by its own auto_destroy setting (source {source})"
    return f" by the platform (source {source})"


def _name(facts: Facts, number: str, view: str) -> View:
    look, resolution = facts.look(number), facts.resolution(number)
    if look is None or resolution is None or look.outcome is Outcome.COULD_NOT_LOOK:
        return View(view, Sees.COULD_NOT_LOOK, look.reason if look else "not asked", (number,) if look else ())
    if look.outcome is Outcome.SEEN:
        return View(view, Sees.YES, "resolves", (number,), hearsay=True)
    return View(view, Sees.NO, resolution.code, (number,))


def _probe(facts: Facts, number: str, view: str) -> View:
    look, probe = facts.look(number), facts.probe(number)
    if look is None or probe is None:
        return View(view, Sees.COULD_NOT_LOOK, look.reason if look else "not asked", (number,) if look else ())
    if probe.reached == "open":
        return View(view, Sees.YES, f"answers (HTTP {probe.status})", (number,))
    status = f", HTTP {probe.status}" if probe.status else ""
    return View(view, Sees.NO, f"ends at {probe.reached}{status}", (number,))


def _record(facts: Facts) -> View:
    look = facts.look("E14")
    view = "caller's database"
    if look is None or look.outcome is Outcome.COULD_NOT_LOOK:
        return View(view, Sees.COULD_NOT_LOOK, look.reason if look else "not asked", ("E14",) if look else ())
    if facts.record is None:
        return View(view, Sees.NO, look.reason, ("E14",))
    return View(view, Sees.YES, f"says {facts.record.status or 'no status'}", ("E14",), hearsay=True)


def _caller(facts: Facts) -> View:
    view = "caller's answer"
    if facts.outcome("E19") is not Outcome.SEEN:
        look = facts.look("E19")
        return View(view, Sees.COULD_NOT_LOOK, look.reason if look else "not asked", ("E19",) if look else ())
    caller = facts.caller
    if caller.ok:
        return View(view, Sees.YES, f"claims success, status {caller.status or 'unnamed'}", ("E19",), hearsay=True)
    return View(view, Sees.NO, caller.error_text[:120] or "claims no success", ("E19",))
