"""What is secret as an argument of a call: the password beside a user, the key of a signature."""

from __future__ import annotations

_QUOTE = r"(?:\\{0,3}[\"'`])"
_TEXT = rf"@?{_QUOTE}[^\"'`\n\0]{{1,200}}{_QUOTE}"
_VALUE = r"[A-Za-z_$][\w.$]{0,60}"
_SECRET = rf"[bru@N]?{_QUOTE}(?P<secret>(?!(?i:sha-?\d{{1,3}}|md5)[\"'`])[^\"'`\n\0]{{4,200}})"

# (type, words of which one must be there, pattern), as in `forms`.
CALLS: tuple[tuple[str, str, str], ...] = (
    (
        "password",
        "authentication(|credential|auth(|auth=(|auth = (",
        rf"(?i:authentication|credentials?(?:\.basic)?|basic_?auth|\bauth[ ]?[=:][ ]?)\(\s{{0,40}}(?:{_TEXT}|{_VALUE}),"
        rf"\s{{0,40}}{_SECRET}",
    ),
    (
        "password",
        "getconnection(|directoryentry(",
        rf"(?i:getconnection|directoryentry)\(\s{{0,40}}(?:(?:{_TEXT}|{_VALUE}),\s{{0,40}}){{2}}{_SECRET}",
    ),
    (
        # The key comes first, or behind the name of the digest.
        "value",
        "hmac",
        r"(?:\bhmac\.new|(?i:\bcreate_?hmac|\bhmac_?(?:sha\d{1,3}|md5)|\bhash_hmac))\(\s{0,8}"
        rf"(?:{_QUOTE}(?i:sha-?\d{{1,3}}|md5){_QUOTE},\s{{0,8}}(?:{_VALUE},\s{{0,8}})?)?{_SECRET}",
    ),
    ("value", "pgp_sym_", rf"(?i:\bpgp_sym_(?:en|de)crypt(?:_bytea)?)\([^()\n\0]{{1,200}},\s{{0,4}}{_SECRET}"),
    ("value", "fernet(|secretkeyspec(", rf"\b(?:Fernet|SecretKeySpec)\(\s{{0,8}}{_SECRET}"),
    (
        "value",
        "jwt.",
        r"(?i:\bjwt)\.(?:sign|encode|verify|decode)[( ]\s{0,8}(?:\{[^{}\n\0]{0,300}\}|"
        rf"{_VALUE}(?:\([^()\n]{{0,80}}\))?),\s{{0,8}}{_SECRET}",
    ),
    (
        # A test or a robot that fills in a form.
        "password",
        "passw",
        rf"{_QUOTE}[^\"'`\n\0]{{0,60}}(?i:passw)[^\"'`\n\0]{{0,40}}{_QUOTE}\)"
        rf"\.(?:type|fill|send_?keys|sendKeys|set_?value|setValue|val)\({_SECRET}",
    ),
    (
        "password",
        "passw",
        rf"(?:\.(?:fill|type|setValue|sendKeys)|\bfill_in)[( ]{_QUOTE}[^\"'`\n\0]{{0,60}}(?i:passw)"
        rf"[^\"'`\n\0]{{0,40}}{_QUOTE},"
        rf"\s{{0,8}}(?:with:\s{{0,4}})?{_SECRET}",
    ),
    (
        # A client that is made with nothing but its key.
        "api-key",
        "client(|api(|sdk(",
        rf"(?:[Cc]lient|[Aa][Pp][Ii]|S[Dd][Kk])\(\s{{0,8}}{_QUOTE}(?P<secret>[0-9a-f]{{32,64}})"
        rf"(?={_QUOTE}\s{{0,8}}[,)])",
    ),
)
