"""`python -m tests.incidents [FOLDER]`: judge the incidents of a folder (those of this one by default)."""

from __future__ import annotations

import collections
import json
import sys
from pathlib import Path

import yaml

from tests.incidents.judging import GOOD, judge

HERE = Path(__file__).parent


def main(folder: Path) -> None:
    expected = yaml.safe_load((HERE / "expected.yaml").read_text())
    grades: collections.Counter[str] = collections.Counter()
    for path in sorted(folder.glob("*.json")):
        if path.stem not in expected:
            print(f"{'no expectation':18} {path.stem}")
            continue
        found = judge(path.stem, json.loads(path.read_text()), expected[path.stem])
        grades[found.grade] += 1
        print(f"{found.grade:18} {found.name:48} {found.cause:36} {', '.join(found.open)}")
    print(f"{sum(grades[g] for g in GOOD)} of {sum(grades.values())} right or rightly silent: {dict(grades)}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "cases")
