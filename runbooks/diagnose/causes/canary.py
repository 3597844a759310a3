"""Family canary: what the test machines of step 4 narrow the cause down to, where nothing says it more exactly.

The known-good image and the same config, in the same region: one fails, both fail, or both run.
"""

from __future__ import annotations

from collections.abc import Iterator

from runbooks.base.facets import Facet
from runbooks.diagnose.arguments import Conclusion, Point, Weight, concludes, confirms, contradicts, missing, supports
from runbooks.diagnose.catalogue import Stage, cause
from runbooks.diagnose.facts import Facts
from runbooks.diagnose.log_classifier import short
from runbooks.diagnose.model import Answer, Owner, Remedy
from runbooks.diagnose.shared_evidence import crash, crash_evidence

_IMAGE, _CONFIG = Facet.CANARY_IMAGE, Facet.CANARY_CONFIG
_AFTERMATH = (
    "restart-limit-reached",
    "auto-destroyed",
    "record-never-updated",
    "no-machine-behind-app",
    "stuck-in-transition",
)
_STATES = ("machines/machine-states", "machines/api/machines-resource")


@cause(
    "image-or-config",
    "The image or the config keeps the machine from running",
    stage=Stage.START,
    mechanism=True,
    explains=_AFTERMATH,
    remedy=Remedy(
        "Correct the image or the config, not the call",
        "The same config fails again, and another image runs in the same region. Read the last output of the test "
        "machine, and compare the config with one that works.",
        ("fly machine list -a {app}", "fly auth docker", "docker buildx imagetools inspect {image}"),
    ),
    prevention=Remedy(
        "Run one machine of a new image before it goes into production",
        "With auto_destroy off and restart policy no, its exit code and its log stay readable.",
    ),
    next_test="Run the same config once more with the test creation (canary_config), and read its log.",
    distinguish_from={
        "region-or-platform": "A known-good image fails in the same region, too.",
        "caller-side": "The same config runs.",
    },
    sources=_STATES,
)
def image_or_config(facts: Facts) -> Iterator[Point | Conclusion]:
    """A test machine with the same config fails as the machine did, and a known-good image runs in the same region."""
    tests, test = facts.canaries, facts.canaries.config
    if test is None or tests.config_runs is not Answer.NO or tests.image_runs is Answer.NO:
        return
    told = f"A test machine with the same config {tests.told(test)}"
    if tests.image_runs is Answer.YES:
        control = "a known-good image runs in the same region, on the same guest"
        if tests.alike:
            yield confirms(f"{told}, as the machine did; {control}.", _CONFIG, _IMAGE)
        else:
            yield supports(f"{told}; {control}.", _CONFIG, _IMAGE)
    else:
        yield supports(f"{told}.", _CONFIG, weight=Weight.WEAK)
        yield missing("Whether a known-good image runs in the same region is not known.", _IMAGE)
    if tests.alike is False:
        yield contradicts("The machine itself ended in another way.", *facts.events.evidence)
    elif tests.alike is None:
        yield missing("How the machine itself ended is not known.", Facet.EVENTS, Facet.LOGS)
    if tests.last_words:
        yield supports(f"Its last output: “{short(tests.last_words, 160)}”.", _CONFIG, weight=Weight.WEAK)
    words = f": “{short(tests.last_words, 160)}”" if tests.last_words else ""
    yield concludes(
        f"The image or the config keeps the machine from running: a test machine with the same config "
        f"{tests.told(test)}{words}.",
        f"a test machine with the same config {tests.told(test)}{words}",
    )


@cause(
    "region-or-platform",
    "The region, a quota or the platform keeps machines from running",
    stage=Stage.CREATE,
    mechanism=True,
    owner=Owner.UNDECIDED,
    explains=(*_AFTERMATH, "create-error-swallowed"),
    remedy=Remedy(
        "Create the machine in another region, and ask about quota and incidents",
        "A known-good image fails in the same region on the same guest, so no change of your image helps.",
        ("fly platform status", "fly platform regions", "fly orgs show {org}"),
    ),
    prevention=Remedy(
        "Send a list of regions and expect a refusal",
        "`sin,apac` falls back automatically. On a refusal, try another place instead of failing.",
    ),
    next_test="Create a known-good image in another region: `fly machine run flyio/hellofly -a {app} -r OTHER_REGION`.",
    distinguish_from={"image-or-config": "A known-good image runs in the same region."},
    sources=_STATES,
)
def region_or_platform(facts: Facts) -> Iterator[Point | Conclusion]:
    """A test machine with a known-good image fails in the same region, and so does one with the same config."""
    tests, good, own = facts.canaries, facts.canaries.image, facts.canaries.config
    if good is None or tests.image_runs is not Answer.NO:
        return
    told = f"A test machine with a known-good image {tests.told(good)}"
    if own is not None and tests.config_runs is Answer.NO:
        # It is so now. Whether it was at the time of the incident, no test can show.
        yield supports(f"{told}, and one with the same config {tests.told(own)}.", _IMAGE, _CONFIG)
    else:
        yield supports(f"{told}.", _IMAGE, weight=Weight.WEAK)
        yield missing("Whether the same config fails as well is not known.", _CONFIG)
    if own is not None and tests.config_runs is Answer.YES:
        yield contradicts(f"A test machine with the same config {tests.told(own)}.", _CONFIG)
    if facts.events.runs:
        yield contradicts("The machine is running.", *facts.events.state_evidence)
    why = f": “{short(good.refusal.text, 160)}”" if good.refusal else ""
    yield concludes(
        f"No machine of this size can run in {good.region} now: a known-good image {tests.told(good)}{why}.",
        f"a known-good image {tests.told(good)} in {good.region}{why}",
    )


@cause(
    "caller-side",
    "The machine can run, so the fault is on the side of the caller",
    stage=Stage.LIFE,
    mechanism=True,
    explains=("record-never-updated",),
    remedy=Remedy(
        "Look at who creates, stops and records the machine",
        "The same config and a known-good image both run in the same region. Read the caller's own log for what it "
        "did after the create call, and for other jobs that remove machines.",
        ("fly machine list -a {app}",),
    ),
    prevention=Remedy(
        "Let one job own the life of a machine",
        "It creates, observes and removes the machine, and writes to the database what it has observed.",
    ),
    next_test="Create the machine once through the caller, and compare its request with the config of the machine.",
    distinguish_from={"image-or-config": "The same config fails again."},
    sources=_STATES,
)
def caller_side(facts: Facts) -> Iterator[Point | Conclusion]:
    """Test machines with the same config and with a known-good image both run in the same region."""
    tests, own = facts.canaries, facts.canaries.config
    if own is None or tests.config_runs is not Answer.YES or tests.image_runs is not Answer.YES:
        return
    yield supports("Test machines with the same config and with a known-good image both run.", _CONFIG, _IMAGE)
    if facts.events.crash_codes:
        yield contradicts(f"The machine's own program exited with {crash(facts)}.", *crash_evidence(facts))
    yield concludes(
        f"The machine can run: a test machine with the same config {tests.told(own)}. What the caller did, or did not "
        f"do, with the first one is the cause.",
        f"a test machine with the same config {tests.told(own)}, so the fault is on the side of the caller",
    )
