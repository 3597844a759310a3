"""Container registries: registry.fly.io, and a port of its own for every other registry of the scenario."""

from __future__ import annotations

import json
from collections.abc import Callable

from starlette.routing import Route

from runbooks.simulator.http import Answer, ApiContext, Call
from runbooks.simulator.images import FLY_REGISTRY, Blob
from runbooks.simulator.refused import Refused

_BASIC = 'Basic realm="registry.fly.io"'


class Registry:
    """`host_of` says which registry a port stands for."""

    def __init__(self, desk: ApiContext, host_of: Callable[[int], str]) -> None:
        self._desk = desk
        self._host_of = host_of

    def routes(self) -> list[Route]:
        route = self._desk.route
        return [
            route("/v2/", self.version),
            route("/v2/{repository:path}/manifests/{wanted}", self.manifest),
            route("/v2/{repository:path}/blobs/{digest}", self.blob),
        ]

    def version(self, call: Call) -> Answer:
        if self._host_of(call.port) == FLY_REGISTRY:
            try:
                self._desk.tokens.identify_basic(call.headers.get("authorization", ""))
            except Refused:
                return _unauthorized(_BASIC)
        return Answer(200, b"{}", headers={"docker-distribution-api-version": "registry/2.0"})

    def manifest(self, call: Call) -> Answer:
        host, repository, wanted = self._host_of(call.port), call.path["repository"], call.path["wanted"]
        no = self._refusal(call, host, repository)
        if no is not None:
            return no
        found = self._desk.world.images.manifest(host, repository, wanted)
        if found is None or found.spec is None:
            return _error(404, "MANIFEST_UNKNOWN", "manifest unknown", f"unknown tag={wanted}")
        if found.spec.private:
            return _unauthorized(_bearer(host, repository))
        if not _accepts(call.headers.get("accept", "*/*"), found.media_type):
            text = "OCI manifest found, but accept header does not support OCI manifests"
            return _error(404, "MANIFEST_UNKNOWN", text, f"unknown tag={wanted}")
        return _content(found)

    def blob(self, call: Call) -> Answer:
        host, repository = self._host_of(call.port), call.path["repository"]
        no = self._refusal(call, host, repository)
        if no is not None:
            return no
        found = self._desk.world.images.blob(host, repository, call.path["digest"])
        return _content(found) if found else _error(404, "BLOB_UNKNOWN", "blob unknown to registry", "")

    def _refusal(self, call: Call, host: str, repository: str) -> Answer | None:
        """Why this caller may not look into this repository, or None if he may."""
        world = self._desk.world
        if host != FLY_REGISTRY:
            # Public registries do not tell a private repository from one that is not there.
            return None if world.images.has_repository(host, repository) else _unauthorized(_bearer(host, repository))
        try:
            holder = self._desk.tokens.identify_basic(call.headers.get("authorization", ""))
        except Refused:
            return _unauthorized(_BASIC)
        app = world.apps.get(repository)
        if app is None:
            return _error(404, "NAME_UNKNOWN", "repository name not known to registry", "", unverified=True)
        if app.org != holder.told.org:
            return _error(403, "DENIED", "requested access to the resource is denied", "", unverified=True)
        return None


def _accepts(header: str, media_type: str) -> bool:
    kinds = {kind.split(";")[0].strip() for kind in header.split(",")}
    return bool(kinds & {media_type, "*/*", "application/*"})


def _content(blob: Blob) -> Answer:
    return Answer(
        200,
        blob.content,
        blob.media_type,
        {
            "docker-content-digest": blob.digest,
            "docker-distribution-api-version": "registry/2.0",
            "etag": f'"{blob.digest}"',
        },
    )


def _error(status: int, code: str, message: str, detail: str, *, unverified: bool = False) -> Answer:
    body = {"errors": [{"code": code, "message": message, "detail": detail or None}]}
    headers = {"docker-distribution-api-version": "registry/2.0"}
    if unverified:
        headers["x-sim-unverified"] = "true"
    return Answer(status, json.dumps(body, separators=(",", ":")).encode() + b"\n", headers=headers)


def _unauthorized(challenge: str) -> Answer:
    refused = _error(401, "UNAUTHORIZED", "authentication required", "")
    return Answer(401, refused.content, headers={**refused.headers, "www-authenticate": challenge})


def _bearer(host: str, repository: str) -> str:
    return f'Bearer realm="https://{host}/token",service="{host}",scope="repository:{repository}:pull"'
