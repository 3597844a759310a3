"""The parameter `sources`: a report names the files and lines of the caller that its findings are about."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from runbooks.base.settings import load_settings
from runbooks.case import open_case
from runbooks.definitions import validate
from runbooks.definitions.machine_not_visible import FACETS
from runbooks.diagnose.model import Diagnosis
from runbooks.diagnose.verdict import diagnose
from runbooks.source import collect

TYPESCRIPT = """\
const supabaseServiceKey = Deno.env.get('SUPABASE_SERVICE_ROLE_KEY')!;
const dockerImage = Deno.env.get('DOCKER_IMAGE') || 'registry.fly.io/vyx-app:latest';
export async function provision(machine: Row, region: string) {
  const requestBody = {
    name: machine.machine_id,
    config: {
      image: dockerImage,
      env: {
        SUPABASE_SERVICE_ROLE_KEY: supabaseServiceKey,
      },
    },
  };
  await update({ status: 'starting', websocket_url: `wss://${machine.machine_id}.fly.dev` });
}
"""
PYTHON = """\
IMAGE = os.environ.get("DOCKER_IMAGE", "registry.fly.io/vyx-app:latest")
def provision(machine, region):
    env = {
        "SUPABASE_SERVICE_ROLE_KEY": service_key,
    }
    call(name=machine["name"], config={"image": IMAGE, "env": env})
    table.update({"status": "starting"}).execute()
    url = f"wss://{machine['name']}.fly.dev"
"""
LINES = {
    # cause or finding: the line in the TypeScript file, and in the Python file
    "missing-environment": (9, 4),
    "image-not-as-believed": (2, 1),
    "wrong-hostname": (13, 8),
    "url-from-machine-name": (13, 8),
    "record-never-updated": (13, 7),
    "status-before-observed": (13, 7),
}


def _found(source: str, sources: Path | str) -> Diagnosis:
    given = validate("machine_not_visible", {"source": f"simulator:{source}", "sources": str(sources)})
    return diagnose(collect(given, load_settings(), facets=FACETS).evidence, facets=FACETS)


def _statements(diagnosis: Diagnosis) -> dict[str, str]:
    findings = (*((diagnosis.cause,) if diagnosis.cause else ()), *diagnosis.contributing)
    return {finding.slug: finding.statement for finding in findings}


@pytest.mark.parametrize(("name", "text", "column"), [("provision.ts", TYPESCRIPT, 0), ("provision.py", PYTHON, 1)])
def test_each_finding_names_its_line(name: str, text: str, column: int, tmp_path: Path) -> None:
    (tmp_path / "fly.toml").write_text("")
    (tmp_path / name).write_text(text)
    diagnosis = _found("vyx-missing-environment", tmp_path / name)
    told = _statements(diagnosis)
    for slug, numbers in LINES.items():
        assert f"{name}:{numbers[column]} (“" in told[slug], told[slug]
    assert diagnosis.cause
    assert "E34" in diagnosis.cause.evidence
    assert f"{name}:{LINES['missing-environment'][column]}" in diagnosis.remedies[0].why
    assert any(
        f"{name}:{LINES['url-from-machine-name'][column]}" in remedy.why
        for remedy in (*diagnosis.remedies, *diagnosis.prevention)
    )


def test_a_missing_image_names_the_line_that_hard_codes_it(tmp_path: Path) -> None:
    code = tmp_path / "create.ts"
    code.write_text("const tag = 'x';\nimage: `registry.fly.io/vyx-app:${tag}`,\nimage: 'registry.fly.io/other:1',\n")
    diagnosis = _found("vyx-image-missing", code)
    assert diagnosis.cause
    assert "create.ts:2 (“" in diagnosis.cause.statement
    assert "other:1" not in diagnosis.cause.statement
    assert "create.ts:2" in diagnosis.remedies[0].why


def test_without_the_text_the_file_is_named_and_no_line() -> None:
    diagnosis = _found("vyx-missing-environment", "https://git.example/vyx/provision-machine/index.ts")
    assert diagnosis.cause
    assert diagnosis.cause.statement.endswith("https://git.example/vyx/provision-machine/index.ts, not read.")


def test_a_replay_has_the_lines_without_the_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = tmp_path / "provision.ts"
    code.write_text(TYPESCRIPT + 'const password = "Zx81kQ7wLm2Vn4Rt6Yp9";\nconst own = "kept nowhere";\n')
    wanted = ("summary.json", "report.md", "report.html")

    def published(root: str, **values: Any) -> Path:
        monkeypatch.setenv("RUNBOOKS_OUTPUT_ROOT", str(tmp_path / root))
        open_case(**values).publish()
        return next((tmp_path / root).glob("2*/*"))

    first = published("first", source="simulator:vyx-missing-environment", sources=str(code))
    code.unlink()
    second = published("second", source=f"bundle:{first}")
    assert [(first / name).read_bytes() for name in wanted] == [(second / name).read_bytes() for name in wanted]
    assert "provision.ts:9" in (second / "report.md").read_text()
    kept = "".join(path.read_text() for path in first.rglob("*") if path.is_file())
    assert "Zx81kQ7wLm2Vn4Rt6Yp9" not in kept
    assert "kept nowhere" not in kept
    assert str(tmp_path) not in kept
