"""What secrets look like: the rules of redaction, with the words that say where to look for them.

Every quantifier that could meet hostile text is bounded, or starts only where a run of its characters starts.
"""

from __future__ import annotations

import re

UUID = r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
# A quotation mark as it stands in text, in JSON inside of JSON, and in HTML.
QUOTE = r"(?:\\{0,3}[\"'`]|&quot;|&#3[49];)"
# No secret: a shell or template variable, an entity, what follows a quotation mark that closes, a word for "none".
NONE = (
    r"(?!\\?[$<{&]|\s{0,20}[,}\]:]|(?i:undefined|null|none|nil|true|false|missing|empty|unset|required"
    r"|not[ _-]?(?:set|given|found))(?![A-Za-z0-9]))"
)
# Up to 4096 characters before the same quotation mark comes again.
QUOTED = rf"(?P<q>{QUOTE}){NONE}(?P<secret>(?:(?!(?P=q))(?:[^\n\\]|\\.)){{1,4096}})(?P=q)"
BARE = r"(?:[^\s\"'`<>,;\\&]|&(?!\w{1,8};|#\d{1,5};)|[,;](?![\s\"'`<]|\w{1,64}=|$))"
UPPER = (
    r"(?<![A-Za-z0-9_])[A-Z0-9_]{0,60}?(?:KEY|TOKEN|SECRET|PASSWORD|PASSWD|DSN|CREDENTIAL)[A-Z0-9_]{0,60}"
    r"(?![A-Za-z0-9_])"
)
LOWER = (
    r"(?<![A-Za-z0-9_-])(?:[Tt]oken|[A-Za-z0-9_-]{0,40}?(?:[Pp]assword|[Pp]asswd|[Pp]assphrase|[Ss]ecret|[Cc]ookie"
    r"|(?:[Aa]pi|[Ss]ecret|[Pp]rivate|[Ss]ervice|[Rr]ole|[Ss]igning|[Ee]ncryption|[Aa]non)[_-]?[Kk]ey"
    r"|(?:[Aa]ccess|[Rr]efresh|[Aa]uth|[Ii]d|[Ss]ession|[Bb]earer|[Ff]ly|[Bb]ot|[Jj]wt|[Uu]ser|[Dd]eploy)[_-]?[Tt]oken))"
)
QUERY = (
    r"(?i:x-(?:amz|goog)-(?:signature|credential|security-token)|awsaccesskeyid|key-pair-id|signature|sig|policy|verify"
    r"|(?:(?:access|auth|id|refresh|session|bearer)[_-]?)?token|(?:api[_-]?|access[_-]?)?key|(?:client[_-]?)?secret"
    r"|password|passwd|pwd|jwt|auth)"
)
# What stands before an unquoted value in configuration files, connection strings and command lines.
PAIR = (
    r"(?i:(?:(?:db|user|admin|root|app)[_-]?)?(?:password|passwd|passphrase|pwd(?!=/))|(?:client[_-]?)?secret|api[_-]?key"
    r"|(?:access|auth|refresh|session|id|bearer)[_-]?token|(?:account|shared[_-]?access|secret[_-]?access)[_-]?key)"
)

# (type, words of which one must be there, pattern): the group `secret`, or else all, is what is replaced.
# The order matters: the most telling first.
RULES: tuple[tuple[str, tuple[str, ...], re.Pattern[str]], ...] = tuple(
    (kind, tuple(needs.split("|")), re.compile(pattern))
    for kind, needs, pattern in (
        # With its end where there is one, also over the quotation marks of a string that was broken into lines.
        (
            "private-key",
            "private key",
            r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
            r"(?:(?:(?!-----BEGIN)[A-Za-z0-9+/=\s\\'\"`+,:;()._-]){0,16000}?"
            r"-----END [A-Z ]{0,40}PRIVATE KEY(?: BLOCK)?-----|[^\"'`<>]*)",
        ),
        ("fly-token", "fo1_|fm1|fm2_", r"(?:fo1_|fm1[ar]_|fm2_)[A-Za-z0-9/+_-]{6,}=*"),
        ("jwt", "eyj", r"\beyJ[\w-]{5,800}\.[\w-]{5,}(?:\.[\w-]*)?"),
        ("google-key", "aiza|ya29.|gocspx-", r"\b(?:AIza[\w-]{20,}|ya29\.[\w-]{20,}|GOCSPX-[\w-]{20,})"),
        ("supabase-key", "sbp_|sb_", r"\b(?:sbp_|sb_secret_|sb_publishable_)[\w-]{16,}"),
        (
            # The secret stands near its id and has no looks of its own.
            "aws-secret",
            "akia|asia",
            r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b[^\n]{1,80}?(?<![A-Za-z0-9/+])(?=[a-z/+]{0,40}[A-Z0-9])"
            r"(?P<secret>[A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])",
        ),
        ("aws-key", "akia|asia", r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
        ("github-token", "gh|github_pat_", r"\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,})"),
        ("stripe-key", "_live_|_test_|whsec_", r"\b(?:(?:sk|rk|pk)_(?:live|test)_|whsec_)\w{16,}"),
        (
            "slack-token",
            "xox|xapp-|hooks.slack",
            r"\b(?:xox[a-z](?:\.xox[a-z])?-|xapp-)[\w-]{16,}|\bhooks\.slack\.com/services/[\w/-]{16,}",
        ),
        ("npm-token", "npm_", r"\bnpm_[A-Za-z0-9]{16,}"),
        (
            "api-key",
            "sk-|glpat-|sg.|hf_|dop_v1_|age-secret|dckr_pat_|sntrys_|:aa",
            r"\b(?:sk-(?=[\w-]{0,60}[A-Z0-9])(?:[a-z]+-)?[\w-]{16,}|glpat-[\w-]{16,}|SG\.[\w-]{16,}\.[\w-]{16,}"
            r"|hf_[A-Za-z0-9]{20,}|dop_v1_[0-9a-f]{32,}|AGE-SECRET-KEY-1[A-Z0-9]{40,}|dckr_pat_[\w-]{20,}"
            r"|sntrys_[\w+/=-]{20,}|\d{8,10}:AA[\w-]{30,})",
        ),
        (
            "authorization",
            "authorization",
            rf"(?i:\bauthorization){QUOTE}?\s{{0,20}}[:=]\s{{0,20}}{QUOTE}?(?:(?i:Bearer|FlyV1|Basic)\s{{1,20}}){{1,3}}"
            rf"{NONE}(?P<secret>[^\s\"'`<>\\&]{{8,}})",
        ),
        (
            "authorization",
            "authorization",
            rf"(?i:\bauthorization){QUOTE}?\s{{0,20}}[:=]\s{{0,20}}{QUOTE}?(?:[A-Za-z][A-Za-z0-9-]{{1,20}}\s{{1,4}}){{0,2}}"
            rf"{NONE}(?=[^\s\"'`<>]{{0,400}}\d)(?P<secret>[^\s\"'`<>\\&]{{8,}})",
        ),
        (
            "authorization",
            "bearer|flyv1|basic",
            r"(?i:\b(?:Bearer|FlyV1|Basic))\s+(?=[^\s<]{0,4096}\d)(?P<secret>[A-Za-z0-9._~+/=,-]{16,})",
        ),
        (
            "value",
            "api-key|apikey|-token",
            rf"(?i:\b(?:x-(?:goog-)?api-key|apikey|(?:x-[a-z]{{1,20}}|private)-(?:[a-z]{{1,20}}-)?token)){QUOTE}?\s{{0,20}}[:=]"
            rf"\s{{0,20}}{QUOTE}?{NONE}(?P<secret>[^\s\"'`<>\\&,;]{{8,}})",
        ),
        (
            "cookie",
            "cookie",
            rf"(?i:\b(?:set-)?cookies?){QUOTE}?\s{{0,20}}[:=]\s{{0,20}}{QUOTE}?{NONE}"
            r"(?P<secret>[^\s=;:\"'`<>\\]{1,200}=[^\s;\"'`<>\\]{1,4096}"
            r"(?:;\s{0,4}[^\s=;\"'`<>\\]{1,200}(?:=[^\s;\"'`<>\\]{0,4096})?){0,50})",
        ),
        ("basic-auth", "edo|edp", r"\beD[op][A-Za-z0-9+/_-]{18,}=*"),
        (
            "password",
            "://",
            r"(?<![A-Za-z0-9+.-])[A-Za-z][A-Za-z0-9+.-]{0,20}://[^/\s:@\"'`<>]{0,256}:(?!\d{1,5}(?:[/?#,;)\]\s]|$))"
            r"(?P<secret>[^\s\"'`<>]{1,256})@(?=[\w\[])",
        ),
        (
            # The same without a scheme, to a host without a dot: anything else reads as an e-mail address.
            "password",
            "@",
            r"(?<![\w/.@:;-])[A-Za-z][\w.-]{0,63}:(?P<secret>(?=[^\s@]{0,128}\d)[^\s:@/\"'`<>&\\]{6,128})"
            r"@(?=[A-Za-z][\w-]{0,63}(?::\d{2,5})?(?:[/?\s\"'`]|$))",
        ),
        ("value", "=", rf"[?&;]{QUERY}={NONE}(?P<secret>[^&\s\"'`<>#\\]{{4,}})"),
        (
            "value",
            "key|token|secret|passw|passphrase|dsn|credential|cookie",
            rf"(?:{UPPER}|{LOWER}){QUOTE}?\s{{0,20}}[:=]\s{{0,20}}{QUOTED}",
        ),
        ("value", "=", rf"{UPPER}={QUOTE}?{NONE}(?P<secret>{BARE}{{4,}})"),
        ("value", ":", rf"{UPPER}{QUOTE}?[ \t]{{0,20}}:[ \t]{{0,20}}{QUOTE}{NONE}(?P<secret>{BARE}{{4,}})"),
        (
            "value",
            ":",
            rf"{UPPER}[ \t]{{0,20}}:[ \t]{{0,20}}{NONE}(?=[^\s\"'`<>]{{0,400}}\d)(?P<secret>{BARE}{{8,}})",
        ),
        ("value", "=", rf"(?<![A-Za-z0-9_-]){PAIR}={QUOTE}?{NONE}(?P<secret>{BARE}{{4,}})"),
        (
            "value",
            ":",
            rf"(?<![A-Za-z0-9_<;-]){PAIR}[ \t]{{0,20}}:[ \t]{{0,20}}{NONE}(?=[^\s\"'`<>]{{0,400}}\d)"
            rf"(?P<secret>{BARE}{{6,}})",
        ),
        (
            "value",
            "--",
            rf"(?<![\w-])--(?:{PAIR}|token)(?:=|[ \t]{{1,4}}){QUOTE}?{NONE}(?P<secret>(?!-){BARE}{{4,}})",
        ),
        (
            "user-id",
            "user",
            rf"(?<![A-Za-z0-9])(?i:user_?id){QUOTE}?\s{{0,20}}[:=]\s{{0,20}}"
            rf"(?:(?:eq\.)?(?P<id>{UUID})|(?P<q>{QUOTE}){NONE}(?P<secret>[^\s\"'`<>\\&]{{1,256}})(?P=q))",
        ),
        (
            "email",
            "@|%40",
            # What holds a lease is named <uuid>@tokens.fly.io: a pseudonym, and useful (§6.2).
            r"(?<![\w.+%/-])[\w.+%-]+(?:@|%40)(?!tokens\.fly\.io\b)(?=[0-9-]{0,63}[A-Za-z])"
            r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}\b",
        ),
    )
)
# Rules that begin with a name; the words of which one is in every such name, and how far at most it stands from its
# beginning. In a long text they are tried only where such a name begins, which takes half the time.
NAMES = frozenset(pattern for _, _, pattern in RULES if any(name in pattern.pattern for name in (UPPER, LOWER, PAIR)))
TELLING = ("key", "token", "secret", "passw", "passphrase", "pwd", "dsn", "credential", "cookie")
LONGEST = 64
IN_NAMES = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_")
# Letters that a rule may take for one of A-Z, or that have another length in small.
ODD = ("\u0130", "\u0131", "\u017f", "\u212a")
ENV_SECRET = re.compile(
    r"(?i)key|token|secret|password|passwd|passphrase|(?:^|_)pass(?:$|_|code)|_pwd|dsn|url|credential|cookie|jwt|webhook"
    r"|auth(?!or)|conn(?:ection)?_?str"
)
# Of a key in the spelling of `_snake`. A cursor is called a token, too, and has to stay.
ALWAYS_SECRET = re.compile(
    r"(?:.*_)?(?:password|passwd|passphrase|secret|secret_access_key"
    r"|(?:secret|private|api|service(?:_role)?|anon|signing|encryption|account|shared_access)_?key"
    r"|(?<!next_)(?<!page_)(?<!cursor_)(?<!continuation_)token|clientsecret|apikey"
    r"|authorization|credentials?|nonce|cookie|raw_value|dsn|connection_string|database_url)"
)
USER_ID = re.compile(r"(?i)^user_?id$")
VALUES = ("value", "values")
NAMED = ("name", "key", "header", "env_var", "variable")
FLAG = re.compile(rf"--?(?:{PAIR}|token)")
ENVIRONMENT = ("env", "environment")
PLACEHOLDER = re.compile(r"<(?:secret:)?[a-z-]+#\d+>")
PLACEHOLDERS = re.compile(r"((?:<|&lt;)(?:secret:)?[a-z-]+#\d+(?:>|&gt;))")
PERSONAL = {"email", "user-id"}
# Types that their own looks give away wherever they stand; the others must be searched for once they are known.
BY_LOOKS = {kind for kind, _, pattern in RULES if not pattern.groupindex}
SEARCHED_FROM = 8
PASSES = 5
# One ASCII character, written otherwise: in JSON and JavaScript, in a URL (also twice over), in HTML; or no
# character at all, where a terminal changes its colour.
ESCAPE = re.compile(
    r"\\{1,4}(?:u00(?P<u>[2-7][0-9a-fA-F])|u\{(?P<b>[2-7][0-9a-fA-F])\}|x(?P<x>[2-7][0-9a-fA-F])|(?P<slash>/)"
    r"|(?:u001[bB]|x1[bB]|033)(?P<colour>\[[0-9;:]{0,40}[A-Za-z]))"
    r"|%(?:25){0,3}(?P<url>[2-7][0-9a-fA-F])"
    r"|&#(?:[xX](?P<html>[2-7][0-9a-fA-F])|(?P<decimal>3[2-9]|[4-9]\d|1[01]\d|12[0-6]));"
    r"|\x1b(?P<ansi>\[[0-9;:]{0,40}[A-Za-z])"
)
RUN = re.compile(r"[A-Za-z0-9+/_-]{16,}={0,2}")
HEX = re.compile(r"(?:[0-9a-fA-F]{2}){12,}")
READABLE = re.compile(rb"[\x20-\x7e\t\r\n]{8,}")
NEAR = 2_000
FEW = 400
FROM_HERE = 2_000
NESTED = 3
UNPACKED = 1_000_000
# One line of a key that was printed line by line.
KEY_LINE = re.compile(r"\s*(?=[A-Za-z0-9+/]{0,76}[A-Z+/])(?P<secret>[A-Za-z0-9+/]{8,76}={0,2})\s*")
# What stands under a secret-looking name, and is yet too common a thing to be erased everywhere: identifiers,
# image references, addresses without credentials, short words.
COMMON = re.compile(
    r"[0-9a-f]{13,16}|0[0-9A-HJKMNP-TV-Z]{25}|(?:sha256:)?[0-9a-f]{64}|[A-Za-z]{1,12}|[\d.:-]{1,12}"
    r"|(?:(?:https?|wss?)://)?[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,10}(?::\d+)?(?:/[a-z0-9._/-]{0,80})?(?::[\w.-]{1,128})?"
    r"(?:@sha256:[0-9a-f]{64})?"
)
