"""The case as a person at a notebook meets it: run a cell again, look again, take a note, dig, compare."""

from __future__ import annotations

import inspect
import io
import json
import re
import shutil
import textwrap
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell
from pydantic import SecretStr

from runbooks.base import prompt
from runbooks.base.errors import UsageError
from runbooks.base.settings import load_settings
from runbooks.case import Case, open_case
from runbooks.definitions import discovered, find, validate
from runbooks.diagnose.facts import Facts
from runbooks.diagnose.verdict import diagnose
from runbooks.report import browse, dataframes, history
from runbooks.report.progress import Progress
from runbooks.source import Collected, collect

pytestmark = pytest.mark.usefixtures("undrawn")

CHECKOUT = Path(__file__).parent.parent
DEMO, FIXED = "simulator:vyx-missing-environment", "simulator:vyx-fixed"


@pytest.fixture(scope="module")
def worlds() -> dict[str, Collected]:
    """The incident and the mended world, looked at once for all tests of this file."""
    return {name: collect(validate("machine_not_visible", {"source": name}), load_settings()) for name in (DEMO, FIXED)}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, worlds: dict[str, Collected]) -> Path:
    """An output root of its own, and cases that look at the worlds as they were seen."""
    monkeypatch.setenv("RUNBOOKS_OUTPUT_ROOT", str(tmp_path))
    monkeypatch.setattr("runbooks.case.case.collect", lambda given, settings, watch, facets, **_: worlds[given.source])
    monkeypatch.setattr("runbooks.case.opening._current", None)
    monkeypatch.setattr("runbooks.case.opening._opened", False)
    return tmp_path


def folders(root: Path) -> list[Path]:
    return sorted(root.glob("*/machine_not_visible--*"))


def test_a_cell_that_is_run_again_asks_nothing(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    namespace = {"source": DEMO}
    first = open_case(namespace)
    assert open_case(namespace) is first
    assert "Nothing was asked again" in capsys.readouterr().out
    assert open_case({"source": FIXED}) is not first, "other parameters are another case"


def test_the_report_is_linked_where_the_notebook_lies_beside_it(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case = open_case(source=DEMO)
    assert case.publish().links == (), "from a folder elsewhere no relative way leads there for sure"
    (folder,) = folders(root)
    beside = root / "2025-01-01" / "machine_not_visible--lab--000000Z"
    beside.mkdir(parents=True)
    monkeypatch.chdir(beside)
    links = dict(case.publish().links)
    assert (beside / links["report.html"]).resolve() == (folder / "report.html").resolve()
    assert all((beside / way).exists() for way in links.values())


def test_a_refused_case_leaves_nothing_of_the_one_before(root: Path) -> None:
    namespace: dict[str, object] = {"source": DEMO}
    namespace["case"] = open_case(namespace)
    namespace |= {"source": "live", "machine_id": 9185029}
    with pytest.raises(UsageError, match="number"):
        open_case(namespace)
    with pytest.raises(UsageError, match="refused above"):
        namespace["case"].symptoms()  # type: ignore[attr-defined]


def _kernel(*cells: str) -> dict[str, object]:
    """What a kernel holds after these cells: every name that was ever assigned, and the text of the cells."""
    namespace: dict[str, object] = {"In": ["", *cells]}
    for cell in cells:
        exec(cell, namespace)
    return namespace


PARAMETERS = f'app_name: str = "vyx-app"\n{{}}: str = "91850296bd4738"\nimage = ""\nsource: str = "{DEMO}"'


def test_a_corrected_name_counts_at_the_next_run(root: Path) -> None:
    mistyped, corrected = PARAMETERS.format("machne_id"), PARAMETERS.format("machine_id")
    with pytest.raises(UsageError, match="machne_id"):
        open_case(_kernel(mistyped))
    case = open_case(_kernel(mistyped, "print()", corrected))
    assert case.parameters.model_dump()["machine_id"] == "91850296bd4738"
    with pytest.raises(UsageError, match="machne_id"):
        open_case(_kernel(mistyped, corrected, mistyped))


def test_a_line_that_was_taken_out_leaves_no_value(root: Path) -> None:
    case = open_case(_kernel(PARAMETERS.format("title"), PARAMETERS.format("title").replace("title", "# title")))
    assert case.parameters.title == ""


def test_injected_parameters_leave_the_names_of_the_cell_above(root: Path) -> None:
    """papermill's cell assigns some of the parameters; the typo in it is refused, the defaults above it count."""
    case = open_case(_kernel(PARAMETERS.format("title"), '# Parameters\napp_name = "vyx-app"\n'))
    assert case.parameters.title == "91850296bd4738"
    with pytest.raises(UsageError, match="machne_id"):
        open_case(_kernel(PARAMETERS.format("title"), '# Parameters\nmachne_id = "91850296bd4738"\n'))


def test_a_cell_that_is_no_python_replaces_nothing(root: Path) -> None:
    namespace = _kernel(PARAMETERS.format("title"))
    namespace["In"] = [*namespace["In"], 'app_name = "x\nimage =\nsource = 1']  # type: ignore[misc]
    assert open_case(namespace).parameters.title == "91850296bd4738"


def test_publishing_again_without_a_change_makes_no_second_folder(root: Path) -> None:
    case = open_case(source=DEMO)
    case.publish()
    assert "Nothing changed" in case.publish().answer
    assert len(folders(root)) == 1
    case.note("The customer is Acme.")
    case.publish()
    assert len(folders(root)) == 2


def test_a_note_goes_into_the_report_masked_and_can_be_changed(root: Path) -> None:
    case = open_case(source=DEMO)
    assert "No notes yet" in case.note("\n\n").answer
    case.note("first words")
    shown = case.note("Asked <b>Tom</b>\nat tom@example.org; key sbp_0123456789abcdef0123456789abcdef01234567")
    assert "first words" not in shown.quote
    assert "tom@example.org" not in shown.quote
    assert "sbp_0123" not in shown.quote
    case.note("")
    case.publish()
    (folder,) = folders(root)
    for name in ("report.md", "report.html"):
        text = (folder / name).read_text()
        assert "Asked" in text
        assert "first words" not in text
        assert "<b>Tom</b>" not in text


def test_looking_again_says_what_changed_and_keeps_what_was_seen(
    root: Path, worlds: dict[str, Collected], monkeypatch: pytest.MonkeyPatch
) -> None:
    case = open_case(source=DEMO)
    monkeypatch.setattr("runbooks.case.case.collect", lambda given, settings, watch, facets, **_: worlds[FIXED])
    shown = case.refresh()
    assert case.diagnosis.verdict == "healthy"
    table = shown.table
    assert table is not None
    rows = {what: (before, now) for what, before, now in table.itertuples(index=False)}
    assert rows["verdict"] == ("incident", "healthy")
    assert rows["cause"] == ("missing-environment (confirmed)", "none")
    assert rows["caller's database"] == ("sees it: says starting", "sees it: says running")
    (kept,) = folders(root)
    assert json.loads((kept / "summary.json").read_text())["cause"]["slug"] == "missing-environment"
    assert kept.name in " ".join(shown.notes)
    assert case.report.since is not None, "the first look is an earlier run now"


def test_looking_again_at_the_same_says_that_nothing_changed(root: Path) -> None:
    shown = open_case(source=DEMO).refresh()
    assert shown.table is None
    assert "Nothing changed" in shown.notes[0]


def test_an_earlier_run_under_the_same_name_is_compared(root: Path) -> None:
    open_case(source=DEMO).publish()
    case = open_case(source=FIXED)
    found = case.report.since
    assert found is not None
    (before,) = found.earlier
    assert (before.cause, before.verdict) == ("missing-environment", "incident")
    assert {change.what for change in found.changes} >= {"verdict", "cause", "caller's database"}
    case.publish()
    text = (folders(root)[-1] / "report.md").read_text()
    assert folders(root)[0].name in text or "2025-10-02" in text
    assert "missing-environment" in text


def test_the_same_moment_a_replay_and_what_cannot_be_read_are_no_earlier_runs(root: Path) -> None:
    open_case(source=DEMO).publish()
    (run,) = folders(root)
    assert open_case(source=DEMO).report.since is None, "it looked at the same moment"
    broken = run.with_name(run.name.replace("vyx-app--", "vyx-app--b"))
    shutil.copytree(run, broken)
    (broken / "summary.json").write_text('{"schema": "fly-runbooks/summary/1", "subject": null}')
    shutil.copytree(run, run.with_name(f"{run.name}-2"))  # as a replay of it would lie there
    found = open_case(source=FIXED).report.since
    assert found is not None
    assert len(found.earlier) == 1


def test_of_many_earlier_runs_the_newest_whole_ones_are_listed(root: Path) -> None:
    open_case(source=DEMO).publish()
    (run,) = folders(root)
    text = (run / "summary.json").read_text()
    at, index = json.loads(text)["looked_at"], json.loads((run / "evidence" / "index.json").read_text())
    for minute in range(history.MOST + 5):
        copy = run.with_name(f"{run.name[:-7]}{minute:02d}0000Z")
        (copy / "evidence").mkdir(parents=True)
        told = text.replace(f'"{at}"', f'"2025-10-01T03:{minute:02d}:00Z"')
        broken = minute == history.MOST + 4
        (copy / "summary.json").write_text(told.replace('"verdict"', '"what"') if broken else told)
        (copy / "evidence" / "index.json").write_text(json.dumps(index))
    found = open_case(source=FIXED).report.since
    assert found is not None
    minutes = [f"2025-10-01T03:{minute:02d}:00Z" for minute in range(history.MOST + 4)]
    assert [earlier.looked_at for earlier in found.earlier] == [at, *minutes[:4:-1]]


def test_a_simulated_run_is_no_earlier_state_of_a_real_machine(root: Path) -> None:
    open_case(source=DEMO).publish()
    (run,) = folders(root)
    index = run / "evidence" / "index.json"
    index.write_text(index.read_text().replace(f'"source": "{DEMO}"', '"source": "live"'))
    assert open_case(source=FIXED).report.since is None


@pytest.mark.parametrize(("typed", "token"), [("FlyV1 fm2_typed", "FlyV1 fm2_typed"), ("", "")])
def test_the_token_is_asked_for_hidden_and_once(
    typed: str, token: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = []
    monkeypatch.setattr(prompt, "_typed", None)
    monkeypatch.setattr(prompt, "_somebody_there", lambda: True)
    monkeypatch.setattr(prompt.getpass, "getpass", lambda text: asked.append(text) or typed)
    given = validate("machine_not_visible", {"app_name": "a", "machine_id": "91850296bd4738", "org_slug": "acme"})
    settings = prompt.with_token(load_settings(), given)
    assert settings.token.get_secret_value() == token
    shown = capsys.readouterr().out
    assert "fly tokens create readonly -o acme -x 24h" in shown
    assert "fm2_typed" not in shown
    if token:
        prompt.with_token(load_settings(), given)
        assert len(asked) == 1


def test_nobody_is_asked_where_nobody_is_or_no_token_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prompt, "_typed", None)
    monkeypatch.setattr(prompt.getpass, "getpass", lambda text: pytest.fail("asked"))
    live = validate("machine_not_visible", {"app_name": "a", "machine_id": "91850296bd4738"})
    with monkeypatch.context() as patch:
        patch.setattr("sys.stdin", io.StringIO())
        assert not prompt.with_token(load_settings(), live).token.get_secret_value()
    monkeypatch.setattr(prompt, "_somebody_there", lambda: True)
    prompt.with_token(load_settings(), validate("machine_not_visible", {"source": DEMO}))
    has = load_settings().model_copy(update={"token": SecretStr("fo1_x")})
    assert prompt.with_token(has, live) is has


def test_while_it_collects_it_shows_the_token_scope_first_then_each_question_and_the_verdict_so_far() -> None:
    stream = io.StringIO()
    progress = Progress(stream)
    collect(validate("machine_not_visible", {"source": DEMO}), load_settings(), progress)
    progress.end()
    first, signs, *rest = stream.getvalue().splitlines()
    assert first == "Token scope: organisation vyx, all its apps [E01]; expiry not known."
    assert "not checked" in signs
    asked = " ".join(line for line in rest if not line.startswith("So far"))
    assert "✓ caller  ✓ token" in asked
    assert asked.index("token") < asked.index("logs") < asked.index("edge-app")
    assert "✓ image-ran again" in asked
    (so_far,) = [line for line in rest if line.startswith("So far")]
    assert "missing-environment, confirmed" in so_far


def test_every_table_is_there_typed_and_documented(root: Path) -> None:
    found = open_case(source=DEMO).frames
    text = (CHECKOUT / "docs" / "frames.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \| (.+?) \|$", text, re.M)
    assert [(name, about, columns) for name, about, columns in rows] == [
        (name, table.about, ", ".join(table.columns)) for name, table in dataframes.TABLES.items()
    ]
    assert set(found) == set(dataframes.TABLES)
    for name, frame in found.items():
        assert list(frame.columns) == list(dataframes.TABLES[name].columns)
        assert len(frame), name
        for column in {"at", "created_at", "start", "end"} & set(frame.columns):
            assert isinstance(frame[column].dtype, pd.DatetimeTZDtype), (name, column)
    assert found["machines"]["id"].map(lambda value: isinstance(value, str)).all()
    namespace: dict[str, object] = {"case": open_case(source=DEMO), "pd": pd}
    for block in re.findall(r"```python\n(.*?)```", text, re.S):
        exec(block, namespace)


def test_an_empty_case_has_the_same_tables(root: Path, worlds: dict[str, Collected]) -> None:
    case: Case = open_case(source="simulator:vyx-missing-environment")
    bare = case.evidence.__class__(case.evidence.subject, case.evidence.looked_at, {})
    built = dataframes.build(Facts(bare), diagnose(bare))
    assert {name: list(frame.columns) for name, frame in built.items()} == {
        name: list(table.columns) for name, table in dataframes.TABLES.items()
    }


def test_a_table_to_sort_is_offered_and_the_plain_one_without_the_extra(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = open_case(source=DEMO)
    with pytest.raises(UsageError, match="Did you mean timeline"):
        case.browse("timelin")
    assert "new ITable" in case.browse("log")._repr_html_()
    assert "44 rows" in repr(case.browse("log"))
    hostile = browse.Browsed("log", pd.DataFrame({"line": ["</script><script>alert(1)</script>", "\x1b[31m\u202e"]}))
    shown = hostile._repr_html_()
    assert "<script>alert(1)" not in shown
    assert "\u202e" not in shown
    monkeypatch.setattr(browse, "find_spec", lambda name: None)
    assert "ITable" not in case.browse("log")._repr_html_()
    assert "pip install itables" in case.browse("log")._repr_html_()


SCREEN = 45, 120
"""Lines and columns: what a person sees at once."""


def _examples(documented: object) -> list[str]:
    _, _, block = (inspect.getdoc(documented) or "").partition("Example:\n")
    return [line.strip() for line in block.splitlines() if line.strip()]


def test_every_public_name_of_a_case_has_words_and_an_example_that_runs(root: Path) -> None:
    namespace = {"open_case": open_case, "case": open_case(source=DEMO)}
    methods = {n: v for kind in reversed(Case.__mro__) for n, v in vars(kind).items() if not n.startswith("_")}
    for name, method in {"Case": Case, "open_case": open_case, **methods}.items():
        examples = _examples(method)
        assert examples, name
        for line in examples:
            exec(line, namespace)


@pytest.mark.parametrize("runbook", list(discovered()))
def test_every_section_of_every_runbook_has_its_help(runbook: str, root: Path) -> None:
    case = open_case(source=DEMO)
    case.definition = find(runbook)
    for make in case.definition.sections:
        told = inspect.getdoc(getattr(case, make.__name__)) or ""
        assert f"case.{make.__name__}()" in told
        assert len(told.splitlines()[0].split()) > 3, f"{make.__name__} says nothing: {told}"
        assert make.__name__ in dir(case)


def test_the_case_says_what_it_is_and_what_can_be_called(root: Path) -> None:
    case = open_case(source=DEMO)
    shown = repr(case)
    assert "ROOT CAUSE IDENTIFIED" in shown
    assert "SUPABASE_SERVICE_KEY is not set" in shown
    assert "Do first: Set SUPABASE_SERVICE_KEY to a new key." in shown
    assert "Do first: Set SUPABASE_SERVICE_KEY to a new key." in repr(case.so_far())
    for call in re.findall(r"`(case\.[a-z_]+)", shown):
        assert eval(call, {"case": case}) is not None, call
    calls = set(re.findall(r"case\.([a-z_]+)", case._repr_html_()))
    assert {"image", "what_to_do", "frames", "refresh", "publish"} <= calls


def test_the_repr_of_nothing_exceeds_a_screen(root: Path) -> None:
    case = open_case(source=DEMO)
    held = (case, case.frames, case.evidence, *case.evidence.observations.values(), case.diagnosis, case.report)
    for one in (*held, case.parameters, case.definition, case.settings, case.changed):
        lines = [line for text in repr(one).splitlines() for line in textwrap.wrap(text, SCREEN[1]) or [""]]
        assert len(lines) <= SCREEN[0], f"{type(one).__name__}: {len(lines)} lines"
    hostile = replace(case.evidence["E06"], reason="\x1b[2Jgone\u202e" + "x\n" * 5000)
    assert "\x1b" not in repr(hostile)
    assert "\u202e" not in repr(hostile)
    assert len(repr(hostile)) < 1000


def test_names_are_completed_and_a_wrong_one_is_answered(root: Path) -> None:
    case = open_case(source=DEMO)
    assert case.frames.log.equals(case.frames["log"])
    assert {"log", "timeline"} <= set(dir(case.frames))
    assert not hasattr(case.frames, "_repr_latex_")
    assert case.evidence["E06"].facet.slug == "list-deleted"
    assert "E06" in case.evidence
    assert "E06" in case.evidence._ipython_key_completions_()
    wrong = {
        "case.frames.lgo": "Did you mean log",
        'case.frames["Logs"]': "Did you mean log",
        'case.evidence["E6"]': "E06",
        'case.evidence["list"]': "There are: E",
        "case.imgae()": "Did you mean image",
    }
    for call, hint in wrong.items():
        with pytest.raises(UsageError, match=hint):
            eval(call, {"case": case})
    assert getattr(case.frames, "lgo", None) is None
    assert case.frames.get("lgo") is None


def test_tab_completes_the_tables(root: Path) -> None:
    shell = InteractiveShell()
    shell.user_ns["case"] = case = open_case(source=DEMO)
    shell.user_ns["evidence"] = case.evidence
    for text, wanted in (("case.frames.lo", "log"), ("case.root", "root_cause"), ('evidence["E0', "E06")):
        with provisionalcompleter():
            found = [one.text for one in shell.Completer.completions(text, len(text))]
        assert any(wanted in one for one in found), (text, found)
