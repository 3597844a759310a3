"""The settings that a line asks for: a name in the form of a variable, and near it a word such as `missing`.

One measure instead of the wording of every validator: between name and word stand only words that tell nothing, such
as `environment`, `variable`, `is` or other names, in any order; before a colon, any words. What a program goes on
without, and what one request lacks, is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from runbooks.diagnose.log_noise import GOES_ON, NO_NAMES

_ENDINGS = (
    "KEYS?|TOKENS?|SECRETS?|UR[LI]S?|DSN|PASS|PASSWORD|PASSPHRASE|PWD|HOST|HOSTNAME|PORT|USER|USERNAME|ID|BUCKET|REGION"
    "|ENDPOINT|DOMAIN|ORIGINS?|EMAIL|ADDRESS|CREDENTIALS|SALT|CERT|DB|DATABASE|CONNECTION|BASE|ENV|MODULE|SERVER|NAME"
    "|DIR|PATH|MODE|BACKEND|BROKERS?|SID|[A-Z0-9]{1,12}(?:KEY|TOKEN|SECRET|PASSWORD|URL|DSN)"
)
_NO_CODE = r"(?!ERR_|E_|SQLITE_|SIG_|INVALID_|BAD_|UNKNOWN_|MISSING_|UNABLE_|NO_|[A-Z0-9_]{1,50}_ERR)"
SETTING = (
    rf"(?<![A-Za-z0-9_]){_NO_CODE}(?:[A-Z][A-Z0-9]{{0,30}}_){{1,8}}(?:{_ENDINGS})(?:_[A-Z0-9]{{1,20}}){{0,2}}"
    r"(?![A-Za-z0-9_(])"
)
"""A name that looks like a setting and like no code of an error, wherever it stands."""

_SET = "(?:set|defined|provided|supplied|configured|specified|given|passed|exported)"
_KINDS = {
    # before a name and after it
    "lacks": (
        rf"(?:must|should|needs?|ha[sd]|have|ought)(?: to)?(?: all| both)? be (?:{_SET}|present|found)"
        rf"|(?:not|never|\w{{0,8}}n['’]t)(?: yet| been| be){{0,2}} {_SET}|undefined|unset|unbound|NotPresent"
        r"|missing(?! (?:an?|its|one|some) (?-i:[a-z]))"
    ),
    # the same, where name or line speak of the environment
    "soft": (
        r"(?:not|\w{0,8}n['’]t)(?: yet| been| be){0,2} (?:found|present|available|exist|loaded|readable)|absent"
        r"|empty|blank|null|nil|none|(?:no|não|nicht)(?: está| foi)? (?:definid[ao]s?|gesetzt)"
        r"|n['’]est pas définie?|no value|falta|faltan|fehlt|fehlende|manque|manquante?|未设置|未定义|缺少"
    ),
    "before": (
        r"(?:^|(?<=: ))required(?=:)|requires?|expect(?:s|ed)|without|no|neither"
        r"|(?:(?:^|(?<=[:;.!,(] ))|(?:please|must|to|or)(?: also)? )"
        r"(?:set|provide|define|specify|configure|export|supply|add|pass|needs?)"
        r"|(?:could not|couldn['’]t|cannot|can['’]t|unable to|failed to) (?:find|get|read|load|fetch|resolve|locate"
        r"|look ?up)"
    ),
    "after": r"(?:required|mandatory|needed)(?! (?:scopes?|permissions?|by)\b)|to be set",
}
_EXCEPTION = (
    r"\b(?=\w{0,40}(?:Env|Var|Setting|Config|Secret|Key|Value))\w{0,40}(?:Missing|NotFound|NotSet|NoSuch|Undefined)"
    r"\w{0,40}"
)
_TOKEN = re.compile(
    "|".join(f"(?P<{kind}>(?<!\\w)(?i:{words})(?!\\w))" for kind, words in _KINDS.items())
    + rf"|(?P<named>{_EXCEPTION})|(?P<name>(?<![A-Za-z0-9_]){_NO_CODE}[A-Z][A-Z0-9_]{{2,60}}+(?![A-Za-z0-9_(]))"
    r"|(?P<end>;|(?<=\w)[.!?]\s+(?=[\"'`]?[A-Z]))|(?P<colon>:)(?=[ \[{]|$)"
    r"|(?P<word>\w+)"
)
_BEFORE, _AFTER = ("lacks", "soft", "before", "named"), ("lacks", "soft", "after")
_SURE = re.compile(r"[A-Z0-9]+_[A-Z0-9]|(?:PORT|HOST|TOKEN|SECRET|DSN|DOMAIN)$")
_SETTING = re.compile(SETTING)
_ENVIRONMENT = re.compile(r"(?i)env|variable|variável|环境变量|\bsecrets?\b|\bsettings?\b|\bconfig")
_LIGHT = frozenset(
    re.findall(
        r"\w+",
        """a an the is are was were be been being has have had does do did can cannot could must should may not to in of
        for at as or and it its s this that your you our my but because also either any all both least one following so
        got getting received string env environ environment environments variable variables var vars secret secrets key
        keys setting settings option options parameter parameters param config configuration value values property
        properties field fields array index i process system os path valid name named app application production error
        input invalid runtime placeholder substitution reading fatal set found required mandatory
        la el die de der entorno ambiente umgebungsvariable variável d environnement 环境变量 y und et e""",
    )
)
_FAR = 12
"""So many words that tell nothing may stand between a name and the word that says that it is not there."""
_INSTEAD = re.compile(
    r"(?i)[,;:—–-]>? ?(?:using|usando|assuming|caching|generating|generando|serving|logging|creating|listening)\b"
    r"|\bturned off\b|\b(?:off|hidden)$|(?:was|were) (?:also )?found\b"
    r"|(?<!not )(?<!n't )(?<!not be )(?<!not been )\bloaded\b"
    # a switch that advice mentions: `set X=0`, `set X to 1 to silence this`
    r"|\bset\b.{0,80}(?:=\w|\bto (?:\d|'\d|true|false|enable|disable|silence|suppress|hide|turn|opt|skip|register))"
    r"|-> ?\w+$"
)
_OF_A_REQUEST = re.compile(
    r"\b(?:GET|HEAD|POST|PUT|PATCH|DELETE) /|\b4\d\d\b.{0,20}(?:Request|\{)|\bINSERT\b|\bSELECT\b|(?i:\b(?:requests?"
    r"|headers?|column|constraint|relation|table|tenant|repository secrets?|workflow)\b)"
)
# A value in brackets or behind the word, at the end of the line: what the program takes instead. A count of errors and
# a place in a file are none.
_TAKES = re.compile(
    r"(?i)(?:not (?:yet )?set|unset|undefined|not (?:defined|configured|provided|specified)|missing|empty)\s{0,3}"
    r"(?:[(\[:;,=]|[-=]>|→)\s{0,3}(?:[(\[]\s?)?"
    r"(?:(?P<value>(?!\d{1,6} (?:errors?|problems?|issues?|failures?|times?)\b|\d{1,6}:\d)"
    r"\d[\d.,:/]{0,20} ?[a-z%]{0,12}"
    r"|info|debug|warn|trace|json|text|utc|auto|on|off|true|false|prefer|local|unlimited|development)"
    r"|generated|random|localhost|memory|stdout|sqlite|ephemeral|[a-z]{2,12} stays? (?:local|off|disabled|in memory))"
    r"\s?[)\]]?\.?$"
)
_SECRET_OR_ADDRESS = re.compile(r"(?:KEY|TOKEN|SECRET|PASSWORD|URL|URI|DSN|ID)$")
"""No number and no level is the default of such a name."""
# What a runtime reads for itself and what a program counts: neither has to be set, unless somebody demands it. The
# names are whole ones where a prefix is also a product's (LD_SDK_KEY), and none ends as a secret or an address does.
_OF_A_RUNTIME = re.compile(
    r"(?!.*(?:KEY|TOKEN|SECRET|PASSWORD|URL|URI|DSN|ID)$)(?:"
    r"(?:NODE|BUN|DENO|RUBY|PYTHON|PERL5?|JAVA|JAVA_TOOL|JDK_JAVA|MAVEN|GRADLE|JVM|GO|ERL|ELIXIR_ERL|V8|PHP)"
    r"_(?:OPTS?|OPTIONS|FLAGS|ARGS|PATH|DEBUG|AFLAGS|ZFLAGS)$|RUBYOPT$|RUST_(?:LOG|BACKTRACE|MIN_STACK)$"
    r"|GO(?:GC|MAXPROCS|MEMLIMIT|DEBUG\w*|TRACEBACK|FLAGS)$|PYTHON[A-Z]+$|LD_(?:PRELOAD|LIBRARY_PATH|BIND_NOW|DEBUG)$"
    r"|LC_(?:ALL|CTYPE|COLLATE|MESSAGES|MONETARY|NUMERIC|TIME)$|MALLOC_|COREPACK_|TF_CPP_|DOTNET_GC"
    r"|OMP_(?:NUM_THREADS|THREAD_LIMIT|STACKSIZE|DYNAMIC|SCHEDULE|PROC_BIND|PLACES)$"
    r"|BUNDLE_(?:PATH|WITHOUT|WITH|GEMFILE|DEPLOYMENT|FROZEN|JOBS|RETRY|BIN|APP_CONFIG|SILENCE_ROOT_WARNING)$"
    r"|NPM_CONFIG_(?:LOGLEVEL|CACHE|PREFIX|PRODUCTION|REGISTRY|USERCONFIG|UPDATE_NOTIFIER|FUND|AUDIT|OMIT)$"
    r"|UV_THREADPOOL_SIZE$|GEM_(?:HOME|PATH)$|CUDA_VISIBLE_DEVICES$)"
)
_OF_A_FILE = re.compile(r"_(?:CERT|CERTIFICATE|FILE|PATH|DIR|PEM|KEYFILE|BUNDLE)$")
_NOT_READ = re.compile(r"(?i)\b(?:readable|loaded|found|exists?)\b")
_OF_A_METRIC = re.compile(r"[A-Z0-9_]+_(?:TOTAL|GAUGE|HISTOGRAM|SECONDS_BUCKET|BYTES_BUCKET|QUANTILE)$")
_OF_A_COUNT = re.compile(r"[A-Z0-9_]+_(?:COUNT|SUM|SECONDS)$")
_METRICS = re.compile(r"(?i)metric|counter|gauge|histogram|prometheus|statsd|scrape|series")
_DEMANDS = re.compile(r"(?i)\bmust\b|\brequire[sd]?\b|\bmandatory\b|\bneeds?(?:ed)?\b|\bplease\b")
_HAS_NAME = re.compile(r"[A-Z][A-Z0-9_]{2}")
# Most lines hold none of these, and need no further look.
_HAS_CUE = re.compile(
    r"missing|mandatory|undefined|unset|unbound|need|\bno\b|not|n['’]|nil|null|none|neither|absent|empty|blank"
    r"|must|ha(?:s|ve) to|requir|expect|without|falta|fehl|manque|não|未|缺|nosuch|\b(?:set|add|pass)\b|provide"
    r"|define|specif|configure|export|supply|unable|fail"
)


def required_settings(message: str) -> tuple[str, ...]:
    """The names that the line says to be required and not there, in their order; none, if the program goes on.

    Args:
        message: one line of a program's output
    """
    if not _HAS_NAME.search(message) or not _HAS_CUE.search(message.lower()):
        return ()
    tokens = [(match.lastgroup or "", match[0]) for match in _TOKEN.finditer(message)]
    names = [number for number, (kind, text) in enumerate(tokens) if kind == "name" and _may_be(number, text, tokens)]
    told = bool(_ENVIRONMENT.search(message))
    names = [n for n in names if _DEMANDS.search(message) or not _optional(tokens[n][1], message)]
    found = [tokens[n][1] for n in names if _lacks(tokens, n, told or bool(_SETTING.match(tokens[n][1])))]
    return () if not found or _goes_on(message, found) else tuple(dict.fromkeys(found))


def _may_be(number: int, name: str, tokens: list[tuple[str, str]]) -> bool:
    """A name with an underscore; any other where the word beside it says that it is a variable."""
    if name in NO_NAMES:
        return False
    beside = " ".join(text for _, text in tokens[max(0, number - 1) : number + 2])
    return bool(_SURE.search(name) or _ENVIRONMENT.search(beside.replace(name, "")))


def _optional(name: str, message: str) -> bool:
    """Does nobody have to set this: an option of the runtime, or a metric where nothing speaks of the environment?"""
    if _OF_A_RUNTIME.match(name) or (_OF_A_FILE.search(name) and _NOT_READ.search(message)):
        return True  # a file that cannot be read has a name
    metric = _OF_A_METRIC.match(name) or (_METRICS.search(message) and _OF_A_COUNT.match(name))
    return bool(metric) and not _ENVIRONMENT.search(message)


def _lacks(tokens: list[tuple[str, str]], number: int, setting: bool) -> bool:
    """Does a word before or after the name, reached over words that tell nothing, say that it is not there?"""
    return _reaches(reversed(tokens[:number]), _BEFORE, setting) or _reaches(tokens[number + 1 :], _AFTER, setting)


def _reaches(tokens: Iterable[tuple[str, str]], kinds: tuple[str, ...], setting: bool) -> bool:
    passed, listed = 0, False
    for kind, text in tokens:
        if kind in kinds and (setting or kind in ("lacks", "after")):
            return True
        listed |= kind == "colon" and kinds is _BEFORE and setting
        tells = kind in ("end", "lacks", "named") or (kind == "word" and text.lower() not in _LIGHT)
        passed += kind not in ("name", "colon")
        if kind == "end" or (tells and not listed) or passed > _FAR:
            return False
    return False


def _goes_on(message: str, names: list[str]) -> bool:
    low = message.lower()
    if any(word in low for word in GOES_ON) or _INSTEAD.search(message) or _OF_A_REQUEST.search(message):
        return True
    takes = _TAKES.search(message)
    return takes is not None and not (takes["value"] and all(map(_SECRET_OR_ADDRESS.search, names)))
