"""Debian's victoria-metrics, the kind of store that Fly runs, filled over its own API."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import httpx
import pytest

from tests.ports import reserved_port

Line = tuple[dict[str, str], datetime, float]


@dataclass(frozen=True)
class Store:
    """A running server; `base` has the path that Fly puts before the API: `/prometheus/<org>`."""

    base: str

    def load(self, lines: Iterable[Line]) -> None:
        """Historical samples, and the wait until they can be read."""
        text = "\n".join(_line(*one) for one in lines)
        answer = httpx.post(f"{self.base}/api/v1/import/prometheus", content=text.encode(), timeout=30)
        assert answer.status_code == 204, answer.text
        httpx.get(f"{self.base}/internal/force_flush", timeout=30).raise_for_status()


def _line(labels: dict[str, str], at: datetime, value: float) -> str:
    told = ",".join(f'{name}="{text}"' for name, text in labels.items() if name != "__name__")
    return f"{labels['__name__']}{{{told}}} {value:.10g} {int(at.timestamp() * 1000)}"


@contextmanager
def running(folder: Path, org: str) -> Iterator[Store]:
    program = shutil.which("victoria-metrics")
    if not program:
        pytest.skip("Debian's package victoria-metrics is not installed")
    prefix, log = f"/prometheus/{org}", folder / "log"
    command = [program, f"-storageDataPath={folder / 'data'}", f"-http.pathPrefix={prefix}"]
    command += ["-retentionPeriod=100y", "-search.latencyOffset=0s"]
    with reserved_port() as port, log.open("wb") as out:
        process = subprocess.Popen([*command, f"-httpListenAddr=127.0.0.1:{port}"], stdout=out, stderr=out, cwd=folder)
        try:
            store, end = Store(f"http://127.0.0.1:{port}{prefix}"), time.monotonic() + 60
            while not _ready(f"{store.base}/health"):
                if process.poll() is not None or time.monotonic() > end:
                    raise AssertionError(f"victoria-metrics did not start:\n{log.read_text(errors='replace')}")
                time.sleep(0.05)
            yield store
        finally:
            process.terminate()
            process.wait(20)


def _ready(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2).status_code == 200
    except httpx.HTTPError:
        return False
