"""What a cell prints, shows or raises, and what lies in the finished folder: masked, or locked away."""

from __future__ import annotations

import base64
import gzip
import io
import json
import random
import zipfile
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from runbooks.base import folders
from runbooks.base.errors import ScanError
from runbooks.evidence.bundle import FORMAT
from runbooks.evidence.redaction import Redactor
from runbooks.evidence.scan import clean_folder, scan_bytes, scan_folder
from runbooks.execution import ending, runner

from .plant import jwt, macaroon, word
from .search import files, found

OPEN = "import json, os\nfrom pathlib import Path\nfolder = Path(os.environ['RUNBOOKS_RUN_FOLDER'])"
PUBLISH = "(folder / 'summary.json').write_text(json.dumps({'verdict': 'healthy'}))"
OWN = f"{macaroon('outputs')},{word('second part')}"

Run = Callable[..., ending.Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a notebook of the given cells; the secrets come to them by way of the environment."""
    monkeypatch.setenv("FLY_API_TOKEN", f"FlyV1 {OWN}")
    monkeypatch.setenv("RUNBOOKS_RECORDS_URL", f"postgresql://app:{word('db')}%40x@db.example/app")

    def started(*cells: str, publish: str = PUBLISH) -> ending.Result:
        parameters = nbformat.v4.new_code_cell('app_name = ""')
        parameters.metadata["tags"] = ["parameters"]
        written = [parameters, *(nbformat.v4.new_code_cell(source) for source in (OPEN, *cells, publish))]
        path = tmp_path / "fixture.ipynb"
        nbformat.write(nbformat.v4.new_notebook(cells=written), path)
        return runner.run("machine_not_visible", {"app_name": "vyx"}, output_root=tmp_path / "out", notebook=path)

    return started


SECRET = "token = os.environ['FLY_API_TOKEN'].split(',')[1]\n"
CELLS = {
    "raised": SECRET + "raise RuntimeError('cannot log in with ' + token)",
    "raised in a chain": SECRET
    + "try:\n    {}[token]\nexcept KeyError as error:\n    raise ValueError(repr(error)) from error",
    "raised in colours": SECRET + "raise RuntimeError('\\x1b[31m' + token[:9] + '\\x1b[0m' + token[9:])",
    "a group of errors": SECRET + "raise ExceptionGroup('several', [OSError(token), ValueError(token)])",
    "asserted": SECRET + "assert token == '', f'still {token}'",
    "printed in pieces": SECRET + "import sys\nfor char in token:\n    print(char, end='', flush=True)",
    "printed in colours": SECRET + "print('\\x1b[1m'.join(token))",
    "to stderr": SECRET + "import sys\nprint(token, file=sys.stderr)",
    "by the system": "os.system('echo $FLY_API_TOKEN')",
    "the value of a cell": SECRET + "token",
    "as HTML": SECRET + "from IPython.display import HTML\nHTML(f'<b title=\"{token}\">x</b>')",
    "as JSON": SECRET + "from IPython.display import JSON\nJSON({token: [token]})",
    "as a picture": SECRET
    + 'import base64\nfrom IPython.display import SVG, display\ndisplay(SVG(f\'<svg xmlns="http://www.w3.org/2000/svg">'
    "<text>{token}</text></svg>'))",
    "in a picture's bytes": SECRET + "import base64\nfrom IPython.display import display\n"
    "display({'image/png': base64.b64encode(b'\\x89PNG' + token.encode()).decode()}, raw=True)",
    "a database URL": "raise OSError('no route to ' + os.environ['RUNBOOKS_RECORDS_URL'])",
}


def test_no_cell_can_show_a_secret(run: Run, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Each cell fails or prints on its own; a failure would stop the rest, so it is caught by IPython itself."""
    guarded = [f"get_ipython().run_cell({source!r}, store_history=False)\nNone" for source in CELLS.values()]
    result = run(*guarded, SECRET + "raise RuntimeError('the end: ' + token)")
    assert (result.status, result.exit_code) == ("failed", 1)
    assert result.folder is not None
    shown = [*files(tmp_path / "out"), ("reason", result.reason.encode()), ("warnings", repr(result.warnings).encode())]
    shown.append(("terminal", "".join(capfd.readouterr()).encode()))
    assert found([*OWN.split(","), word("db")], shown) == {}
    assert "<secret:" in result.reason
    text = (result.folder / "report.ipynb").read_text()
    assert text.count("<secret:") >= len(CELLS)
    assert "RuntimeError" in text
    assert "masked in the executed notebook" in " ".join(result.warnings)


def test_what_the_case_left_in_the_clear_is_masked_and_warned_about(run: Run) -> None:
    evidence = (
        "import hashlib\nplace = folder / 'evidence'\nplace.mkdir()\n"
        "har = json.dumps({'x': token})\n(place / 'http.har').write_text(har)\n"
        "digest = hashlib.sha256(har.encode()).hexdigest()\n"
        f"index = {{'format': {FORMAT!r}, 'sha256': {{'http.har': digest}}}}\n"
        "(place / 'index.json').write_text(json.dumps(index))"
    )
    result = run(SECRET + "(folder / 'report.md').write_text(f'with {token}')", evidence)
    assert (result.status, result.exit_code) == ("completed", 0)
    assert "found in the finished files and masked there" in " ".join(result.warnings)
    assert result.folder is not None
    assert (result.folder / "report.md").read_text() == "with &lt;secret:fly-token#2&gt;"
    assert json.loads((result.folder / "evidence/http.har").read_text()) == {"x": "<secret:fly-token#2>"}
    index = json.loads((result.folder / "evidence/index.json").read_text())
    manifest = json.loads((result.folder / "manifest.json").read_text())
    assert index["sha256"]["http.har"] == manifest["files"]["evidence/http.har"]


def test_the_folder_gets_no_secret_name(run: Run) -> None:
    result = run(SECRET + "(folder / '.target').write_text(f'2025-10-02/x--{token}--030000Z')")
    assert result.folder is not None
    assert result.folder.name == "x---secret-fly-token-2---030000Z"


def test_what_cannot_be_masked_is_locked_away(run: Run, tmp_path: Path) -> None:
    packing = "import zipfile\nwith zipfile.ZipFile(folder / 'more.zip', 'w') as z:\n    z.writestr('inner.txt', token)"
    with pytest.raises(ScanError, match=r"more\.zip") as caught:
        run(SECRET + packing)
    assert OWN.split(",")[1] not in str(caught.value)
    quarantine = tmp_path / "out" / folders.QUARANTINE
    assert quarantine.stat().st_mode & 0o777 == 0o700
    assert [path.name for path in quarantine.iterdir()] != []
    assert not list((tmp_path / "out").glob("2*/*"))


def packed(content: bytes, name: str = "inner.txt") -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return target.getvalue()


TOKEN = jwt("scan")
SVG = f"<svg><text>{TOKEN}</text></svg>".encode()
WRAPPED = {
    "text": TOKEN.encode(),
    "a zip": packed(TOKEN.encode()),
    "a zip in a zip": packed(packed(TOKEN.encode())),
    "a name in a zip": packed(b"x", f"{TOKEN}.txt"),
    "a page in a zip": packed(b'<img src="data:image/svg+xml;base64,' + base64.b64encode(SVG) + b'">'),
    "gzip": gzip.compress(TOKEN.encode()),
    "base64": base64.b64encode(TOKEN.encode()),
    "base64 in JSON": json.dumps({"x": ["\n" + base64.b64encode(b"a " + TOKEN.encode()).decode()]}).encode(),
    "UTF-16": TOKEN.encode("utf-16"),
    "bytes that are no text": b"\x00\xff" + TOKEN.encode() + b"\x00",
    "JSON escapes": "".join(f"\\u{ord(char):04x}" for char in TOKEN).encode(),
    "entities": "".join(f"&#{ord(char)};" for char in TOKEN).encode(),
    "percent signs": "".join(f"%{ord(char):02x}" for char in TOKEN).encode(),
}


@pytest.mark.parametrize("wrapping", WRAPPED)
def test_the_scan_sees_through(wrapping: str, tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "file.json").write_bytes(WRAPPED[wrapping])
    hits = scan_folder(tmp_path, Redactor())
    assert {name for name, _ in hits} == {"deep/file.json"}
    assert TOKEN not in repr(hits)
    assert {hit.rule for _, hit in hits} <= {"jwt", "encoded"}
    _, dirty = clean_folder(tmp_path, Redactor())
    assert scan_folder(tmp_path, Redactor()) == [] or dirty == ["deep/file.json"]


def test_what_cannot_be_looked_into_is_no_clean_file() -> None:
    broken = packed(word("x", 5000).encode()).replace(b"inner", b"outer", 1)
    assert [hit.rule for hit in scan_bytes("x.zip", broken, Redactor())] == ["unreadable"]
    assert [hit.rule for hit in scan_bytes("x.gz", gzip.compress(b"x" * 999)[:-9], Redactor())] == ["unreadable"]


def test_a_picture_in_a_page_stays_a_picture() -> None:
    page = '<img src="data:image/svg+xml;base64,' + base64.b64encode(SVG).decode() + '">'
    masked = Redactor().text(page)
    data = masked.removeprefix('<img src="data:image/svg+xml;base64,').removesuffix('">')
    assert base64.b64decode(data, validate=True) == b"<svg><text><secret:jwt#1></text></svg>"


def test_letters_by_chance_among_pixels_are_no_secret_and_those_beside_them_are() -> None:
    pixels = random.Random(7).randbytes(300_000)
    picture = Image.frombytes("RGB", (500, 200), pixels)
    for comment, secret in (("nothing", False), (TOKEN, True)):
        told = PngInfo()
        told.add_text("Comment", comment)
        picture.save(target := io.BytesIO(), "PNG", pnginfo=told)
        assert Redactor().hides(base64.b64encode(target.getvalue()).decode()) is secret
        assert bool(scan_bytes("x.png", target.getvalue(), Redactor())) is secret
    cut = base64.b64encode(target.getvalue()[:-20] + TOKEN.encode()).decode()
    assert Redactor().hides(cut)
    assert Redactor().hides("no base64: " + TOKEN)
