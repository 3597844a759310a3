"""Slices of the matrices: killed runs, full disks, changed bytes, foreign files; and the rights of files, the token."""

from __future__ import annotations

import json
import os
import random
import subprocess
import zipfile
from pathlib import Path

import nbformat
import pytest

from runbooks.base.errors import UsageError
from runbooks.evidence.bundle import open_bundle
from runbooks.evidence.redaction import Redactor
from runbooks.execution import runner
from runbooks.execution.share import share
from tests.journal.matrix import fill, kill_at, world
from tests.journal.tamper import published, unnamed


@pytest.mark.parametrize(
    ("scenario", "line"), [("vyx-missing-environment", 3), ("healthy", 14), ("vyx-image-missing", 24)]
)
def test_a_run_killed_while_it_collects(scenario: str, line: int, tmp_path: Path) -> None:
    with world(scenario) as served:
        assert kill_at(served, tmp_path, line, 0.0) == []


@pytest.mark.parametrize("size", [4, 21])
def test_a_run_on_a_small_disk(size: int) -> None:
    probe = subprocess.run(["unshare", "-m", "true"], check=False, capture_output=True)
    if os.geteuid() != 0 or probe.returncode != 0:
        return  # nobody but root can mount one; `test_journal` has the same with errors put in
    with world("healthy") as served:
        assert fill(served, size) == []


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return published(tmp_path_factory.mktemp("run"))


def test_each_changed_byte_is_named(run: Path, tmp_path: Path) -> None:
    chance = random.Random(7)
    parcel = share(run, tmp_path / "sent.zip", Redactor()).path
    for bundle, file in [*((run, path) for path in run.rglob("*.*")), (parcel, parcel)]:
        size = file.stat().st_size
        places = {0, size - 1, size - 2, *(chance.randrange(size) for _ in range(25))}
        # A report is not sealed where no runner wrote a manifest: what a replay reads is the evidence.
        if bundle == parcel or file.parent.name == "evidence":
            assert list(unnamed(bundle, file, sorted(places))) == [], file


def test_a_missing_file_is_named(run: Path) -> None:
    har = run / "evidence" / "http.har"
    whole = har.read_bytes()
    har.unlink()
    with pytest.raises(Exception, match=r"evidence/http\.har is missing"):
        open_bundle(run)
    har.write_bytes(whole)


def test_only_its_own_files_are_shared(tmp_path: Path) -> None:
    own = published(tmp_path / "out")
    (tmp_path / "secret.txt").write_text("secret")
    (own / "secret.txt").symlink_to(tmp_path / "secret.txt")
    (own / "evidence" / "E99-notes.json").write_text('"not of this run"')
    (own / "evidence" / "E98-link.json").symlink_to(tmp_path / "secret.txt")
    os.mkfifo(own / "evidence" / "pipe.json")
    (own / "report.pdf").write_bytes(b"mine")
    parcel = share(own, tmp_path / "sent.zip", Redactor())
    with zipfile.ZipFile(parcel.path) as packed:
        names = {name.partition("/")[2] for name in packed.namelist()}
        assert b"secret" not in b"".join(packed.read(name) for name in packed.namelist() if "E99" in name)
    assert names == set(parcel.names)
    assert not names & {"secret.txt", "report.pdf", *(f"evidence/{name}" for name in ("E99-notes.json", "pipe.json"))}
    assert set(parcel.left_out) >= {"secret.txt", "report.pdf", "evidence/pipe.json", "evidence/E99-notes.json"}
    assert oct(parcel.path.stat().st_mode)[-3:] == "600"
    with pytest.raises(UsageError, match="exists already"):
        share(own, parcel.path, Redactor())
    assert share(own, parcel.path, Redactor(), lambda target: True).names == parcel.names
    linked = tmp_path / "linked.zip"
    linked.symlink_to(tmp_path / "secret.txt")
    for target in (linked, Path("/dev/null")):
        with pytest.raises(UsageError, match="only a regular file"):
            share(own, target, Redactor(), lambda target: True)
    assert (tmp_path / "secret.txt").read_text() == "secret"
    # A file that the run wrote and somebody replaced by a link is not followed either.
    (own / "report.md").unlink()
    (own / "report.md").symlink_to(tmp_path / "secret.txt")
    with pytest.raises(UsageError, match="links are not followed"):
        share(own, tmp_path / "other.zip", Redactor())


@pytest.mark.parametrize(
    ("umask", "file", "folder"), [("", "600", "700"), ("027", "640", "750"), ("022", "644", "755")]
)
def test_the_rights_of_what_a_run_writes(
    umask: str, file: str, folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNBOOKS_UMASK", umask)
    before = os.umask(0)
    try:
        own = published(tmp_path / "out")
    finally:
        os.umask(before)
    assert {oct(path.stat().st_mode)[-3:] for path in [own, own.parent, own / "evidence"]} == {folder}
    written = [path for path in [*own.rglob("*.*"), own.parent.parent / "index.html"] if path.is_file()]
    assert {oct(path.stat().st_mode)[-3:] for path in written} == {file}


OPEN_TWICE = """\
import os, subprocess, sys
from runbooks.case import open_case
case = open_case(globals())
again = open_case(app_name="vyx-app", machine_id="91850296bd4739")
child = subprocess.run([sys.executable, "-c", "import os; print(dict(os.environ))"], capture_output=True, text=True)
names = ("FLY_API_TOKEN", "FLY_ACCESS_TOKEN", "RUNBOOKS_RECORDS_KEY")
assert not [name for name in names if name in os.environ or name in child.stdout], "still there"
for one in (case, again):
    assert one.settings.token.get_secret_value() == "fo1_" + "bm90LXJlYWw"
    assert one.evidence.observations["E01"].exchanges, "not asked"
os.environ["FLY_API_TOKEN"] = "fo1_" + "YW5vdGhlcg"
assert open_case(app_name="other").settings.token.get_secret_value() == "fo1_" + "YW5vdGhlcg"
assert "FLY_API_TOKEN" not in os.environ"""


def test_the_token_leaves_the_environment_of_the_kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "FLY_API_TOKEN": "fo1_bm90LXJlYWw",
        "FLY_API_HOSTNAME": "http://127.0.0.1:9",
        "FLY_API_BASE_URL": "http://127.0.0.1:9",
        "RUNBOOKS_RECORDS_KEY": "sb_secret_none",
        "RUNBOOKS_CONNECT_TO": "*:*=nxdomain",
        "RUNBOOKS_STATUS_URL": "off",
    }.items():
        monkeypatch.setenv(name, value)
    parameters = nbformat.v4.new_code_cell('app_name = ""\nmachine_id = ""')
    parameters.metadata["tags"] = ["parameters"]
    code = OPEN_TWICE.replace('open_case(app_name="other")', 'open_case(app_name="other", machine_id="91850296bd4738")')
    cells = [parameters, nbformat.v4.new_code_cell(code), nbformat.v4.new_code_cell("case.publish()")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "twice.ipynb")
    given = {"app_name": "vyx-app", "machine_id": "91850296bd4738"}
    ended = runner.run("machine_not_visible", given, output_root=tmp_path / "out", notebook=tmp_path / "twice.ipynb")
    assert ended.reason == "The notebook ran to its end."
    assert ended.folder is not None
    manifest = json.loads((ended.folder / "manifest.json").read_text())
    assert "evidence/journal.jsonl" in manifest["files"]
