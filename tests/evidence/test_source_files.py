"""The caller's files: which lines are found, in which forms, and what is left alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from runbooks.base.errors import ParameterError
from runbooks.collect.source_reader import absolute_sources, read_files
from runbooks.evidence.redaction import Redactor
from runbooks.evidence.source_files import MOST_BYTES, MOST_FILES, MOST_LINES, LineKind, SourceFile, read_sources

FORMS = {
    (LineKind.VARIABLE, "SUPABASE_SERVICE_ROLE_KEY"): (
        "        SUPABASE_SERVICE_ROLE_KEY: supabaseServiceKey,",
        '            "SUPABASE_SERVICE_ROLE_KEY": service_key,',
        "  env.SUPABASE_SERVICE_ROLE_KEY = key;",
        'machine_env["SUPABASE_SERVICE_ROLE_KEY"] = key',
        "env: { USER_ID: userId, SUPABASE_SERVICE_ROLE_KEY: key }",
        "    env = dict(SUPABASE_SERVICE_ROLE_KEY=key, USER_ID=user)",
        "      SUPABASE_SERVICE_ROLE_KEY,",
        "  ['SUPABASE_SERVICE_ROLE_KEY', key],",
        'fly machine run IMG -e SUPABASE_SERVICE_ROLE_KEY="$KEY"',
        '  vars.set("SUPABASE_SERVICE_ROLE_KEY", key)',
        "  SUPABASE_SERVICE_ROLE_KEY: Deno.env.get('SUPABASE_SERVICE_ROLE_KEY') ?? '',",
        '    "SUPABASE_SERVICE_ROLE_KEY": os.environ["SUPABASE_SERVICE_ROLE_KEY"],',
    ),
    (LineKind.IMAGE, "registry.fly.io/vyx-app:latest"): (
        "const image = Deno.env.get('DOCKER_IMAGE') || 'registry.fly.io/vyx-app:latest';",
        'IMAGE = os.environ.get("DOCKER_IMAGE", "registry.fly.io/vyx-app:latest")',
        "      image: `registry.fly.io/vyx-app:latest`,",
        '        "image": "registry.fly.io/vyx-app:latest",',
        "  image: registry.fly.io/vyx-app:latest",
        'image = "registry.fly.io/vyx-app:latest"',
    ),
    (LineKind.URL, None): (
        "    websocket_url: `wss://${machine.machine_id}.fly.dev`,",
        '    url = f"wss://{name}.fly.dev"',
        "  const url = 'wss://' + machineName + '.fly.dev';",
        '    url = "wss://%s.fly.dev" % machine["name"]',
        '    url = "wss://{}.fly.dev".format(name)',
        "  const host = machine.name + '.fly.dev';",
        "  const host = `${machineName}.fly.dev`;",
    ),
    (LineKind.STATUS, "starting"): (
        "    status: 'starting',",
        '        "status": "starting",',
        "  row.status = 'starting';",
        'table.update(status="starting").execute()',
        "UPDATE cloud_machines SET status = 'starting' WHERE id = $1",
        "    status: MachineStatus.Starting,",
        '    row["status"] = "starting"',
    ),
    (LineKind.STARTED_AT, "started_at"): (
        "    started_at: new Date().toISOString(),",
        '        "started_at": datetime.now(UTC).isoformat(),',
        "  row.started_at = now;",
        "UPDATE cloud_machines SET started_at = now() WHERE id = $1",
        "    startedAt: Date.now(),",
    ),
}
OTHERS = (
    "const SUPABASE_SERVICE_ROLE_KEY = Deno.env.get('SUPABASE_SERVICE_ROLE_KEY');",
    "// SUPABASE_SERVICE_ROLE_KEY: set by the deploy",
    "# status: 'starting'",
    "key = os.environ['SUPABASE_SERVICE_ROLE_KEY']",
    "const url = `wss://${appName}.fly.dev/`;",
    'url = f"wss://{FLY_APP_NAME}.fly.dev"',
    "if (machine.status === 'starting') wait();",
    'if row["status"] == "starting": wait()',
    "  https://vyx-app.fly.dev/",
)


@pytest.mark.parametrize(
    ("kind", "value", "row"), [(kind, value, row) for (kind, value), rows in FORMS.items() for row in rows]
)
def test_each_form_is_found_with_its_line(kind: LineKind, value: str | None, row: str) -> None:
    found = read_sources((SourceFile("src/a.ts", f"// first\n{row}\n"),), str).lines
    lines = [line for line in found if line.kind is kind and value in (None, line.value)]
    assert [line.place for line in lines[:1]] == ["src/a.ts:2"]
    assert lines[0].text == " ".join(row.split())


@pytest.mark.parametrize("row", OTHERS)
def test_what_only_reads_or_asks_is_left_alone(row: str) -> None:
    kinds = {line.kind for line in read_sources((SourceFile("a.py", row),), str).lines}
    assert kinds <= {LineKind.IMAGE}


def test_secrets_of_a_line_are_masked_and_of_a_file_nothing_else_is_kept() -> None:
    key = "sb_secret_Zx81kQ7wLm2Vn4Rt6Yp9Bc3Df5Gh7Jk"
    text = f'PASSWORD = "{key}"\nenv = {{\n  "SUPABASE_SERVICE_KEY": "{key}",\n}}\n'
    found = read_sources((SourceFile("a.py", text),), Redactor().text)
    assert [line.number for line in found.lines] == [3]
    assert key not in repr(found)


def test_hostile_text_costs_little_and_ends() -> None:
    rows = ["{" * 5000, "image:" * 3000, "'a.b/" * 3000, "status" * 2000, "${" * 4000 + ".fly.dev", "A_" * 4000 + ":"]
    rows += ["\x00\x1b[31m status: 'starting'", "x" * 200_000, "\u202e status = 'starting'"]
    many = "\n".join(["status: 'starting',"] * 5000)
    found = read_sources((SourceFile("a", "\n".join(rows)), SourceFile("b", many)), str)
    assert len([line for line in found.lines if line.path == "b"]) == MOST_LINES
    assert all(len(line.text) <= 200 for line in found.lines)


def test_files_folders_patterns_and_urls_are_read_within_limits(tmp_path: Path) -> None:
    project = tmp_path / "project"
    (project / "supabase/functions/provision").mkdir(parents=True)
    (project / "node_modules/x").mkdir(parents=True)
    code = project / "supabase/functions/provision/index.ts"
    code.write_text("status: 'starting'\n")
    (project / "node_modules/x/a.js").write_text("status: 'starting'")
    (project / "photo.png").write_bytes(b"\x89PNG")
    (project / "link.ts").symlink_to("/etc/passwd")
    (project / "long.py").write_text("x" * (MOST_BYTES + 1))
    url = "https://git.example/a/b.ts"
    read = {file.name: file for file in read_files(f"{project}, {url}\n{code}")}
    assert set(read) == {"supabase/functions/provision/index.ts", "long.py", url}
    assert read[url].text is None
    assert "longer than" in read["long.py"].reason
    assert [f.name for f in read_files(f"{project}/supabase/**/*.ts")] == ["supabase/functions/provision/index.ts"]
    for number in range(MOST_FILES + 20):
        (project / f"{number}.py").write_text("")
    assert len(read_files(str(project))) == MOST_FILES
    (tmp_path / "pipe").mkdir()
    for wrong in (str(tmp_path / "nothing.ts"), f"{tmp_path}/*.nothing", "/dev/null/x", f"{tmp_path}/**x"):
        with pytest.raises(ParameterError, match="sources"):
            read_files(wrong)
    assert [f.reason for f in read_files("/dev/zero")] == ["it is no regular file"]


def test_entries_become_absolute_for_another_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert absolute_sources("a.ts, https://x.example/b.ts") == f"{tmp_path}/a.ts,https://x.example/b.ts"
