"""Every byte of a bundle changed, one after the other: `replay` names the file each time.

`make tamper` changes all of them, in the folder of a run and in its zip; the tests beside this file take samples.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from unittest.mock import patch

from runbooks.base.errors import SourceError
from runbooks.case import open_case
from runbooks.evidence.bundle import open_bundle
from runbooks.evidence.redaction import Redactor
from runbooks.execution.share import share

SCENARIO = "simulator:vyx-image-missing"


def unnamed(bundle: Path, file: Path, places: Iterable[int]) -> Iterator[int]:
    """The places at which a changed byte of `file` is not named when `bundle` is opened."""
    whole = file.read_bytes()
    try:
        for place in places:
            with file.open("r+b") as changed:
                changed.seek(place)
                changed.write(bytes([whole[place] ^ (1 << place % 8)]))
            if not _named(bundle, file):
                yield place
            with file.open("r+b") as changed:
                changed.seek(place)
                changed.write(whole[place : place + 1])
    finally:
        file.write_bytes(whole)


def _named(bundle: Path, file: Path) -> bool:
    try:
        return any(file.name in phrase for phrase in open_bundle(bundle).changed)
    except SourceError as error:
        return file.name in str(error)


def published(root: Path) -> Path:
    """The folder of a run of a small scenario."""
    with patch.dict(os.environ, {"RUNBOOKS_OUTPUT_ROOT": str(root)}):
        open_case(source=SCENARIO).publish()
    (folder,) = root.glob("*/machine_not_visible--*")
    return folder


def written_by_runner(root: Path) -> Path:
    """The same, with the manifest of the runner: that seals the reports beside the evidence."""
    command = [sys.executable, "-m", "runbooks", "run", "machine_not_visible", "-p", "source", SCENARIO]
    subprocess.run(command, env={**os.environ, "RUNBOOKS_OUTPUT_ROOT": str(root)}, check=False, capture_output=True)
    (folder,) = root.glob("*/machine_not_visible--*")
    return folder


def main() -> int:
    bad = 0
    with tempfile.TemporaryDirectory() as root:
        run = written_by_runner(Path(root))
        parcel = share(run, Path(root) / "sent.zip", Redactor()).path
        for bundle, file in [*((run, path) for path in sorted(run.rglob("*.*"))), (parcel, parcel)]:
            size = file.stat().st_size
            # What is only compared by its hash is the same at each of its places.
            places = (
                range(size)
                if bundle == run and file.parent.name == "evidence"
                else range(0, size, max(41, size // 2_000))
            )
            missed = list(unnamed(bundle, file, places))
            bad += len(missed)
            print(
                f"{'FAIL' if missed else 'ok':4} {file.name}: {len(places)} of {size} bytes, {missed[:5]}", flush=True
            )
    return bad > 0


if __name__ == "__main__":
    sys.exit(main())
