"""Step 4, the test creation: what was created and how it went; without consent, what it would cost and do."""

from __future__ import annotations

from collections.abc import Iterator

from runbooks.base.facets import Facet
from runbooks.diagnose import commands
from runbooks.diagnose.facts import Facts
from runbooks.diagnose.log_classifier import short
from runbooks.diagnose.model import Diagnosis, Remedy
from runbooks.diagnose.preconditions import Plan
from runbooks.evidence import tables
from runbooks.evidence.canary import CanaryKind, CanaryTest
from runbooks.report.section import Item, Section, asked, observed

FACETS = (Facet.CANARIES_LEFT, Facet.CANARY_IMAGE, Facet.CANARY_CONFIG)
_WHAT = {CanaryKind.IMAGE: "known-good image", CanaryKind.CONFIG: "same config"}
_EFFECTS = (
    Item(
        "With `allow_writes` and `confirm_app`, one test machine is created in the same region, on the same guest. "
        "It runs a known-good image (`canary_image`) without the app's secrets, gets no traffic and no volume, and is "
        "destroyed within minutes. It costs what a machine of this size costs for these minutes, less than one US "
        "cent for a small one."
    ),
    Item(
        "With `canary_config` as well, your own program runs a second time, with its real secrets. It may consume "
        "queues, send mail, migrate a database, or write the very row that this report looks at."
    ),
)


def create_directly(facts: Facts, diagnosis: Diagnosis) -> Section:
    """The tests that were made, or the means to make them."""
    if facts.observation(Facet.CANARY_IMAGE) is None:
        return _not_made(facts)
    tests = facts.canaries
    answers = [f"the {_WHAT[test.kind]} {tests.told(test)}" for _, test in tests.made]
    told = ", ".join(answers)
    return Section(
        "create-directly",
        "Step 4: create a machine directly",
        "Does a known-good image run in the same region, and does the same config?",
        f"{told[:1].upper()}{told[1:]}." if told else "There is no result of a test.",
        items=(*observed(facts, *FACETS), *_remains(facts)),
        quote="\n".join(_lines(facts)),
        table=tables.frame(
            ("test", "image", "region", "guest", "machine", "result", "state", "evidence"),
            (_row(facts, number, test) for number, test in tests.made),
        )
        if tests.made
        else None,
        evidence=asked(facts, *FACETS),
    )


def _row(facts: Facts, number: str, test: CanaryTest) -> tuple[str, ...]:
    image, _, digest = test.image.partition("@")
    return (
        _WHAT[test.kind],
        f"{image}@{digest[:19]}…" if digest else image,
        test.region,
        test.guest,
        test.machine_id,
        facts.canaries.told(test),
        test.state,
        f"[{number}]",
    )


def _lines(facts: Facts) -> Iterator[str]:
    """What the test with the same config printed, its end included."""
    test = facts.canaries.config
    for line in test.lines[-25:] if test else ():
        yield f"{tables.clock(line.at)}  {line.provider:<6}  {short(line.message, 300)}"


def _remains(facts: Facts) -> Iterator[Item]:
    """What is still there, or may be, and how it is removed."""
    sweep = commands.lines(("runbooks sweep-canaries {app}",), facts.names)
    for number, test in facts.canaries.made:
        if test.removed is False:
            yield Item(f"Whether the test machine {test.name} is gone is not known. Remove it.", (number,), sweep)
    for number in FACETS[1:]:
        observation = facts.observation(number)
        sent = [x.method for x in observation.exchanges if x.status] if observation else []
        if observation and observation.answer is None and "POST" in sent and "DELETE" not in sent:
            yield Item("The run ended before it removed the test machine, which may be left.", (number,), sweep)
    for machine, mark in facts.canaries.left:
        yield Item(
            f"The app has the test machine {machine.id} of a run that began at {tables.day(mark.run)}. "
            f"The next run that may write removes it, or this command.",
            (Facet.LIST.value,),
            sweep,
        )


def _not_made(facts: Facts) -> Section:
    wanted = "fly machine run flyio/hellofly -a {app} -r {region} -n test-machine --restart no {guest}"
    advised = Plan(facts).fit(Remedy("", "", (wanted,)), facts.names)
    run = advised.commands if advised else ()
    how = (
        "By hand, these commands test the known-good image. Unlike in the test of this runbook, the machine gets the "
        "app's secrets, which that image does not use. Use `fly machine run`: `fly machine create` has no --image flag "
        "and does not start the machine. Destroy the test machine afterwards.",
    )
    cannot = (advised.why if advised and advised.why else "", "No machine can be created as the evidence stands.")
    return Section(
        "create-directly",
        "Step 4: create a machine directly",
        "Does a known-good image run in the same region, and does the same config?",
        "Not tried: creating a machine changes state and costs money, and this run was not allowed to do it.",
        notes=how if run else tuple(filter(None, cannot)),
        items=(*_EFFECTS, *_remains(facts)),
        commands=(*run, *commands.lines(("fly machine destroy TEST_ID --force -a {app}",), facts.names)) if run else (),
        evidence=asked(facts, *facts.machine.config_evidence),
    )
