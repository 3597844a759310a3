"""Pack a run into one .zip that can be sent: everything in it passes today's redaction once more.

Only what the run itself wrote down in its manifest is packed, and only if it is a regular file of the run's folder.
The zip is deterministic (names sorted, one fixed date), holds the report and the evidence, and is itself a bundle:
`runbooks replay FILE.zip`. Its comment holds the hash of all of its bytes.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from runbooks.base import folders
from runbooks.base.errors import UsageError
from runbooks.base.files import NotReadable, kind_of, read_below, why
from runbooks.base.seal import sealed
from runbooks.evidence import bounded_json
from runbooks.evidence.bundle import open_bundle
from runbooks.evidence.redaction import Redactor
from runbooks.evidence.saved_files import INDEX, MANIFEST, MAX_FILE, SEAL
from runbooks.evidence.scan import masked_text

_LONG_AGO = (1980, 1, 1, 0, 0, 0)
_REPORTS = ("report.html", "report.md", "summary.json")
_INDEX = f"evidence/{INDEX}"
Ask = Callable[[Path], bool]


@dataclass(frozen=True)
class Parcel:
    """The file that was made, the names in it, how many values had to be masked on the way, and what was noticed."""

    path: Path
    names: tuple[str, ...]
    masked: int
    changed: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


def _never(path: Path) -> bool:
    return False


def share(run: Path, target: Path | None, redactor: Redactor, replace: Ask = _never) -> Parcel:
    """Pack the folder of a run.

    Args:
        run: the folder
        target: the zip; named after the folder, in the current one, if it is None
        redactor: masks what is packed
        replace: is asked whether a file that is there already may be replaced

    Raises:
        UsageError: this is no readable bundle, so that nobody sends an empty shell; a file that the manifest names is
            not there or no regular file; or the zip cannot be written where it should be
    """
    if not run.is_dir():
        raise UsageError(
            f"{run} is no folder of a run.", "Give a folder below outputs/, as printed at the end of a run."
        )
    bundle = open_bundle(run)  # says what is wrong with it
    target = target or Path(f"{run.absolute().name}.zip")
    _check_target(target)
    texts = {name: _read(run, name) for name in _names(run)}
    redactor.continue_numbering("\n".join(texts.values()))
    clean, masked = {}, 0
    for name in sorted(texts):
        hits = redactor.scan(texts[name])
        masked += sum(hit.count for hit in hits)
        clean[name] = masked_text(name, texts[name], redactor) if hits else texts[name]
    if masked or bundle.changed:
        _rehash(clean)
    _place(_packed(run.absolute().name, clean), target, replace)
    return Parcel(target, tuple(clean), masked, bundle.changed, _foreign(run, clean))


def _names(run: Path) -> list[str]:
    """The files of the manifest, and the manifest; of a run that has none, the reports and what the index names."""
    if (run / MANIFEST).exists() or (run / MANIFEST).is_symlink():
        told = bounded_json.loads(_read(run, MANIFEST).encode())
        files = told.get("files") if isinstance(told, dict) else None
        return sorted({MANIFEST, *(name for name in files or () if name != folders.TARGET)})
    reports = [name for name in _REPORTS if (run / name).exists() or (run / name).is_symlink()]
    index = bounded_json.loads(_read(run, _INDEX).encode())
    return [*reports, _INDEX, *(f"evidence/{name}" for name in index["sha256"])]


def _read(run: Path, name: str) -> str:
    try:
        return read_below(run, name, 4 * MAX_FILE).decode("utf-8", errors="replace")
    except (NotReadable, OSError) as error:
        told = why(error) if isinstance(error, OSError) else str(error)
        raise UsageError(
            f"{name[:200]!r} of the run {run} cannot be packed: {told}.",
            "Put back what the run wrote; only its own regular files are shared.",
        ) from None


def _foreign(run: Path, packed: Mapping[str, str]) -> tuple[str, ...]:
    """What else lies in the folder, by name."""
    found = (path.relative_to(run).as_posix() for path in run.rglob("*") if path.is_symlink() or not path.is_dir())
    return tuple(sorted(name for name in found if name not in packed))


def _rehash(texts: dict[str, str]) -> None:
    """Hashes and seals of the index and the manifest, as the files are now."""

    def digest(name: str) -> str:
        return hashlib.sha256(texts[name].encode("utf-8")).hexdigest()

    if _INDEX in texts:
        index = json.loads(texts[_INDEX])
        index["sha256"] = {name: digest(f"evidence/{name}") for name in index["sha256"] if f"evidence/{name}" in texts}
        texts[_INDEX] = sealed(index)
    if MANIFEST in texts:
        manifest = json.loads(texts[MANIFEST])
        manifest["files"] = {name: digest(name) for name in manifest["files"] if name in texts}
        texts[MANIFEST] = sealed(manifest)


def _packed(folder: str, texts: Mapping[str, str]) -> bytes:
    """The zip, with the hash of its bytes as the comment at its end."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, text in sorted(texts.items()):
            entry = zipfile.ZipInfo(f"{folder}/{name}", _LONG_AGO)
            entry.external_attr = 0o644 << 16
            packed.writestr(entry, text.encode("utf-8"), zipfile.ZIP_DEFLATED)
        packed.comment = SEAL + bytes(64)
    data = made.getvalue()[:-64]
    return data + hashlib.sha256(data).hexdigest().encode()


def _check_target(target: Path) -> None:
    try:
        mode = target.lstat().st_mode
    except FileNotFoundError:
        return
    except OSError as error:
        raise _unwritable(target, error) from None
    if kind_of(mode) != kind_of(0o100000):
        raise UsageError(
            f"{target} is {kind_of(mode)}, and only a regular file is written or replaced.",
            "Name another place with --output FILE.zip.",
        )


def _place(data: bytes, target: Path, replace: Ask) -> None:
    """Written aside and put in its place at once; a file that is there is replaced only where somebody agrees."""
    aside = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with aside.open("xb") as file:
            file.write(data)
        aside.chmod(0o666 & ~folders.umask())
        if target.exists() and not replace(target):
            raise UsageError(
                f"The file {target} exists already.",
                "Name another one with --output FILE.zip, or allow it with --replace.",
            )
        _check_target(target)
        aside.replace(target)
    except OSError as error:
        raise _unwritable(target, error) from None
    finally:
        with suppress(OSError):
            aside.unlink()


def _unwritable(target: Path, error: OSError) -> UsageError:
    return UsageError(
        f"The file {target} cannot be written ({why(error)}).", "Name another place with --output FILE.zip."
    )
