"""The last look over finished files: every byte, also packed ones, and the names of the files.

`scan_folder` says what still shows; `clean_folder` masks it where that is possible, and names the files
where it is not. A text is masked as text, JSON as JSON; of anything else only its secrets are told.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import re
import zipfile
import zlib
from collections.abc import Collection, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from runbooks.base.folders import write_whole
from runbooks.base.seal import sealed
from runbooks.evidence.journal import resealed
from runbooks.evidence.redaction import Hit, Redactor
from runbooks.evidence.redaction.pictures import without_pixels

HTML, PLAIN = "text/html", "text/plain"
"""The two forms of a notebook's output: the plain one breaks long words to fit into lines."""
MOST = 400_000_000
"""Bytes that are unpacked of one file; one that holds more is as good as unreadable."""
_DEPTH = 4
_JSON = (".json", ".har", ".ipynb")
_LINES = ".jsonl"
"""One JSON text a line, with hashes: a journal."""
_RAW = re.compile(r"<((?:secret:)?[a-z-]+#\d+)>")
_PICTURE = re.compile(r'(?<="image/png": )"([A-Za-z0-9+/=]*(?:\\n)?)"')
"""Pixels in a notebook, which are no text; what can be read in them is read as in any other picture."""
_LONG = 200
"""Letters of a text; what is longer is not the value of a setting."""
_READABLE = re.compile(rb"[\x20-\x7e\t\r\n]{8,}")


class _Unreadable(Exception):
    """Something packed that could not be looked into."""


def scan_folder(folder: Path, redactor: Redactor) -> list[tuple[str, Hit]]:
    """(file, hit) for everything in the folder that is still in the clear; the empty list is the good answer."""
    return [
        (name, hit)
        for path in _files(folder)
        for name in [path.relative_to(folder).as_posix()]
        for hit in scan_bytes(name, path.read_bytes(), redactor)
    ]


def scan_bytes(name: str, data: bytes, redactor: Redactor) -> list[Hit]:
    """What a file of this name and content shows, its own name included."""
    found = redactor.scan(name)
    data, tables = _not_judged(name, data, redactor)
    with redactor.laid_out():
        for text in tables:
            found += redactor.scan(text)
    try:
        for text in _texts(name, data, _DEPTH):
            found += redactor.scan(text)
    except _Unreadable:
        found.append(Hit("unreadable", name, 1))
    return found


def clean_folder(folder: Path, redactor: Redactor, looked_over: Collection[str] = ()) -> tuple[int, list[str]]:
    """Mask in place; how many values were masked, and the files that could not be cleaned.

    Args:
        folder: a run that is complete
        redactor: what is secret
        looked_over: SHA-256 of contents that another redactor scanned before; in them only known values are searched
    """
    masked, dirty, changed = 0, [], set()
    for path in _files(folder):
        name, data = path.relative_to(folder).as_posix(), path.read_bytes()
        seen = looked_over and hashlib.sha256(data).hexdigest() in looked_over
        if seen and not any(map(redactor.knows_in, _texts(name, data, 0))):
            continue
        hits = scan_bytes(name, data, redactor)
        if not hits:
            continue
        text = _decoded(data)
        clean = None if text is None else masked_text(name, text, redactor).encode("utf-8")
        if clean is None or scan_bytes(name, clean, redactor):
            dirty.append(name)
            continue
        path.write_bytes(clean)
        changed.add(path)
        masked += sum(hit.count for hit in hits)
    _rehash(changed)
    return masked, dirty


def masked_text(name: str, text: str, redactor: Redactor) -> str:
    """JSON is masked as JSON, so that it stays JSON; everything else as text."""
    if name.endswith(_JSON):
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            pass
        else:
            text = json.dumps(_strings(value, redactor, name), indent=2, ensure_ascii=False) + "\n"
    if name.endswith(_LINES):
        return resealed("".join(_masked_line(line, redactor, name) for line in text.splitlines(keepends=True)))
    masked = redactor.text(text, f"finished {name}")
    if masked != text and name.endswith(".html"):
        return _RAW.sub(_escaped, masked)
    return _escaped_markdown(masked) if masked != text and name.endswith(".md") else masked


def _escaped(match: re.Match[str]) -> str:
    return f"&lt;{match[1]}&gt;"


def _escaped_markdown(text: str) -> str:
    """`<secret:…>` is a link in Markdown: outside of code its angle brackets are escaped."""
    lines, fence = text.split("\n"), ""
    for index, line in enumerate(lines):
        mark = re.match(r"\s{0,3}(`{3,}|~{3,})", line)
        if mark and (not fence or mark[1].startswith(fence)):
            fence = "" if fence else mark[1]
        elif not fence and "#" in line:
            parts = line.split("`")
            parts[::2] = [_RAW.sub(_escaped, part) for part in parts[::2]]
            lines[index] = "`".join(parts)
    return "\n".join(lines)


def _masked_line(line: str, redactor: Redactor, name: str) -> str:
    try:
        return json.dumps(_strings(json.loads(line), redactor, name), ensure_ascii=False) + "\n"
    except (ValueError, RecursionError):
        return redactor.text(line, f"finished {name}")


def _strings(value: Any, redactor: Redactor, place: str) -> Any:
    """Every string on its own; keys decide nothing here, since what is no evidence has keys, too."""
    if isinstance(value, dict):
        return {redactor.text(key, place): _strings(item, redactor, place) for key, item in value.items()}
    if isinstance(value, list):
        return [_strings(item, redactor, place) for item in value]
    return redactor.text(value, place) if isinstance(value, str) else value


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def _texts(name: str, data: bytes, depth: int) -> Iterator[str]:
    """Everything in the file that can be read as text: itself, its JSON strings, what is packed in it."""
    text = _decoded(data)
    if text is not None and name.endswith(".ipynb"):
        for picture in _PICTURE.findall(text):
            yield _readable(base64.b64decode(picture.replace("\\n", "")))
        text = _PICTURE.sub('""', text)
    if text is None:
        yield _readable(data)
    else:
        yield text
        if name.endswith(_JSON):
            # The separator is one that no rule reads across.
            yield "\n<>\n".join(_leaves(text))
        elif name.endswith(_LINES):
            yield "\n<>\n".join(leaf for line in text.splitlines() for leaf in _leaves(line))
    if depth:
        for inner, packed in _packed(name, data):
            yield inner
            yield from _texts(inner, packed, depth - 1)


def _readable(data: bytes) -> str:
    """The letters in what is no text."""
    return b"\n".join(_READABLE.findall(without_pixels(data))).decode("ascii")


def _leaves(text: str) -> Iterator[str]:
    """The strings of a JSON text as they are meant, those with an escape in them: the others stood there already."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return
    rest = [value]
    while rest:
        one = rest.pop()
        if isinstance(one, dict):
            rest += [*one, *one.values()]
        elif isinstance(one, list):
            rest += one
        elif isinstance(one, str) and ("\n" in one or '"' in one or "\\" in one):
            yield one


def _not_judged(name: str, data: bytes, redactor: Redactor) -> tuple[bytes, list[str]]:
    """A notebook without the texts that were found clean before, and those of its tables that are there as HTML, too.

    A text that a notebook holds as lines is judged as one.
    """
    if not name.endswith(".ipynb"):
        return data, []
    tables: list[str] = []
    try:
        told = json.loads(data)
        shown = [out["data"] for cell in told["cells"] for out in cell.get("outputs", ()) if "data" in out]
        for one in shown:
            if HTML in one and PLAIN in one:
                told_plain = one.pop(PLAIN)
                # Line by line, as they are masked; the separator is one that no rule reads across.
                lines = told_plain if isinstance(told_plain, list) else [told_plain]
                tables.append("\n<>\n".join(map(str, lines)))
        told = _rest(told, redactor)
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
        return data, []
    return json.dumps(told, indent=1, ensure_ascii=False).encode("utf-8", "surrogatepass"), tables


def _rest(value: Any, redactor: Redactor) -> Any:
    """The same without long texts that were found clean before. Of a short one its name may tell that it is secret."""
    if isinstance(value, dict):
        return {key: _rest(item, redactor) for key, item in value.items()}
    text = "".join(value) if isinstance(value, list) and all(isinstance(item, str) for item in value) else value
    if isinstance(text, str) and len(text) > _LONG and redactor.judged(text):
        return ""
    return [_rest(item, redactor) for item in value] if isinstance(value, list) else value


def _packed(name: str, data: bytes) -> Iterator[tuple[str, bytes]]:
    """The members of a zip, the content of a gzip."""
    left = MOST
    try:
        if zipfile.is_zipfile(io.BytesIO(data)):
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                for entry in archive.infolist():
                    left -= entry.file_size
                    if left < 0:
                        raise _Unreadable
                    if not entry.is_dir():
                        yield entry.filename, archive.read(entry)
        elif data.startswith(b"\x1f\x8b"):
            with gzip.open(io.BytesIO(data)) as stream:
                inside = stream.read(MOST + 1)
                if len(inside) > MOST:
                    raise _Unreadable
                yield PurePosixPath(name).stem, inside
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, zlib.error, OSError, EOFError):
        # Damaged, encrypted, packed in a way that is not known here.
        raise _Unreadable from None


def _decoded(data: bytes) -> str | None:
    """The file as text, or None when it is none."""
    try:
        if data.startswith((b"\xff\xfe", b"\xfe\xff")):
            return data.decode("utf-16")
        return None if b"\x00" in data else data.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _rehash(changed: set[Path]) -> None:
    """Bring the hashes that `evidence/index.json` keeps of its neighbours up to date."""
    for index in {path.with_name("index.json") for path in changed}:
        try:
            told = json.loads(index.read_text(encoding="utf-8"))
            for name in told["sha256"]:
                told["sha256"][name] = hashlib.sha256(index.with_name(name).read_bytes()).hexdigest()
        except (OSError, ValueError, KeyError, TypeError):
            continue
        write_whole(index, sealed(told))
