"""Family visibility: the machine exists, and a view omits it (§2, §11 row 22)."""

from __future__ import annotations

from collections.abc import Iterator

from runbooks.base.facets import Facet
from runbooks.diagnose.arguments import (
    Conclusion,
    Point,
    Weight,
    concludes,
    confirms,
    contradicts,
    missing,
    refutes,
    supports,
)
from runbooks.diagnose.broken_record import empty_shell
from runbooks.diagnose.catalogue import Stage, cause
from runbooks.diagnose.facts import GONE, Facts
from runbooks.diagnose.log_classifier import short
from runbooks.diagnose.model import Owner, Remedy
from runbooks.diagnose.preconditions import EXISTS
from runbooks.diagnose.shared_evidence import lookup_faults
from runbooks.evidence.models import Listing, Outcome


@cause(
    "hidden-from-launch-tools",
    "fly status omits this machine",
    stage=Stage.SEEN,
    mechanism=True,
    needs=EXISTS,
    remedy=Remedy(
        "Use fly machine list, or set the machine's metadata",
        "`fly status`, `fly deploy` and `fly scale` only handle machines with fly_platform_version=v2. "
        "With it, the next `fly deploy` will also update or replace this machine.",
        (
            "fly machine list -a {app}",
            "fly machine update {live_id} -a {app} --metadata fly_platform_version=v2 --metadata fly_process_group=app",
        ),
    ),
    prevention=Remedy(
        "Decide who manages machines created by API",
        "Send the metadata with the create call, or look for these machines with `fly machine list` only.",
    ),
    next_test="Look at config.metadata for fly_platform_version.",
    distinguish_from={"list-incomplete": "fly machine list does not contain it either."},
    sources=("machines/guides-examples/managing-machines-with-the-api",),
)
def hidden_from_launch_tools(facts: Facts) -> Iterator[Point | Conclusion]:
    """Mechanism: no `fly_platform_version=v2` in the metadata, as with every machine created by a plain API call; or
    flyctl itself says that it found machines without it."""
    if told := facts.log.matches("unmanaged"):
        yield supports(f"flyctl says: “{short(told[-1].line.message, 160)}”.", *facts.log.where("unmanaged"))
        yield concludes(
            "Machines of the app have no fly_platform_version metadata, so fly status, fly deploy and fly scale omit "
            "them; fly machine list does not.",
            "it has no fly_platform_version metadata, so fly deploy omits it",
        )
    if facts.machine.description is None or facts.machine.description.config is None:
        return
    if facts.machine.views[0].pasted and "metadata" not in facts.machine.description.config:
        return  # a table of flyctl does not show it
    version = facts.machine.description.metadata.get("fly_platform_version")
    if version == "v2":
        yield refutes("The metadata has fly_platform_version=v2.", *facts.machine.config_evidence)
        return
    text = "The machine's metadata has no fly_platform_version=v2."
    if facts.machine.whole_config:
        yield confirms(text, *facts.machine.config_evidence)
    else:
        yield supports(text, *facts.machine.config_evidence, weight=Weight.WEAK)
        yield missing("Only an excerpt of its description was observed.", Facet.MACHINE)
    also = ", even while it existed" if facts.events.state in GONE else ""
    yield concludes(
        f"The machine has no fly_platform_version metadata, so fly status, fly deploy and fly scale "
        f"omit it{also}; fly machine list does not."
    )


@cause(
    "list-incomplete",
    "The list omits a machine that the platform has",
    stage=Stage.SEEN,
    owner=Owner.FLY,
    explains=("hidden-from-launch-tools", "record-never-updated"),
    needs=EXISTS,
    remedy=Remedy(
        "Query the machine by its id, and inform Fly",
        "The list is an index that can lag or lose an entry; the query by id finds the machine. Give Fly's support "
        "the id and the request ids of both answers.",
        ("fly machine status {machine_id} -a {app}", "fly machine list -a {app}"),
    ),
    prevention=Remedy(
        "Never conclude from a list that a machine does not exist",
        "Query by id, twice, and check error_regions before you accept that it is absent.",
    ),
    next_test="Query the list and the machine again, a few seconds apart.",
    distinguish_from={
        "hidden-from-launch-tools": "fly machine list shows it; only fly status does not.",
        "wrong-app": "Another app's list contains it.",
    },
    sources=("machines/api/machines-resource",),
)
def list_incomplete(facts: Facts) -> Iterator[Point | Conclusion]:
    """GET shows a live machine, and the list, queried twice, does not; a region did not answer the list; or the
    platform's record of the machine is an empty shell."""
    by_id = [
        s
        for s in facts.machine.views
        if s.evidence in (Facet.MACHINE, Facet.MACHINE_AGAIN) and s.machine.state not in GONE
    ]
    told = {n: facts.answer(n, Listing) for n in (Facet.LIST, Facet.LIST_AGAIN)}
    # An entry that could not be read may be this machine.
    lists = [n for n, listing in told.items() if listing and (listing.complete or n in facts.machine.seen_evidence)]
    shown = [n for n in lists if n in facts.machine.seen_evidence]
    organisation = facts.answer(Facet.ORGANISATION, Listing)
    region = facts.machine.description.region if facts.machine.description else facts.caller.answer.region
    silent = organisation.error_regions if organisation else ()
    if shell := empty_shell(facts):
        yield supports(shell.text, *shell.evidence)
        yield concludes(
            f"{shell.text} What a list or a command says of this machine cannot be relied on.",
            "the platform's own record of it is broken",
        )
        return
    if faults := lookup_faults(facts):
        yield supports(
            f"The API refused {faults[-1].call} with {faults[-1].told}, and another view shows the machine.",
            faults[-1].evidence,
            *facts.machine.exists,
        )
        yield concludes(
            "The API did not find the machine by its id, and another view shows it.",
            "one call of the API did not find it, although it exists",
        )
        return
    if by_id and lists and not shown:
        times = "twice" if len(lists) > 1 else "once"
        argue = confirms if len(lists) > 1 else supports
        yield argue(
            f"Queried by its id, the machine is {by_id[0].machine.state}; the app's list, queried {times}, does not "
            f"contain it.",
            by_id[0].evidence,
            *lists,
        )
    elif by_id and shown:
        late = len(lists) > len(shown)
        yield (contradicts if late else refutes)(
            f"The list shows it{' at the second observation' if late else ''}.", *shown
        )
    if silent and (not region or region in silent) and Facet.ORGANISATION not in facts.machine.seen_evidence:
        yield supports(f"The organisation's list had no answer from {', '.join(silent)}.", Facet.ORGANISATION)
    if by_id and by_id[0].app != facts.subject.app:
        yield contradicts("The machine is in another app.", by_id[0].evidence)
    if not by_id and facts.outcome(Facet.MACHINE) is Outcome.ABSENT:
        yield refutes("The query by its id does not show it either.", Facet.MACHINE)
    where = f" ({', '.join(silent)} did not answer)" if silent else ""
    yield concludes(
        f"The machine exists, and the list omits it{where}: absence from the list proves nothing here.",
        f"and the list omits it{where}",
    )
