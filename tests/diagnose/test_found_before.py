"""flyctl found the image, and then a host did not."""

from __future__ import annotations

import pytest

from runbooks.diagnose.verdict import diagnose
from tests.incidents.converting import evidence_of

REFUSED = (
    "Error: failed to update machine 48e7d21f0a6918: failed to get manifest registry.fly.io/acme:v3: request failed: "
    'not found [http 404]: {"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}'
)


def _cause(*lines: str) -> tuple[str, str]:
    found = diagnose(evidence_of({"evidence": {"logs": [*lines, REFUSED]}, "date": "2026-07-20"}))
    return (found.cause.slug, found.cause.confidence) if found.cause else ("", "")


@pytest.mark.parametrize(
    "line",
    ["image found: img_y7nxpk88g1k2p8w2", "image found: <secret:opaque#1>", "#12 image found: img_8rlxp2nykk4p3jqo"],
)
def test_an_image_that_was_found_is_not_missing(line: str) -> None:
    assert _cause("Searching for image 'registry.fly.io/acme:v3' remotely...", line)[0] == "image-not-yet-propagated"


@pytest.mark.parametrize(
    "line",
    [
        "Searching for image 'registry.fly.io/acme:v3' remotely...",
        "no image found: img_y7nxpk88g1k2p8w2",
        "image found: no",
        "base image found: alpine",
    ],
)
def test_an_image_that_was_not_found_is(line: str) -> None:
    assert _cause(line)[0] == "image-tag-missing"


@pytest.mark.parametrize("end", ["machines deployed", "v12 deployed successfully", "$ fly deploy", "second deploy"])
def test_an_image_that_an_earlier_deploy_found_is_another(end: str) -> None:
    assert _cause("image found: img_y7nxpk88g1k2p8w2", end)[0] == "image-tag-missing"
