"""`python -m tests.incidents [FOLDER] [--held]`: judge the incidents of a folder (those of `cases` by default).

A folder may bring its own `expected.yaml`. Its cases marked `held` are skipped; `--held` judges only them.
"""

from __future__ import annotations

import collections
import json
import sys
from pathlib import Path

import yaml

from tests.incidents.judging import GOOD, judge

HERE = Path(__file__).parent


def main(folder: Path, held: bool = False) -> None:
    own = folder / "expected.yaml"
    expected = yaml.safe_load((own if own.exists() else HERE / "expected.yaml").read_text())
    grades: collections.Counter[str] = collections.Counter()
    for path in sorted(folder.glob("*.json")):
        if path.stem not in expected:
            print(f"{'no expectation':18} {path.stem}")
            continue
        if bool(expected[path.stem].get("held")) is not held:
            continue
        found = judge(path.stem, json.loads(path.read_text()), expected[path.stem])
        grades[found.grade] += 1
        print(f"{found.grade:18} {found.name:48} {found.cause:36} {', '.join(found.open)}")
    print(f"{sum(grades[g] for g in GOOD)} of {sum(grades.values())} right or rightly silent: {dict(grades)}")


if __name__ == "__main__":
    folders = [Path(word) for word in sys.argv[1:] if not word.startswith("--")]
    main(folders[0] if folders else HERE / "cases", held="--held" in sys.argv)
