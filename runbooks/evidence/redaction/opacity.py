"""Long random tokens: what no known harmless shape explains is taken for a secret.

A token is random by measure: far more often than in words, identifiers and file names the next character is of another
class (small, capital, digit), or a letter that seldom follows. Shapes that are random and harmless (ids, digests,
addresses) are listed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise

from runbooks.evidence.redaction.prepared import Prepared

_SHORTEST = 16
_UUID = r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
UUID = re.compile(_UUID)
_ESCAPED = re.compile(r"[0-9A-Fa-f]{2}")
_CORE = re.compile(r"[A-Za-z0-9]+")
# The first letter of each group, and those that follow it in 95 of 100 pairs of letters in English and in programs.
_PAIRS = (
    "abcdfgiklmnprstuvwxy baeilorsuy cacehiklorstu dadeilorsu eabcdefgilmnopqrstvwxy faefilorstu gaeghilnorsu haeiort"
    " iabcdefglmnoprstvxz j keis ladeilopstuy mabeimopsu nacdefgiklnopstuv oabcdfgiklmnoprstuvwx paehiloprstuy qu"
    " racdefgiklmnoprstuvy sacehiklmopstuy tacdefhilmoprstuy uabcdegilmnprst vaei waehinors xceipt ylnpst ze"
)
_FOLLOWS = {group[0]: frozenset(group[1:]) for group in _PAIRS.split()}
_RANDOM = 0.42
"""Share of pairs that surprise: above it are 99 of 100 random tokens, and no word."""
# Ids that are random and name a thing: ULID (with the region behind it), UUID, digest of 64, machine, volume, request.
_ULID = r"01[A-Z][0-9A-Z]{22,24}(?:-[a-z]{0,3})?"
_HARMLESS = re.compile(
    rf"(?:[a-z][a-z0-9]{{0,20}}[-_])*(?:{_ULID}|{_UUID}|[0-9a-f]{{14}})(?:[-_][a-z0-9]{{1,12}})?"
    r"|deployment-[0-9A-Z]{4,40}|(?:vol|evt|req|msg|inst|machine|org|app|snap|vs|ip|job|run|task|trace|span)_[A-Za-z0-9]{8,26}"
    r"|(?:sha(?:1|256|384|512)[-:=_])[A-Za-z0-9+/=]{20,}"
    r"|[a-z][a-z0-9-]{0,60}-[a-z0-9]{8,10}-[bcdfghjklmnpqrstvwxz2456789]{5}"  # a pod of Kubernetes
    r"|00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}"  # a traceparent
    r"|h[0-9a-f]{16}|0x[0-9a-fA-F]{1,16}|_ZN?\w+|_R[NI]\w+"
    r"|\d{4}-?\d\d-?\d\d[T_-]?\d{2}[-:]?\d{2}(?:[-:]?\d{2})?Z?|[\d_-]+"
)
# A UUID is an id, unless what stands before it says that it opens something.
_OPENS = re.compile(
    r"(?i)(?:[a-z0-9]{1,20}-)?(?:pat|sdk|mob|api|key|token|secret|sec|sub|pub|private|access|hrku|dep|auth|sk|rk)-"
    rf"(?:[a-z0-9]{{1,4}}-)?{_UUID}"
)
# `sk-…`, `github_pat_…`, `api_org_…`: what begins like that needs to be less random.
_SOUNDS_SECRET = re.compile(
    r"(?:[A-Za-z]{1,10}[-_]){0,2}(?:sk|pk|rk|pat|api|key|secret|token|tok|sec|oauth|auth|live|svc)(?:[-_][A-Za-z0-9]{2,8}){0,2}"
    r"[-_](?=[\w-]{0,200}[A-Z])(?=[\w-]{0,200}\d|[\w-]{0,200}[a-z][A-Z])[\w-]{16}",
    re.ASCII,
)
# What is as long as a key, and made of what keys are made of, is one without being random by measure: letters of
# both cases with digits; a prefix and a long run; groups like a UUID's that are not hexadecimal.
_SHAPED = re.compile(
    r"(?=[^a-z]{0,200}[a-z])(?=[^A-Z]{0,200}[A-Z])(?=(?:[^\d]{0,200}\d){4})[A-Za-z0-9]{30,}"
    r"|(?!(?:sha|md|commit|build|layer|run|job|task|trace|span|chunk|v)\d{0,3}[-_])[a-z]{2,10}\d?[-_](?:[a-z]{2,6}[-_])?"
    r"(?=[0-9a-zA-Z]{0,60}[g-zG-Z])(?=(?:[^\d]{0,200}\d){3})[A-Za-z0-9]{24,}"
    r"|(?=[0-9a-z-]{0,36}[g-z])(?=(?:[^\d]{0,36}\d){4})[0-9a-z]{8}(?:-[0-9a-z]{4}){3}-[0-9a-z]{12}"
)
# 32 and 64 bytes.
_KEY_SIZED = re.compile(r"(?=(?:\D{0,40}\d){4})(?:[A-Za-z0-9+/]{43}=|[A-Za-z0-9+/]{86}==)")
_BEFORE = re.compile(r"(?<![\w.-])[\w.-]{3,40}[~!|]$")
# Parts of one token, joined by a dot or `$`: a short prefix, or letters with digits.
_JOINED = re.compile(
    r"(?<![\w./:@$-])(?:access_token\$\w{4,12}\$|[a-z]{1,5}[.])?(?:[a-z]{2,5}[.]|(?=[\w-]{0,60}\d)[A-Za-z0-9_-]{3,60}[.$]){0,3}$"
)
_NUMBER = re.compile(r"(?<![\w.:-])(?:\d/)?\d{8,20}:$")
_MORE = re.compile(r"(?:[.~!$*]|\\=|%3[dD])[A-Za-z0-9+/_=-]{4,}")
_APART = (" ", "/", "[", "]", "(", ")", ",", "")
# Pictures and fonts in base64 begin like that.
_PICTURE = re.compile(r"iVBORw0KGgo|R0lGOD|/9j/4|PHN2Zy|PD94bWw|UklGR|d09GM|AAEAAAA|T1RUTw")
_HEX = re.compile(r"[0-9a-f]{16,}|[0-9A-F]{16,}")
# What stands before a digest, commit or trace id, and says so.
_TELLS_ID = re.compile(
    r"(?:sha\d{0,3}|digest|commit|rev(?:ision)?|trace|span|request|correlation|session|transaction|process|build"
    r"|checksum|hash|md5|etag|layers?|blobs?|version|uid|guid|id|ids|ref|image|main|master|head|tag|release|deployment"
    r"|extract(?:ing)?|exporting|writing|config|manifest|index|object|tree|container|instance|node|machine|docker|at)"
    r"[\"'\\]{0,4}[ \t]{0,3}[-:=@#(/\[ ]{0,3}[ \t]{0,3}[\"'\\]{0,4}(?:sha\d{1,3}[-:])?$",
    re.IGNORECASE,
)
_NAMED_ID = re.compile(r"(?i)(?:request|trace|span|correlation)[-_]?id[\"'\\]{0,4}[:= ]{1,3}[\"'\\]{0,4}$")
# Of a pair of keys of 32 bytes, such as WireGuard's, the one that everybody may know.
_PUBLIC = re.compile(r"(?i)(?<![\w-])public[-_ ]?key[\"'\\]{0,4}[:= \t]{1,4}[\"'\\]{0,4}$")
# The steps of a store of objects: `ab/cd/`.
_STEPS = re.compile(r"/(?:[0-9a-f]{2}/){1,3}$")
# A digest by its algorithm, of any length: reports cut it, and tables break it into lines.
_DIGEST = re.compile(r"\bsha\d{1,3}[-:=.](?:[0-9a-f]{1,128}(?:\\n|\s){1,80}(?:│\s{1,20})?)?$")
# A file: with an ending that programs give, or one step of a path that goes on to one.
_FILE = re.compile(
    r"\.(?:[cm]?[jt]sx?|py[cio]?|rb|go|rs|exs?|php|java|class|jar|war|css|scss|map|html?|json|ya?ml|toml|xml|txt|md|log"
    r"|png|jpe?g|gif|svg|ico|webp|woff2?|ttf|wasm|so|dll|node|gz|tgz|zip|tar|deb|rpm|whl|db|sqlite3?|lock|sh|conf|cfg"
    r"|ini|pem|crt|cer|p12|keytab|vue|svelte|sql|csv|bin|pid|sock|service|tmp|heapsnapshot|hcl|tf|proto|erl|beam|cs"
    r"|c|h|cc|cpp|hpp|kt|swift)\b"
)


def opaque_spans(prepared: Prepared) -> Iterator[tuple[int, int]]:
    """Where random tokens without a harmless shape stand."""
    text = prepared.text
    for start, end in prepared.runs:
        run = text[start:end]
        if text[start - 1 : start] == "%" and _ESCAPED.match(run):  # a quotation mark or bracket of a URL
            run, start = run[2:], start + 2
        if len(run) < _SHORTEST or not _may_be(run) or (len(run) > 100 and _PICTURE.match(run)):
            continue
        if text.endswith(("base64,", " h1:"), 0, start):
            continue  # the data of a picture or page, which is looked into; a digest of a Go module
        for begin, stop in _random_parts(run):
            if not _explained(text, start + begin, start + stop, start, end):
                yield _with_neighbours(text, start + begin, start + stop)


def is_random(token: str, shortest: int = _SHORTEST) -> bool:
    """Is this one token, or a part of it that is at least that long, random by measure?"""
    return bool(_random_parts(token)) or any(_random(core, shortest) for core in _CORE.findall(token))


@lru_cache(maxsize=4096)
def _may_be(run: str) -> bool:
    """A quick look: no digit and no change of case means a word or a path of words."""
    if run.isdigit() or _is_harmless(run):
        return False
    return any(char.isdigit() for char in run) or not (run.islower() or run.isupper())


@lru_cache(maxsize=4096)
def _random_parts(run: str) -> tuple[tuple[int, int], ...]:
    """The random parts of a run: between slashes, where those separate words, or else the whole."""
    if _looks_like_base64(run) or _OPENS.fullmatch(run):
        return ((0, len(run)),)
    found = []
    at = 0
    for step in run.split("/"):
        begin = step.rfind("=", 0, max(0, len(step.rstrip("=")))) + 1
        if len(step) >= 12 and not _HARMLESS.fullmatch(step) and (_random_step(step) or _random_step(step[begin:])):
            found.append((at + begin, at + len(step)))
        at += len(step) + 1
    return tuple(found)


def _is_harmless(token: str) -> bool:
    return _HARMLESS.fullmatch(token) is not None and _OPENS.fullmatch(token) is None


def _random_step(step: str) -> bool:
    if _SHAPED.fullmatch(step) and len(set(step)) >= 10:
        return True
    cores = _CORE.findall(step)
    if any(_random(core, _SHORTEST) for core in cores):
        return True
    joined = "".join(cores)
    if len(step) >= 24 and _SOUNDS_SECRET.match(step) and _surprise(joined) >= 0.2:
        return True
    if len(step) >= 24 and step.isupper() and sum(map(str.isdigit, joined)) >= 4 and _surprise(joined) >= 0.35:
        return True  # groups of capitals and digits, as licence keys have them
    # Random letters with `-` and `_` between them: no part is long enough, and together they are.
    mixed = [core for core in cores if len(core) >= 4 and _surprise(core) >= _RANDOM]
    return len(step) >= 18 and sum(map(len, mixed)) >= 0.6 * len(step) and _random(joined, 15)


def _looks_like_base64(run: str) -> bool:
    """Random over the slashes: no step of it is a word."""
    if "/" not in run and "+" not in run:
        return False
    if _KEY_SIZED.fullmatch(run):
        return True
    steps = [step for step in re.split(r"[/+]", run.rstrip("=")) if step]
    if len(run) < 20 or (
        run.startswith("/") and len(steps) > 3 and any(step.islower() for step in steps if len(step) > 3)
    ):
        return False
    words = sum(len(step) for step in steps if len(step) >= 4 and (step.islower() or step.istitle() or step.isdigit()))
    joined = "".join(_CORE.findall(run))
    key = len(run) == 40 and not joined.isalpha() and _surprise(joined) >= 0.3
    return words < 0.2 * len(run) and (key or _random(joined, 17))


def _random(core: str, shortest: int) -> bool:
    """Is this run of letters and digits random, as keys are and words are not?"""
    length = len(core)
    if length < shortest:
        return False
    if _HEX.fullmatch(core):
        digits = sum(char.isdigit() for char in core)
        return length >= 24 and 0.25 * length <= digits < length and len(set(core)) >= 8
    digits = sum(char.isdigit() for char in core)
    if digits == length or len(set(core)) < 8:
        return False
    return _surprise(core) >= _RANDOM


def _surprise(core: str) -> float:
    """The share of neighbours that are of different classes, or letters that seldom stand together."""
    small, found = core.lower(), 0
    for at, (one, other) in enumerate(pairwise(core)):
        if one.isdigit() or other.isdigit():
            found += one.isdigit() != other.isdigit()
        else:
            found += (one.islower() and other.isupper()) or small[at + 1] not in _FOLLOWS[small[at]]
    return found / max(1, len(core) - 1)


def _explained(text: str, start: int, end: int, run: int, run_end: int) -> bool:
    """Does something around the token say that it is a file, a digest, an id, part of an image?"""
    token = text[start:end]
    if _is_harmless(token) or _FILE.match(text, run_end):
        return True
    if len(token) == 44 and token.endswith("=") and _PUBLIC.search(text, max(0, start - 24), start):
        return True
    core = max(_CORE.findall(token), key=len, default="")
    before = text[max(0, start - 48) : start] + token[: token.find(core)]
    if (_NAMED_ID.search(text, max(0, start - 48), start) and len(token) <= 36) or (
        len(token) in (43, 44) and before.lower().endswith(("sha256:", " h1:"))
    ):
        return True
    if not _HEX.fullmatch(core):
        return False
    if _STEPS.search(before) or _DIGEST.search(text[max(0, start - 160) : start + token.find(core)]):
        return True
    # A digest or a commit that stands alone is one; shorter ones need a word that says so.
    alone = token == core and len(core) in (40, 64) and core.islower()
    # A UUID without hyphens, a trace id: between spaces, slashes or brackets, and not in quotes.
    plain = token == core and len(core) == 32 and text[start - 1 : start] in _APART and text[end : end + 1] in _APART
    return (
        alone
        or (plain and start > 0)
        or (len(core) in (24, 32, 40, 64, 96, 128) and _TELLS_ID.search(before) is not None)
    )


def _with_neighbours(text: str, start: int, end: int) -> tuple[int, int]:
    """The token with what hangs on it by a dot or `~`: parts of one secret are random, or too short to tell."""
    stop = end
    before = {"~": _BEFORE, "!": _BEFORE, "|": _BEFORE, ".": _JOINED, "$": _JOINED, ":": _NUMBER}.get(
        text[start - 1 : start]
    )
    if before and (less := before.search(text, max(0, start - 128), start)):
        start = less.start()
    while (match := _MORE.match(text, stop)) and re.search(r"\d|[a-z][A-Z]", match[0]) and stop - end < 2_000:
        stop = match.end()
    return start, stop
