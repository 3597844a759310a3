"""What is assigned to a name that sounds secret, in any form in which programs, files and people write it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from runbooks.evidence.redaction.allowed import harmless_field
from runbooks.evidence.redaction.fallbacks import behind_call, behind_name, in_braces, is_got, of_variable
from runbooks.evidence.redaction.names import (
    ASCII_HINTS,
    HINTS,
    Strength,
    names_a_secret,
    names_several,
    snake_case,
    strength_of,
)
from runbooks.evidence.redaction.opacity import UUID, is_random
from runbooks.evidence.redaction.prepared import Prepared

_NAME_CHARS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.$"
_NAME_REST = re.compile(r"[\w.$-]{0,80}")
# `user:ada/password:` is no path.
_PAIR = re.compile(r"(?<![\w/])[^\s/:=]{1,30}[:=][^\s/:=]{1,30}/$")

_QUOTE = r"(?:\\{0,3}[\"'`]|&quot;|&#3[49];|&apos;)"
# What may stand between a name and its value. The order matters: the longest first.
_TAGS = "str|int|float|bool|binary|secret|vault|env|env_var|Sub|Ref|GetAtt|reference"  # of YAML
_ASSIGNED = re.compile(
    rf"(?P<close>{_QUOTE})?(?:\[[\w\"']{{0,20}}\]|[\])]){{0,2}}[ \t]{{0,40}}"
    rf"(?:(?:string|String|str|char|const|any|varchar|Text)[ \t]{{1,8}}(?==)"
    rf"|:[ \t]{{0,4}}(?:[Ss]tring|str|any|Text)[ \t]{{0,8}}(?==)"
    # Any other type, where a text follows: `password: &str = "…"`, `PASSWORD As String = "…"`.
    rf"|(?::[ \t]{{0,4}}&?(?:'\w{{1,20}}[ \t])?|[Aa]s[ \t]{{1,4}})[A-Za-z_][\w.<>?\[\]:]{{0,40}}"
    rf"(?:[ ]?\|[ ]?[A-Za-z]\w{{0,20}}){{0,3}}[ \t]{{0,8}}"
    rf"(?==[ \t]{{0,8}}{_QUOTE})"
    # What a program says of the variable itself: `PROGMEM`, `CONSTANT VARCHAR2(30)`.
    rf"|(?<=[ \t])(?:[A-Z][A-Z0-9_]{{3,20}}(?:\(\d{{1,5}}\))?[ \t]{{1,8}}){{1,3}}(?=:?=[ \t]{{0,8}}[\"']))?"
    # The default of a parameter, in JSON, HCL and YAML; what an expression falls back to.
    rf"(?P<op>(?::[ \t]{{0,8}})?\{{[^{{}}]{{0,300}}?{_QUOTE}?[dD]efault{_QUOTE}?[ \t]{{0,20}}[:=]"
    rf"|:[ \t]{{0,8}}\r?\n(?:[ \t]{{1,40}}(?!Default)[A-Z]\w{{1,40}}:[^\n]{{0,200}}\n){{0,5}}[ \t]{{1,40}}Default:"
    rf"|(?:or|\|\||\?\?|\?:)(?=[ \t]{{1,4}}{_QUOTE})|,[ \t]{{0,4}}<<(?=\")|(?<=[a-z]),(?=[ ]?\"[^\"\n]{{0,512}}\"\}})"
    rf"|[;|]s:\d{{1,6}}:(?=\")|REG_\w{{2,10}}(?=[ \t])"
    rf"|</\w{{1,20}}>\s{{0,80}}<(?:value|string|val)>"
    rf"|(?:[ \t]{{0,8}}[\w:-]{{1,40}}={_QUOTE}[^\"<>]{{0,200}}{_QUOTE}){{0,4}}[ \t]{{0,8}}>\s{{0,80}}<[Vv]alue>"
    # What C++ begins a variable with.
    rf"|\{{(?=[ ]?\"[^\"\n]{{1,512}}\"[ ]?\}})"
    rf"|:{{0,3}}[?.+|]{{0,2}}={{1,3}}>?|!={{1,2}}|[=-]>|:{{1,3}}|%3[dD]"
    rf"|(?<=[\"'`;]),(?!\s{{0,20}}{_QUOTE}values?{_QUOTE})|>"
    rf"|[,\s]{{0,20}}{_QUOTE}?values?{_QUOTE}?[ \t]{{0,20}}[:=]"
    rf"|(?<=[ \t])[\w:-]{{1,40}}={_QUOTE}[^\"<>]{{0,200}}{_QUOTE}>"
    # Dots that lead to the value; a part of a form; a column; a sentence.
    rf"|\.(?:\.{{2,80}}|(?:[ ]\.){{2,40}})[ ]?:?|(?<=[\"'])(?:\r?\n){{2}}|(?<=[ \t])\||(?<=[ \t])-{{1,80}}(?=[ \t])"
    rf"|(?<=[ \t])(?:(?:is|was)[ \t](?:generated|created|set)[ \t]for[ \t][^\s:]{{1,60}}:|(?:for|(?P<of>of|in|on))[ \t]"
    rf"(?:the[ \t])?(?:(?:user|account|login)(?:[ \t]?name)?[ \t])?[^\s:]{{1,60}}"
    # “the secrets of app: A, B” lists names.
    rf"(?:[ \t][^\s:]{{1,30}})?(?(of)[ \t](?:is|was)(?=[ \t:]):?|(?::|[ \t](?:is|was)(?=[ \t:]):?))"
    rf"|(?:is|was|to|es|est|ist|lautet|jest|(?:provided|given|supplied)(?=:))(?=[ \t:]):?))?"
    rf"(?P<gap>[ \t]{{0,200}}(?:(?:&[\w/:.-]{{1,40}}|!!?(?:{_TAGS})\b)[ \t]{{1,8}})?(?:[|>][+-]?\d?(?=\r?\n))?"
    rf"(?:(?:\r?\n[ \t]{{1,40}})?string\(\d{{1,6}}\)[ \t]|\\?\r?\n[ \t]{{1,40}})?)"
    rf"(?:(?:[@bBrRuUfFLN]|\\?\$'?)?(?={_QUOTE}))?[\[(]{{0,2}}"
)
_SAID = ("is", "was", "to", "es", "est", "ist", "lautet", "jest", "provided:", "given:", "supplied:", "-")
_SCHEME = re.compile(r"(?:(?i:Bearer|Basic|FlyV1|Token|ApiKey|Digest|Bot|Negotiate|GenieKey|SSWS|Key)[ \t]{1,8}){1,3}")
# What says no more of a value than its type: `Str(…)`, `Some("…")`.
_WRAPPED = re.compile(
    r"(?:Just|Right)[ ](?=[\"'])|(?:Str|Slice|Bytes|Some|Just|Ok|Secret(?:Str(?:ing)?|Box|Value)?|Password|[Ss]ensitive"
    r"|String(?:::from)?)\(\[?"
    # Its bytes: `[]byte("…")`, `Buffer.from('…')`, `Encoding.UTF8.GetBytes("…")`.
    r"|\]?(?:byte|bytes|bytearray|Buffer\.from|new[ ]String|std::string|string|(?:[A-Za-z]\w{0,20}\.){0,3}GetBytes)"
    r"\((?=[bru]?[\"'`])"
)
_QUOTED = re.compile(
    rf"(?P<q>\"\"\"|'''|{_QUOTE})(?P<secret>(?:(?!(?P=q))(?:[^\n\\\0]|\\.|\\\n)){{1,8192}})(?P=q)", re.DOTALL
)
# The value first: `"hunter2" == password`.
_COMPARED = re.compile(r"(?P<q>[\"'`])(?P<secret>(?:(?!(?P=q))[^\n\0]){1,512})(?P=q)[ \t]{0,4}[!=]={1,2}[ \t]{0,4}$")
_OPENED = re.compile(_QUOTE)
_ELEMENT = re.compile(
    r"\s{0,200}(?:<!\[CDATA\[(?P<data>[^<>\0]{1,8192}?)\]\]>|(?P<secret>[^<>\0]{1,8192}?))\s{0,200}</"
)
# What a page calls a part of itself, such as a heading, says nothing about its text.
_OF_A_PAGE = re.compile(r"""\b(?:id|class|href|src|for|rel|role|title|alt|aria-\w{1,20})=["'][^"'<>]{0,30}$""")
_BARE = re.compile(
    r"(?P<secret>(?:[^\s\"'`<,;&\\\0]|&(?!\w{1,64}=|\w{1,8};|#)|[,;](?![\s\"'`<\0]|\w{1,64}=|$)|\\(?![nrt\"'`]))"
    r"{1,8192})"
)
_BLOCK = re.compile(r"(?P<secret>[^\s\0][^\n\0]{0,8192}(?:\n[ \t]{1,40}[^\s\0:]{8,8192}(?=\n|$)){0,200})")
_REFERENCE = re.compile(
    r"(?i)(?:env|file|fd):[\w./-]{1,100}$|(?-i:(?:Get|New|Read|Import|Convert(?:To|From))-[A-Z][A-Za-z]{2,40}$)|(?-i:[A-Z][A-Za-z]{1,60}\{|(?:[a-z]\w{0,40}\.){1,8}[A-Z][\w$]{1,80}@[0-9a-f]{4,8}$)|\\?[$<]"
    # What Jenkins keeps stands in braces as well.
    r"|\{(?![^{}\s]{0,40}[ ]?AQAA)|%[({]?\w|map\[|(?:\w{1,60}(?:\.|::|->)){0,6}\w{1,60}\("
    r"|(?:process\.env|os\.environ|env|var|vars|secrets|config|settings"
    r"|self|this|local|data|params|args|props|options|req|ctx|user|request|module|input)[.\[]|ENV\[|ENC\[(?:AES256_GCM,data:|[a-z_-]{3,60}\])"
)
_NOTHING = re.compile(
    r"(?i)(?:undefined|null|none|nil|true|false|missing"
    r"|your[ _-].*|(?:my|the|an?)(?:[ ].*|[_-].*(?:key|token|pass|pw|secret|cred|value|here).*)"
    r"|empty|unset|required|optional|yes|no|on|off|set"
    r"|not|redacted|sensitive|known|unknown|computed|\[?--?[a-z][a-z-]{2,}"
    r"|\[?(?:redacted|masked|filtered|hidden)\]?|not[ _-]?(?:set|given|found)"
    r"|is|was|are|were|has|must|should|cannot"
    r"|ssh-(?:rsa|dss|ed25519)|ecdsa-sha2-\w{1,20}|scram-sha-\d{1,3}|bcrypt|scrypt|argon2(?:id|i|d)?|pbkdf2|md5|sha-?\d{3}"
    r"|string|str|int|bool|number|object|n/a|\d{1,3}|\d{1,3}(?:\.\d{1,3}){1,3}|0x[0-9a-f]{1,16}"
    r"|[xX*.\u2022_-]{3,200}|[*\u2022._-])[\])},;:.]*$"
)
# What is said of a password before it becomes something: `changed password to …`.
_CHANGES = re.compile(r"(?i)\b(?:set|chang|reset|updat|rotat)")
_KEY_VARIABLE = re.compile(r"[A-Z][A-Z0-9]{1,20}(?:_[A-Z0-9]{1,20}){0,5}_KEY\b")
_KEY_LIKE = re.compile(r"(?=[^\s]{0,64}\d)(?=[^\s]{0,64}[A-Za-z])[\w+=~-]{8,256}$")
# The name of a variable, and words near it that say that it is asked for: `missing required secrets: DB_PASSWORD`.
_VARIABLE = re.compile(r"[A-Z][A-Z0-9]{1,20}(?:_[A-Z][A-Z0-9]{0,20}){1,6}$")
_ASKED_FOR = re.compile(
    r"(?i)\b(?:missing|required?|insecure|unset|undefined|absent|not (?:set|found|defined|exist|provided))\b"
)
# An item of a list, behind another one or in a line of its own; maps and names are none.
_ITEM = re.compile(
    rf"\s{{0,40}},\s{{0,40}}(?P<q>{_QUOTE})(?P<secret>(?:(?!(?P=q))[^\s\0]){{1,512}})(?P=q)(?=\s{{0,40}}[,\]])"
)
_MEMBER = re.compile(
    rf"\s{{0,80}}(?P<q>{_QUOTE})(?P<name>[^\s\"'\\\0]{{1,128}})(?P=q)\s{{0,8}}(?::|=>?)\s{{0,8}}(?P=q)"
    rf"(?P<secret>[^\"'\\\n\0]{{3,2000}})(?P=q)\s{{0,40}},?"
)
_HEXADECIMAL = re.compile(r"[0-9a-f]{32,128}")
_LINE_OF_LIST = re.compile(
    r"[ \t]{0,8}\r?\n[ \t]{0,40}-[ \t]{1,4}(?P<q>[\"'])?"
    r"(?P<secret>(?(q)[^\s\"'\0]{4,512}|(?:[^\s:\"',\0]|:(?=\S)){4,512}))(?(q)(?P=q)),?(?=[ \t]{0,8}(?:\r?\n|$))"
)
# The name of a setting is told to a call of these as well.
_PAIR_OPENS = re.compile(
    r"(?:(?<!\w)|(?:define|putenv|[sS]et\w{0,20}|\.(?:put|add|header|append))(?=\())[(\[{]\\{0,3}[\"'][\w.-]{0,4}$"
)
# `Pwd={abc;def};` of a connection string.
_BRACED = re.compile(r"\{(?P<secret>(?:[^{}\n\0]|\}\}){1,200})\}(?=[;\"'\s]|$)")
# A variable and its value with no sign between them, in a Dockerfile and in shells.
_DIRECTIVE = re.compile(r"(?:require|bind|root|ldap|master)_?(?:pass|pw|auth)$")
_SETS = re.compile(
    r"(?:\bENV|\b[Ss]et[Ee]nv|\bset[ ]-\w{1,3}|_(?:param|set_header)|\badd_header|\bRequestHeader[ ](?:set|add|append)"
    r"|\bsecrets?[ ]set|\benv[ ](?:set|add)|\((?:setq|setf|set!|def|define|defvar|defconst|defparameter)) $"
)
_CALLED = re.compile(r"(?:\.|\b)(?:[wW]ith|[sS]et|[uU]se)_?$|\.$")
_SETTER = re.compile(
    r"(?:with|set|use)?_?(?:passw(?:or)?d|passphrase|(?:api|auth|access|bearer)_?(?:key|token|secret)|secret_?key|token"
    r"|client_?secret)$"
)
# The names that the values of an assignment of several are for.
_NAMES_BEFORE = re.compile(r"(?<![\w.,( ])[ \t]{0,40}((?:[A-Za-z_][\w.]{0,60},[ ]?){1,6})$")
_FIRST = re.compile(rf"(?P<q>{_QUOTE})(?:(?!(?P=q))[^\n\0]){{0,512}}(?P=q),[ ]?(?={_QUOTE})")
_ACCOUNTS = re.compile(r"^login$|(?:basic|http|proxy|registry|server)_?auth$|(?:^|_)creds?$|credentials$")
_ACCOUNT = re.compile(r"[\w.@-]{1,64}:(?!\d{1,5}$)[^\s:/]{3,128}$")
# What the name of a constant has around the name that it holds.
_OF_A_NAME = re.compile(r"^k_|_(?:key|name|param|field|header)$")
# Several strings that make one: `"abc" + "def"`.
_CONTINUED = re.compile(
    rf"\s{{0,40}}(?:[+.\\]|->)?\s{{0,40}}(?P<q>{_QUOTE})(?P<secret>(?:(?!(?P=q))[^\n\0]){{1,8192}})(?P=q)(?=\s{{0,40}}(?:[;+).\\]|$|\n))"
)
# A word, and words with dots between them, of letters only.
_IDENTIFIER = re.compile(r"[A-Za-z]+(?:[_.][A-Za-z]+)*")
_DOTTED = re.compile(r"[A-Za-z_]{1,60}(?:\??\.[A-Za-z_]{1,60}){0,6}[,;)\]}]*$")
# Words are a secret only under a name that says so.
_OF_WORDS = re.compile(r"phrase|mnemonic|seed|pass")
# What a sentence can say a password is, and no algorithm or version.
_WORD_AND_DIGITS = re.compile(r"(?=[^\s]{0,64}\d)[A-Za-z][\w!@#$%^&*.-]{5,64}$")
_ALGORITHM = re.compile(
    r"(?i)(?:md\d|sha|bcrypt|scrypt|argon|scram|pbkdf|aes|rsa|ed\d|utf|base\d|x509|pkcs|oauth|http|tls|v\d)"
)
# Under these a number of some digits is one, in a sentence as well.
_OF_NUMBERS = re.compile(r"pass|ap[ip]_?key")
_OF_PERSONS = re.compile(r"pass|pwd|secret")
_PASSWORD = re.compile(
    r"pass[wo]|passe$|pwd$|kennwort|contrase|senha|wachtwoord|parola|пароль|has[lł]o|heslo|clave|비밀번호|비번|パスワード"
)
# A key that is written as its bytes.
_NUMBERS = re.compile(
    r"[\w\[\]<> \t]{0,30}[\[({]?\s{0,40}"
    r"(?P<secret>(?:(?:0[xX][0-9a-fA-F]{1,2}|\d{1,3})[ \t]{0,40},[\s\\]{0,80}){7,4096}"
    r"(?:0[xX][0-9a-fA-F]{1,2}|\d{1,3})?)"
)
# A setting that stands beside a password.
_MATE = re.compile(
    r"(?i)[\s\"'-]{0,40}(?:[a-z]\w{0,30}[.-]){0,3}(?:user|login|host|server|repository|database|email|account|client)"
    r"[\w -]{0,20}[\"']?[ \t]{0,4}[:=]"
)
_STATE = re.compile(
    r"(?i)(?:wrong|incorrect|invalid|expired|mismatch|weak|rejected|denied|failed|accepted|changed|updated|reset|short"
    r"|valid|present|provided|read|write|configured|loaded|found|available|revoked|refreshed|rotated|generated|used|ok|disabled|enabled)\W*$"
)
# Where Go prints a struct or a map, and where YAML and JavaScript write one into a line.
_IN_BRACES = re.compile(r"(?:\bmap\[|\{)[^{}\n]{0,300}$")
_ENDS_FIELD = re.compile(r"[ \t]{0,4}(?:[,}\]]|[ ]\w{1,40}:|$)")
_FIELD = re.compile(r"[A-Za-z]\w{0,40}:")
_FIELD_BEFORE = re.compile(r"[{\[ ]\w{1,40}:[^\s:]\S{0,60} $")
_WHERE = re.compile(r"(?i)(?:host|server|address|driver|provider|database)=[\w.:\\,-]{1,200}$")
_PARTS = re.compile(r"(?:[A-Za-z][\w ]{1,40}=[\w.:,\\ /-]{0,100}(?:;[ ]?|$)){2,20}$")
# A name of several words is one of a setting, and none of a sentence: `mysql_pass`, `keyStorePassword`.
_TYPE = re.compile(r"(?:[A-Z][a-z]{1,20}){1,8}$")
_COMPOUND = re.compile(r"[A-Za-z0-9][_.-][A-Za-z]|[a-z][A-Z]")
_PHRASE = re.compile(r"[a-z]{3,10}(?: [a-z]{3,10}){3,23}(?=[\"']?\s*(?:$|\n))")
_MORE = re.compile(r"(?: (?=[^\s\0]{0,12}(?:\d|[a-z][A-Z]|[A-Z]{2}))[A-Za-z0-9]{2,12})+(?=\s*(?:$|\n))")
_PIN = re.compile(r"(?:^|_|\b)(?:pin|otp|passcode)$")
# Ordinary words behind a colon: "token: expired", "password: wrong". A value of letters only is masked in quotes.
_LETTERS = re.compile(r"[^\W\d_][^\W\d_A-Z]{0,30}[.,;:!?)]*$|[A-Z]{2,30}$|(?:[A-Z][a-z]{1,20}){2,8}$")
# "cache key", "public key": the word before says that it is none.
_KIND_OF_KEY = re.compile(
    r"(?i)(?:cache|public|primary|foreign|partition|sort|idempotency|routing|object|row|record)[ ]$"
)
# "API key", as a sentence or a form has it.
_OF_TWO_WORDS = re.compile(
    r"(?i)\b(?:api|access|secret|private|signing|encryption|account|wi-?fi|wlan|wpa2?|network)[ ](?=key(?![\"']?,))"
)
# A digest by its algorithm names a content, and is cut in reports.
_DIGEST = re.compile(r"(?:sha\d{1,3}[:-][0-9a-f]{6,128}(?:…|\.{3})?|SHA256:[A-Za-z0-9+/]{43}=?)[\])},;:.]*$")
_ADDRESS = re.compile(
    r"(?:[a-z][a-z0-9+.-]{1,12}:)?//[^\s@?]{1,300}(?:\?(?![^\s]{0,300}(?:key|token|secret|sig|pass|auth)[^\s=]{0,20}=)[^\s@]{0,300})?$|\.{0,2}/[\w./-]{0,200}$|[a-z]{2,20}(?:/[a-z-]{2,20}){1,6}$|[\w.-]+\.(?:pem|crt|key|json|ya?ml|toml)$"
    # A name with the file that it is kept in: `LoadCredential=db_password:/etc/credstore/db`.
    r"|[\w.-]{1,64}:/(?:etc|run|var|usr|opt|srv|mnt|home)/[\w./-]{1,200}$"
)


def assigned_spans(prepared: Prepared) -> Iterator[tuple[int, int]]:
    """Where values stand that are assigned to a name that sounds secret."""
    text, free = prepared.text, 0
    for at in prepared.places(ASCII_HINTS if text.isascii() else HINTS):
        if at < free:
            continue
        chunk = text[max(free, at - 80) : at]
        begin = at - (len(chunk) - len(chunk.rstrip(_NAME_CHARS)))
        rest = _NAME_REST.match(text, at)
        end = rest.end() if rest else at
        name = text[begin:end].partition("...")[0].rstrip("-.$")
        free = begin + len(name)
        strength = strength_of(name)
        if strength is Strength.WEAK:
            if _KIND_OF_KEY.search(text, max(0, begin - 16), begin):
                continue
            if name.lower() == "key" and _OF_TWO_WORDS.search(text, max(0, begin - 16), begin + 5):
                strength = Strength.STRONG
        if strength is Strength.NONE or (
            text[begin - 1 : begin] in ("/", "\\")
            and not (strength is Strength.STRONG and text.startswith("=", begin + len(name)))
            and not _PAIR.search(text, max(0, begin - 64), begin)
        ):  # the name of a file
            continue
        for span in _values(text, begin, begin + len(name), strength):
            yield span
            free = max(free, span[1])


def _values(text: str, begin: int, end: int, strength: Strength) -> Iterator[tuple[int, int]]:
    name = text[begin:end].lower()
    before = text[max(0, begin - 4) : begin]
    assigned = _ASSIGNED.match(text, end)
    if assigned is None:
        return
    op, gap, at = assigned["op"], assigned["gap"], assigned.end()
    if op is not None and not op.strip() and not before.endswith(('="', "='")):
        return  # an empty line behind a name that is none of a part of a form
    if op is not None and op.endswith(">") and op[-2:-1] not in ("=", "-"):
        inside = op.startswith("</") or before.endswith(("<", ":", '="', "='"))
        if strength is Strength.WEAK and "<" in op[1:]:
            return  # an element within the one of this name
        inside = inside and not _OF_A_PAGE.search(text, max(0, begin - 40), begin)
        element = _ELEMENT.match(text, assigned.end("op")) if inside else None
        group = "data" if element and element["data"] else "secret"
        named = element and name == "key" and strength_of(element[group]) is not Strength.NONE
        if element and strength is Strength.WEAK and _IDENTIFIER.fullmatch(element[group]):
            return  # the key of a map, in a list of properties
        if element and not named and not is_nothing(element[group]):
            yield element.span(group)
        return
    if before.endswith(("= ", "==")) and (compared := _COMPARED.search(text, max(0, begin - 600), begin)):
        yield compared.span("secret")
        return
    if before.endswith("${"):
        span = in_braces(text, end) if strength is Strength.STRONG else None
        if span and not is_nothing(text[slice(*span)]):
            yield span
        return
    if (
        strength is Strength.STRONG
        and text.startswith(",", end + 1)
        and (opens := behind_name(text, end))
        and (quoted := _QUOTED.match(text, opens))
    ):
        if not is_nothing(quoted["secret"]):
            yield quoted.span("secret")
        return
    if op is None and ("$" in (text[begin], text[begin - 1 : begin])):
        return  # the variable is used here, and nothing is assigned to it
    if op is None and at == end and not _OPENED.match(text, at):
        return
    sets = op is None and before.endswith(" ") and _SETS.search(text, max(0, begin - 40), begin) is not None
    flag = text[begin:end].startswith("-") or before.endswith("-") or sets
    flag = flag and op != "to"
    if op is None and "\n" in gap:
        return
    if op == "to" and not _CHANGES.search(text, max(0, begin - 60), begin):
        return  # a password to something, and none that becomes something
    if strength is Strength.STRONG and op == ":" and (lines := list(_in_lines(text, assigned.end("op")))):
        asked = _ASKED_FOR.search(text, max(text.rfind("\n", 0, begin) + 1, begin - 120), end)
        yield from () if asked else lines
        return
    if op and names_several(text[begin:end]) and (text.startswith("{", at) or text[at - 1] == "["):
        inside = at + (text[at - 1] != "[")
        if _MEMBER.match(text, inside):
            yield from _members(text, inside, strength)
            return
    if op == "=" and before.endswith(";") and (braced := _BRACED.match(text, at)):
        yield braced.span("secret")
        return
    said = op is None or op.endswith(_SAID)  # in a sentence, where words may follow as well
    if strength is Strength.STRONG and (op or text[at : at + 1] == "{") and (numbers := _NUMBERS.match(text, at)):
        yield numbers.span("secret")
        return
    if span := of_variable(text, at) if strength is Strength.STRONG and op and "${" in text[at : at + 3] else None:
        if not is_nothing(text[slice(*span)]):
            yield span
        return
    if strength is Strength.STRONG and op and "(" in text[at : at + 120]:
        at = behind_call(text, at) or at
    if op == "=" and before.endswith((",", ", ")) and (names := _NAMES_BEFORE.search(text, max(0, begin - 200), begin)):
        for _ in range(names[1].count(",")):
            at = first.end() if (first := _FIRST.match(text, at)) else at
    for _ in range(3):
        if wrapped := _WRAPPED.match(text, at):
            at = wrapped.end()
    if scheme := _SCHEME.match(text, at):
        at = scheme.end()
    if quoted := _QUOTED.match(text, at):
        start, stop = quoted.span("secret")
        if scheme := _SCHEME.match(text, start, stop):
            start = scheme.end()
        secret = text[start:stop]
        if (
            _has_no_secret(secret)
            or _is_its_name(text[begin:end], secret)
            or _is_asked_for(text, begin, secret, stop)
            or (text[at - 1] == "[" and names_a_secret(secret))
        ):
            return
        told = not (said or op == ",") or text[begin:end].startswith("-") or sets
        if op == "," and (text[begin - 1 : begin] == "{" or _is_pair(text, begin, quoted.end())):
            told = strength_of(secret) is Strength.NONE
        if op is None and text[begin - 1 : begin] == ":" and text[begin - 2 : begin - 1] in ("", " ", "(", "{"):
            told = " " not in secret  # a keyword of Lisp
        if op is None and text.startswith("(", end) and text.startswith(")", quoted.end()):
            told = _is_set_by_call(text, begin, end, secret)
        if op == "," and " " not in secret and is_got(text, begin):
            told = strength_of(secret) is Strength.NONE
        if said and not told and " " not in secret and _OF_PERSONS.search(name):
            told = (op or "").endswith(("is", "was")) or _begins_line(text, begin)
        sure = strength is Strength.STRONG and (
            told or (len(secret) > 7 and any(map(str.isdigit, secret))) or len(secret) > 24
        )
        sure = sure or (told and _is_key_of_environment(text[begin : quoted.start()], secret))
        if not is_nothing(secret) and (sure or _looks_secret(secret) or _suits(name, secret)):
            yield start, stop
            end = quoted.end()
            # Another kind of quote closes what is around both, so the text behind it is not the secret's.
            while (more := _CONTINUED.match(text, end)) and more["q"] == quoted["q"]:
                yield more.span("secret")
                end = more.end()
            if text[at - 1] == "[" and strength is Strength.STRONG:
                yield from _listed(text, end)
        return
    if op == ",":
        return
    worded = strength is Strength.STRONG and (op or name != "pass") and _OF_WORDS.search(name)
    if worded and (phrase := _PHRASE.match(text, at)):
        yield phrase.span()
        return
    opened = _OPENED.match(text, at)
    at = opened.end() if opened else at
    bare = (_BLOCK if "\n" in gap and gap.lstrip(" \t")[:1] in "|>" else _BARE).match(text, at)
    if bare is None:
        return
    secret = bare["secret"]
    stop = bare.end() - (len(secret) - len(_trimmed(secret)))
    secret = text[at:stop]
    if (
        _refers_to_itself(text[begin:end], secret)
        or _is_next_field(text, begin, gap, secret)
        or _is_next_part(name, secret)
    ):
        return
    if len(secret) < 3 or not re.search(r"\w", secret) or is_nothing(secret):
        return
    if _is_asked_for(text, begin, secret, stop):
        return
    if strength is Strength.WEAK or (said and not flag):
        sure = _looks_secret(secret.rstrip(".")) or _suits(name, secret)
        sure = sure or (not said and _is_key_of_environment(text[begin:end], secret))
        sure = sure or (op is None and _DIRECTIVE.match(name) is not None)
        if strength is Strength.STRONG and _PASSWORD.search(name) and _WORD_AND_DIGITS.match(secret):
            sure = sure or not _ALGORITHM.match(secret)
        if strength is Strength.STRONG and len(secret) >= 6 and secret.isdigit():
            sure = sure or _OF_NUMBERS.search(name) is not None
    elif flag and op is None:
        sure = not secret.startswith("-")
    elif (
        (op is not None and op.endswith((":", "|")) and "=" not in op and not op.endswith("Default:") and op[0] != ".")
        or scheme
        or "\n" in gap
    ):
        sure = not _LETTERS.match(secret) or (
            op == ":" and (_among_settings(text, begin, end, at, stop) or _in_braces(text, begin, at, stop))
        )
    else:
        sure = True
    if sure:
        # A line of a file goes on: `password: abcd EFGH 12kl`.
        alone = op is not None and _begins_line(text, begin)
        yield at, rest.end() if alone and (rest := _MORE.match(text, stop)) else stop


def _is_set_by_call(text: str, begin: int, end: int, secret: str) -> bool:
    """Is this what a builder is given: `.password("…")`, `WithToken("…")`?"""
    if " " in secret or len(secret) < 6 or strength_of(secret) is not Strength.NONE:
        return False
    if not _SETTER.match(snake_case(text[begin:end].rpartition(".")[2])):
        return False
    return "." in text[begin:end] or _CALLED.search(text, max(0, begin - 8), begin) is not None


def _is_pair(text: str, begin: int, end: int) -> bool:
    """Do a name and a value alone stand in brackets, as a printer writes a pair, and not the arguments of a call?"""
    return _PAIR_OPENS.search(text, max(0, begin - 32), begin) is not None and text[end : end + 1] in (")", "]", "}")


def _listed(text: str, end: int) -> Iterator[tuple[int, int]]:
    """Where the further items of a list stand that goes on here: `['abc', 'def']`."""
    while item := _ITEM.match(text, end):
        if not is_nothing(item["secret"]) and not names_a_secret(item["secret"]):
            yield item.span("secret")
        end = item.end()


def _in_lines(text: str, at: int) -> Iterator[tuple[int, int]]:
    """Where the items of a list stand that has a line for each: `passwords:` and below it `- abc`."""
    while item := _LINE_OF_LIST.match(text, at):
        secret = item["secret"]
        if not is_nothing(secret) and strength_of(secret) is Strength.NONE:
            yield item.span("secret")
        at = item.end()


def _members(text: str, at: int, strength: Strength) -> Iterator[tuple[int, int]]:
    """Where the secrets of a map stand that has one for each of its names."""
    while member := _MEMBER.match(text, at):
        secret = member["secret"]
        told = strength is Strength.STRONG or _looks_secret(secret) or _HEXADECIMAL.fullmatch(secret)
        if told and not is_nothing(secret) and not harmless_field(member["name"]):
            yield member.span("secret")
        at = member.end()


def _is_asked_for(text: str, begin: int, secret: str, stop: int) -> bool:
    """Is this no value, but the name of a variable that a program says to lack, in the words of the same line?"""
    if not _VARIABLE.match(secret):
        return False
    before = text[max(text.rfind("\n", 0, begin) + 1, begin - 120) : begin]
    return bool(_ASKED_FOR.search(before) or _ASKED_FOR.search(text[stop : stop + 40].partition("\n")[0]))


def _is_next_field(text: str, begin: int, gap: str, secret: str) -> bool:
    """Has this field no value where Go prints a struct, so that the next one follows: `{User:ada Pass: N:1}`?"""
    return (
        gap == " "
        and _FIELD.match(secret) is not None
        and _FIELD_BEFORE.search(text, max(0, begin - 80), begin) is not None
    )


def _is_next_part(name: str, secret: str) -> bool:
    """Is this the first part of a connection string, which says where to connect? Its password is another part."""
    return "connection" in name and _WHERE.match(secret) is not None


def _has_no_secret(secret: str) -> bool:
    """Is this a connection string without a password?"""
    parts = (
        [part.partition("=")[0] for part in secret.split(";") if part.strip()]
        if ";" in secret and _PARTS.match(secret)
        else []
    )
    return bool(parts) and all(strength_of(part.strip()) is Strength.NONE for part in parts)


def _refers_to_itself(name: str, secret: str) -> bool:
    """Is this a variable or a field of the same name: `token: config.Token`, `api_key=api_key`?"""
    if not (_COMPOUND.search(secret) and _DOTTED.match(secret)):
        return False
    own, last = snake_case(name.rpartition(".")[2]).strip("_$-"), snake_case(_trimmed(secret).rpartition(".")[2])
    return ("." in secret or "_" in last) and (last == own or last.endswith(f"_{own}") or own.endswith(f"_{last}"))


def _is_its_name(name: str, secret: str) -> bool:
    """Is this a constant for the name itself: `PASSWORD_PARAM = "passwordParam"`, `kAuthTokenKey = "authToken"`?"""
    own, said = snake_case(name), snake_case(secret)
    return "_" in said and said in (own, _OF_A_NAME.sub("", own))


def _begins_line(text: str, begin: int) -> bool:
    return text[max(text.rfind("\n", 0, begin) + 1, begin - 200) : begin].strip(" \t-\"'<>+") == ""


def _among_settings(text: str, begin: int, end: int, at: int, stop: int) -> bool:
    """Is this a line of a file with settings, where a word is a value: `password: hardcoded` below `user: ada`?"""
    line_end = text.find("\n", stop, stop + 200)
    rest = text[stop : line_end if line_end >= 0 else stop + 200]
    if not _begins_line(text, begin) or rest.strip(" \t,\"'\r") or _STATE.match(text[at:stop]):
        return False
    line_begin = text.rfind("\n", 0, begin) + 1
    before = text[max(0, text.rfind("\n", 0, max(0, line_begin - 1)) + 1, line_begin - 200) : line_begin]
    block = text[line_begin : line_begin + 1] in (" ", "\t") and before.rstrip().endswith((":", "{"))
    close = text[end : end + 1] == ":" and at == end + 1
    named = text[end : end + 1] == ":" and _COMPOUND.search(text, begin, end) is not None
    if named and _may_be_word(text[at:stop]):
        return True
    return block or close or bool(_MATE.match(before) or (line_end >= 0 and _MATE.match(text, line_end + 1)))


def _in_braces(text: str, begin: int, at: int, stop: int) -> bool:
    """Is this a field of what a printer puts in braces: `{User:ada Password:hardcoded}`?"""
    value = text[at:stop]
    return (
        _ENDS_FIELD.match(text, stop) is not None
        and _IN_BRACES.search(text, max(0, begin - 300), begin) is not None
        and _STATE.match(value) is None
        and _may_be_word(value)
    )


def _may_be_word(value: str) -> bool:
    """Can this word be a value, and is it neither the name of a type nor of a variable?"""
    return not _TYPE.match(value) and strength_of(value) is Strength.NONE


def is_secret_under(name: str, value: str) -> bool:
    """Would this value be masked in a text behind this name, which alone does not tell?"""
    weak = strength_of(name) is Strength.WEAK and not is_nothing(value)
    return weak and (_looks_secret(value) or _suits(name.lower(), value))


def _is_key_of_environment(name: str, value: str) -> bool:
    """Is this a variable such as `STRIPE_KEY` with what can be a key?"""
    return _KEY_VARIABLE.match(name) is not None and _KEY_LIKE.match(value) is not None


def _suits(name: str, secret: str) -> bool:
    """Is this what stands under a name of this kind only: a UUID as a key, a few digits as a PIN?"""
    if _ACCOUNTS.search(name) and _ACCOUNT.match(secret):
        return True
    if UUID.fullmatch(secret):
        return name != "key" and name.endswith(("key", "token", "secret", "access", "private", "secret_id", "secretid"))
    if not secret.isdigit():
        return False
    if len(secret) >= 16:
        return name != "key" and name.endswith(("key", "token", "secret"))
    return 4 <= len(secret) <= 8 and _PIN.search(name) is not None


def _trimmed(secret: str) -> str:
    """Without the punctuation that closes what stands around the value."""
    while secret and secret[-1] in ",;)]}|:":
        opening = {")": "(", "]": "[", "}": "{"}.get(secret[-1])
        if opening and secret.count(opening) >= secret.count(secret[-1]):
            break
        secret = secret[:-1]
    return secret


def is_nothing(secret: str) -> bool:
    """A reference, a word for "none", a mask: no value at all."""
    return bool(
        (len(set(secret)) == 1 and len(secret) > 2)
        or _NOTHING.match(secret)
        or _REFERENCE.match(secret)
        or _ADDRESS.match(secret)
        or _DIGEST.match(secret)
    )


# Groups of capitals and digits, as licences have them; ids of machines and leases.
_GROUPS = re.compile(r"[A-Z0-9]{4,8}(?:-[A-Z0-9]{4,8}){2,7}|[0-9a-f]{8}:[0-9a-f]{8}")
_ID = re.compile(r"[0-9a-f]{13,16}|0[0-9A-HJKMNP-TV-Z]{25}")


def _looks_secret(secret: str) -> bool:
    """Is this more than a word, a number, a time or an id?"""
    if len(secret) < 8 or UUID.fullmatch(secret) or not re.search(r"[A-Za-z]", secret):
        return False
    if (
        is_random(secret, 10)
        or (len(secret) >= 16 and secret.isalnum() and re.search(r"\d", secret))
        or (len(secret) >= 20 and secret.isalnum())
    ):
        return True
    digits = sum(char.isdigit() for char in secret)
    if _GROUPS.fullmatch(secret) or (digits >= 5 and len(secret) > 10 and secret.isalnum()):
        return digits >= 4 and _ID.fullmatch(secret) is None
    return (
        digits >= 2
        and len(secret) >= 10
        and re.fullmatch(r"[A-Za-z0-9+/=_~!@#%^*-]+", secret) is not None
        and (re.search(r"[A-Za-z]\d+[A-Za-z]|\d[A-Za-z]+\d", secret) is not None)
    )
