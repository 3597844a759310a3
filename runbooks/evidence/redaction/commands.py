"""What is secret in a command or a directive by its place: after the flag of a password, at the end of the line."""

from __future__ import annotations

# What a word is not: a digit, a change of case, or a sign is in it.
_NO_WORD = r"(?=[^\s]{0,100}(?:\d|[a-z][A-Z]|[!@#$%^&*]))"
# No port, address, setting, path, variable, level of a log or fingerprint.
_NO_OTHER = r"(?!\d{1,5}(?:\s|$)|\d{1,3}\.|[A-Z]{1,12}(?:\s|$)|[\w./-]{0,60}[:(]|[\w.-]{1,60}=[^=\s]|[$/<-])"

# (type, words of which one must be there, pattern), as in `forms`.
COMMANDS: tuple[tuple[str, str, str], ...] = (
    (
        # Whatever the command is: the name of a user and then a password, each behind its flag.
        "password",
        " -u| --user",
        r"\s--?(?:[uU]|user(?:name)?)[ =]{1,2}[^\s=]{1,100}\s(?:[^\n|;]{0,200}?\s)?(?:-[pPw][ ]?|-pw[ ])['\"]?"
        rf"{_NO_OTHER}{_NO_WORD}(?P<secret>[^\s'\"\0]{{4,200}})",
    ),
    (
        # Windows has flags that begin with a slash; `net use` is told the password before the user.
        "password",
        " /rp|/pass|/pwd| /p:",
        r"(?<=\s)/(?i:rp[ ]|(?<=[ ]/)p:|(?:pass(?:word)?|pwd)[: ])['\"]?(?!\w{1,60}=)"
        r"(?P<secret>[^\s'\"\0$%/*][^\s'\"\0]{3,200})",
    ),
    (
        "password",
        "net use",
        rf"\b(?i:net[ ]use)[ ][^\n]{{0,160}}?[ ](?![\\/]){_NO_WORD}(?P<secret>[^\s\0*][^\s\0]{{3,200}})"
        r"(?=[ ][^\n]{0,80}/(?i:user):)",
    ),
    (
        "password",
        "--cert| -e |wpa_passphrase|ssh-keygen|stats auth|assword",
        r"\b(?:(?:curl|wget)\b[^\n|;]{0,300}?\s(?:--cert|-E)[ =][^\s:]{1,200}:(?!//)|wpa_passphrase\s\S{1,40}\s"
        r"|ssh-keygen\b[^\n|;]{0,200}?\s-[NP]\s?|stats[ ]auth[ ][\w.-]{1,64}:"
        r"|[pP]?assword:?\s?[\"'][^\n]{0,20}?\bsend(?:\s--)?\s(?=[\"']))(?P<q>[\"'])?"
        r"(?P<secret>(?(q)[^\"'\\\n\0$]{3,200}|[^\s\"'\0$-][^\s\"'\0]{2,200}))",
    ),
    (
        # Routers, switches and installers: words, perhaps the number of a way to store it, and the secret.
        "password",
        "password |passwd |secret |key |md5 |psk ",
        r"(?m)^[ \t]{0,8}(?:enable|username|user|neighbor|peer|crypto|tacacs\S{0,12}"
        r"|radius\S{0,12}|server|aaa|set|ip|ntp"
        r"|standby|vrrp|ppp|pac|wpa-\w{3}|snmp-server|d-i)(?:[ ][^\n ,;]{1,64}){0,8}?"
        r"[ ](?:[\w-]{0,20}password|passwd|secret|psksecret|key(?:-string)?|pre-shared-(?:key|secret)|md5|sha|psk)[ ]"
        rf"(?:--?\w{{2,12}}[ ]|ENC[ ]|ascii[ ])?(?:\d[ ])?\"?{_NO_OTHER.replace('$/', '/')}{_NO_WORD}"
        r"(?P<secret>[^\s\"\0]{4,200})",
    ),
    (
        "password",
        "password |passwd |secret |key |md5 |psk ",
        r"\b(?:password|secret|key|psk)[ ](?:[0-9]|ascii[ ]\d)[ ](?=[^\s]{0,100}[\dA-Z$])(?![\w./-]{0,60}[:(])"
        r"(?P<secret>[^\s\"'\0,;]{6,200})(?=[ \t\r]*$|[ ][a-z])(?m:[^\n]*$)",
    ),
    (
        # What is handed to a store of secrets.
        "value",
        "secret|securestring|variable set|env set|-password ",
        r"(?i:secret[ ]set|variable[ ]set|env[ ]set|secret:create|add-(?:generic|internet)-password|create-secret"
        r"|put-secret-value|securestring)\b[^\n|;]{0,200}?\s(?:--value|--body|--secret-string|-b|-w|-v)[ =]['\"]?"
        r"(?P<secret>[^\s'\"\0$<{-][^\s'\"\0]{2,500})",
    ),
    (
        "value",
        "secret|kinit",
        r"\b(?:echo|printf)\s{1,4}(?:-\w{1,3}\s{1,4})?(?:['\"]?%s(?:\\n)?['\"]?\s{1,4})?['\"]?"
        r"(?P<secret>[^\s'\"\0$|][^\s'\"\0|]{2,200})['\"]?\s{0,4}\|\s{0,4}"
        r"(?:[^\n|]{0,60}?\bsecrets?[ :](?:create|set|put|add|import)|(?:sudo[ ])?kinit)\b",
    ),
    (
        # A user and a password in one word.
        "password",
        " -u| --user",
        rf"\s-[uU][ ]?['\"]?[A-Za-z][\w\\.-]{{0,63}}(?:%|(?<=[a-z0-9]),){_NO_OTHER}(?P<secret>[^\s'\"\0%,]{{4,128}})",
    ),
    (
        "password",
        " using ",
        r"(?i:\bconnect\b[^\n;]{0,80}?[ ]user[ ]\S{1,64}[ ]using[ ])['\"]?(?P<secret>[^\s'\"\0;]{4,128})",
    ),
    (
        "password",
        "@",
        r"(?<![\w/.@])[A-Z][\w.-]{0,30}/[\w.-]{1,40}:['\"]?(?=[^\s]{0,60}\d)(?P<secret>[^\s:@/'\"\0]{6,128})['\"]?"
        r"@(?=\d{1,3}\.\d|[\w-]{1,63}\.[\w.-]{2,})",
    ),
    ("password", "snmp", r"(?<=\s)-[AX][ ]{1,3}['\"]?(?P<secret>[^\s\0'\"$-][^\s\0'\"]{7,200})"),
    (
        "password",
        "createuser ",
        r"(?<=[ ])(?:MD5|SHA(?:-?\d{1,3})?|DES|AES(?:-?\d{1,3})?)[ ]\"?(?P<secret>[^\s\"\0]{8,200})",
    ),
    ("password", "rootpw", r"(?m)^[ \t]*rootpw[ ](?:--\w{1,12}[ ])?(?P<secret>[^\s\0-][^\s\0]{3,200})"),
    (
        "password",
        " on >",
        r"(?i:\b|\bset)(?i:user)[ ]\S{1,64}[ ](?:[^\n]{0,60}[ ])?>(?P<secret>[^\s\0>]{4,200})(?=[ ][~&+%-]|[ \r]*$)",
    ),
    (
        # An account of IMAP, POP3 or FTP, where the line says which.
        "password",
        "login |pass ",
        rf"(?:(?<=[:=\"'>\]])[ ]?\w{{1,8}}[ ]LOGIN[ ][^\s]{{1,64}}|\b(?:POP3?|FTP)S?[:\]>]{{1,2}}[ ]PASS)[ ]{_NO_WORD}"
        r"(?P<secret>\S{6,128})[ \t\r]{0,8}(?m:$)",
    ),
)
