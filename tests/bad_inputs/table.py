"""A hundred bad inputs: what a command line, a file, a bundle or a server can get wrong, written down in one place.

A row of `COMMANDS` makes the arguments of a command, which has to end with 2 and one paragraph. A row of `ANSWERS` is
the answer of a server to the question for the list, which has to end as "could not look". `make bad-inputs` plays each
in a process of its own and measures its memory; the test beside this file plays all of them in one process.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import shutil
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from runbooks.base.seal import sealed
from runbooks.evidence.journal import _line

OLD = Path(__file__).parent.parent / "replay" / "format-1"
RUN = ("run", "machine_not_visible")
APP = (*RUN, "-p", "app_name", "vyx-app")
MB = 1_000_000
Arguments = Callable[[Path], list[str]]
COMMANDS: dict[str, Arguments] = {}
ANSWERS: dict[str, tuple[Mapping[str, str], Callable[[], Iterator[bytes]]]] = {}


# Files of parameters.


def _file(name: str, text: str | bytes) -> None:
    def arguments(folder: Path) -> list[str]:
        path = folder / "parameters.yaml"
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return [*RUN, "-f", str(path)]

    COMMANDS[f"-f: {name}"] = arguments


_file("a list", "- a\n- b\n")
_file("one word", "hello\n")
_file("a list in it", "app_name: [a, b]\n")
_file("an object in it", "app_name: {a: b}\n")
_file("lists nested 100,000 deep", "app_name: " + "[" * 100_000)
_file("objects nested 100,000 deep", "app_name: " + "{a: " * 100_000)
_file("blocks nested 500 deep", "".join(f"{' ' * depth}a:\n" for depth in range(500)))
_file(
    "references that multiply",
    "a: &a [x,x,x,x,x,x,x,x,x]\n"
    + "".join(f"{b}: &{b} [{','.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)),
)
_file("a reference to itself", "a: &a [*a]\n")
_file("a merge", "a: &a {b: c}\nd:\n  <<: *a\n")
_file("a Python object", 'app_name: !!python/object/apply:os.system ["true"]\n')
_file("an unknown tag", "app_name: !secret x\n")
_file("two documents", "app_name: a\n---\napp_name: b\n")
_file("an open quote", 'app_name: "vyx\n')
_file("a tab", "app_name:\n\t- x\n")
_file("a NUL", b"app_name: a\0b\n")
_file("UTF-16", "app_name: vyx-app\n".encode("utf-16"))
_file("no text", bytes(range(256)) * 20)
_file("an unknown name", "app_nmae: vyx-app\n")
_file("a hundred thousand names", "".join(f"n{number}: x\n" for number in range(20_000)))
_file("seven megabytes", "caller_log: " + "x" * 7 * MB)
_file("a name of a megabyte", "n" * MB + ": x\n")


def _named(name: str) -> Callable[[Arguments], Arguments]:
    def register(arguments: Arguments) -> Arguments:
        COMMANDS[name] = arguments
        return arguments

    return register


@_named("-f: none there")
def _(folder: Path) -> list[str]:
    return [*RUN, "-f", str(folder / "none.yaml")]


@_named("-f: a folder")
def _(folder: Path) -> list[str]:
    return [*RUN, "-f", str(folder)]


@_named("-f: an endless device")
def _(folder: Path) -> list[str]:
    return [*RUN, "-f", "/dev/zero"]


@_named("-f: a pipe without a writer")
def _(folder: Path) -> list[str]:
    os.mkfifo(folder / "pipe")
    return [*RUN, "-f", str(folder / "pipe")]


# Parameters.

for _label, _pairs in {
    "an unknown name": ("app", "vyx-app"),
    "an app in capitals": ("app_name", "VYX"),
    "an app of a megabyte": ("app_name", "x" * 100_000),
    "an id with a line end": ("machine_id", "9185\n0296"),
    "an id that climbs": ("machine_id", "../../etc"),
    "an organisation with a slash": ("org_slug", "a/b"),
    "a time that is none": ("incident_time", "yesterday"),
    "a time far ahead": ("incident_time", "99999-01-01T00:00:00Z"),
    "neither true nor false": ("allow_writes", "maybe"),
    "a test that nobody confirmed": ("allow_writes", "true"),
    "a second test without the first": ("canary_config", "true"),
    "a source that is none": ("source", "ftp:x"),
    "a scenario that is none": ("source", "simulator:none"),
    "a scenario that is a device": ("source", "simulator:/dev/zero"),
    "a log that is a device": ("caller_log", "/dev/zero"),
    "a log that is not there": ("caller_log", "/none/log.txt"),
    "a log that is a folder": ("caller_log", "/tmp/"),
}.items():
    COMMANDS[f"-p: {_label}"] = lambda folder, pairs=_pairs: [*RUN, "-p", *pairs]  # type: ignore[misc]


@_named("-p: a log of six megabytes")
def _(folder: Path) -> list[str]:
    (folder / "log.txt").write_text("line\n" * 1_200_000 + "end")
    return [*APP, "-p", "caller_log", str(folder / "log.txt")]


@_named("-p: a log that is a silent pipe")
def _(folder: Path) -> list[str]:
    os.mkfifo(folder / "log.txt")
    return [*APP, "-p", "caller_log", str(folder / "log.txt")]


@_named("-p: twice the same")
def _(folder: Path) -> list[str]:
    return [*APP, "-p", "app_name", "other"]


@_named("-p: nothing to look for")
def _(folder: Path) -> list[str]:
    return [*APP]


for _seconds in ("nan", "inf", "-inf", "0", "-1", "1e400", "soon", "1e9"):
    COMMANDS[f"--deadline: {_seconds}"] = lambda folder, seconds=_seconds: [  # type: ignore[misc]
        *APP, "-p", "machine_id", "91850296bd4738", "--deadline", seconds,
    ]  # fmt: skip


# Bundles.


def copied(folder: Path, **changed: Any) -> Path:
    """A readable bundle with some files replaced, and with hashes that fit, as a hostile sender would make it."""
    target = folder / "bundle"
    shutil.copytree(OLD, target)
    for name, content in changed.items():
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        (target / name.replace("_har", ".har").replace("_json", ".json")).write_bytes(data)
    index = json.loads((target / "index.json").read_text()) if "index_json" not in changed else None
    if index is not None:
        index["sha256"] = {name: hashlib.sha256((target / name).read_bytes()).hexdigest() for name in index["sha256"]}
        (target / "index.json").write_text(sealed(index))
    return target


def _index(**changed: Any) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        target = copied(folder)
        index = json.loads((target / "index.json").read_text()) | changed
        (target / "index.json").write_text(sealed(index))
        return target

    return make


def _bundle(name: str, make: Callable[[Path], Path]) -> None:
    COMMANDS[f"bundle: {name}"] = lambda folder: ["replay", str(make(folder))]


def _zip(make: Callable[[zipfile.ZipFile], None]) -> Callable[[Path], Path]:
    def made(folder: Path) -> Path:
        path = folder / "bundle.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
            make(packed)
        return path

    return made


def _packed(packed: zipfile.ZipFile, folder: str = "run/evidence", **other: bytes) -> None:
    for path in sorted(OLD.iterdir()):
        packed.writestr(f"{folder}/{path.name}", other.get(path.stem, path.read_bytes()))


def _patched(at: Callable[[bytes], int], new: bytes) -> Callable[[Path], Path]:
    """A zip in which some bytes say something else."""

    def make(folder: Path) -> Path:
        path = _zip(_packed)(folder)
        data = path.read_bytes()
        place = at(data)
        path.write_bytes(data[:place] + new + data[place + len(new) :])
        return path

    return make


def _linked(name: str, target: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        bundle = copied(folder)
        (bundle / name).unlink()
        (bundle / name).symlink_to(target)
        return bundle

    return make


def _piped(folder: Path) -> Path:
    bundle = copied(folder)
    (bundle / "http.har").unlink()
    os.mkfifo(bundle / "http.har")
    return bundle


def _written(name: str, data: bytes) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        (folder / name).write_bytes(data)
        return folder / name

    return make


def _journal(*lines: dict[str, Any], end: bytes = b"") -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        text, before = "", ""
        for line in lines:
            one, before = _line(line, before)
            text += one
        (folder / "journal.jsonl").write_bytes(text.encode() + end)
        return folder / "journal.jsonl"

    return make


_HAR = json.loads((OLD / "http.har").read_text())
_HEAD = {"kind": "run", "format": "fly-runbooks/journal/1", "runbook": "machine_not_visible", "version": "1"}
_HEAD |= {"source": "live", "parameters": {}, "questions": ["E01"], "clock": ["2025-10-02T03:00:00Z"]}
_HEAD |= {"circumstances": {"asked_as": "none", "registries": [], "status_feed": False}}
_bundle("none there", lambda folder: folder / "none")
_bundle("an empty folder", lambda folder: folder)
_bundle("a text", _written("bundle.txt", b"hello"))
_bundle("a device", lambda folder: Path("/dev/zero"))
_bundle("an empty zip", _zip(lambda packed: None))
_bundle("half a zip", _written("bundle.zip", b"PK\x03\x04" + b"\0" * 500))
_bundle("a zip of another thing", _zip(lambda packed: packed.writestr("readme.txt", "hello")))
_bundle("a zip that unpacks to 300 MB", _zip(lambda packed: _packed(packed, http=b"0" * 300 * MB)))
_bundle("a zip of 5,000 files", _zip(lambda p: [_packed(p), *(p.writestr(f"x/{n}", "") for n in range(5_000))]))  # type: ignore[arg-type]
_bundle("a zip of two runs", _zip(lambda p: [_packed(p), _packed(p, "other/evidence")]))  # type: ignore[arg-type]
_bundle("a zip with a foreign comment", _zip(lambda p: [_packed(p), setattr(p, "comment", b"sealed? no")]))  # type: ignore[arg-type]
_bundle("a zip with a damaged file", _patched(lambda data: data.index(b"http.har") + 200, b"\xff" * 20))
_bundle("a zip whose table is said to be huge", _patched(lambda data: len(data) - 10, b"\xff\xff\xff\x7f"))
_bundle("a zip packed in an unknown way", _patched(lambda data: data.rindex(b"PK\x01\x02") + 10, b"\x63\x00"))
_bundle("a zip that is encrypted", _patched(lambda data: data.index(b"PK\x01\x02") + 8, b"\x01\x00"))
_bundle("evidence that is a link", _linked("http.har", "/etc/passwd"))
_bundle("evidence that is a link to a device", _linked("http.har", "/dev/zero"))
_bundle("an index that is a link", _linked("index.json", str(OLD / "index.json")))
_bundle("evidence that is a pipe", _piped)
_bundle("an index nested 100,000 deep", lambda f: copied(f, index_json=b'{"format": ' + b"[" * 100_000))
_bundle("an index of other things", lambda f: copied(f, index_json=[1, 2, 3]))
_bundle("an index of another format", _index(format="fly-runbooks/evidence/99"))
_bundle("an index with nothing about the looks", _index(looks=None))
_bundle(
    "an index without a clock",
    _index(circumstances=json.loads((OLD / "index.json").read_text())["circumstances"] | {"clock": []}),
)
_bundle("an index with a clock of words", _index(circumstances={"clock": ["noon"]}))
_bundle("an index that names a file elsewhere", _index(sha256={"../../../../etc/passwd": "0" * 64}))
_bundle("an index of no text", lambda f: copied(f, index_json=bytes(range(256))))
_bundle("a HAR nested 100,000 deep", lambda f: copied(f, http_har=b"[" * 100_000))
_bundle("a HAR nested deep in an entry", lambda f: copied(f, http_har=b'{"log": {"entries": [' + b'{"a":' * 90_000))
_bundle("a HAR of two million values", lambda f: copied(f, http_har=b'{"log": {"entries": [' + b"[]," * 1_000_000))
_bundle("a HAR of 60 MB", lambda f: copied(f, http_har=b'{"log": {"entries": ["' + b"x" * 60 * MB + b'"]}}'))
_bundle("a HAR without entries", lambda f: copied(f, http_har={"log": {}}))
_bundle("a HAR with an entry of nothing", lambda f: copied(f, http_har={"log": {"entries": [{}]}}))
_bundle(
    "a HAR with a body of numbers",
    lambda f: copied(f, http_har={"log": {"entries": [_odd(["response", "content", "text"], 5)]}}),
)
_bundle(
    "a HAR with a status of words",
    lambda f: copied(f, http_har={"log": {"entries": [_odd(["response", "status"], "ok")]}}),
)
_bundle(
    "a HAR with headers of nothing",
    lambda f: copied(f, http_har={"log": {"entries": [_odd(["response", "headers"], None)]}}),
)
_bundle("masks of another kind", lambda f: copied(f, redactions_json={"masked": [{"secret": 1}]}))
_bundle("an empty journal", _written("journal.jsonl", b""))
_bundle("a journal of words", _written("journal.jsonl", b"hello\nworld\n"))
_bundle("a journal of 60 MB", _written("journal.jsonl", b"x" * 60 * MB))
_bundle("a journal with a foreign line", _journal(_HEAD, end=b'{"kind": "exchange"}\n'))
_bundle("a journal without a beginning", _journal({"kind": "exchange", "entry": {}}))
_bundle("a journal with an entry of nothing", _journal(_HEAD, {"kind": "exchange", "entry": {}}))


def _odd(path: list[str], value: Any) -> dict[str, Any]:
    entry: dict[str, Any] = json.loads(json.dumps(_HAR["log"]["entries"][0]))
    inner = entry
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = value
    return entry


# Sharing.


def _sharing(name: str, make: Callable[[Path, Path], list[str]]) -> None:
    def arguments(folder: Path) -> list[str]:
        run = folder / "run"
        shutil.copytree(OLD, run / "evidence")
        return ["share", str(run), *make(folder, run)]

    COMMANDS[f"share: {name}"] = arguments


def _manifest(run: Path, files: dict[str, str]) -> None:
    (run / "manifest.json").write_text(sealed({"files": files}))


def _sharing_to_pipe(folder: Path, run: Path) -> list[str]:
    os.mkfifo(folder / "pipe")
    return ["-o", str(folder / "pipe")]


def _sharing_over(folder: Path, run: Path) -> list[str]:
    (folder / "sent.zip").write_text("something of mine")
    return ["-o", str(folder / "sent.zip")]


def _sharing_outside(folder: Path, run: Path) -> list[str]:
    _manifest(run, {"../secret.txt": hashlib.sha256(b"secret").hexdigest()})
    (folder / "secret.txt").write_text("secret")
    return ["-o", str(folder / "sent.zip")]


def _sharing_link(folder: Path, run: Path) -> list[str]:
    (folder / "secret.txt").write_text("secret")
    (run / "report.md").symlink_to(folder / "secret.txt")
    _manifest(run, {"report.md": hashlib.sha256(b"secret").hexdigest()})
    return ["-o", str(folder / "sent.zip")]


_sharing("to a device", lambda folder, run: ["-o", "/dev/null"])
_sharing("to a pipe", _sharing_to_pipe)
_sharing("to a folder that is not there", lambda folder, run: ["-o", str(folder / "none" / "sent.zip")])
_sharing("over another file", _sharing_over)
_sharing("a manifest that names a file outside", _sharing_outside)
_sharing("a manifest that names a link", _sharing_link)


# Answers of a server to the question for the list of machines.


def _answer(name: str, make: Callable[[], Iterator[bytes]], **headers: str) -> None:
    ANSWERS[name] = ({name.replace("_", "-"): value for name, value in headers.items()}, make)


def _zeros(megabytes: int) -> Iterator[bytes]:
    """gzip of so many megabytes of nothing."""
    engine = zlib.compressobj(9, zlib.DEFLATED, 31)
    for _ in range(megabytes):
        yield engine.compress(bytes(MB))
    yield engine.flush()


def _repeated(first: bytes, part: bytes, times: int, last: bytes = b"") -> Callable[[], Iterator[bytes]]:
    def make() -> Iterator[bytes]:
        yield first
        yield from (part * 1_000 for _ in range(times))
        yield last

    return make


_answer("gzip of a gigabyte", lambda: _zeros(1_000), Content_Encoding="gzip")
_answer("gzip in gzip", lambda: iter([gzip.compress(b"".join(_zeros(500)))]), Content_Encoding="gzip, gzip")
_answer("gzip five times", lambda: iter([b"x"]), Content_Encoding="gzip, gzip, gzip, gzip, gzip")
_answer("an unknown coding", lambda: iter([b"x"]), Content_Encoding="zstd")
_answer("damaged gzip", lambda: iter([gzip.compress(b"[]" * 1000)[:30] + b"\xff" * 50]), Content_Encoding="gzip")
_answer("lists nested a million deep", _repeated(b"[", b"[", 1_000))
_answer("lists nested ten million deep", _repeated(b"[", b"[", 10_000))
_answer("objects nested a million deep", _repeated(b"[", b'{"a":', 1_000))
_answer("ten million numbers", _repeated(b"[", b"0,", 10_000, b"0]"))
_answer("one entry of 50 MB", _repeated(b'[{"id":"', b"x", 50_000, b'"}]'))
_answer("an entry of a million lists", _repeated(b'[{"id":"a","b":[', b"[],", 3_000, b"0]}]"))
_answer("a list that ends too early", _repeated(b"[", b'{"id":"a"},', 1_000))
_answer("a list of 30 MB and then words", _repeated(b"[", b'{"id":"a"},', 2_000, b"and so on"))
_answer("a page of HTML of 20 MB", _repeated(b"<html>", b"<p>hello</p>", 2_000))
_answer("no text", _repeated(b"\xff\xfe", b"\0\xd8", 10))
