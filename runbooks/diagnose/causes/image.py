"""Family image: the reference, the registry, and the image that was pulled (§3.1, §5, §11 rows 1-5, 42)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from runbooks.base.facets import Facet
from runbooks.diagnose.arguments import (
    Conclusion,
    NextTest,
    Point,
    Weight,
    concludes,
    confirms,
    contradicts,
    missing,
    refutes,
    supports,
    tests,
)
from runbooks.diagnose.catalogue import Stage, cause
from runbooks.diagnose.facts import Facts
from runbooks.diagnose.log_classifier import LogMatch, short
from runbooks.diagnose.model import Owner, Remedy
from runbooks.diagnose.shared_evidence import SAME_AGAIN, image_was_resolved, other_reason, refused, said_no
from runbooks.evidence.models import Image, Outcome

_MISSING = ("manifest-unknown", "image-not-found-release")
# flyctl has resolved the image: its id follows, or what stands in its place once it is masked.
_FOUND = re.compile(r"(?<!no )image found: (?:img_|<secret:)")
_ANOTHER_DEPLOY = re.compile(r"(?i)\b(?:deployed|deploy succeeded|(?:fly|flyctl|second|next) deploy)\b")
# What docker, BuildKit and flyctl print when a push has ended.
_PUSHED = ("digest: sha256:", "pushing manifest", "Pushing image done", "image pushed", "pushed image", ": Pushed")


def _believed(facts: Facts) -> tuple[Image | None, str]:
    """The last observation of the requested image, and its facet."""
    at = Facet.IMAGE_BELIEVED_AGAIN if facts.looked(Facet.IMAGE_BELIEVED_AGAIN) else Facet.IMAGE_BELIEVED
    return facts.observations.image(at), at


@cause(
    "image-tag-missing",
    "The image tag is missing, so no machine was created",
    stage=Stage.CREATE,
    always_listed=True,
    explains=("create-error-swallowed", "record-never-updated", "request-invalid"),
    remedy=Remedy(
        "Push the tag, or request an image that exists",
        "The create call is refused until the registry has the requested manifest.",
        (
            "fly auth docker",
            "docker manifest inspect {believed}",
            "fly deploy -a {app} --build-only --push --image-label {label}",
        ),
    ),
    prevention=Remedy(
        "Check the image before creating",
        "Send one request to the registry. Prefer a digest, because it cannot move or vanish. The guard in "
        "docs/prevent.md does this before each create call.",
        ("fly auth docker", "docker manifest inspect {believed}", "runbooks guard typescript"),
    ),
    next_test="Read the response to the create call: a missing tag gives HTTP 400 with MANIFEST_UNKNOWN.",
    distinguish_from={
        "image-not-yet-propagated": "The registry has the tag a minute later.",
        "image-unauthorized": "The refusal says unauthorized, not MANIFEST_UNKNOWN.",
        "image-pull-failed": "The create call returned an id.",
    },
    sources=("blueprints/using-the-fly-docker-registry", "machines/api/machines-resource"),
)
def image_tag_missing(facts: Facts) -> Iterator[Point | Conclusion]:
    """The create call is refused with 400 `failed to get manifest … MANIFEST_UNKNOWN`, and there is no
    machine. A machine id refutes it, even if the tag is missing from the registry today."""
    no = refused(facts, *_MISSING)
    believed, at = _believed(facts)
    if no:
        ref = no.names.get("ref") or facts.subject.image
        if believed and believed.exists:
            yield supports(f"The call was refused: {no.told}.", no.evidence)
        elif believed and believed.exists is False:
            yield from said_no(facts, *_MISSING)
        else:
            yield supports(f"The platform refused the call: {no.told}.", no.evidence)
            yield missing(
                "Whether the registry has the image now was not observed; a tag can appear late.", Facet.IMAGE_BELIEVED
            )
            if _was_found(facts):
                yield contradicts("The caller's log shows that flyctl found the image before it.", Facet.CALLER)
        call = "the create call" if no.operation.makes_a_machine else no.call
        yield concludes(
            f"T{call[1:]} was refused because the image {ref or 'it names'} does not exist.",
            believed=ref,
            label=ref.partition("@")[0].rpartition("/")[2].partition(":")[2],
        )
    yield from image_was_resolved(facts)
    yield from other_reason(facts, *_MISSING)
    if believed and believed.exists is False:
        yield supports(f"The registry has no {believed.ref} now.", at, weight=Weight.WEAK)
        if facts.machine.ran_text and _plain(facts.machine.ran_text) != _plain(facts.subject.image):
            yield refutes(
                f"The machine ran {facts.machine.ran_text}: pushing {facts.subject.image} would change nothing.",
                *facts.machine.config_evidence,
            )
    elif believed and believed.exists:
        yield contradicts(f"The registry has {believed.ref} now.", at)
    elif facts.outcome(Facet.IMAGE_BELIEVED) is Outcome.COULD_NOT_LOOK and not no:
        yield missing("Whether the registry has the believed tag was not observed.", Facet.IMAGE_BELIEVED)
    if not no and not facts.machine.exists and not facts.caller.answer.machine_id:
        yield missing("The response to the create call is not known.", Facet.CALLER)


def _was_found(facts: Facts) -> bool:
    """Does the caller's log show that flyctl found the image, in the deploy that was refused and in none before it?"""
    plain = facts.caller.answer.plain
    found = [match.end() for match in _FOUND.finditer(plain)]
    return bool(found) and _ANOTHER_DEPLOY.search(plain, found[-1]) is None


@cause(
    "image-not-yet-propagated",
    "The image was pushed but not yet available to the platform",
    stage=Stage.CREATE,
    settles=True,
    owner=Owner.FLY,
    explains=("create-error-swallowed", "record-never-updated", "request-invalid"),
    remedy=Remedy(
        "Repeat the create call",
        "For up to about a minute after a push the platform may not find the image; the registry has it now.",
        ("fly auth docker", "docker manifest inspect {believed}", "fly machine run {believed} -a {app} -r {region}"),
    ),
    prevention=Remedy(
        "Wait and retry after a push",
        "Create only when the registry answers for the digest, and repeat a MANIFEST_UNKNOWN for a minute.",
    ),
    next_test="Repeat the same call a minute later: if it is accepted, the image was not yet available.",
    distinguish_from={"image-tag-missing": "The registry still does not have the tag."},
    sources=("getting-started/troubleshooting",),
)
def image_not_yet_propagated(facts: Facts) -> Iterator[Point | Conclusion]:
    """The create call is refused with MANIFEST_UNKNOWN, and the registry has the same image now."""
    no = refused(facts, *_MISSING)
    believed, at = _believed(facts)
    if no and believed is None and _was_found(facts):
        yield supports(f"flyctl found the image, and then {no.call} was refused: {no.told}.", no.evidence)
        yield missing("Whether the registry has the image now was not observed.", Facet.IMAGE_BELIEVED)
        yield concludes(f"{no.call[:1].upper()}{no.call[1:]} was refused because a host could not find the image yet.")
        return
    if no is None or believed is None:
        return
    if believed.exists:
        yield supports(f"The call was refused: {no.told}; the registry has {believed.ref} now.", no.evidence, at)
        pushed = [word for word in _PUSHED if word in facts.caller.answer.plain]
        if pushed:
            yield supports(f"The caller's log shows a push before it (“{pushed[0].strip()}”).", Facet.CALLER)
    elif believed.exists is False:
        yield refutes(f"The registry does not have {believed.ref} even now.", at)
    ref = no.names.get("ref") or believed.ref
    yield concludes(f"The create call was refused because {ref} could not be found yet; the registry has it now.")


@cause(
    "image-unauthorized",
    "The platform may not read the image",
    stage=Stage.CREATE,
    explains=("create-error-swallowed", "record-never-updated", "request-invalid"),
    remedy=Remedy(
        "Mirror the image into the app's own repository",
        "Fly pulls with its own credentials and reads repositories of the same organisation only.{short_name}",
        (
            "fly auth docker",
            "docker pull {believed}",
            "docker tag {believed} registry.fly.io/{app}:mirror",
            "docker push registry.fly.io/{app}:mirror",
        ),
    ),
    next_test="Read the response to the create call: it contains `failed to get manifest …: unauthorized`.",
    distinguish_from={"image-tag-missing": "The refusal says MANIFEST_UNKNOWN, not unauthorized."},
    sources=("blueprints/using-the-fly-docker-registry",),
)
def image_unauthorized(facts: Facts) -> Iterator[Point | Conclusion]:
    """The create call is refused with 400 `failed to get manifest …: unauthorized`: a private or foreign
    registry, a repository of another organisation, or a package that is not public."""
    no = refused(facts, "manifest-unauthorized")
    believed = facts.observations.image(Facet.IMAGE_BELIEVED)
    if no:
        yield from said_no(facts, "manifest-unauthorized")
        ref = no.names.get("ref") or facts.subject.image
        official = ref.startswith("docker.io/library/")
        yield concludes(
            f"The create call was refused because the platform may not read {ref or 'the image'}.",
            believed=ref,
            short_name=" A name without registry and owner means docker.io/library, which holds Docker's official "
            "images only: if this is not one of them, give its full name."
            if official
            else "",
        )
    elif believed and believed.exists is None and believed.refusal:
        yield supports(
            f"The registry refused the request for {believed.ref} (HTTP {believed.refusal.status}).",
            Facet.IMAGE_BELIEVED,
            weight=Weight.WEAK,
        )
    if no or believed:
        yield from image_was_resolved(facts, "one that it may not read", "unauthorized")
        yield from other_reason(facts, "manifest-unauthorized")


@cause(
    "image-too-large",
    "The image is larger than a machine's root file system",
    stage=Stage.START,
    is_a="image-or-config",
    explains=(
        "image-pull-failed",
        "create-error-swallowed",
        "record-never-updated",
        "request-invalid",
        "stuck-in-transition",
        "startup-crash",
    ),
    remedy=Remedy(
        "Make the image smaller, or move its data to a volume",
        "Unpacked, an image may take 8 GB; it is the unpacked size that counts, not the size in the registry.",
        ("docker image inspect --format '{{{{.Size}}}}' {image}", "docker history {image}"),
    ),
    prevention=Remedy("Check the unpacked size in CI", "Build in stages, and leave models and data out of the image."),
    next_test="Add up the unpacked layers: `docker history {image}`.",
    distinguish_from={"image-pull-failed": "The log reports a pull error, not a full disk."},
    sources=("getting-started/troubleshooting", "flyctl/integrating"),
)
def image_too_large(facts: Facts) -> Iterator[Point | Conclusion]:
    """A log line or a refusal about no space to unpack the image: the root file system holds 8 GB."""
    lines = facts.log.matches("no-space")
    early = [r for r in lines if not _after_boot(facts, r)]
    if early:
        yield confirms(f"The log says: “{short(early[-1].line.message, 160)}”.", *facts.log.where("no-space"))
    elif lines:
        yield supports(f"The program printed: “{short(lines[-1].line.message, 160)}”.", *facts.log.where("no-space"))
    yield from said_no(facts, "image-too-large")
    ran = facts.observations.image(Facet.IMAGE_RAN) or facts.observations.image(Facet.IMAGE_BELIEVED)
    if (early or facts.log.refused("image-too-large")) and ran and ran.size_bytes:
        packed = f"{ran.size_bytes / 1e9:.1f} GB"
        yield supports(f"Packed, its layers take {packed}.", Facet.IMAGE_RAN, Facet.IMAGE_BELIEVED, weight=Weight.WEAK)
    image = facts.machine.ran_text or facts.subject.image
    yield concludes(
        f"The image{f' {image}' if image else ''} does not fit into a machine's root file system (8GB, unpacked).",
        "its image does not fit into the root file system (8GB, unpacked)",
    )


def _after_boot(facts: Facts, reading: LogMatch) -> bool:
    """Was the line logged after the boot? A disk that fills up then is filled by the program, not by the image."""
    booted = [r.line.at for r in facts.log.matches("booting") if r.line.at]
    return bool(booted and reading.line.at and reading.line.at > booted[0])


@cause(
    "image-pull-failed",
    "The image could not be pulled after the create call",
    stage=Stage.START,
    is_a="image-or-config",
    owner=Owner.UNDECIDED,
    always_listed=True,
    explains=("record-never-updated", "auto-destroyed"),
    remedy=Remedy(
        "Push the image again and create from its new digest",
        "The API resolved a digest that the worker host could not fetch. The old digest will not return.",
        ("fly auth docker", "docker manifest inspect {image}", "fly deploy -a {app} --build-only --push"),
    ),
    prevention=Remedy(
        "Wait until the machine has settled before reporting success",
        "HTTP 200 means that a machine was reserved, not that it is running. The guard in docs/prevent.md waits, and "
        "keeps the evidence where the machine does not settle.",
        ("fly machine wait {live_id} -a {app} --state settled", "runbooks guard typescript"),
    ),
    next_test="Ask the registry for the digest that the machine resolved, and read its log for the pull.",
    distinguish_from={
        "image-tag-missing": "The create call itself was refused, and there is no id.",
        "stuck-in-transition": "The pull has not failed; it takes too long.",
    },
    sources=("machines/machine-states", "machines/overview"),
)
def image_pull_failed(facts: Facts) -> Iterator[Point | Conclusion | NextTest]:
    """After a 200: no start, a pull line without “prepared”, and a digest the registry no longer serves.
    Fly documents neither the event nor the log text of it, so those alone confirm nothing."""
    if prepared := facts.log.matches("prepared"):
        yield refutes(
            f"The log says that the image was pulled: “{short(prepared[0].line.message, 120)}”.",
            *facts.log.where("prepared"),
        )
    elif facts.events.started_evidence:
        yield refutes("The machine booted, so its image was pulled.", *facts.events.started_evidence)
    pulling, failed = facts.log.matches("pulling"), facts.log.matches("pull-failed")
    gone = facts.observations.image(Facet.IMAGE_RAN)
    digest_gone = bool(gone and gone.exists is False)
    if failed:
        yield supports(
            f"The log reports a failed pull: “{short(failed[-1].line.message, 160)}”.",
            *facts.log.where("pull-failed"),
        )
    if facts.events.event_of("launch", "launch_failed"):
        yield supports("The events show launch_failed.", *facts.events.evidence)
    if pulling and not facts.log.matches("prepared") and digest_gone and gone:
        yield confirms(
            f"The log shows an unfinished pull of the image, "
            f"and the registry no longer has {gone.ref.rpartition('@')[2]}.",
            *facts.log.where("pulling"),
            Facet.IMAGE_RAN,
        )
    elif digest_gone and gone and facts.machine.exists:
        yield supports(f"The registry has no {gone.ref}, the digest that the machine resolved.", Facet.IMAGE_RAN)
    if not facts.machine.exists:
        yield missing("The platform shows no machine, so no pull attempt was observed.", Facet.MACHINE)
        if not facts.log.lines:
            yield tests(SAME_AGAIN)
    elif pulling and not failed:
        yield tests("Read its log again: it says when the image is prepared, or why the pull failed.")
    elif not pulling and facts.outcome(Facet.LOGS) is not Outcome.SEEN:
        yield missing("There is no log line about the pull.", Facet.LOGS)
    yield concludes(
        "The machine was created, and then its image could not be pulled onto the host.",
        "its image could not be pulled onto the host",
    )


@cause(
    "image-wrong-architecture",
    "The image is built for another processor",
    stage=Stage.START,
    is_a="startup-crash",
    explains=(
        "image-pull-failed",
        "startup-crash",
        "restart-limit-reached",
        "auto-destroyed",
        "record-never-updated",
        "bad-command",
    ),
    remedy=Remedy(
        "Build the image for linux/amd64 and push it again",
        "Fly Machines are x86-64; an image built on an ARM computer without --platform cannot run on them.",
        ("fly auth docker", "docker buildx build --platform linux/amd64 -t {tagged} --push ."),
    ),
    prevention=Remedy(
        "Always name the platform when building by hand",
        "The create call does not check the architecture; `fly deploy` builds for amd64 by default.",
        ("fly auth docker", "docker buildx build --platform linux/amd64 -t {tagged} --push ."),
    ),
    next_test="Read `architecture` in the image's config: `docker buildx imagetools inspect {image}`.",
    distinguish_from={
        "bad-command": "The file is missing; with the wrong architecture it exists and cannot be executed.",
        "startup-crash": "The program runs and prints output.",
    },
    sources=("machines/overview", "getting-started/troubleshooting"),
)
def image_wrong_architecture(facts: Facts) -> Iterator[Point | Conclusion]:
    """The boot log says `Exec format error`, or the image has no variant for amd64. Not checked at create."""
    said = facts.log.matches("exec-format", "wrong-platform")
    no = refused(facts, "manifest-platform")
    ran = facts.observations.image(Facet.IMAGE_RAN)
    architectures = ran.architectures if isinstance(ran, Image) and ran.exists else ()
    if said:
        yield confirms(
            f"The log says: “{short(said[0].line.message, 160)}”.", *facts.log.where("exec-format", "wrong-platform")
        )
    elif no:
        yield from said_no(facts, "manifest-platform")
        yield concludes("The image has no variant for linux/amd64, and Fly's machines are amd64.")
    if architectures and "amd64" not in architectures:
        shown = ", ".join(architectures)
        if facts.events.crash_codes or said:
            yield confirms(f"The image that ran is for {shown} only; Fly runs amd64.", Facet.IMAGE_RAN)
        else:
            yield supports(f"The image that ran is for {shown} only; Fly runs amd64.", Facet.IMAGE_RAN)
        yield concludes(f"The image {facts.machine.ran_text or ''} is built for {shown}, and Fly's machines are amd64.")
    elif architectures and not said:
        yield refutes("Its image offers amd64, which Fly runs.", Facet.IMAGE_RAN)
    elif architectures:
        yield contradicts("Its image offers amd64; a script without a #! line gives the same error.", Facet.IMAGE_RAN)
    if said and not architectures:
        none = said[0].fact == "wrong-platform"
        yield concludes(
            "The image has no variant for linux/amd64, and Fly's machines are amd64."
            if none
            else "The program cannot be executed on Fly's amd64 machines."
        )
        yield missing("The image's architecture could not be read.", Facet.IMAGE_RAN)


@cause(
    "image-not-as-believed",
    "The machine ran a different image than the caller expects",
    stage=Stage.SEEN,
    remedy=Remedy(
        "Find the source of the image reference",
        "Conclusions from {believed} concern an image that was not used here. A default in the code is "
        "overridden by a secret or a variable. `supabase secrets list` shows which secrets are set, but not their "
        "values; with RUNBOOKS_SUPABASE_TOKEN this runbook compares their digests with the images in question.",
        ("fly machine status {live_id} -a {app} -d", "supabase secrets list"),
    ),
    prevention=Remedy(
        "Log the image reference that is sent, and pin a digest",
        "A secret or an environment variable can override the default in the code.",
    ),
    next_test="Compare the machine's image_ref with the reference the caller believes.",
    distinguish_from={
        "image-tag-missing": "The create call was refused.",
        "replaced-or-migrated": "The version changed, and the image is the believed one.",
    },
    sources=("blueprints/using-the-fly-docker-registry", "machines/api/machines-resource"),
)
def image_not_as_believed(facts: Facts) -> Iterator[Point | Conclusion]:
    """`image_ref` or `config.image` differs from the believed reference, or the same tag points elsewhere now."""
    believed, ran = facts.subject.image, facts.machine.ran_text
    if not believed or not ran:
        return
    if _plain(believed) != _plain(ran):
        said = (Facet.CALLER,) if believed in facts.caller.answer.plain else ()
        yield confirms(
            f"The machine ran {ran}; {'the caller names' if said else 'this run was told to expect'} {believed}.",
            *facts.machine.config_evidence,
            *said,
        )
        who = "as the caller says" if said else "which this run was told to expect"
        yield concludes(f"The machine ran {ran}, not {believed}, {who}.")
        return
    then, present = facts.versions.at_incident, facts.versions.present
    if then and present and then.version != present.version and then.image and _plain(then.image) != _plain(believed):
        since = f"{present.made_at:%Y-%m-%d %H:%M} UTC" if present.made_at else "a later version"
        yield confirms(
            f"At the time of the incident the machine's version was {then.version}, with the image {then.image}. "
            f"The current version {present.version} was created at {since}.",
            Facet.VERSIONS,
        )
        yield concludes(
            f"At the time of the incident the machine ran {then.image}; it runs {ran} only since {since}.",
            f"it ran {then.image} at the time of the incident, and {ran} only since {since}",
        )
        return
    now = facts.observations.image(Facet.IMAGE_BELIEVED) or facts.observations.image(Facet.IMAGE_RAN_AGAIN)
    if (
        now
        and now.exists
        and now.digest
        and facts.machine.ran
        and facts.machine.ran.digest
        and now.digest != facts.machine.ran.digest
    ):
        yield confirms(
            f"{believed} points to {now.digest[:19]}… now, and the machine ran {facts.machine.ran.digest[:19]}….",
            Facet.IMAGE_BELIEVED,
            *facts.machine.config_evidence,
        )
        yield concludes(f"The tag {believed} has moved: the machine ran an older image of the same name.")


def _plain(ref: str) -> str:
    """A reference without its digest, with Docker's implied tag."""
    name = ref.partition("@")[0]
    return name if ":" in name.rpartition("/")[2] else f"{name}:latest"
