"""Pack a run into one .zip that can be sent: everything in it passes today's redaction once more.

The zip is deterministic (names sorted, one fixed date), holds the report and the evidence, and is
itself a bundle: `runbooks replay FILE.zip`.
"""

from __future__ import annotations

import os
import zipfile
from dataclasses import dataclass
from pathlib import Path

from runbooks.base.errors import UsageError
from runbooks.evidence.bundle import open_bundle
from runbooks.evidence.redaction import Redactor
from runbooks.evidence.scan import masked_text

_LONG_AGO = (1980, 1, 1, 0, 0, 0)
_PACKED = ("report.html", "report.md", "summary.json", "report.ipynb", "manifest.json")
_EVIDENCE = "evidence"


@dataclass(frozen=True)
class Parcel:
    """The file that was made, the names in it, and how many values had to be masked on the way."""

    path: Path
    names: tuple[str, ...]
    masked: int


def share(run: Path, target: Path | None, redactor: Redactor) -> Parcel:
    """Pack the folder of a run; refuses what is no readable bundle, so that nobody sends an empty shell."""
    open_bundle(run)  # says what is wrong with it
    if not run.is_dir():
        raise UsageError(
            f"{run} is no folder of a run.", "Give a folder below outputs/, as printed at the end of a run."
        )
    target = target or Path(f"{run.absolute().name}.zip")
    names = [name for name in _PACKED if (run / name).is_file()]
    names += sorted(
        f"{_EVIDENCE}/{p.name}" for p in (run / _EVIDENCE).iterdir() if p.is_file() and p.suffix in (".json", ".har")
    )
    texts = {name: (run / name).read_text(encoding="utf-8", errors="replace") for name in names}
    redactor.continue_numbering("\n".join(texts.values()))
    masked = 0
    staging = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with zipfile.ZipFile(staging, "w", zipfile.ZIP_DEFLATED) as packed:
            for name in sorted(names):
                hits = redactor.scan(texts[name])
                masked += sum(hit.count for hit in hits)
                text = masked_text(name, texts[name], redactor) if hits else texts[name]
                entry = zipfile.ZipInfo(f"{run.absolute().name}/{name}", _LONG_AGO)
                entry.external_attr = 0o644 << 16
                packed.writestr(entry, text.encode("utf-8"), zipfile.ZIP_DEFLATED)
        staging.replace(target)
    except OSError as error:
        staging.unlink(missing_ok=True)
        raise UsageError(
            f"The file {target} cannot be written ({error.strerror}).", "Name another place with --output FILE.zip."
        ) from None
    return Parcel(target, tuple(names), masked)
