"""A saved run, judged again: the same bytes, without a single socket, wherever and whenever."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from produced import Production
from shared_evidence import play

from runbooks.base.errors import SourceError, UsageError
from runbooks.base.seal import sealed
from runbooks.case import Case, open_case
from runbooks.definitions.machine_not_visible import RUNBOOK
from runbooks.evidence.bundle import FORMAT, Bundle, open_bundle
from runbooks.evidence.redaction import Redactor
from runbooks.execution.share import share
from runbooks.simulator.scenario import scenario_names

SAME = ("summary.json", "report.md", "report.html")
OLD = Path(__file__).parent / "format-1"


def played(source: str, root: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Case, Path]:
    """The run of a source, published below `root`."""
    monkeypatch.setenv("RUNBOOKS_OUTPUT_ROOT", str(root))
    case = open_case(source=source)
    case.publish()
    (folder,) = root.glob("*/machine_not_visible--*")
    return case, folder


def written_anew(evidence: Path) -> None:
    """As a run leaves it that wrote the files as they are now: with hashes that fit, and without a manifest."""
    index = json.loads((evidence / "index.json").read_text())
    index["sha256"] = {
        name: hashlib.sha256((evidence / name).read_bytes()).hexdigest()
        for name in index["sha256"]
        if (evidence / name).exists()
    }
    (evidence / "index.json").write_text(sealed(index))
    (evidence.parent / "manifest.json").unlink(missing_ok=True)


def no_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> Any:
        raise AssertionError("a replay opened a socket or asked for a name")

    for name in ("socket", "create_connection", "getaddrinfo"):
        monkeypatch.setattr(socket, name, refuse)


def contents(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in SAME}


def replayed() -> list[str]:
    """A third of the scenarios, another one with each commit; all of them with REPLAY=all (`make replays`)."""
    counted = subprocess.run(["git", "rev-list", "--count", "HEAD"], cwd=Path(__file__).parent, capture_output=True)
    number = int(counted.stdout) if counted.returncode == 0 and counted.stdout.strip() else 0
    return scenario_names() if os.environ.get("REPLAY") == "all" else scenario_names()[number % 3 :: 3]


@pytest.mark.parametrize("name", replayed())
def test_replay_is_byte_identical_and_opens_no_socket(
    name: str, production: Production, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, first = production.of(name).folder, play(name)
    no_sockets(monkeypatch)
    second, again = played(f"bundle:{run}", tmp_path, monkeypatch)
    assert contents(again) == contents(run)
    assert second.diagnosis == RUNBOOK.judge(first, second.parameters, {})
    assert second.evidence.observations.keys() == first.observations.keys()
    # A replay is a bundle, too: in it is the same again, so it can be replayed in turn.
    assert timeless(open_bundle(again)) == timeless(open_bundle(run))


def timeless(bundle: Bundle) -> Bundle:
    """Without how long each exchange took, which a replay measures anew."""
    entries = tuple({k: v for k, v in entry.items() if k not in ("time", "timings")} for entry in bundle.entries)
    return replace(bundle, entries=entries)


def test_a_replay_is_replayed_in_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, run = played("simulator:vyx-missing-environment", tmp_path / "first", monkeypatch)
    no_sockets(monkeypatch)
    _, again = played(f"bundle:{run}", tmp_path / "second", monkeypatch)
    _, third = played(f"bundle:{again}", tmp_path / "third", monkeypatch)
    assert contents(third) == contents(again) == contents(run)


def test_shared_unzipped_elsewhere_in_another_zone_and_locale(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, run = played("simulator:vyx-missing-environment", tmp_path / "out", monkeypatch)
    parcel = share(run, tmp_path / "sent.zip", Redactor())
    assert parcel.masked == 0
    assert share(run, tmp_path / "twice.zip", Redactor()).path.read_bytes() == parcel.path.read_bytes()
    elsewhere = tmp_path / "another place, with ü"
    with zipfile.ZipFile(parcel.path) as packed:
        packed.extractall(elsewhere)
    for number, bundle in enumerate((parcel.path, next(elsewhere.iterdir()), next(elsewhere.iterdir()) / "evidence")):
        root = tmp_path / f"replayed-{number}"
        environment = {**os.environ, "TZ": "Asia/Kathmandu", "LC_ALL": "C", "LANG": "C"}
        done = subprocess.run(
            [sys.executable, "-P", "-m", "runbooks", "replay", str(bundle), "--output-root", str(root)],
            capture_output=True,
            text=True,
            env=environment,
            check=False,
        )
        assert done.returncode == 3, done.stderr
        assert contents(next(root.glob("*/machine_not_visible--*"))) == contents(run)


def test_share_masks_what_an_older_version_let_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, run = played("simulator:vyx-missing-environment", tmp_path / "out", monkeypatch)
    secret = "ghp_" + "A1b2C3d4E5f6G7h8I9j0K1l2"
    har = json.loads((run / "evidence/http.har").read_text())
    har["log"]["entries"][0]["response"]["content"]["text"] += f" {secret}"
    (run / "evidence/http.har").write_text(json.dumps(har))
    written_anew(run / "evidence")
    parcel = share(run, tmp_path / "sent.zip", Redactor())
    assert parcel.masked == 1
    with zipfile.ZipFile(parcel.path) as packed:
        everything = b"".join(packed.read(name) for name in packed.namelist())
        packed_har = json.loads(packed.read(next(n for n in packed.namelist() if n.endswith("http.har"))))
    assert secret.encode() not in everything
    assert len(packed_har["log"]["entries"]) == len(har["log"]["entries"])


def test_a_bundle_of_format_1_stays_readable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Made by version 0.1.0; never renew it, add newer ones beside it."""
    no_sockets(monkeypatch)
    case, _ = played(f"bundle:{OLD}", tmp_path, monkeypatch)
    assert case.diagnosis.cause is not None
    assert case.diagnosis.cause.slug == "image-tag-missing"


def test_the_har_has_what_a_network_panel_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case, run = played("simulator:vyx-missing-environment", tmp_path, monkeypatch)
    log = json.loads((run / "evidence/http.har").read_text())["log"]
    assert log["version"] == "1.2"
    assert len(log["entries"]) == case.report.requests.count
    for entry in log["entries"]:
        assert {"startedDateTime", "time", "request", "response", "cache", "timings"} <= entry.keys()
        assert {"method", "url", "httpVersion", "cookies", "headers", "queryString"} <= entry["request"].keys()
        assert {"status", "statusText", "httpVersion", "headers", "content", "redirectURL"} <= entry["response"].keys()
        assert entry["request"]["url"].startswith("https://")
        assert not [h for h in entry["request"]["headers"] if h["name"].lower() in ("authorization", "cookie")]


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda f: (f / "index.json").unlink(), "There is no bundle"),
        (lambda f: (f / "index.json").write_text("{"), "evidence/index.json was changed"),
        (lambda f: (f / "http.har").write_text('{"log": {}}'), "evidence/http.har was changed"),
        (lambda f: [(f / "http.har").write_text('{"log": {}}'), written_anew(f)], "damaged or incomplete"),
        (lambda f: (f / "index.json").write_text('{"format": "fly-runbooks/evidence/99"}'), "fly-runbooks/evidence/99"),
        (lambda f: (f / "redactions.json").unlink(), "evidence/redactions.json is missing"),
        (lambda f: [(f / "redactions.json").unlink(), written_anew(f)], "damaged or incomplete"),
    ],
)
def test_a_damaged_bundle_is_one_paragraph(damage: Any, words: str, tmp_path: Path) -> None:
    folder = tmp_path / "bundle"
    shutil.copytree(OLD, folder)
    damage(folder)
    with pytest.raises(SourceError, match=words.split("/")[0]):
        open_bundle(folder)
    done = subprocess.run(
        [sys.executable, "-P", "-m", "runbooks", "replay", str(folder), "--output-root", str(tmp_path / "out")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert words in " ".join(done.stderr.split())
    assert not (tmp_path / "out").exists()


def test_an_answer_that_the_bundle_lacks_is_not_an_absence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "bundle"
    shutil.copytree(OLD, folder)
    har = json.loads((folder / "http.har").read_text())
    har["log"]["entries"] = []
    (folder / "http.har").write_text(json.dumps(har))
    written_anew(folder)
    case, _ = played(f"bundle:{folder}", tmp_path / "out", monkeypatch)
    asked = [
        observation
        for observation in case.evidence.observations.values()
        if observation.facet.slug in ("token", "app", "list")
    ]
    assert {observation.outcome.value for observation in asked} == {"could-not-look"}
    assert all("bundle holds no answer" in observation.reason for observation in asked)


def test_only_the_folder_of_a_run_can_be_shared(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        share(tmp_path, None, Redactor())


def test_the_format_is_named() -> None:
    assert json.loads((OLD / "index.json").read_text())["format"] == FORMAT
