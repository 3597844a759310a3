"""Registries: does an image exist, and could it run here? Yes, no, or could not tell (§5.2).

registry.fly.io takes the Fly token; every other registry is asked without any credential, by way of
the pull token that it gives to anybody where it wants one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode, urljoin, urlsplit

from runbooks.collect.answer import Answer, CouldNotAsk
from runbooks.collect.client import Client
from runbooks.collect.result import FacetResult, absent, refused, seen, unavailable, unreadable
from runbooks.collect.transport import is_address
from runbooks.evidence.models import Image, ImageRef
from runbooks.evidence.parsers import refusal_of, text_of

ACCEPT = ", ".join(
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)


_KEYS = {"schemaVersion", "config", "layers", "manifests", "fsLayers"}
_COMPONENT = r"[a-z0-9]+(?:(?:\.|_{1,2}|-{1,8})[a-z0-9]+)*"
_TAG = re.compile(r"\w[\w.-]{0,127}", re.ASCII)
_DIGEST = re.compile(r"[a-z0-9+._-]{1,32}:[0-9a-fA-F]{32,128}")
_CHALLENGE = re.compile(r"""([a-z_]{1,20})=(?:"([^"\\]{0,2000})"|([^\s",]{1,2000}))""", re.IGNORECASE)


def parse_ref(text: str) -> ImageRef:
    """Split a reference as Docker does: a first part with a dot or a colon is a host."""
    name, _, digest = text.strip().partition("@")
    host, slash, rest = name.partition("/")
    if not (slash and ("." in host or ":" in host or host == "localhost")):
        host, rest = "docker.io", name
    repository, _, tag = rest.partition(":")
    if host == "docker.io" and "/" not in repository:
        repository = f"library/{repository}"
    return ImageRef(host, repository, tag or ("" if digest else "latest"), digest)


def _flaw(ref: ImageRef, wanted: str) -> str:
    """Why this cannot be the name of an image, or "". What is not a name is never put into an address."""
    if not re.fullmatch(r"[A-Za-z0-9.-]{1,253}(?::\d{1,5})?", ref.registry):
        return "its registry is not a host name"
    if len(ref.repository) > 255 or not re.fullmatch(rf"{_COMPONENT}(?:/{_COMPONENT})*", ref.repository):
        return "its repository is not a name"
    if not (_TAG.fullmatch(wanted) or _DIGEST.fullmatch(wanted)):
        return "its tag or digest is not one"
    return ""


def image(client: Client, ref: ImageRef, *, wanted: str, bases: Mapping[str, str]) -> FacetResult:
    """Ask for the manifest by `wanted` (a tag or a digest) and, if it is there, for the image's config."""
    if not ref.repository or not wanted:
        return unavailable("no reference is known to ask for")
    name = f"{ref.registry}/{ref.repository}{'@' if ':' in wanted else ':'}{wanted}"
    if flaw := _flaw(ref, wanted):
        return unavailable(f"{name[:200]!r} is not a reference to an image: {flaw}")
    if ref.registry != "registry.fly.io" and ref.registry not in bases:
        return unavailable(
            f"{name}: only registry.fly.io and the hosts named in RUNBOOKS_REGISTRIES are asked; "
            f"`docker manifest inspect {name}` tells"
        )
    asking = RegistrySession(client, ref, bases)
    answer = asking.get(f"manifests/{wanted}", "get manifest", wanted)
    refusal = refusal_of(answer.status, answer.body)
    if _says_missing(answer):
        return absent(f"{ref.registry} has no {name} (HTTP 404: {refusal.text})", Image(name, False, refusal=refusal))
    if answer.status in (401, 403):
        why = f"; {asking.why}" if asking.why else ""
        return unavailable(
            f"{ref.registry} does not tell whether {name} exists (HTTP {answer.status}: {refusal.text}){why}",
            Image(name, None, refusal=refusal),
        )
    if not answer.ok:
        return refused(answer, name)
    if not isinstance(answer.json, Mapping) or not _KEYS & answer.json.keys():
        return unreadable(answer, name)
    digest = answer.headers.get("docker-content-digest", "") or (wanted if ":" in wanted else "")
    return _described(asking, answer.json, Image(name, True, digest))


def pointer(client: Client, ref: ImageRef, *, wanted: str, bases: Mapping[str, str]) -> FacetResult:
    """Where a tag points now: one HEAD, to compare with the digest that ran (§11 row 42)."""
    name = f"{ref.registry}/{ref.repository}:{wanted}"
    if flaw := _flaw(ref, wanted):
        return unavailable(f"{name[:200]!r} is not a reference to an image: {flaw}")
    if ref.registry != "registry.fly.io" and ref.registry not in bases:
        return unavailable(f"{name}: only registry.fly.io and the hosts named in RUNBOOKS_REGISTRIES are asked")
    asking = RegistrySession(client, ref, bases)
    answer = asking.get(f"manifests/{wanted}", "get manifest", wanted, method="HEAD")
    if answer.status == 404:
        # A HEAD has no words: whether it is the registry that says no shows only in a body.
        answer = asking.get(f"manifests/{wanted}", "get manifest", wanted)
    if _says_missing(answer):
        return absent(f"{ref.registry} has no {name} any more", Image(name, False))
    if not answer.ok:
        return refused(answer, name)
    digest = answer.headers.get("docker-content-digest", "")
    if not digest:
        return unavailable(f"{name}: HTTP {answer.status}, but no digest, so this may not have been the registry")
    return seen(f"{name} points to {digest}", Image(name, True, digest))


def _says_missing(answer: Answer) -> bool:
    """The registry's own no (§5.2); a 404 of anything in between proves nothing."""
    told = answer.json.get("errors") if isinstance(answer.json, Mapping) else None
    codes = (
        [text_of(error.get("code")) for error in told if isinstance(error, Mapping)] if isinstance(told, list) else []
    )
    return answer.status == 404 and any(code.endswith(("_UNKNOWN", "NOT_FOUND")) for code in codes)


class RegistrySession:
    """Asks one repository. A challenge is answered once, with a pull token that is for anybody (§5.2)."""

    def __init__(self, client: Client, ref: ImageRef, bases: Mapping[str, str]) -> None:
        self.client, self.host, self._bases = client, ref.registry, bases
        self.base = f"https://{ref.registry}/v2/{ref.repository}"
        self.why = ""

    def get(self, path: str, action: str, identifier: str, *, method: str = "GET") -> Answer:
        answer = self._once(path, action, identifier, method)
        if answer.status == 401 and self.host != "registry.fly.io" and self.base not in self.client.grants:
            realm = self._realm(answer.headers.get("www-authenticate", ""))
            if realm and self._granted(realm):
                answer = self._once(path, action, identifier, method)
        return answer

    def _once(self, path: str, action: str, identifier: str, method: str) -> Answer:
        grant = self.client.grants.get(self.base, "")
        headers = {"Accept": ACCEPT} | ({"Authorization": f"Bearer {grant}"} if grant else {})
        return self.client.get(f"{self.base}/{path}", action, identifier, headers=headers, method=method)

    def _realm(self, challenge: str) -> str:
        """Where to get a pull token, from `Bearer realm=…,service=…,scope=…`; "" and the reason when nowhere."""
        scheme, _, rest = challenge.strip().partition(" ")
        told = {name.lower(): quoted or bare for name, quoted, bare in _CHALLENGE.findall(rest)}
        if scheme.lower() != "bearer" or not told.get("realm"):
            self.why = "it wants a login, and this runbook has none for it"
            return ""
        try:
            realm = urlsplit(told["realm"])
            host = realm.hostname or ""
        except ValueError:
            host = ""
        if not host or not re.fullmatch(r"[\x21-\x7e]+", told["realm"]):
            self.why = "it names no usable place for a pull token"
            return ""
        if realm.netloc not in self._bases and (realm.scheme != "https" or is_address(host) or "@" in realm.netloc):
            # The registry names this place; it must not become a way to ask addresses inside of our own network.
            self.why = f"it sends us to {host} for a pull token, which is not asked unless RUNBOOKS_REGISTRIES names it"
            return ""
        wanted = {name: told[name] for name in ("service", "scope") if told.get(name)}
        query = "&".join(filter(None, (realm.query, urlencode(wanted, quote_via=quote))))
        return str(realm._replace(query=query, fragment="").geturl())

    def _granted(self, url: str) -> bool:
        """One GET without any credential, for this one address."""
        given: list[str] = []

        def keep(told: Any) -> Any:
            tokens = (told.get("token"), told.get("access_token")) if isinstance(told, Mapping) else ()
            given.extend(token for token in tokens if isinstance(token, str) and token)
            for token in given:
                self.client.redactor.add_secret(token, "pull-token")
            return told

        host = urlsplit(url).netloc
        before = self.client.allowed_urls
        self.client.allowed_urls = before | {url}
        try:
            answer = self.client.get(url, "get pull token", self.base, prepare=keep)
        except CouldNotAsk as error:
            self.why = f"no pull token: {error}"
            return False
        finally:
            self.client.allowed_urls = before
        if not answer.ok or not given or not re.fullmatch(r"[\x21-\x7e]+", given[0]):
            self.why = f"{host} gives no pull token to anybody (HTTP {answer.status})"
            return False
        self.client.grants[self.base] = given[0]
        return True


def _described(asking: RegistrySession, manifest: Mapping[str, Any], found: Image) -> FacetResult:
    platforms = _platforms(manifest)
    if platforms:
        inner = next((digest for arch, digest in platforms if arch == "amd64"), platforms[0][1])
        architectures = tuple(sorted({arch for arch, _ in platforms}))
        answer = _manifest(asking, inner)
        if answer is None or not isinstance(answer.json, Mapping):
            return seen(
                f"{found.ref} exists for {', '.join(architectures)}; its config could not be read",
                Image(found.ref, True, found.digest, architectures),
            )
        manifest = answer.json
    else:
        architectures = ()
    config = manifest.get("config")
    digest = text_of(config.get("digest")) if isinstance(config, Mapping) else ""
    layers = manifest.get("layers")
    size = sum(
        layer["size"]
        for layer in (layers if isinstance(layers, list) else ())
        if isinstance(layer, Mapping) and isinstance(layer.get("size"), int)
    )
    answer_or_none = _blob(asking, digest) if _DIGEST.fullmatch(digest) else None
    told = answer_or_none.json if answer_or_none else None
    body: Mapping[str, Any] = told if isinstance(told, Mapping) else {}
    architecture = text_of(body.get("architecture"))
    if not architecture:
        return seen(
            f"{found.ref} exists; its config could not be read",
            Image(found.ref, True, found.digest, architectures, size_bytes=size or None),
        )
    inner_config = body.get("config")
    run: Mapping[str, Any] = inner_config if isinstance(inner_config, Mapping) else {}
    ports = run.get("ExposedPorts")
    full = Image(
        ref=found.ref,
        exists=True,
        digest=found.digest,
        architectures=architectures or (architecture,),
        cmd=_words(run.get("Cmd")),
        entrypoint=_words(run.get("Entrypoint")),
        exposed_ports=tuple(sorted(map(str, ports))) if isinstance(ports, Mapping | list) else (),
        env_names=tuple(entry.partition("=")[0] for entry in _words(run.get("Env"))),
        size_bytes=size or None,
    )
    command = " ".join((*full.entrypoint, *full.cmd)) or "no command"
    return seen(
        f"{full.ref} exists, for {', '.join(full.architectures)}, runs {command}",
        full,
    )


def _manifest(asking: RegistrySession, digest: str) -> Answer | None:
    """The manifest behind an entry of an index; without it the image is known to exist, and no more."""
    if not _DIGEST.fullmatch(digest):
        return None
    try:
        answer = asking.get(f"manifests/{digest}", "get manifest", digest)
    except CouldNotAsk:
        return None
    return answer if answer.ok else None


def _blob(asking: RegistrySession, digest: str) -> Answer | None:
    """A blob may be served from elsewhere: one redirect is followed, without credentials for another host."""
    client, url = asking.client, f"{asking.base}/blobs/{digest}"
    try:
        answer = asking.get(f"blobs/{digest}", "get blob", url)
        if answer.status in (301, 302, 303, 307, 308) and answer.location:
            target = urljoin(url, answer.location)
            if urlsplit(target).scheme not in ("https", "http"):
                return None
            client.allowed_urls |= {target}
            answer = client.get(target, "get blob", url)
    except (CouldNotAsk, ValueError):
        return None
    return answer if answer.ok else None


def _platforms(manifest: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(architecture, digest) of an index; attestation entries say "unknown" and are no platform."""
    found = []
    entries = manifest.get("manifests")
    for entry in entries if isinstance(entries, list) else ():
        platform = entry.get("platform") if isinstance(entry, Mapping) else None
        if isinstance(platform, Mapping) and text_of(platform.get("architecture")) not in ("", "unknown"):
            found.append((text_of(platform.get("architecture")), text_of(entry.get("digest"))))
    return found


def _words(value: Any) -> tuple[str, ...]:
    return tuple(text_of(word) for word in value) if isinstance(value, list) else ()
