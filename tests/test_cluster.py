"""Many runs on a cluster: the bytes of a cold run, one publication each, and no credential in a task."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from distributed import Client, LocalCluster
from distributed.protocol.pickle import dumps

from runbooks.base import folders
from runbooks.base.errors import UsageError
from runbooks.cli import cli
from runbooks.collect.shared_answers import SharedAnswers, sharing
from runbooks.execution import cluster, runner
from runbooks.execution.cluster import LOCAL, connected, job_names
from runbooks.execution.ending import Result
from runbooks.execution.many import Job

SAME = ("report.html", "report.md", "summary.json")
TOKEN = "FlyV1 fm2_bm90IGEgcmVhbCB0b2tlbiwgbWFkZSB1cCBmb3IgdGhpcyB0ZXN0"
_SCENARIOS = ("healthy", "gone-without-trace")
ID = "613d79c84c2b7e"  # which could be a secret, were it not an id
JOB = f"2026-01-01/machine_not_visible--app--{ID}--120000Z"


def _staged(root: Path, status: str = "completed", job: str = JOB) -> folders.Staging:
    staging = folders.Staging(root)
    (staging.path / "manifest.json").write_text(json.dumps({"job": job, "status": status}))
    return staging


def test_a_job_is_published_once(tmp_path: Path) -> None:
    first, second = _staged(tmp_path), _staged(tmp_path)
    assert folders.published(tmp_path, JOB) is None
    assert first.settle("other", JOB) == second.settle("other", JOB) == tmp_path / JOB
    assert folders.published(tmp_path, JOB) == tmp_path / JOB
    assert [path.name for path in (tmp_path / "2026-01-01").iterdir()] == [Path(JOB).name]
    assert not list((tmp_path / folders.STAGING).iterdir())


def test_another_run_of_that_name_is_no_run_of_the_job(tmp_path: Path) -> None:
    _staged(tmp_path, job="another").settle(JOB)
    assert folders.published(tmp_path, JOB) is None
    assert _staged(tmp_path).settle("other", JOB) == tmp_path / f"{JOB}-2"
    assert folders.published(tmp_path, JOB) == tmp_path / f"{JOB}-2"


def test_what_a_lost_worker_left_is_dropped_when_its_run_was_made_elsewhere(tmp_path: Path) -> None:
    _staged(tmp_path, "running").leave()
    _staged(tmp_path).settle("other", JOB)
    assert folders.sweep(tmp_path) == []
    assert not list((tmp_path / folders.STAGING).iterdir())


def test_a_run_that_died_is_made_again_under_the_next_name(tmp_path: Path) -> None:
    _staged(tmp_path, "running").leave()
    (died,) = folders.sweep(tmp_path)
    assert died.is_dir()
    assert folders.published(tmp_path, JOB) is None


def test_a_published_run_is_not_made_again(tmp_path: Path) -> None:
    staging = folders.Staging(tmp_path)
    told = {"job": JOB, "status": "completed", "exit_code": 3, "reason": "It ended.", "warnings": ["one"]}
    (staging.path / "manifest.json").write_text(json.dumps(told))
    (staging.path / "summary.json").write_text('{"verdict": "incident"}')
    staging.settle("other", JOB)
    done = runner.run("machine_not_visible", {}, output_root=tmp_path, job=JOB)
    assert (done.status, done.exit_code, done.folder, done.warnings) == ("completed", 3, tmp_path / JOB, ("one",))
    assert done.summary == {"verdict": "incident"}


def test_no_two_jobs_have_one_name() -> None:
    jobs = [Job("machine_not_visible", {"app_name": "app", "machine_id": ID, "record_key": key}) for key in "abc"]
    begun = datetime(2026, 1, 1, 12, tzinfo=UTC)
    assert job_names(jobs, begun) == [JOB, f"{JOB}-2", f"{JOB}-3"]


def test_a_lost_worker_loses_no_run_and_doubles_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One cluster for all of it, since it takes seconds to start: the bytes, the tasks, and kill -9 in the middle."""
    monkeypatch.setenv("FLY_API_TOKEN", TOKEN)
    jobs = [Job("machine_not_visible", {"source": f"simulator:{name}"}) for name in (*_SCENARIOS, _SCENARIOS[0])]
    root, tasks, pids = tmp_path / "dask", [], []
    submit = Client.submit

    def submitted(self: Client, *args: Any, **options: Any) -> Any:
        tasks.append(dumps((args, options)))
        return submit(self, *args, **options)

    monkeypatch.setattr(Client, "submit", submitted)

    def kill() -> None:
        """Kill the first worker while both make a run; at the latest when one run is there."""
        begun = 0
        while begun < 2 and not list(root.glob("2*/*")):
            time.sleep(0.02)
            with contextlib.suppress(FileNotFoundError):  # a run has just ended, and its folder is elsewhere
                begun = len(list((root / folders.STAGING).glob("*/evidence/journal*.jsonl")))
        os.kill(pids[0], signal.SIGKILL)

    with connected(LOCAL, root, 2) as run_many:
        pids += run_many.args[0].run(os.getpid).values()  # type: ignore[attr-defined]
        killer = threading.Thread(target=kill)
        killer.start()
        results = run_many(jobs, output_root=root)
        killer.join()
        assert pids[0] not in run_many.args[0].run(os.getpid).values()  # type: ignore[attr-defined]

    assert len(tasks) == len(jobs)
    assert not any(TOKEN.removeprefix("FlyV1 ").encode() in task for task in tasks)
    published = sorted(path for path in root.glob("2*/*") if path.is_dir())
    assert published == sorted(result.folder for result in results if result and result.folder)
    assert len(published) == len(jobs)
    assert {json.loads((path / "manifest.json").read_text())["status"] for path in published} == {"completed"}
    assert not list((root / folders.STAGING).glob("*/"))
    for name, result in zip(_SCENARIOS, results, strict=False):
        cold = runner.run("machine_not_visible", {"source": f"simulator:{name}"}, output_root=tmp_path / "cold")
        assert result is not None
        assert result.folder is not None
        assert cold.folder is not None
        assert (result.status, result.exit_code) == (cold.status, cold.exit_code)
        for file in SAME:
            assert (result.folder / file).read_bytes() == (cold.folder / file).read_bytes(), file


def test_answers_are_shared_with_the_client_or_else_among_the_runs_of_a_worker() -> None:
    assert cluster._place("batch", "", (ID,)) == ""
    with sharing({ID}) as place:
        assert cluster._place("batch", place, (ID,)) == place
    own = cluster._place("batch", place, (ID,))
    assert own != place
    assert cluster._place("batch", place, (ID,)) == own
    opened = SharedAnswers.opened(own)
    assert opened is not None
    assert opened.looked_for == {ID}
    opened.close()
    assert cluster._place("next", place, (ID,)) != own
    assert SharedAnswers.opened(own) is None


def test_a_signal_ends_what_runs_and_begins_nothing_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(job: Job, name: str, root: str, seconds: float, share: str, batch: str, *rest: object) -> Result:
        os.kill(os.getpid(), signal.SIGTERM)  # the worker is a thread of this process
        while not cluster._signals.get(batch):
            time.sleep(0.01)
        return Result("cancelled", 128 + cluster._signals[batch][0], share, None, ())

    monkeypatch.setattr(cluster, "_run", run)
    options = {"processes": False, "dashboard_address": None, "threads_per_worker": 1}
    jobs = [Job("machine_not_visible", {"source": "simulator:healthy"})] * 3
    with (
        LocalCluster(n_workers=1, protocol="tcp", **options) as one,
        connected(one.scheduler_address, tmp_path) as run_many,
    ):
        results = run_many(jobs, output_root=tmp_path)
        assert [result and (result.exit_code, result.reason) for result in results] == [(143, "1/1"), None, None]
        assert run_many(jobs, output_root=tmp_path, until=time.monotonic()) == [None, None, None]


@pytest.mark.parametrize("address", ["tcp://", "http://host:8786", "tcp://user:secret@host:1", "host", ""])
def test_what_is_no_address_is_refused(tmp_path: Path, address: str) -> None:
    with pytest.raises(UsageError, match="no address of a Dask scheduler"), connected(address, tmp_path):
        pass


def test_a_scheduler_that_does_not_answer_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 0.3)
    with pytest.raises(UsageError, match=r"127\.0\.0\.1:9 does not answer"), connected("tcp://127.0.0.1:9", tmp_path):
        pass


def test_workers_that_cannot_be_used_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "WORKER_SECONDS", 0.3)
    options = {"processes": False, "dashboard_address": None, "threads_per_worker": 1}
    with LocalCluster(n_workers=0, protocol="tcp", **options) as empty:
        with pytest.raises(UsageError, match="has no workers"), connected(empty.scheduler_address, tmp_path):
            pass
        empty.scale(1)
        monkeypatch.setattr(cluster, "WORKER_SECONDS", 30)
        for answer, message in (
            (("0.0.1", True), r"has fly-runbooks 0\.0\.1, and this is"),
            ((cluster.__version__, False), "does not see the output folder"),
        ):
            monkeypatch.setattr(cluster, "_look", lambda marker, answer=answer: answer)
            with pytest.raises(UsageError, match=message), connected(empty.scheduler_address, tmp_path):
                pass


def test_dask_is_named_where_it_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    ended = CliRunner().invoke(cli, ["sweep", "--cluster", "local", "--output-root", str(tmp_path)])
    assert isinstance(ended.exception, UsageError)
    assert "pip install 'fly-runbooks[cluster]'" in ended.exception.remedy
