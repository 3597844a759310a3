"""Registries as they really answer: Debian's docker-registry, and one that wants a pull token."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from runbooks.collect import registry
from runbooks.collect.registry import parse_ref
from runbooks.evidence.models import Image, Outcome

from .asking import asking, written
from .docker_registry import INDEX, Registry, running
from .serving import served

FLY = "registry.fly.io"
TOKEN = "fm2_lJPECAAAAAAAAM0lxBDrealtokenintheregistry0123456789"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with running(tmp_path_factory.mktemp("registry"), TOKEN) as started:
        started.put_image("vyx-app", "good", "amd64")
        started.put_image("vyx-app", "docker", "amd64", docker=True)
        started.put_image("vyx-app", "arm", "arm64")
        entries = []
        for architecture in ("arm64", "amd64"):
            digest = started.put_image("vyx-app", "", architecture)
            entries.append(_entry(digest, architecture, "linux"))
        attestation = {**_entry(started.put_image("vyx-app", "", "unknown"), "unknown", "unknown")}
        attestation["annotations"] = {"vnd.docker.reference.type": "attestation-manifest"}
        index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [*entries, attestation]}
        started.put_manifest("vyx-app", "both", index)
        started.put_manifest("vyx-app", "arm-index", {**index, "manifests": [entries[0], attestation]})
        yield started


def _entry(digest: str, architecture: str, system: str) -> dict[str, Any]:
    return {
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "digest": digest,
        "size": 1,
        "platform": {"architecture": architecture, "os": system},
    }


@pytest.mark.parametrize(
    ("tag", "architectures"),
    [
        ("good", ("amd64",)),
        ("docker", ("amd64",)),
        ("arm", ("arm64",)),
        ("both", ("amd64", "arm64")),
        ("arm-index", ("arm64",)),
    ],
)
def test_images_are_read_to_the_command_they_run(store: Registry, tag: str, architectures: tuple[str, ...]) -> None:
    client = asking({FLY: store.base}, TOKEN)
    found = registry.image(client, parse_ref(f"{FLY}/vyx-app:{tag}"), wanted=tag, bases={})
    assert found.outcome is Outcome.SEEN, found.reason
    image = found.answer
    assert isinstance(image, Image)
    assert (image.exists, image.architectures) == (True, architectures)
    assert (image.entrypoint, image.cmd) == (("docker-entrypoint.sh",), ("node", "index.js"))
    assert (image.exposed_ports, image.env_names) == (("8080/tcp",), ("PATH", "GEMINI_API_KEY"))
    assert image.digest.startswith("sha256:")
    by_digest = registry.image(client, parse_ref(f"{FLY}/vyx-app@{image.digest}"), wanted=image.digest, bases={})
    assert by_digest.answer.architectures == architectures
    assert registry.pointer(client, parse_ref(f"{FLY}/vyx-app:{tag}"), wanted=tag, bases={}).answer.digest == (
        image.digest
    )
    for secret in (TOKEN, base64.b64encode(f"x:{TOKEN}".encode()).decode(), "baked-in-0123456789"):
        assert secret not in written(client)


@pytest.mark.parametrize("wanted", ["latest", "sha256:" + "0" * 64])
def test_a_missing_tag_is_absent(store: Registry, wanted: str) -> None:
    client = asking({FLY: store.base}, TOKEN)
    ref = parse_ref(f"{FLY}/vyx-app{'@' if ':' in wanted else ':'}{wanted}")
    found = registry.image(client, ref, wanted=wanted, bases={})
    assert found.outcome is Outcome.ABSENT
    assert "HTTP 404" in found.reason
    assert "manifest unknown" in found.reason
    if ":" not in wanted:
        assert registry.pointer(client, ref, wanted=wanted, bases={}).outcome is Outcome.ABSENT


def test_a_missing_repository_is_absent(store: Registry) -> None:
    found = registry.image(asking({FLY: store.base}, TOKEN), parse_ref(f"{FLY}/nobody:1"), wanted="1", bases={})
    assert found.outcome is Outcome.ABSENT


@pytest.mark.parametrize("token", ["", "fm2_lJPECAAAAAAAAM0lxBDsomeothertoken0123456789"])
def test_without_the_right_token_nothing_is_told(store: Registry, token: str) -> None:
    client = asking({FLY: store.base}, token)
    found = registry.image(client, parse_ref(f"{FLY}/vyx-app:good"), wanted="good", bases={})
    assert found.outcome is Outcome.COULD_NOT_LOOK
    assert "does not tell whether registry.fly.io/vyx-app:good exists (HTTP 401" in found.reason
    assert len(client.journal) == 1


def test_the_fly_token_stays_at_home(store: Registry) -> None:
    """The same registry under another name: asked without any credential, and not even about one."""
    client = asking({"registry.example.com": store.base}, TOKEN)
    ref = parse_ref("registry.example.com/vyx-app:good")
    found = registry.image(client, ref, wanted="good", bases={"registry.example.com": store.base})
    assert found.outcome is Outcome.COULD_NOT_LOOK
    assert "it wants a login, and this runbook has none for it" in found.reason


# Registries that want a pull token


class TokenRegistry:
    """ghcr.io in small: 401 with a challenge, a realm elsewhere that gives tokens to anybody, or to nobody."""

    def __init__(self, realm: str = "https://auth.example.com/token?app=pull", gives: str = "token") -> None:
        self.realm, self.gives = realm, gives
        self.heard: list[tuple[str, str, str]] = []
        self.queries: list[dict[str, str]] = []
        self.grant = "eyJhbGciOiJSUzI1NiJ9.eyJhY2Nlc3MiOltdfQ.c2lnbmF0dXJlLW9mLWEtcHVsbA"

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/token", self.token),
                Route("/v2/{rest:path}", self.image),
                Route("/elsewhere/blob", self.elsewhere),
            ]
        )

    def _hear(self, request: Request) -> None:
        self.heard.append((request.method, request.url.path, request.headers.get("authorization", "")))

    async def token(self, request: Request) -> Response:
        self._hear(request)
        self.queries.append(dict(request.query_params))
        if self.gives == "refusal":
            return JSONResponse({"errors": [{"code": "DENIED", "message": "denied"}]}, 403)
        if self.gives == "nothing":
            return JSONResponse({"token": ["not", "a", "text"]})
        if self.gives == "crlf":
            return JSONResponse({"token": "a\r\nX-Evil: 1"})
        return JSONResponse({self.gives: self.grant, "expires_in": 300})

    async def image(self, request: Request) -> Response:
        self._hear(request)
        if request.headers.get("authorization") != f"Bearer {self.grant}":
            challenge = f'Bearer realm="{self.realm}",service="registry.example.com",scope="repository:team/relay:pull"'
            refusal = {"errors": [{"code": "UNAUTHORIZED", "message": "authentication required"}]}
            return JSONResponse(refusal, 401, {"www-authenticate": challenge})
        if "/manifests/private" in request.url.path:
            return JSONResponse({"errors": [{"code": "DENIED", "message": "requested access is denied"}]}, 403)
        if "/manifests/gone" in request.url.path:
            return JSONResponse({"errors": [{"code": "MANIFEST_UNKNOWN", "message": "manifest unknown"}]}, 404)
        if "/manifests/" in request.url.path:
            config = {"digest": "sha256:" + "ab" * 32, "size": 2}
            digest = {"docker-content-digest": "sha256:" + "cd" * 32}
            return JSONResponse({"schemaVersion": 2, "config": config, "layers": []}, headers=digest)
        return Response(status_code=307, headers={"location": "https://cdn.example.com/elsewhere/blob?sig=secret-sig"})

    async def elsewhere(self, request: Request) -> Response:
        self._hear(request)
        return JSONResponse({"architecture": "amd64", "config": {"Cmd": ["relay"]}})


HOST = "registry.example.com"


def _bases(base: str) -> dict[str, str]:
    return dict.fromkeys((HOST, "auth.example.com", "cdn.example.com"), base)


@pytest.mark.parametrize("field", ["token", "access_token"])
def test_a_pull_token_is_fetched_once_and_used(field: str) -> None:
    told = TokenRegistry(gives=field)
    with served(told.app()) as base:
        client = asking(_bases(base), TOKEN)
        found = registry.image(client, parse_ref(f"{HOST}/team/relay:1"), wanted="1", bases={HOST: base})
        again = registry.pointer(client, parse_ref(f"{HOST}/team/relay:2"), wanted="2", bases={HOST: base})
    assert found.outcome is Outcome.SEEN, found.reason
    assert found.answer.architectures == ("amd64",)
    assert again.outcome is Outcome.SEEN
    asked = [(method, path) for method, path, _ in told.heard]
    assert asked == [
        ("GET", "/v2/team/relay/manifests/1"),
        ("GET", "/token"),
        ("GET", "/v2/team/relay/manifests/1"),
        ("GET", f"/v2/team/relay/blobs/sha256:{'ab' * 32}"),
        ("GET", "/elsewhere/blob"),
        ("HEAD", "/v2/team/relay/manifests/2"),
    ]
    assert told.queries == [{"app": "pull", "service": HOST, "scope": "repository:team/relay:pull"}]
    by_path = {path: authorization for _, path, authorization in told.heard}
    assert by_path["/token"] == by_path["/elsewhere/blob"] == ""
    assert not any(TOKEN in authorization for _, _, authorization in told.heard)
    assert told.grant not in written(client)
    assert "secret-sig" not in written(client)


def test_missing_and_denied_behind_a_pull_token() -> None:
    with served(TokenRegistry().app()) as base:
        client = asking(_bases(base))
        gone = registry.image(client, parse_ref(f"{HOST}/team/relay:gone"), wanted="gone", bases={HOST: base})
        private = registry.image(client, parse_ref(f"{HOST}/team/relay:private"), wanted="private", bases={HOST: base})
    assert gone.outcome is Outcome.ABSENT
    assert private.outcome is Outcome.COULD_NOT_LOOK
    assert "requested access is denied" in private.reason


@pytest.mark.parametrize("gives", ["refusal", "nothing", "crlf"])
def test_no_pull_token_is_no_answer(gives: str) -> None:
    told = TokenRegistry(gives=gives)
    with served(told.app()) as base:
        client = asking(_bases(base), TOKEN)
        found = registry.image(client, parse_ref(f"{HOST}/team/relay:1"), wanted="1", bases={HOST: base})
    assert found.outcome is Outcome.COULD_NOT_LOOK
    assert "auth.example.com gives no pull token to anybody" in found.reason
    assert [path for _, path, _ in told.heard] == ["/v2/team/relay/manifests/1", "/token"]


@pytest.mark.parametrize(
    "realm",
    [
        "http://auth.example.com/token",
        "https://169.254.169.254/latest/meta-data",
        "https://127.0.0.1:1/token",
        "https://localhost/token",
        "https://x@auth.example.com/token",
        "file:///etc/passwd",
        "",
        "not a url",
    ],
)
def test_a_registry_cannot_send_us_anywhere(realm: str) -> None:
    told = TokenRegistry(realm=realm)
    with served(told.app()) as base:
        client = asking(_bases(base), TOKEN)
        found = registry.image(client, parse_ref(f"{HOST}/team/relay:1"), wanted="1", bases={HOST: base})
    assert found.outcome is Outcome.COULD_NOT_LOOK
    assert len(client.journal) == 1


def test_a_realm_that_was_named_may_be_an_address() -> None:
    with served(Starlette()) as spare:
        told = TokenRegistry()
        with served(told.app()) as base:
            told.realm = f"{base}/token"
            client = asking(_bases(base) | {base.removeprefix("http://"): base})
            bases = {HOST: base, base.removeprefix("http://"): base, "spare": spare}
            found = registry.image(client, parse_ref(f"{HOST}/team/relay:1"), wanted="1", bases=bases)
    assert found.outcome is Outcome.SEEN, found.reason
