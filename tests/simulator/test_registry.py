"""Registries: exists, missing, could not tell; and bytes that hash to their digests."""

from __future__ import annotations

import hashlib

import httpx
import pytest

from .conftest import Play, Stage

ACCEPT = {
    "Accept": "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, "
    "application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json"
}


def ask(stage: Stage, path: str, method: str = "GET", **headers: str) -> httpx.Response:
    auth = ("x", stage.scenario.token)
    base = stage.served.registries["registry.fly.io"]
    return httpx.request(method, f"{base}/v2/{path}", auth=auth, headers={**ACCEPT, **headers})


def test_without_basic_there_is_a_challenge(play: Play) -> None:
    stage = play()
    for answer in (httpx.get(f"{stage.served.base_url}/v2/"), stage.get("/v2/vyx-app/manifests/latest")):
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Basic ")
        assert answer.json()["errors"][0]["code"] == "UNAUTHORIZED"


def test_a_missing_tag_and_a_missing_repository(play: Play) -> None:
    stage = play()
    assert ask(stage, "vyx-app/manifests/latest", "HEAD").status_code == 404
    answer = ask(stage, "vyx-app/manifests/latest")
    assert answer.json() == {
        "errors": [{"code": "MANIFEST_UNKNOWN", "message": "manifest unknown", "detail": "unknown tag=latest"}]
    }
    assert ask(stage, "nobody/manifests/latest").json()["errors"][0]["code"] == "NAME_UNKNOWN"


def test_a_foreign_organisation_is_refused(play: Play) -> None:
    answer = ask(play("token-out-of-scope"), "vyx-app/manifests/latest")
    assert answer.status_code == 403
    assert answer.headers["x-sim-unverified"] == "true"


@pytest.mark.parametrize(
    ("scenario", "path", "architecture"),
    [
        ("vyx-missing-environment", "vyx-app/manifests/deployment-01K6HC126R8M4Q7ZV2TBN9XWYD", "amd64"),
        ("vyx-wrong-architecture", "vyx-app/manifests/stub", "arm64"),
    ],
)
def test_digests_are_true_and_the_config_names_the_architecture(
    play: Play, scenario: str, path: str, architecture: str
) -> None:
    stage = play(scenario)
    head, answer = ask(stage, path, "HEAD"), ask(stage, path)
    digest = answer.headers["docker-content-digest"]
    assert head.headers["docker-content-digest"] == digest
    assert int(head.headers["content-length"]) == len(answer.content)
    assert digest == "sha256:" + hashlib.sha256(answer.content).hexdigest()
    assert ask(stage, f"vyx-app/manifests/{digest}").content == answer.content
    config = ask(stage, f"vyx-app/blobs/{answer.json()['config']['digest']}")
    assert answer.json()["config"]["digest"] == "sha256:" + hashlib.sha256(config.content).hexdigest()
    assert config.json()["architecture"] == architecture
    assert config.json()["config"]["Cmd"][0] == "node"
    assert config.json()["config"]["Entrypoint"] == ["docker-entrypoint.sh"]
    assert "8080/tcp" in config.json()["config"]["ExposedPorts"]
    machines = stage.get(f"{stage.app}/machines", params={"include_deleted": "true"}).json()
    assert machines[-1]["image_ref"]["digest"] == digest


def test_an_index_leads_to_a_manifest(play: Play) -> None:
    stage = play("startup-crash")
    index = ask(stage, "lumen-render/manifests/night")
    assert index.headers["content-type"] == "application/vnd.oci.image.index.v1+json"
    entries = index.json()["manifests"]
    assert [entry["platform"]["architecture"] for entry in entries] == ["amd64", "unknown"]
    assert ask(stage, f"lumen-render/manifests/{entries[0]['digest']}").json()["config"]["digest"]


def test_a_client_that_accepts_too_little_sees_404(play: Play) -> None:
    path = "vyx-app/manifests/deployment-01K6HC126R8M4Q7ZV2TBN9XWYD"
    only_docker = {"Accept": "application/vnd.docker.distribution.manifest.v2+json"}
    assert ask(play(), path, **only_docker).status_code == 404


def test_a_digest_that_was_cleaned_up_is_gone(play: Play) -> None:
    stage = play("vyx-late-pull-failure")
    machines = stage.get(f"{stage.app}/machines", params={"include_deleted": "true"}).json()
    assert ask(stage, f"vyx-app/manifests/{machines[0]['image_ref']['digest']}").status_code == 404
    assert ask(stage, "vyx-app/manifests/build-2f7c19e").status_code == 404


def test_other_registries_have_ports_of_their_own(play: Play) -> None:
    stage = play("image-unauthorized")
    hub = stage.served.registries["docker.io"]
    assert httpx.get(f"{hub}/v2/flyio/hellofly/manifests/latest", headers=ACCEPT).status_code == 200
    ghcr = stage.served.registries["ghcr.io"]
    private = httpx.get(f"{ghcr}/v2/harbor-notes-private/relay/manifests/4.3.0", headers=ACCEPT)
    assert private.status_code == 401
    assert private.headers["www-authenticate"].startswith("Bearer ")
    assert httpx.get(f"{ghcr}/v2/flyio/hellofly/manifests/latest", headers=ACCEPT).status_code == 401
