"""What has a form of its own: Fly's and Supabase's tokens, keys in blocks, headers, URLs, persons.

Every quantifier that could meet hostile text is bounded, or starts only where a run of its characters starts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from runbooks.evidence.redaction.calls import CALLS
from runbooks.evidence.redaction.commands import COMMANDS
from runbooks.evidence.redaction.prepared import Prepared

_UUID = r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
# A quotation mark as it stands in text, in JSON inside of JSON, and in HTML.
_QUOTE = r"(?:\\{0,3}[\"'`]|&quot;|&#3[49];)"
# No secret: a shell or template variable, an entity, what follows a quotation mark that closes, a word for "none".
_NONE = (
    r"(?!\\?[$<{&]|\s{0,20}[,}\]:]|(?i:undefined|null|none|nil|true|false|missing|empty|unset|required"
    r"|not[ _-]?(?:set|given|found))(?![A-Za-z0-9]))"
)
_QUERY = (
    r"(?i:x-(?:amz|goog)-(?:signature|credential|security-token)|awsaccesskeyid|key-pair-id|signature|sig|policy|verify"
    r"|(?:(?:access|auth|id|refresh|session|bearer)[_-]?)?token|(?:api[_-]?|access[_-]?)?key|(?:client[_-]?)?secret"
    r"|password|passwd|pwd|jwt|auth)"
)
# (type, words of which one must be there, pattern): the group `secret` or `id`, or else all, is what is replaced.
FORMS: tuple[tuple[str, tuple[str, ...], re.Pattern[str]], ...] = tuple(
    (kind, tuple(needs.split("|")), re.compile(pattern))
    for kind, needs, pattern in (
        *COMMANDS,
        *CALLS,
        # With its end where there is one, also over the quotation marks of a string that was broken into lines.
        (
            "private-key",
            "private key",
            r"-{4,5} ?BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)? ?-{4,5}"
            r"(?:(?:(?!-{4,5} ?BEGIN)[A-Za-z0-9+/=\s\\'\"`+,;:()._*#|>-]){0,16000}?"
            r"-{4,5} ?END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)? ?-{4,5}|[^\"'`<>]*)",
        ),
        ("private-key", "private-lines", r"Private-Lines: \d{1,4}(?P<secret>(?:\s{1,4}[A-Za-z0-9+/=]{4,100}){1,400})"),
        ("fly-token", "fo1_|fm1|fm2_", r"(?:fo1_|fm1[ar]_|fm2_)[A-Za-z0-9/+_-]{6,}=*"),
        ("jwt", "eyj", r"\beyJ[\w-]{5,800}\.[\w-]{5,}(?:\.[\w-]*)?"),
        # Two providers' keys that the imported patterns do not know, whatever their letters are.
        ("api-key", "aiza", r"\bAIza[\w-]{30,60}"),
        ("github-token", "github_pat_", r"\bgithub_pat_\w{16,120}"),
        ("supabase-key", "sbp_|sb_", r"\b(?:sbp_|sb_secret_|sb_publishable_)[\w-]{16,}"),
        (
            # The secret stands near its id and has no looks of its own.
            "aws-secret",
            "akia|asia",
            r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b[^\n]{1,80}?(?<![A-Za-z0-9/+])(?=[a-z/+]{0,40}[A-Z0-9])"
            r"(?P<secret>[A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])",
        ),
        (
            "authorization",
            "authorization",
            rf"(?i:\bauthorization){_QUOTE}?\s{{0,20}}[:=]\s{{0,20}}(?:\w{{0,12}}[\[(]{{1,2}})?{_QUOTE}?"
            # A shell joins what stands in several quotation marks.
            rf"(?:(?i:Bearer|FlyV1|Basic)\s{{1,20}}){{1,3}}{_QUOTE}{{0,3}}"
            rf"{_NONE}(?P<secret>[^\s\"'`<>\\&\0]{{8,}}|(?=[^\s\d]{{0,8}}\d)[^\s\"'`<>\\&\0]{{4,}})",
        ),
        (
            "authorization",
            "authorization",
            rf"(?i:\bauthorization){_QUOTE}?\s{{0,20}}[:=]\s{{0,20}}{_QUOTE}?(?:[A-Za-z][A-Za-z0-9-]{{1,20}}\s{{1,4}}){{0,2}}"
            rf"{_NONE}(?=[^\s\"'`<>\0]{{0,400}}\d)(?P<secret>[^\s\"'`<>\\&\0]{{8,}})",
        ),
        (
            "authorization",
            "bearer|flyv1|basic",
            r"(?i:\b(?:Bearer|FlyV1|Basic))\s+(?=[^\s<\0]{0,4096}\d)(?P<secret>[A-Za-z0-9._~+/=,-]{16,}"
            # What stands in quotation marks with the scheme alone is a header as well.
            r"|(?:(?<=[\"'](?i:Basic)[ ])|(?<=[\"'](?i:Bearer)[ ]))[A-Za-z0-9._~+/=-]{8,}(?=[\"']))",
        ),
        (
            # What proves the client in a header of several parts: Digest, AWS, OAuth.
            "authorization",
            "authorization",
            r"(?i:\bauthorization)[^\n\0]{0,400}?\b(?i:response|signature|oauth_signature|mac)=\\{0,3}[\"']?"
            r"(?P<secret>[^\s\"'\\,;<\0]{6,512})",
        ),
        (
            "cookie",
            "cookie",
            rf"(?i:\b(?:set-)?cookies?){_QUOTE}?\s{{0,20}}[:=]\s{{0,20}}{_QUOTE}?{_NONE}"
            r"(?P<secret>[^\s=;:\"'`<>\\\0]{1,200}=[^\s;\"'`<>\\\0]{1,4096}"
            r"(?:;\s{0,4}[^\s=;\"'`<>\\\0]{1,200}(?:=[^\s;\"'`<>\\\0]{0,4096})?){0,50})",
        ),
        ("value", "::add-mask::", r"::add-mask::(?!\*{3})(?P<secret>[^\s\0]{3,4096})"),
        ("webhook", "hooks.", r"(?:https?://)?\bhooks\.[a-z]{2,20}\.[a-z]{2,10}/(?=[\w/+-]{0,200}[\dA-Z])[\w/+-]{16,}"),
        ("webhook", "/hooks/", r"/hooks/(?:[a-z]{2,20}/){1,2}(?P<secret>\d{4,20}/(?=[a-z]{0,40}\d)[a-z0-9]{6,64})"),
        (
            # The whole address: who knows it can post.
            "webhook",
            "webhook",
            r"(?:\bhttps?://[\w.-]{1,100}/(?:[\w-]{1,40}/){0,3})?\bwebhook\w{0,10}(?:\.[\w.-]{1,100})?/(?:[\w%-]{1,40}/){0,2}"
            r"(?=[^\s/]{0,80}\d)[\w/@%+-]{24,400}",
        ),
        (
            # What clients of mail, chat and caches say to log in.
            "password",
            "pass |login |identify |auth ",
            r"(?m)(?:^(?:PASS|\w{1,8} LOGIN \S{1,64}|AUTH(?: \w{1,64})?)|[:=\"'] ?AUTH(?: \w{1,64})?|\bIDENTIFY) "
            r"(?P<secret>(?=\S{0,128}(?:\d|[a-z][A-Z]))\S{6,128})[ \t\r]{0,8}$",
        ),
        ("password", '"auth" "', r"\"(?i:AUTH)\" (?:\"[^\"\0]{1,64}\" )?\"(?P<secret>[^\"\0]{1,128})\""),
        ("password", "login", r"\blogin\s{1,8}\S{1,64}\s{1,8}password\s{1,8}(?P<secret>\S{1,128})"),
        ("basic-auth", "tlrmtvntua", r"\bTlRMTVNTUA[A-Za-z0-9+/]{20,}=*"),
        ("basic-auth", "edo|edp", r"\beD[op][A-Za-z0-9+/_-]{18,}=*"),
        (
            "password",
            "://",
            r"(?<![A-Za-z0-9+.-])[A-Za-z][A-Za-z0-9+.-]{0,20}://[^/\s:@\"'`<>\0]{0,256}:(?!\d{1,5}(?:[/?#,;)\]\s]|$))"
            r"(?!\$?\{{1,2}[\w. ()'\[\]-]{1,80}\}{1,2}@|[*\u2022]{3,200}@)"
            r"(?P<secret>[^\s\"'`<>\0]{1,256})@(?=[\w\[]|\$?\{)",
        ),
        ("password", "://", r"://(?P<secret>[0-9a-f]{8,64}:[0-9a-f]{8,64})@(?=[\w\[])"),  # both halves are a key
        (
            # A key in the place of the user, with a word that stands for no password.
            "password",
            ":x-oauth-basic@|:x@|:api_token@|:unused@|:@",
            r"://(?P<secret>(?=[^@:/\s]{0,64}\d)[^@:/\s\"'<\0]{6,256}):(?:x-oauth-basic|[xX]|api_token|unused)?@(?=[\w\[])",
        ),
        (
            # A user name alone that is long and has digits: the key of a DSN.
            "password",
            "://",
            r"(?<![A-Za-z0-9+.-])[A-Za-z][A-Za-z0-9+.-]{0,20}://"
            r"(?P<secret>(?=[^@/\s]{0,64}\d)[A-Za-z0-9_-]{16,128})@(?=[\w\[])",
        ),
        (
            # The same without a scheme, to a host without a dot: anything else reads as an e-mail address.
            "password",
            "@",
            r"(?<![\w/.@:;-])[A-Za-z][\w.-]{0,63}:(?P<secret>(?=[^\s@\0]{0,128}\d)[^\s:@/\"'`<>&\\\0]{6,128})"
            r"@(?=[A-Za-z][\w-]{0,63}(?::\d{2,5})?(?:[/?\s\"'`]|$))",
        ),
        (
            # curl -u name:password, sshpass -p password, mysql -ppassword, docker login -p, redis-cli -a.
            "password",
            " -u| -a| --user| --proxy-user",
            # The name belongs to the credential; a command goes on in the next line.
            r"(?:\b(?:curl|wget|http|https|xh|ab|etcdctl|siege|hey|influx|mc|jf)\b[^\n]{0,400}?\s|(?<=\n)[ \t]{1,8})"
            r"(?:-u|-a|-U|--user|--proxy-user|--auth)[ =]{0,4}"
            r"(?:(?P<q>['\"])(?!\$)(?P<quoted>(?:(?!(?P=q))[^:\n\0]){0,100}(?:(?P=q):(?P=q)|:)(?:(?!(?P=q))[^\n\0]){0,200})"
            r"|(?!\$)(?P<secret>[^\s:'\"\0]{0,100}:(?!\$)[^\s\"\0]{1,200}))",
        ),
        (
            "password",
            " -p| -a| -w",
            r"\b(?:sshpass|mysql\w*|mariadb\w*|docker login|podman login|helm|redis-cli|oc login|mongo\w*|psql|ldap\w+"
            r"|az|mosquitto_\w{3}|zip|unzip|7z|ftp|smbclient|psexec)"
            r"\b[^\n]{0,200}?\s(?:-[pP] ?|-a |-w )['\"]?(?!\d{1,5}\b)"
            r"(?P<secret>(?=[^\s]{0,100}[\dA-Z!@#%^&*])[^\s'\"\0$-][^\s'\"\0]{3,200})",
        ),
        (
            # Commands to which a password is told without a flag.
            "password",
            "mysqladmin|rabbitmqctl|htpasswd",
            r"\b(?:mysqladmin\b[^\n|;]{0,200}?\spassword|rabbitmqctl\b[^\n|;]{0,100}?\s(?:add_user|change_password)\s{1,4}\S{1,64}"
            r"|htpasswd(?=[^\n|;]{0,80}\s-\w{0,6}b)(?:\s{1,4}-\w{1,8}){1,6}(?:\s{1,4}[^\s-]\S{0,100}){1,2})\s{1,4}['\"]?"
            r"(?P<secret>[^\s'\"\0$|;-][^\s'\"\0]{2,200})",
        ),
        (
            "password",
            "sudo -|-stdin|chpasswd",
            r"\b(?:echo|printf)\s{1,4}(?:-\w{1,3}\s{1,4})?(?:['\"]?%s(?:\\n)?['\"]?\s{1,4})?['\"]?"
            r"(?P<secret>[^\s'\"\0$|][^\s'\"\0|]{2,200})['\"]?\s{0,4}\|\s{0,4}"
            r"(?:sudo\s{1,4}(?:-\w{1,8}\s{1,4}){0,3}?-\w{0,6}S|[^\n|]{0,200}?-stdin\b|(?:sudo\s{1,4})?chpasswd\b)",
        ),
        (
            # How Go names a database of MySQL, and Oracle's clients name theirs.
            "password",
            "@tcp(|@unix(|@udp(",
            r"(?<![\w/.@:-])[A-Za-z][\w.-]{0,63}:(?P<secret>[^\s\"'`\0]{1,128}?)@(?:tcp|udp|unix)\(",
        ),
        (
            "password",
            "@//|:1521/",
            r"(?<![\w/.:@-])[A-Za-z][\w$#]{0,30}/(?P<secret>[^\s/@\"'\0]{1,64})@"
            r"(?://[\w.-]{1,100}(?::\d{2,5})?/\w|[\w.-]{1,100}:\d{2,5}/\w)",
        ),
        (
            # The first operand of one of its clients, and no sentence about them.
            "password",
            "sqlplus|sqlldr|expdp|impdp|rman ",
            r"\b(?:sqlplus|sqlldr|expdp|impdp|rman)(?:[ ]{1,4}(?:-\w{1,12}(?:[ ]\d{1,2}(?:\.\d)?)?|target))"
            r"{0,3}[ ]{1,4}(?:userid=)?[\"']?"
            r"[A-Za-z][\w$#]{0,30}/(?P<secret>[^\s/@\"'\0]{1,64})@[A-Za-z]\w{0,30}\b",
        ),
        (
            "password",
            "openssl|snmp|securestring|bundle config",
            r"\b(?:openssl\b[^\n]{0,200}?\s-k|snmp\w+\b[^\n]{0,200}?\s-c|snmp-server[ ]community(?=[ ])"
            r"|(?i:securestring)(?:\s{1,4}-\w{1,20}){0,3}"
            r"|bundle config\s[^\n]{0,200}?\s[\w.-]{1,64}:)\s?\\?['\"]?(?P<secret>[^\s'\"\0$-][^\s'\"\0]{3,200})",
        ),
        (
            "value",
            "phrase",
            r"(?i:\b(?:recovery|seed|secret|backup|mnemonic|wallet)[ ](?:pass)?phrase)\W{1,4}(?:is\W{1,4})?"
            r"(?P<secret>[a-z]{3,10}(?:[ ][a-z]{3,10}){11,23})",
        ),
        ("api-key", "q~", r"(?<![\w~.-])[\w~.]{3}\dQ~[\w~.-]{31,34}(?![\w~.-])"),
        ("private-key", "age-secret-key", r"\bAGE-SECRET-KEY-1[0-9A-Za-z]{40,80}"),
        # What a password is stored as; in a list of accounts; in the file of a client.
        (
            "password",
            "$",
            r"\$(?:\d[a-z]?|y|gy|apr1|argon2\w{1,2}|scrypt|pbkdf2[\w-]{0,10}|krb5[a-z]{2,8})\$[\w./$=,+*@:-]{20,4000}",
        ),
        (
            "password",
            ":5432:|:6432:|:*:",
            r"(?m)^[\w.*-]{1,255}:(?:\d{2,5}|\*):[\w*-]{1,64}:[\w*-]{1,64}:(?P<secret>[^\s:]{4,200})$",
        ),
        # In SQL; as an argument of a call that logs in, where PHP and shells print one.
        (
            "password",
            "identified",
            rf"(?i:\bidentified\s{{1,8}}(?:with\s{{1,8}}\S{{1,64}}\s{{1,8}})?(?:by|as)(?:\s{{1,8}}password)?)\s{{1,8}}"
            rf"(?P<q>{_QUOTE})(?P<secret>(?:(?!(?P=q))[^\n\0]){{1,512}})",
        ),
        (
            "password",
            "alter user|alter role|create user|create role|set password",
            rf"(?i:\b(?:(?:alter|create)\s{{1,8}}(?:user|role|login)\b[^;\n\0]{{0,200}}?\bpassword\s{{0,8}}=?"
            rf"|set\s{{1,8}}password(?:\s{{1,8}}for\s{{1,8}}[^\s=]{{1,128}})?\s{{0,8}}=?\s{{0,8}}(?:password)?))\s{{0,8}}\(?"
            rf"(?P<q>{_QUOTE})(?P<secret>(?:(?!(?P=q))[^\n\0]){{1,512}})",
        ),
        (
            "password",
            "auth(|login(|bind(|credential(|pdo|mysqli|connect(",
            rf"(?i:(?:\b|_)(?:auth|login|bind|network_?credential)\((?:[^()'\"]{{1,200}},\s{{0,4}}|(?P<q>{_QUOTE})[^'\"\0]{{0,200}}(?P=q),\s{{0,4}})"
            rf"|\b(?:pdo|mysqli|(?:mysqli?|pg|oci)_connect)(?:->__construct)?\((?:{_QUOTE}[^'\"\0]{{0,400}}{_QUOTE},\s{{0,4}}){{2}})"
            rf"(?:{_QUOTE}|(?=[^\s'\"\0,()]{{0,200}}(?:\d|[a-z][A-Z])))(?P<secret>[^\s'\"\0,()]{{4,200}})",
        ),
        (
            # A frame of a trace of PHP, which prints the arguments: the last text is the password.
            "password",
            "->connect(|->attempt(|password(",
            r"(?:->|::)(?i:connect|attempt|\w{0,20}password)\((?:[^()\n\0]{0,300}, )?'(?P<secret>[^'\n\0]{4,200})'"
            r"(?:, (?:Array|NULL|\d{1,9}|Object\([\w\\]{1,80}\))){0,4}\)",
        ),
        (
            # An account as people write one down: `ID/PW: ada / …`, `10.1.2.3 (ada/…)`.
            "password",
            "/pw|/pass|& pw|credential|log in |login |sign in ",
            r"(?i:\b(?:id|user(?:name)?|login|account)[ ]?[/&|][ ]?(?:pw|pwd|pass(?:word|wd)?)\b\W{1,4}"
            r"|\bcredentials?(?:[:=]|[ ]are:?|[ ]is:?)[ ]{1,4}|\b(?:log[ ]?in|sign[ ]in)[ ](?:with|as)[ ])"
            r"[\w.@-]{1,64}[ ]?/[ ]?(?=[^\s]{0,60}\d)(?=[^\s]{0,60}[A-Za-z])(?P<secret>[^\s\0/(),;]{6,64})",
        ),
        (
            "password",
            "(",
            r"\((?:(?<=\d\()|(?<=\d[ ]\())(?:id/pw:[ ]?)?[a-z][\w.-]{0,30}/"
            r"(?=[^\s()]{0,60}\d)(?=[^\s()]{0,60}[a-z])(?=[^\s()]{0,60}[A-Z])"
            r"(?P<secret>[^\s\0/()]{8,64})\)",
        ),
        (
            "password",
            ":thin:|:oci:",
            r"(?i):(?:thin|oci):[^/\s\0]{1,64}/(?P<secret>[^@\s\0]{1,128})@",
        ),
        (
            "value",
            " code|-code| passcode|-passcode",
            r"(?i:\b(?:one[- ]time|otp|pin|verification|security|login|sign[- ]in|auth\w{0,12}"
            r"|confirmation|access|recovery|backup)[ -](?:pass)?codes?(?:[ ]is|[ ]are)?:?)\s{1,4}"
            r"(?P<secret>\d{4,8}\b|[A-Za-z0-9]{4,8}-[A-Za-z0-9-]{4,20}(?:[\s,]{1,4}[A-Za-z0-9]{4,8}-[A-Za-z0-9-]{4,20}){0,20})",
        ),
        ("value", "=", rf"[?&;]{_QUERY}={_NONE}(?P<secret>[^&\s\"'`<>#\\\0]{{4,}})"),
        (
            "user-id",
            "user",
            rf"(?<![A-Za-z0-9])(?i:user_?id){_QUOTE}?\s{{0,20}}[:=]\s{{0,20}}"
            rf"(?:(?:eq\.)?(?P<id>{_UUID})|(?P<q>{_QUOTE}){_NONE}(?P<secret>[^\s\"'`<>\\&\0]{{1,256}})(?P=q))",
        ),
        (
            "email",
            "@|%40",
            # What holds a lease is named <uuid>@tokens.fly.io: a pseudonym, and useful (§6.2).
            r"(?<![\w.+%/-])(?!(?:git|hg|svn)@[\w.-]{1,100}:[\w.~-]{0,100}(?:/|\.git\b))(?!(?:support|billing|sales|hello|security)@fly\.io\b)[\w.+%-]+(?:@|%40)(?!tokens\.fly\.io\b|[\w.-]{1,80}\.(?:service|socket|timer|mount|slice)\b)(?=[0-9-]{0,63}[A-Za-z])"
            r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}\b",
        ),
    )
)
_BY_NEED = {word: [at for at, form in enumerate(FORMS) if word in form[1]] for form in FORMS for word in form[1]}
# Types that their own looks give away wherever they stand; the others must be searched for once they are known.
BY_LOOKS = {kind for kind, _, pattern in FORMS if not pattern.groupindex} | {"aws-key", "github-token", "npm-token"}
BY_LOOKS |= {"stripe-key", "slack-token", "api-key", "opaque"}
BY_LOOKS -= {"private-key"}
PERSONAL = frozenset({"email", "user-id"})


def form_spans(prepared: Prepared) -> Iterator[tuple[int, int, str]]:
    """Where something of one of the forms stands, with its kind."""
    text, here = prepared.text, frozenset(prepared.having(_BY_NEED))
    for kind, needs, pattern in (FORMS[at] for at in sorted({at for word in here for at in _BY_NEED[word]})):
        found = tuple(word for word in needs if word in here)
        for begin, end in [(0, len(text))] if kind == "private-key" else prepared.lines_with(found):
            for match in pattern.finditer(text, begin, end):
                group = next((name for name in ("secret", "quoted", "id") if match.groupdict().get(name)), 0)
                yield *match.span(group), kind


def kind_by_looks(value: str) -> str:
    """The type of a value that is masked because of its key: by its own looks where they tell."""
    return next((kind for kind, _, pattern in FORMS if not pattern.groupindex and pattern.fullmatch(value)), "value")
