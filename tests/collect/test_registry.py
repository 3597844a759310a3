"""Does an image exist, and could it run? Yes, no or could not tell, and nothing is asked that is not an image."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collect.conftest import Bench, Play, Scripted, answer, bench, no_answer
from runbooks.collect import registry
from runbooks.collect.answer import CouldNotAsk
from runbooks.collect.collector import Collector
from runbooks.collect.result import FacetResult
from runbooks.evidence.models import ImageRef, Outcome

HOST = "https://registry.fly.io"
DIGEST = "sha256:" + "3" * 64
CONFIG = "sha256:" + "c" * 64
MANIFEST = {"config": {"digest": CONFIG}, "layers": [{"size": 100}, {"size": 23}]}
IMAGE = {
    "architecture": "amd64",
    "config": {
        "Cmd": ["dist/index.js"],
        "Entrypoint": ["node"],
        "ExposedPorts": {"8080/tcp": {}},
        "Env": ["PATH=/bin", "API_KEY=hunter2hunter2"],
    },
}
INDEX = {
    "manifests": [
        {"digest": "sha256:" + "a" * 64, "platform": {"architecture": "arm64", "os": "linux"}},
        {"digest": "sha256:" + "d" * 64, "platform": {"architecture": "amd64", "os": "linux"}},
        {"digest": "sha256:" + "e" * 64, "platform": {"architecture": "unknown", "os": "unknown"}},
    ]
}


def ask(
    *script: Scripted, text: str = "registry.fly.io/vyx-app:latest", bases: dict[str, str] | None = None
) -> tuple[FacetResult, Bench]:
    stand = bench(list(script) or [answer({})])
    ref = registry.parse_ref(text)
    return registry.image(stand.client, ref, wanted=ref.digest or ref.tag, bases=bases or {}), stand


@pytest.mark.parametrize(
    ("text", "ref"),
    [
        ("registry.fly.io/vyx-app:latest", ImageRef("registry.fly.io", "vyx-app", "latest")),
        ("registry.fly.io/vyx-app", ImageRef("registry.fly.io", "vyx-app", "latest")),
        (f"registry.fly.io/vyx-app@{DIGEST}", ImageRef("registry.fly.io", "vyx-app", "", DIGEST)),
        (f"registry.fly.io/vyx-app:a@{DIGEST}", ImageRef("registry.fly.io", "vyx-app", "a", DIGEST)),
        ("nginx", ImageRef("docker.io", "library/nginx", "latest")),
        ("flyio/hellofly:latest", ImageRef("docker.io", "flyio/hellofly", "latest")),
        ("docker.io/nginx:1.27", ImageRef("docker.io", "library/nginx", "1.27")),
        ("localhost:5000/a/b:c", ImageRef("localhost:5000", "a/b", "c")),
        (" ghcr.io/a/b ", ImageRef("ghcr.io", "a/b", "latest")),
    ],
)
def test_references(text: str, ref: ImageRef) -> None:
    assert registry.parse_ref(text) == ref


def test_an_image_that_exists_is_described() -> None:
    found, stand = ask(answer(MANIFEST, docker_content_digest=DIGEST), answer(IMAGE))
    assert found.outcome is Outcome.SEEN
    image = found.answer
    assert (image.exists, image.digest, image.architectures) == (True, DIGEST, ("amd64",))
    assert (image.entrypoint, image.cmd, image.exposed_ports) == (("node",), ("dist/index.js",), ("8080/tcp",))
    assert (image.env_names, image.size_bytes) == (("PATH", "API_KEY"), 123)
    assert stand.transport.urls == [f"{HOST}/v2/vyx-app/manifests/latest", f"{HOST}/v2/vyx-app/blobs/{CONFIG}"]
    accept = stand.transport.sent[0][2]["Accept"]
    assert accept.count("application/vnd.") == 4
    assert "hunter2" not in repr((found, stand.client.take("x")))


def test_an_index_is_followed_to_the_platform_that_fly_runs() -> None:
    found, stand = ask(answer(INDEX), answer(MANIFEST), answer(IMAGE))
    assert found.answer.architectures == ("amd64", "arm64")
    assert stand.transport.urls[1].endswith("/manifests/sha256:" + "d" * 64)


def test_an_index_without_that_platform_still_tells_which_it_has() -> None:
    only = {"manifests": INDEX["manifests"][:1]}
    found, stand = ask(answer(only), answer(MANIFEST), answer({**IMAGE, "architecture": "arm64"}))
    assert found.answer.architectures == ("arm64",)
    assert stand.transport.urls[1].endswith("/manifests/sha256:" + "a" * 64)


@pytest.mark.parametrize(
    "body",
    [
        {"errors": [{"code": "MANIFEST_UNKNOWN", "message": "manifest unknown", "detail": "unknown tag=latest"}]},
        {"errors": [{"code": "NAME_UNKNOWN", "message": "repository name not known to registry"}]},
    ],
)
def test_missing(body: Any) -> None:
    found, _ = ask(answer(body, 404))
    assert found.outcome is Outcome.ABSENT
    assert found.answer.exists is False


@pytest.mark.parametrize("status", [401, 403])
def test_a_registry_that_does_not_tell(status: int) -> None:
    found, _ = ask(answer({"errors": [{"code": "DENIED", "message": "denied"}]}, status))
    assert found.outcome is Outcome.COULD_NOT_LOOK
    assert found.answer.exists is None
    assert found.answer.refusal.text == "DENIED: denied"


@pytest.mark.parametrize(
    "given_answer",
    [
        answer(b"<html>404</html>", 404),
        answer("", 404),
        answer({"error": "not found"}, 404),
        answer({"errors": []}, 404),
        answer("<h1>", 500),
        answer("[]"),
        answer("{}"),
        answer("no JSON"),
        answer("", 204),
    ],
)
def test_answers_that_prove_nothing(given_answer: Scripted) -> None:
    found, _ = ask(given_answer)
    assert found.outcome is Outcome.COULD_NOT_LOOK


@pytest.mark.parametrize("failure", [answer({}, 404), answer({}, 500), answer("no JSON"), no_answer()])
def test_an_image_exists_also_when_its_config_cannot_be_read(failure: Scripted) -> None:
    for script in (
        [answer(MANIFEST, docker_content_digest=DIGEST), failure],
        [answer(INDEX, docker_content_digest=DIGEST), failure],
    ):
        found, _ = ask(*script)
        assert found.outcome is Outcome.SEEN
        assert (found.answer.exists, found.answer.digest) == (True, DIGEST)
        assert "could not be read" in found.reason


@pytest.mark.parametrize(
    "manifest",
    [
        {"schemaVersion": 2},
        {"config": 3, "layers": 5},
        {"config": {"digest": "../../../v1/apps"}, "layers": {"a": 1}},
        {"config": {"digest": "sha256:x?y"}, "layers": [1, {"size": "big"}]},
        {"manifests": "none"},
        {"manifests": [1, {"platform": 1}, {"platform": {"architecture": "amd64"}, "digest": "../x"}]},
    ],
)
def test_hostile_manifests(manifest: dict[str, Any]) -> None:
    found, stand = ask(answer(manifest), answer(IMAGE))
    assert found.answer.exists is True
    assert len(stand.transport.sent) == 1


def test_hostile_configs() -> None:
    for config in ({"config": {"ExposedPorts": 5, "Cmd": "x", "Env": [1, None]}}, {"config": 1, "architecture": 2}, {}):
        found, _ = ask(answer(MANIFEST), answer(config))
        assert found.answer.exists is True


def test_a_blob_that_is_served_from_elsewhere_gets_no_token() -> None:
    signed = "https://blobs.example/x?X-Amz-Credential=AKIAIOSFODNN7EXAMPLE&X-Amz-Signature=0123456789abcdef"
    found, stand = ask(answer(MANIFEST), answer("", 307, location=signed), answer(IMAGE))
    assert found.answer.entrypoint == ("node",)
    assert [("Authorization" in headers) for *_, headers in stand.transport.sent] == [True, True, False]
    assert stand.transport.urls[2] == signed
    assert "0123456789abcdef" not in repr(stand.client.take("x"))


@pytest.mark.parametrize("location", ["/storage/x", "https://registry.fly.io/storage/x", "//registry.fly.io/storage/x"])
def test_a_blob_elsewhere_on_the_same_host_is_followed_without_a_token(location: str) -> None:
    found, stand = ask(answer(MANIFEST), answer("", 302, location=location), answer(IMAGE))
    assert found.answer.entrypoint == ("node",)
    assert stand.transport.urls[2] == "https://registry.fly.io/storage/x"
    assert "Authorization" not in stand.transport.sent[2][2]


@pytest.mark.parametrize("location", ["file:///etc/passwd", "ftp://x/", "https://[::1", "javascript:1", "\x00"])
def test_redirects_to_nowhere(location: str) -> None:
    found, _ = ask(answer(MANIFEST), answer("", 302, location=location), answer("", 500))
    assert found.answer.exists is True
    assert "could not be read" in found.reason


def test_redirects_are_followed_once() -> None:
    found, stand = ask(answer(MANIFEST), answer("", 302, location="https://a.example/x"))
    assert len(stand.transport.sent) == 3
    assert "could not be read" in found.reason


def test_foreign_registries_are_asked_only_where_they_are_named() -> None:
    found, stand = ask(text="ghcr.io/a/b:c")
    assert found.outcome is Outcome.COULD_NOT_LOOK
    assert "docker manifest inspect ghcr.io/a/b:c" in found.reason
    assert stand.transport.sent == []
    found, stand = ask(answer(MANIFEST), answer(IMAGE), text="ghcr.io/a/b:c", bases={"ghcr.io": "http://127.0.0.1:1"})
    assert found.answer.exists is True
    assert all("Authorization" not in headers for *_, headers in stand.transport.sent)


def test_where_a_tag_points_now() -> None:
    ref = registry.parse_ref("registry.fly.io/vyx-app:latest")
    gone = answer({"errors": [{"code": "MANIFEST_UNKNOWN", "message": "manifest unknown"}]}, 404)
    page = answer(b"404 page not found", 404)
    answers = [answer("", docker_content_digest=DIGEST), answer("", 404), gone, answer("", 404), page, answer("", 401)]
    stand = bench(answers)
    found = registry.pointer(stand.client, ref, wanted="latest", bases={})
    assert (found.outcome, found.answer.digest) == (Outcome.SEEN, DIGEST)
    assert stand.transport.sent[0][0] == "HEAD"
    assert registry.pointer(stand.client, ref, wanted="latest", bases={}).outcome is Outcome.ABSENT
    assert stand.transport.sent[2][0] == "GET"
    assert registry.pointer(stand.client, ref, wanted="latest", bases={}).outcome is Outcome.COULD_NOT_LOOK
    assert registry.pointer(stand.client, ref, wanted="latest", bases={}).outcome is Outcome.COULD_NOT_LOOK
    foreign = registry.parse_ref("ghcr.io/a/b:c")
    assert registry.pointer(stand.client, foreign, wanted="c", bases={}).outcome is Outcome.COULD_NOT_LOOK


HOSTILE = [
    "../../x",
    "registry.fly.io/../../x:latest",
    "registry.fly.io/./x:latest",
    "registry.fly.io/vyx-app:../../../v1/apps",
    "registry.fly.io/vyx app:latest",
    "registry.fly.io/vyx-app:la test",
    "registry.fly.io/vyx-app:a:b",
    "registry.fly.io/vyx-app?x=y:latest",
    "registry.fly.io/vyx-app#x",
    "registry.fly.io/vyx-app@sha256:../..",
    "registry.fly.io//x",
    "registry.fly.io/",
    "registry.fly.io/x\\..\\y",
    "registry.fly.io/x%2f..%2fy",
    "registry.fly.io/VYX:latest",
    "registry.fly.io@evil.example/x:latest",
    "user:pw@registry.fly.io/x:latest",
    "registry.fly.io:443/x:latest\r\nX: y",
    "registry.fly.io/" + "x" * 100_000,
    "registry.fly.io/x:" + "y" * 100_000,
    "registry.fly.io/ü:latest",
    ":",
    "@",
    " ",
    "\x00",
]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: repr(text[:40]))
def test_what_is_no_reference_is_not_put_into_an_address(text: str) -> None:
    found, stand = ask(text=text, bases={"docker.io": "http://127.0.0.1:1"})
    assert found.outcome is Outcome.COULD_NOT_LOOK
    assert len(found.reason) < 1000
    assert stand.transport.sent == []


@given(
    st.text(max_size=60)
    | st.text(alphabet="./:@%?#ab\\ registry.fly.io", max_size=40).map(lambda s: f"registry.fly.io/{s}")
)
def test_no_text_leads_elsewhere(text: str) -> None:
    found, stand = ask(answer({}, 404), text=text, bases={"docker.io": "http://127.0.0.1:1"})
    assert found.outcome in (Outcome.COULD_NOT_LOOK, Outcome.ABSENT)
    for url in stand.transport.urls:
        assert url.startswith((f"{HOST}/v2/", "https://docker.io/v2/"))
        assert ".." not in url


@pytest.mark.parametrize("text", HOSTILE[:8], ids=lambda text: repr(text[:40]))
def test_a_hostile_reference_costs_one_facet_of_the_survey(text: str, play: Play) -> None:
    from dataclasses import replace

    stage = play()
    evidence = Collector(replace(stage.given, image=text), stage.source).run()
    observation = evidence.observations["E09"]
    assert observation.outcome is Outcome.COULD_NOT_LOOK
    assert "itself failed" not in observation.reason
    assert evidence.observations["E10"].outcome is Outcome.SEEN


def test_no_answer_to_the_first_question_is_said() -> None:
    with pytest.raises(CouldNotAsk):
        ask(no_answer())
