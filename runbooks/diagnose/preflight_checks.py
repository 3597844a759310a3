"""The checks of a preflight: what the platform would say to a create call, asked before it is made.

Each takes the planned machine and returns one `Check`. A check that does not hold names the cause of the catalogue
that an incident report would name afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta

from runbooks.base.facets import Facet
from runbooks.diagnose.checks import BLIND, NO, YES, Check, check
from runbooks.diagnose.config_audit import AuditFinding, of_config
from runbooks.diagnose.facts import format_duration
from runbooks.diagnose.near_miss import near_miss
from runbooks.diagnose.planned_machine import NO_CONFIG, PlannedMachine
from runbooks.diagnose.preflight_reach import address, hostname, services
from runbooks.evidence.models import Listing, Outcome, TokenInside
from runbooks.evidence.resources import AppSecrets, Regions, Volumes

SOON = timedelta(hours=24)
"""A token that ends within this time is worth a warning."""
ROOT_FILE_SYSTEM = 8_000_000_000
"""Bytes that an unpacked image may have (§5.3)."""
MEMORY_PER_CPU = {"shared": (256, 2048), "performance": (2048, 8192)}
"""Least and most MB for each CPU (§1.4)."""
_ALIASES = frozenset(("us", "eu", "na", "sa", "apac", "any"))  # §3


Made = Callable[[PlannedMachine], Check]


def checks(planned: PlannedMachine) -> tuple[Check, ...]:
    """Every check, in the order in which a create call would fail."""
    return tuple(make(planned) for make in CHECKS)


def _token(p: PlannedMachine) -> Check:
    """Accepted by the API; what it says of itself about its rights and its end."""
    title, seen = "The token is accepted", p.made(Facet.TOKEN, Facet.TOKEN_INSIDE)
    token, inside = p.facts.observations.token, p.facts.answer(Facet.TOKEN_INSIDE, TokenInside)
    if token is None:
        return check("token", title, BLIND, p.why_not(Facet.TOKEN), seen)
    if not token.valid:
        return check("token", title, NO, p.why_not(Facet.TOKEN), seen, cause="token-invalid")
    parts = inside.permissions if inside else ()
    if not parts:
        text = "the API accepts it; it does not say when it ends, nor whether it may create"
        return check("token", title, YES, text, seen)
    ends = min((part.not_after for part in parts if part.not_after), default=None)
    until = f"it ends {ends:%Y-%m-%d %H:%M} UTC" if ends else "it has no end"
    if not any("c" in part.actions for part in parts):
        text = f"it only reads, so the create call needs another token; {until}"
        return check("token", title, YES, text, seen, warns=True)
    if ends and ends - p.now < SOON:
        return check("token", title, YES, f"it ends in {format_duration(ends - p.now)}", seen, warns=True)
    return check("token", title, YES, f"it may create; {until}", seen)


def _app(p: PlannedMachine) -> Check:
    title, seen = "The app exists, and the token reaches it", p.made(Facet.APP)
    app, org = p.facts.observations.app, p.facts.subject.org
    if p.plan.app and p.plan.app != p.app:
        text = f"the config is for the app {p.plan.app}, not for {p.app}"
        return check("app", title, NO, text, (*seen, Facet.CONFIG), cause="wrong-app")
    if p.facts.outcome(Facet.APP) is Outcome.ABSENT:
        return check("app", title, NO, p.why_not(Facet.APP), seen, cause="app-not-found")
    refusal = p.facts.refusal(Facet.APP)
    if app is None and refusal and refusal.status == 403:
        return check("app", title, NO, p.why_not(Facet.APP), seen, cause="token-out-of-scope")
    if app is None:
        return check("app", title, BLIND, p.why_not(Facet.APP), seen)
    if org and app.org_slug and org != app.org_slug:
        text = f"{app.name} is in the organisation {app.org_slug}, not in {org}"
        return check("app", title, NO, text, seen, cause="wrong-organization")
    text = f"{app.name} is in the organisation {app.org_slug or 'unknown'}, status {app.status or 'unknown'}"
    return check("app", title, YES, text, seen, warns=app.status == "suspended")


def _config(p: PlannedMachine) -> Check:
    title, seen = "The config is one that the API accepts", p.made(Facet.CONFIG)
    if not p.known:
        return check("config", title, BLIND, p.why_not(Facet.CONFIG), seen)
    problems = list(p.plan.problems)
    if len(p.mounts) > 1:
        problems.append(f"config.mounts has {len(p.mounts)} entries, and a machine takes one volume")
    if problems:
        return check("config", title, NO, _and_more(problems), seen, cause="request-invalid")
    return check("config", title, YES, f"{p.plan.form}: {p.plan.described}", seen)


def _image(p: PlannedMachine) -> Check:
    title, seen = "The image exists", p.made(Facet.IMAGE_BELIEVED)
    if p.builds:
        return Check("image", title, BLIND, "the deploy builds the image, so it is not there yet", seen, skipped=True)
    image, why = p.image, p.why_not(Facet.IMAGE_BELIEVED)
    if image is None:
        return check("image", title, BLIND, why, seen)
    if image.exists is None:
        # Fly pulls with credentials of its own, which a private package of somebody else does not accept (§3.1).
        foreign = not image.ref.startswith("registry.fly.io/")
        refused = foreign and image.refusal is not None and image.refusal.status in (401, 403)
        text = f"{why}; Fly cannot read it either" if refused else why
        return check("image", title, NO if refused else BLIND, text, seen, cause="image-unauthorized")
    if image.exists is False:
        return check("image", title, NO, why, seen, cause="image-tag-missing")
    return check("image", title, YES, f"the registry has {image.ref}", seen)


def _platform(p: PlannedMachine) -> Check:
    title, cause = "The image is for linux/amd64", "image-wrong-architecture"
    return _of_image(
        p,
        "platform",
        title,
        lambda image: image.architectures and ("amd64" in image.architectures, f"for {', '.join(image.architectures)}"),
        cause,
    )


def _command(p: PlannedMachine) -> Check:
    """From the image, or from the config, which overrides it."""
    title, own = "The image has a command", _own_command(p.config)
    if own:
        return check("command", title, YES, f"the config runs {own}", p.made(Facet.CONFIG))
    return _of_image(
        p,
        "command",
        title,
        lambda image: (
            image.architectures
            and (
                bool(image.cmd or image.entrypoint),
                f"runs {' '.join((*image.entrypoint, *image.cmd)) or 'nothing: neither Cmd nor Entrypoint is set'}",
            )
        ),
        "bad-command",
    )


def _size(p: PlannedMachine) -> Check:
    """The compressed size is known before; unpacked it is larger, by how much nobody knows."""
    rootfs = p.config.get("rootfs")
    size = rootfs.get("size_gb") if isinstance(rootfs, Mapping) else None
    room = size * 1_000_000_000 if isinstance(size, int) and size > 0 else ROOT_FILE_SYSTEM
    title = f"The image fits into {room // 1_000_000_000} GB"
    found = _of_image(
        p,
        "size",
        title,
        lambda image: (
            image.size_bytes and (image.size_bytes <= room, f"{image.size_bytes / 1_000_000:,.0f} MB compressed")
        ),
        "image-too-large",
    )
    if found.holds is YES and p.image and (p.image.size_bytes or 0) > room / 2:
        text = f"{found.text}, more than half of the room: unpacked it may not fit"
        return check("size", title, YES, text, found.evidence, cause="image-too-large", warns=True)
    return found


def _of_image(p: PlannedMachine, slug: str, title: str, read: Callable[..., object], cause: str) -> Check:
    """A check of what the registry tells of an image that exists; `read` gives (holds, text), or nothing."""
    seen = p.made(Facet.IMAGE_BELIEVED)
    if p.builds:
        return Check(slug, title, BLIND, "the deploy builds the image, so it is not there yet", seen, skipped=True)
    if p.image is None or not p.image.exists:
        return check(slug, title, BLIND, "the image was not seen", seen)
    told = read(p.image)
    if not isinstance(told, tuple):
        return check(slug, title, BLIND, p.why_not(Facet.IMAGE_BELIEVED), seen)
    holds, text = told
    return check(slug, title, YES if holds else NO, text, seen, cause="" if holds else cause)


def _variables(p: PlannedMachine) -> Check:
    """What the program needs is in the config or among the app's secrets, and reaches the machine."""
    title, seen = "The variables of the program are set", p.made(Facet.CONFIG, Facet.SECRETS)
    if not p.known:
        return check("variables", title, BLIND, NO_CONFIG, seen)
    env, secrets = p.plan.env, p.facts.answer(Facet.SECRETS, AppSecrets)
    known = {one.name: one for one in secrets.found} if secrets else {}
    empty = [name for name in p.required if name in env and not env[name]]
    lacking = [name for name in p.required if not env.get(name) and name not in known]
    if lacking and secrets is None and not all(name in empty for name in lacking):
        return check("variables", title, BLIND, p.why_not(Facet.SECRETS), seen)
    if lacking:
        near = {name: have for name in lacking if (have := near_miss(name, (*env, *known)))}
        told = [
            f"{name} is empty"
            if name in empty
            else f"{name} is not set ({near[name]} is)"
            if name in near
            else f"{name} is not set"
            for name in lacking
        ]
        return check("variables", title, NO, _and_more(told), seen, cause="missing-environment")
    made = p.plan.version_at
    late = [n for n in p.required if not env.get(n) and made and (at := known[n].set_at) and at > made]
    if late:
        text = f"{', '.join(late)} was set after the present version of machine {p.plan.machine_id} was made: deploy it"
        return check("variables", title, YES, text, seen, cause="missing-environment", warns=True)
    if blank := [name for name, value in env.items() if not value]:
        return check("variables", title, YES, f"empty in config.env: {', '.join(blank)}", seen, warns=True)
    text = f"set: {', '.join(p.required)}" if p.required else "none is named as required (parameter required)"
    return check("variables", title, YES, text, seen)


def _name(p: PlannedMachine) -> Check:
    title, seen = "The name is free", p.made(Facet.LIST)
    listing = p.facts.answer(Facet.LIST, Listing)
    if not p.name:
        return check("name", title, YES, "no name is requested, so Fly gives one", seen or p.made(Facet.CONFIG))
    if listing is None:
        return check("name", title, BLIND, p.why_not(Facet.LIST), seen)
    if p.holder and p.holder.id == p.plan.machine_id:
        return check("name", title, YES, f"{p.name} is this machine, which an update keeps", seen)
    if p.holder:
        text = f"machine {p.holder.id} ({p.holder.state}) has the name {p.name} already"
        return check("name", title, NO, text, seen, cause="name-conflict")
    if not listing.complete:
        return check("name", title, BLIND, f"{p.name} is not in the list, which was not read whole", seen)
    return check("name", title, YES, f"no machine of {p.app} is called {p.name}", seen)


def _region(p: PlannedMachine) -> Check:
    """One of a list suffices; an alias stands for several."""
    title, seen = "The region accepts machines", p.made(Facet.REGIONS)
    if not p.region:
        text = "no region is requested, so Fly takes one near the caller"
        return check("region", title, YES, text, seen or p.made(Facet.CONFIG), warns=True)
    regions = p.facts.answer(Facet.REGIONS, Regions)
    if regions is None:
        return check("region", title, BLIND, p.why_not(Facet.REGIONS), seen)
    known = {one.code: one for one in regions.found}
    wanted = [word.strip().lower() for word in p.region.split(",") if word.strip()]
    bad = [word for word in wanted if word not in _ALIASES and (word not in known or known[word].deprecated)]
    told = [f"region {word} {'is being closed' if word in known else 'is no region of Fly'}" for word in bad]
    if bad:
        # The first of the list is tried first; whether Fly goes on behind an unknown name is not documented.
        return check("region", title, NO, _and_more(told), seen, cause="region-unavailable")
    paid = [word for word in wanted if word in known and known[word].paid]
    text = f"{p.region} is offered" + (f"; {', '.join(paid)} needs a paid plan" if paid else "")
    return check("region", title, YES, text, seen, warns=bool(paid))


def _volumes(p: PlannedMachine) -> Check:
    title, seen = "The volume can be mounted", p.made(Facet.CONFIG, Facet.VOLUMES)
    if not p.known:
        return check("volumes", title, BLIND, NO_CONFIG, seen)
    if not p.mounts:
        return check("volumes", title, YES, "the config mounts none", seen)
    found = p.facts.answer(Facet.VOLUMES, Volumes)
    if found is None:
        return check("volumes", title, BLIND, p.why_not(Facet.VOLUMES), seen)
    mount = p.mounts[0]
    wanted = str(mount.get("volume") or mount.get("name") or "")
    alike = [one for one in found.found if wanted in (one.id, one.name)]
    if not alike:
        text = f"{p.app} has no volume {wanted}"
        if mount.get("volume"):
            return check("volumes", title, NO, text, seen, cause="volume-placement")
        return check("volumes", title, YES, f"{text}: the deploy makes one", seen, warns=True)
    here = [one for one in alike if not p.region or one.region in p.region.split(",")]
    if not here:
        text = f"{wanted} is in {alike[0].region}, and the machine is requested in {p.region}"
        return check("volumes", title, NO, text, seen, cause="volume-placement")
    free = [one for one in here if one.machine_id in ("", p.plan.machine_id)]
    if not free:
        text = f"{wanted} is attached to machine {here[0].machine_id}"
        return check("volumes", title, NO, text, seen, cause="volume-placement")
    return check("volumes", title, YES, f"{free[0].id} in {free[0].region}", seen)


def _guest(p: PlannedMachine) -> Check:
    title, seen = "The guest has a size that Fly offers", p.made(Facet.CONFIG)
    if not p.known:
        return check("guest", title, BLIND, NO_CONFIG, seen)
    guest = p.config.get("guest")
    guest = guest if isinstance(guest, Mapping) else {}
    kind, cpus, memory = guest.get("cpu_kind", "shared"), guest.get("cpus", 1), guest.get("memory_mb")
    if kind not in MEMORY_PER_CPU:
        text = f"cpu_kind is {kind}, and there are {' and '.join(MEMORY_PER_CPU)}"
        return check("guest", title, NO, text, seen, cause="request-invalid")
    least, most = MEMORY_PER_CPU[kind]
    if isinstance(cpus, int) and isinstance(memory, int):
        told = f"{memory} MB for {cpus} {kind} CPU{'' if cpus == 1 else 's'}"
        if memory % 256 or not cpus * least <= memory <= cpus * most:
            text = f"{told}; allowed are {cpus * least} to {cpus * most} MB, in steps of 256"
            return check("guest", title, NO, text, seen, cause="request-invalid")
        return check("guest", title, YES, told, seen)
    return check("guest", title, YES, "the default: 1 shared CPU and 256 MB", seen)


def _audit(p: PlannedMachine) -> Check:
    title, seen = "The config audit has no finding", p.made(Facet.CONFIG)
    if not p.known:
        return check("audit", title, BLIND, NO_CONFIG, seen)
    found = list(findings(p))
    if not found:
        return check("audit", title, YES, "no finding", seen)
    hidden = any(one.finding.slug == "no-metadata" for one in found)
    text = _and_more([_clause(one.finding.statement) for one in found])
    return check("audit", title, YES, text, seen, cause="hidden-from-launch-tools" if hidden else "", warns=True)


def findings(p: PlannedMachine) -> Iterator[AuditFinding]:
    """What the config audit says of the plan."""
    seen = p.made(Facet.CONFIG)
    yield from of_config(p.config, seen, p.facts.names, p.image_text, seen)


def _own_command(config: Mapping[str, object]) -> str:
    """The command that a config sets itself, which goes before the image's."""
    init = config.get("init")
    for key in ("exec", "entrypoint", "cmd") if isinstance(init, Mapping) else ():
        words = init.get(key) if isinstance(init, Mapping) else None
        if isinstance(words, list | tuple) and words:
            return " ".join(map(str, words))
    return "its processes" if config.get("processes") or config.get("containers") else ""


def _clause(sentence: str) -> str:
    return f"{sentence[:1].lower()}{sentence[1:]}".rstrip(".")


def _and_more(told: Sequence[str], most: int = 4) -> str:
    return "; ".join(told[:most]) + (f"; and {len(told) - most} more" if len(told) > most else "")


CHECKS: tuple[Made, ...] = (
    _token,
    _app,
    _config,
    _name,
    _region,
    _image,
    _platform,
    _command,
    _size,
    _guest,
    _volumes,
    _variables,
    services,
    address,
    hostname,
    _audit,
)
