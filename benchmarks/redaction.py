"""How much is masked, how much is masked in vain, and how long it takes.

make bench-redaction [CORPUS=corpus.json.gz]
"""

from __future__ import annotations

import collections
import gzip
import json
import sys
import time
from pathlib import Path
from typing import Any

from runbooks.evidence.redaction import Redactor

CORPUS = Path(__file__).resolve().parents[1] / "tests" / "redaction" / "corpus.json.gz"


def masked(row: dict[str, Any]) -> str:
    if row["rule"].startswith("json:"):
        return json.dumps(Redactor().value(json.loads(row["text"])))
    return Redactor().text(row["text"])


def wholly(row: dict[str, Any], after: str) -> bool:
    """Is no piece of the secret left that is longer than three characters?"""
    return all(row["text"][a:b].strip(" \"'=:") not in after for a, b in row["secrets"])


def main(path: Path, show: str) -> None:
    rows = json.loads(gzip.decompress(path.read_bytes()))
    found: dict[str, list[int]] = collections.defaultdict(lambda: [0, 0])
    for row in rows:
        after = masked(row)
        kind = f"{row['tool']:16}{'secret' if row['positive'] else 'harmless'}"
        good = (
            wholly(row, after)
            if row["positive"]
            else after == (row["text"] if not row["rule"].startswith("json:") else json.dumps(json.loads(row["text"])))
        )
        found[kind][0] += good
        found[kind][1] += 1
        if not good and show in kind:
            print(row["rule"], "|", repr(row["text"][:150]), "->", repr(after[:150]))
    for kind, (good, every) in sorted(found.items()):
        print(f"{kind:30}{good:6} of {every:6}  {100 * good / every:6.2f} %")


if __name__ == "__main__":
    begun = time.process_time()
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else CORPUS, sys.argv[2] if len(sys.argv) > 2 else "-")
    print(f"{time.process_time() - begun:.1f} s")
