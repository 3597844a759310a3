"""Names that sound secret, in any spelling."""

from __future__ import annotations

import re
from enum import Enum
from functools import lru_cache


class Strength(Enum):
    """How surely what stands under a name is a secret."""

    NONE = 0
    WEAK = 1  # a secret only if it also looks like one
    STRONG = 2


HINTS = (
    *("pass", "pwd", "pswd", "psw", "pw", "secret", "token", "key", "cred", "cookie", "dsn", "jwt", "auth", "bearer"),
    *("salt", "pin", "otp", "nonce", "sig", "hmac", "cert", "licen", "session", "sid", "unseal", "seed", "mnemonic"),
    *("private", "webhook", "connection", "login", "code", "wallet", "access", "recovery", "bundle_", "dockerc"),
    *("community", "psk", "_pat", "kennwort", "contrase", "senha", "wachtwoord", "parola", "пароль", "密码", "密碼"),
    *("비밀번호", "비번", "암호", "패스워드", "パスワード", "hasł", "hasl", "hesl", "clave", "lösenord", "salasana"),
    *("jelszó", "şifre", "adgangskode", "schlüssel"),
)
"""One of these stands in every name that tells, in small letters."""
ASCII_HINTS = tuple(filter(str.isascii, HINTS))
_STRONG = re.compile(
    r"passw|passord|(?:^|_)passe$|raw_value|kennwort|mot_?de_?passe|contrase[nñ]a|(?:^|_)senha|wachtwoord|parola|пароль|密[码碼]"
    r"|비밀번호|비번|암호|패스워드|パスワード|(?:^|_)(?:has[lł]o|heslo|clave|salasana|jelszó|şifre|lösenord)$|adgangskode"
    r"|(?:wlan|wpa|api|netzwerk|sicherheits|zugangs)_?schlüssel"
    r"|mnemonic|^bundle_\w+__[a-z]{2,3}$|(?:seed|recovery)_?phrase|(?:jsession|phpsess|aspsession)_?id|[a-z]{2}pass$|docker_?c(?:fg|onfig_?json)|(?:^|_)nonce$|passwd|passphrase|passcode|secret|token|ap[ip]_?key|credential|cookie|jwt|dsn|bearer"
    r"|authorization"
    r"|(?:private|access|secret|service|role|signing|encryption|account|anon|master|ssh|gpg|license|cloud|iam|auth"
    r"|deploy|webhook|session|admin|app|application|client|root|ibm|encrypt|crypt|aes|rsa|hmac|jwt|storage|write|read|ingest|host"
    r"|personal|consumer|integration|instrumentation|subscription|project|server|user|team|org|sending)_?key"
    r"|connection_?string|(?:^|_)(?:pass|pwd|pw|pswd|psw|creds?)$|(?:db|pg|my|root|admin|user|smtp|mail|require|ssh|vnc"
    r"|redis|mysql)_?(?:pass|pwd|pw)$|(?:^|_)(?:db|pg|sl|auth|user|admin|root)_?pass(?:_|$)|x_auth"
    r"|^x_(?:[a-z0-9]+_)*[a-z]*(?:key|auth)$|(?:^|_)priv(?:acy)?_?key$|(?:^|_)community(?:_?strings?)?$|code_?word|(?:^|_)psk$|_pat$|(?:bind|ldap|master)_?(?:pass|pw|auth)$"
)
_WEAK = re.compile(
    r"(?:^|_)(?:key|auth|oauth|salt|pin|otp|nonce|sig|signature|hmac|cert|certificate|licen[sc]e|session|sid|unseal|seed"
    r"|mnemonic|private|webhook|login|code|wallet|access|keys|pass|pwd|pw)(?:_|$)|[a-z]key$"
)
# Names of what belongs to a secret and is none: its id, length, file, time.
_HARMLESS = re.compile(
    r"(?:^|_)(?:next|page|cursor|continuation|public|primary|foreign|partition|sort|cache|sequence|idempotency|routing"
    r"|group|row|record|object|bucket|schema|dedup(?:e|lication)?|exit|status|error|response|http|zip|country|currency"
    r"|language|lang|max|min|num|total|prompt|completion|input|output|token_?count)_?(?:tokens?|keys?|code)$"
    r"|(?:public|kms|signing|ssh)_key_id$"
    r"|(?<!secret)_ids?$|^ids?$|(?:^|_)(?:name|names|file|files|filename|path|dir|length|len|size|type|types|count|ttl|expir\w*|algorithm|alg"
    r"|field|prefix|suffix|version|status|endpoint|host|port|enabled|required|valid|exists|format|usage|error|errors"
    r"|provider|method|mode|policy|url|uri|location|store|vault|var|variable|env|class|service|manager|module"
    r"|handler|validation|validator|rotation|limit|limits|index|column|table|schema|label|title|hint|help|required"
    r"|scopes?|checking|callback|preferences|source|regex|pattern|age|strength|score|changed|updated|set|at|time|timeout|date|days|hours|seconds|ms|from|to|by|is|was|not|missing|invalid|failed|board|word|words|code"
    r"|down|up|press|pressed|event|pair|ring|stroke|frame|space|server|stdin)$"
    r"|(?:^|_)session_?id"
)
# Words with a telling one inside, which say nothing of themselves. What stands behind one is looked at again.
_WORDS = re.compile(
    r".*(?:author|secretar|storage(?=$)|authenticat|keyboard|keyword|keyspace|tokeniz|passive|passeng|passage|bypass|compass|passed"
    r"|passing|passes|pinned|ping|spin|pwsh|accessib|accessor|accesslog|codec|encode|decode|certain|monkey|turkey|hockey)"
)
# Capitals where no word begins: `paSSword`.
_MIXED = re.compile(r"[a-z][A-Z]{2,8}[a-z]|[A-Z][a-z][A-Z]")
_ID_OF_KEY = re.compile(
    r"access_?(?:key_?)?id$|client_?id$|api_?user$|(?<!public_)(?<!kms_)(?<!signing_)(?<!ssh_)key_?id$|role_?id$"
)
_SEVERAL = re.compile(
    r"(?:^|_)(?:passwords|passwds|passphrases|secrets|tokens|(?:api|access|secret|private|signing)_?keys|oauth)$"
)
_CAPITALS = re.compile(r"[A-Z]{3,20}(?:_[A-Z]{1,20}){0,6}$")


@lru_cache(maxsize=8192)
def strength_of(name: str) -> Strength:
    """What the name says about the value that stands under it."""
    snake = snake_case(name.strip("-.$_"))
    if _ID_OF_KEY.search(snake):
        return Strength.WEAK
    if _HARMLESS.search(snake):
        return Strength.NONE
    snake = _WORDS.sub("", snake)
    if _STRONG.search(snake) or (_MIXED.search(name) and _STRONG.search(_WORDS.sub("", snake_case(name.lower())))):
        return Strength.STRONG
    return Strength.WEAK if _WEAK.search(snake) else Strength.NONE


def snake_case(key: str) -> str:
    """`dbPassword`, `X-Api-Key` and `api.key` as `db_password`, `x_api_key`, `api_key`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[-. $/]+", "_", key).lower()


def names_several(name: str) -> bool:
    """Does what stands under this name hold one secret for each of its own names: `passwords: {ada: …, bob: …}`?"""
    return _SEVERAL.search(snake_case(name)) is not None


def names_a_secret(value: str) -> bool:
    """Is this item of a list the name of a variable, such as `PRIVATE_KEY`?"""
    return _CAPITALS.match(value) is not None and strength_of(value) is not Strength.NONE
