"""The images of the simulated registries, as real bytes with real digests."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from runbooks.simulator import spec

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
FLY_REGISTRY = "registry.fly.io"
DOCKER_HUB = "registry-1.docker.io"

HELLO = spec.Image(
    ref="flyio/hellofly:latest", cmd=["./hellofly"], exposed_ports=["8080/tcp"], size_mb=12, program="hello"
)
HELLO_PROGRAM = spec.Program(
    prints=[spec.Print(at_ms=90, text="hellofly listening on :8080")], listens=8080, listens_at_ms=90
)


@dataclass(frozen=True)
class Ref:
    """A reference taken apart: `registry/repository:tag@digest`."""

    registry: str
    repository: str
    tag: str
    digest: str

    @classmethod
    def parse(cls, text: str) -> Ref:
        rest, _, digest = text.partition("@")
        host, slash, path = rest.partition("/")
        if not slash or ("." not in host and ":" not in host):
            host, path = DOCKER_HUB, rest if slash else f"library/{rest}"
        if host in ("docker.io", "index.docker.io"):
            host = DOCKER_HUB
        repository, _, tag = path.partition(":")
        return cls(host, repository, tag or ("" if digest else "latest"), digest)

    @property
    def wanted(self) -> str:
        return self.digest or self.tag


@dataclass(frozen=True)
class Blob:
    """Bytes with a media type; `spec` is set when they are an image's manifest or index."""

    media_type: str
    content: bytes
    spec: spec.Image | None = None

    @property
    def digest(self) -> str:
        return "sha256:" + hashlib.sha256(self.content).hexdigest()


class Images:
    """What can be fetched right now: tags, manifests and config blobs per registry and repository."""

    def __init__(self) -> None:
        self._tags: dict[tuple[str, str, str], str] = {}
        self._manifests: dict[tuple[str, str, str], Blob] = {}
        self._blobs: dict[tuple[str, str, str], Blob] = {}

    def push(self, image: spec.Image) -> str:
        """Store an image under its tag and return the digest that the tag now stands for."""
        ref = Ref.parse(image.ref)
        config = _json(_CONFIG, _config(image))
        manifest = _json(MANIFEST, _manifest(image, config), image)
        self._blobs[ref.registry, ref.repository, config.digest] = config
        self._manifests[ref.registry, ref.repository, manifest.digest] = manifest
        top = manifest
        if image.index:
            top = _json(INDEX, _index(image, manifest), image)
            self._manifests[ref.registry, ref.repository, top.digest] = top
        self._tags[ref.registry, ref.repository, ref.tag] = top.digest
        return top.digest

    def remove(self, text: str) -> None:
        """Remove a tag and what it stands for, as a clean-up of unreferenced images would."""
        ref = Ref.parse(text)
        digest = self._tags.pop((ref.registry, ref.repository, ref.tag), ref.digest)
        self._manifests.pop((ref.registry, ref.repository, digest), None)

    def manifest(self, registry: str, repository: str, wanted: str) -> Blob | None:
        digest = wanted if wanted.startswith("sha256:") else self._tags.get((registry, repository, wanted), "")
        return self._manifests.get((registry, repository, digest))

    def blob(self, registry: str, repository: str, digest: str) -> Blob | None:
        return self._blobs.get((registry, repository, digest))

    def has_repository(self, registry: str, repository: str) -> bool:
        return any((kept[0], kept[1]) == (registry, repository) for kept in self._tags)

    def registries(self) -> set[str]:
        return {registry for registry, _, _ in self._tags}

    def find(self, text: str) -> Blob | None:
        ref = Ref.parse(text)
        return self.manifest(ref.registry, ref.repository, ref.wanted)


def _json(media_type: str, value: dict[str, Any], image: spec.Image | None = None) -> Blob:
    return Blob(media_type, json.dumps(value, separators=(",", ":")).encode(), image)


def _fake_digest(text: str) -> str:
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def _config(image: spec.Image) -> dict[str, Any]:
    run: dict[str, Any] = {"Env": image.env, "Cmd": image.cmd, "WorkingDir": "/app"}
    if image.entrypoint:
        run["Entrypoint"] = image.entrypoint
    if image.exposed_ports:
        run["ExposedPorts"] = {port: {} for port in image.exposed_ports}
    if image.user:
        run["User"] = image.user
    return {
        "architecture": image.architecture,
        "os": "linux",
        "created": "2025-10-01T11:42:07Z",
        "config": run,
        "rootfs": {"type": "layers", "diff_ids": [_fake_digest(f"{image.ref}/diff/{n}") for n in range(3)]},
    }


def _manifest(image: spec.Image, config: Blob) -> dict[str, Any]:
    total = image.size_mb * 1_000_000
    sizes = (total * 6 // 10, total * 3 // 10, total // 10)
    return {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {"mediaType": _CONFIG, "digest": config.digest, "size": len(config.content)},
        "layers": [
            {"mediaType": _LAYER, "digest": _fake_digest(f"{image.ref}/layer/{n}"), "size": size}
            for n, size in enumerate(sizes)
        ],
    }


def _index(image: spec.Image, manifest: Blob) -> dict[str, Any]:
    """What buildx pushes: the image, and an attestation that claims no platform anybody could run."""
    size = len(manifest.content)
    return {
        "schemaVersion": 2,
        "mediaType": INDEX,
        "manifests": [
            {
                "mediaType": MANIFEST,
                "digest": manifest.digest,
                "size": size,
                "platform": {"architecture": image.architecture, "os": "linux"},
            },
            {
                "mediaType": MANIFEST,
                "digest": _fake_digest(f"{image.ref}/attestation"),
                "size": 840,
                "platform": {"architecture": "unknown", "os": "unknown"},
                "annotations": {"vnd.docker.reference.type": "attestation-manifest"},
            },
        ],
    }
