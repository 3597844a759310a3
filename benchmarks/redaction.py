"""How much is masked, how much is masked in vain, and how long it takes: `make bench-redaction`.

CORPUS=file.json.gz measures another corpus of the same form. Prints recall a tool, the rules that are masked worst,
what is left, harmless lines changed, and CPU seconds a megabyte of noisy log.
"""

from __future__ import annotations

import collections
import random
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from runbooks.evidence.redaction import Redactor  # noqa: E402
from tests.redaction import rows as texts  # noqa: E402
from tests.redaction.rows import HERE, Row, corpus, harmless_lines, unseen  # noqa: E402

HOSTILE = (
    "a",
    "KEY",
    "A_",
    "eyJ-",
    "eyJaaaaaa.",
    "a:",
    "KEY ",
    "KEY='a\\",
    "\\'",
    "Bearer ",
    "a://b:",
    "a://b:c,",
    "a@",
)
HOSTILE += ("x@a.a.a.", "a%40", "-----BEGIN PRIVATE KEY-----", "?token", 'user_id="', "password", "TOKEN=&quot;", " ")
HOSTILE += (
    "<secret:value#1>",
    "password=",
    "token: '",
    "Aa1",
    "Aa1/",
    "<xToken>",
    '"k":"v",',
    "-p ",
    "A-1-",
    "sk-",
    "SG.",
)
HOSTILE += ("AKIA", "xoxb-1-", "//a/:_authToken", "0a", "=", "%2541", "\\u0041", "-u a:b ")
NOTES = {
    "detect-secrets": " (its patterns are imported)",
    "provider": " (of ours: tokens that the corpus does not have)",
    "everyday": " (of ours: forms that the corpus does not have)",
}


def main(path: Path) -> None:
    rows = corpus(path)
    print("Wholly masked")
    by_tool: dict[str, list[Row]] = collections.defaultdict(list)
    for row in (*rows, *unseen(), *(row for every in texts.in_the_manner_of().values() for row in every)):
        if row.positive:
            by_tool[row.tool].append(row)
    left: list[Row] = []
    for tool, every in sorted(by_tool.items()):
        missed = [row for row in every if not row.wholly_masked()]
        left += missed
        note = NOTES.get(tool, "")
        print(f"  {tool:16}{len(every) - len(missed):6} of {len(every):6} {1 - len(missed) / len(every):8.2%}{note}")
    names = sorted({row.rule for row in rows if row.tool == "gitleaks"})
    for title, half in (("even", names[::2]), ("odd", names[1::2])):
        every = [row for row in by_tool["gitleaks"] if row.rule in half]
        missed = [row for row in left if row.tool == "gitleaks" and row.rule in half]
        print(f"  gitleaks, rules of {title} rank: {1 - len(missed) / max(1, len(every)):.2%} of {len(every)}")
    for half in ("develop", "held_back", "later", "members"):
        every = [row for rows_of in texts.of_scrubbers(half).values() for row in rows_of if row.positive]
        masked = sum(row.wholly_masked() for row in every)
        print(f"  scrubbers, {half}: {masked} of {len(every)} {masked / len(every):.2%}")
    for half in ("develop", "held_back", "later", "third", "members"):
        every = [row for row in texts.of_scanners(half) if row.positive]
        masked = sum(row.wholly_masked() for row in every)
        print(f"  scanners, {half}: {masked} of {len(every)} {masked / len(every):.2%}")
    for row in left:
        print(f"    left: {row.tool} {row.rule}: {row.text[:100]!r}")
    drawn: dict[str, list[bool]] = collections.defaultdict(list)
    for kind, text in texts.random_tokens():
        drawn[kind].append(Redactor().text(text) != text)
    worst_kind = min(drawn, key=lambda kind: sum(drawn[kind]) / len(drawn[kind]))
    share = sum(map(sum, drawn.values())) / sum(map(len, drawn.values()))
    print(f"  random tokens: {share:.2%}; of {worst_kind} {sum(drawn[worst_kind]) / len(drawn[worst_kind]):.2%}")
    print("Harmless, and changed")
    fly = [row for row in rows if row.tool == "own" and not row.positive]
    print(f"  lines of Fly      {sum(not row.untouched() for row in fly):6} of {len(fly)}")
    lines = harmless_lines()
    changed = sum(Redactor().text(line) != line for line in lines)
    print(f"  lines of the tests{changed:6} of {len(lines)} {changed / len(lines):8.2%}")
    print(f"Speed: {speed(rows, lines):.2f} s of CPU a megabyte of noisy log")
    ratios = {piece: growth(piece) for piece in HOSTILE}
    worst = max(ratios, key=lambda piece: ratios[piece])
    print(f"{len(HOSTILE)} hostile patterns: {ratios[worst]:.1f} times the time for 4 times the text ({worst!r})")


def speed(rows: list[Row], lines: list[str]) -> float:
    """One line in fifty holds a secret; no two are alike."""
    chosen = random.Random(3)  # noqa: S311
    secret = [row.text for row in rows if row.positive and "\n" not in row.text and not row.rule.startswith("json:")]
    text, n = [], 0
    while sum(map(len, text[-1:])) + n < 1_000_000:
        line = chosen.choice(secret) if len(text) % 50 == 0 else f"{chosen.choice(lines)} {len(text)}"
        text.append(line)
        n += len(line) + 1
    begun = time.process_time()
    Redactor().text("\n".join(text))
    return time.process_time() - begun


def growth(piece: str) -> float:
    spent = []
    for size in (50_000, 200_000):
        begun = time.process_time()
        Redactor().text(piece * (size // len(piece)))
        spent.append(max(0.02, time.process_time() - begun))
    return spent[1] / spent[0]


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "corpus.json.gz")
