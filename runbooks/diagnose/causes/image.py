"""Family image: the reference, the registry, and what was really pulled (facts §3.1, §5, §11 rows 1-5, 42)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from runbooks.diagnose.facts import Facts
from runbooks.diagnose.ledger import (
    Point,
    Says,
    Stage,
    Weight,
    cause,
    doubts,
    favours,
    lacks,
    proves,
    refutes,
    says,
)
from runbooks.diagnose.lines import short
from runbooks.diagnose.model import Remedy
from runbooks.evidence.models import Image, Outcome

_MANIFEST = re.compile(r"(?i)failed to get manifest\s+(?P<ref>[^\s:]+(?::[^\s:]+)?)")
_UNKNOWN = re.compile(r"(?i)MANIFEST_UNKNOWN|manifest unknown|not found")
_UNAUTHORIZED = re.compile(r"(?i)unauthorized|UNAUTHORIZED|denied")


def _refused_manifest(facts: Facts, why: re.Pattern[str]) -> str | None:
    """The reference of a create call that was refused over its manifest, for this reason."""
    match = _MANIFEST.search(facts.caller.error_text)
    if match and why.search(facts.caller.error_text[match.end() :]):
        return match.group("ref")
    return None


def _exists(facts: Facts) -> Iterator[Point]:
    """An id proves that the create call resolved an image: Fly does that while the call is open (facts §3.1)."""
    if facts.known_here or facts.other_apps:
        yield refutes(
            f"The platform knows machine {facts.subject.machine_id}, so the create call was answered with an id. "
            f"Fly resolves the image while that call is open and refuses a missing one with HTTP 400 "
            f"(`failed to get manifest … MANIFEST_UNKNOWN`) and no id.",
            *(facts.known_here or facts.seen_at),
        )
    elif facts.caller.machine_id:
        yield doubts(
            f"The caller was given the id {facts.caller.machine_id}; a create call with a missing image gets none.",
            "E19",
        )


@cause(
    "image-tag-missing",
    "The image tag was missing, so no machine could be made",
    stage=Stage.CREATE,
    asked_by="the usual first suspicions",
    explains=("create-error-swallowed", "record-never-updated"),
    remedy=Remedy(
        "Push the tag, or ask for an image that exists",
        "The create call is refused until the registry has the manifest it asks for.",
        (
            "docker manifest inspect {believed}",
            "fly deploy -a {app} --build-only --push --image-label latest",
        ),
    ),
    prevention=Remedy(
        "Check the image before creating",
        "One HEAD request to the registry tells; better still, ask for a digest, which cannot move or vanish.",
        ("docker manifest inspect {believed}",),
    ),
    next_test="Ask for the create call's own answer: a missing tag shows as HTTP 400 with MANIFEST_UNKNOWN.",
)
def image_tag_missing(facts: Facts) -> Iterator[Point | Says]:
    """The create call is refused with 400 `failed to get manifest … MANIFEST_UNKNOWN`, and there is no
    machine. A machine id refutes it, even if the tag is missing from the registry today."""
    ref = _refused_manifest(facts, _UNKNOWN)
    if ref:
        yield proves(
            f"The create call was refused: HTTP {facts.caller.error_status or 'unknown'}, "
            f"“{short(facts.caller.error_text, 160)}”.",
            "E19",
        )
        yield says(f"The create call was refused because the image {ref} does not exist.", believed=ref)
    yield from _exists(facts)
    believed, at = (facts.image("E09b"), "E09b") if facts.looked("E09b") else (facts.image("E09"), "E09")
    if believed and believed.exists is False:
        yield favours(f"The registry has no {believed.ref} now.", at, weight=Weight.WEAK)
        if facts.ran_text and _plain(facts.ran_text) != _plain(facts.subject.image):
            yield refutes(
                f"The machine ran {facts.ran_text}: pushing {facts.subject.image} would change nothing.",
                *facts.config_at,
            )
    elif believed and believed.exists:
        yield doubts(f"The registry has {believed.ref} now.", at)
    elif facts.outcome("E09") is Outcome.COULD_NOT_LOOK:
        yield lacks("Whether the registry has the believed tag could not be seen.", "E09")
    if not ref and not facts.known_here:
        yield lacks("The create call's own answer is not known.", "E19")


@cause(
    "image-unauthorized",
    "The platform may not read the image",
    stage=Stage.CREATE,
    explains=("create-error-swallowed", "record-never-updated"),
    remedy=Remedy(
        "Mirror the image into the app's own repository",
        "Fly pulls with its own credentials and reads repositories of the same organisation only.",
        (
            "docker pull {believed}",
            "docker tag {believed} registry.fly.io/{app}:mirror",
            "fly auth docker",
            "docker push registry.fly.io/{app}:mirror",
        ),
    ),
    next_test="Ask for the create call's own answer: it reads `failed to get manifest …: unauthorized`.",
)
def image_unauthorized(facts: Facts) -> Iterator[Point | Says]:
    """The create call is refused with 400 `failed to get manifest …: unauthorized`: a private or foreign
    registry, or a repository of another organisation."""
    ref = _refused_manifest(facts, _UNAUTHORIZED)
    believed = facts.image("E09")
    if ref:
        yield proves(f"The create call was refused: “{short(facts.caller.error_text, 160)}”.", "E19")
        yield says(f"The create call was refused because the platform may not read {ref}.", believed=ref)
    elif believed and believed.exists is None and believed.refusal:
        yield favours(
            f"The registry refuses to tell about {believed.ref} (HTTP {believed.refusal.status}).",
            "E09",
            weight=Weight.WEAK,
        )
    if ref or believed:
        yield from _exists(facts)


@cause(
    "image-pull-failed",
    "The image could not be pulled after the create call",
    stage=Stage.START,
    asked_by="the usual first suspicions",
    explains=("record-never-updated", "auto-destroyed"),
    remedy=Remedy(
        "Push the image again and create from its new digest",
        "The API resolved a digest that the worker host could not fetch; the old digest will not come back.",
        ("docker manifest inspect {image}", "fly deploy -a {app} --build-only --push"),
    ),
    prevention=Remedy(
        "Wait until the machine has settled before reporting success",
        "A 200 says that a machine was reserved, not that it runs.",
        ("fly machine wait {live_id} -a {app} --state settled",),
    ),
    next_test="Ask the registry for the digest that the machine resolved, and read its log for the pull.",
)
def image_pull_failed(facts: Facts) -> Iterator[Point | Says]:
    """After a 200: no start, a pull line without “prepared”, and a digest the registry no longer serves.
    Fly documents neither the event nor the log text of it, so those alone decide nothing."""
    if prepared := facts.readings("prepared"):
        yield refutes(f"The log says that the image was pulled: “{short(prepared[0].line.message, 120)}”.", "E07")
    elif facts.started_at:
        yield refutes("The machine booted, so its image had been pulled.", *facts.started_at)
    pulling, failed = facts.readings("pulling"), facts.readings("pull-failed")
    gone = facts.image("E10")
    digest_gone = bool(gone and gone.exists is False)
    if failed:
        yield favours(f"The log speaks of a failed pull: “{short(failed[-1].line.message, 160)}”.", "E07")
    if facts.event_of("launch", "launch_failed"):
        yield favours("The events show launch_failed.", *facts.events_at)
    if pulling and not facts.readings("prepared") and digest_gone and gone:
        yield proves(
            f"The log shows the pull of the image beginning and never ending, "
            f"and the registry has no {gone.ref.rpartition('@')[2]} any more.",
            "E07",
            "E10",
        )
    elif digest_gone and gone and facts.known_here:
        yield favours(f"The registry has no {gone.ref}, the digest that the machine resolved.", "E10")
    if not facts.known_here and not facts.other_apps:
        yield lacks("The platform shows no machine, so there is no sign that a pull was ever tried.", "E03")
    elif not pulling and facts.outcome("E07") is not Outcome.SEEN:
        yield lacks("There is no log line about the pull.", "E07")
    yield says(
        "The machine was created, and then its image could not be pulled onto the host.",
        "its image could not be pulled onto the host",
    )


@cause(
    "image-wrong-architecture",
    "The image is built for another processor",
    stage=Stage.START,
    is_a="startup-crash",
    explains=(
        "startup-crash",
        "restart-limit-reached",
        "auto-destroyed",
        "record-never-updated",
        "bad-command",
    ),
    remedy=Remedy(
        "Build the image for linux/amd64 and push it again",
        "Fly Machines are x86-64; an image built on an ARM computer without --platform cannot run on them.",
        ("docker buildx build --platform linux/amd64 -t {image} --push .",),
    ),
    prevention=Remedy(
        "Always name the platform when building by hand",
        "The create call does not check the architecture; `fly deploy` builds for amd64 by itself.",
        ("docker buildx build --platform linux/amd64 -t {image} --push .",),
    ),
    next_test="Read `architecture` in the image's config: docker buildx imagetools inspect {image}",
)
def image_wrong_architecture(facts: Facts) -> Iterator[Point | Says]:
    """The boot log says `Exec format error`, or the image that ran offers no amd64. Not checked at create."""
    said = facts.readings("exec-format")
    ran = facts.image("E10")
    architectures = ran.architectures if isinstance(ran, Image) and ran.exists else ()
    if said:
        yield proves(f"The log says: “{short(said[0].line.message, 160)}”.", "E07")
    if architectures and "amd64" not in architectures:
        shown = ", ".join(architectures)
        if facts.crash_codes or said:
            yield proves(f"The image that ran is for {shown} only; Fly runs amd64.", "E10")
        else:
            yield favours(f"The image that ran is for {shown} only; Fly runs amd64.", "E10")
        yield says(f"The image {facts.ran_text or ''} is built for {shown}, and Fly's machines are amd64.")
    elif architectures and not said:
        yield refutes("The image that ran offers amd64, and no line speaks of an exec format error.", "E10")
    elif architectures:
        yield doubts("The image that ran offers amd64; a script without a #! line gives the same error.", "E10")
    if said and not architectures:
        yield says("The program cannot be executed on Fly's amd64 machines.")
        yield lacks("The image's own architecture could not be read.", "E10")


@cause(
    "image-not-as-believed",
    "Another image ran than the caller believes",
    stage=Stage.SEEN,
    remedy=Remedy(
        "Find where the image reference really comes from",
        "What was concluded from {believed} is about an image that was not used here. A default in the code is "
        "overruled by a secret or a variable; `supabase secrets list` shows that it is set, not its value.",
        ("fly machine status {live_id} -a {app} -d", "supabase secrets list"),
    ),
    prevention=Remedy(
        "Log the image reference that is really sent, and pin a digest",
        "A default in the code says nothing once a secret or an environment variable overrides it.",
    ),
    next_test="Compare the machine's image_ref with the reference the caller believes in.",
)
def image_not_as_believed(facts: Facts) -> Iterator[Point | Says]:
    """`image_ref` or `config.image` differs from the believed reference, or the same tag points elsewhere now."""
    believed, ran = facts.subject.image, facts.ran_text
    if not believed or not ran:
        return
    if _plain(believed) != _plain(ran):
        yield proves(f"The machine ran {ran}; the caller believes in {believed}.", *facts.config_at)
        yield says(f"The machine ran {ran}, not {believed} as the caller believes.")
        return
    now = facts.image("E09") or facts.image("E10b")
    if now and now.exists and now.digest and facts.ran and facts.ran.digest and now.digest != facts.ran.digest:
        yield proves(
            f"{believed} points to {now.digest[:19]}… now, and the machine ran {facts.ran.digest[:19]}….",
            "E09",
            *facts.config_at,
        )
        yield says(f"The tag {believed} has moved: the machine ran an older image of the same name.")


def _plain(ref: str) -> str:
    """A reference without its digest, with Docker's implied tag."""
    name = ref.partition("@")[0]
    return name if ":" in name.rpartition("/")[2] else f"{name}:latest"
