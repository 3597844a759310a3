"""The recognisers of refusals: what the Machines API, GraphQL, the registry or flyctl says no with (§3.2, §1.2).

One readable table; causes only use the names of its kinds. The words decide, a status never does alone: lack of
room comes as 400, 403, 409, 412, 422 and 503. Patterns match the stable parts and the words before a colon, not
whole sentences.
"""

from __future__ import annotations

from runbooks.diagnose.regions import REGIONS

NOTICE = "host-notice"
_Q = r"[\"'`]?"
_ID = r"(?P<machine_id>[0-9a-f]{13,16})\b"
_HOST = r"(?P<host>(?:[a-z0-9-]{1,63}\.){1,8}[a-z][a-z0-9-]{0,62})\b"
_VOLUME = rf"{_Q}(?P<volume>vol_[a-z0-9]{{3,30}}){_Q}"
_PASSING = rf"{_Q}(?P<state>creat(?:ed|ing)|(?:re)?starting|stopping|suspending|updating|replacing|destroying)\b"
_NEVER = (
    r"(?:did not|didn['’]t|never|failed to|has not) (?:become|became|reach(?:ed)?|g[eo]t to|enter(?:ed)?|c[oa]me up)\b"
)
_THEN = rf"[^\n]{{0,120}}?\b(?:state|status|currently|in|at)\b[^\w\n]{{0,6}}(?:is |was |in )?{_PASSING}"
_TIME_OUT = (
    r"\b(?:timed? ?out|time-out|timeout|gave up|giving up)\b[^\n]{0,40}\bwait(?:ing|ed)? (?:for|on) "
    r"(?:(?:the|a|fly|your) ){0,2}(?:machine|VM)\b"
)
_HAVE = rf"{_Q}(?P<have>[a-z]{{3}})\b{_Q}"
_WANT = rf"{_Q}(?P<want>[a-z]{{3}})\b{_Q}"
_REGION = rf"{_Q}(?P<region>[a-z]{{3}})\b{_Q}"
_KNOWN_REGION = rf"{_Q}(?P<region>{'|'.join(sorted(REGIONS))})\b{_Q}"
_NOT_OVER = r"(?![^\n]{0,200}\b(?:fine|finished|resolved|(?:was|been|now) completed?)\b)"
_ROOM = r"(?:(?:compute|disk|storage|volume|memory|CPU) )?"
_NAMED = {key: rf"{_Q}(?P<{key}>[A-Za-z0-9][\w.-]{{0,62}})\b{_Q}" for key in ("app", "name", "org")}
_TAIL = r"[^\n]{0,400}"
# A reference ends where a colon is followed by a blank. Possessive, or a row of @ would be split in every way.
_PART = r"[^\s\"'`:@]"
_REF = rf"{_Q}(?P<ref>{_PART}{{1,300}}+(?:[:@]{_PART}{{1,200}}+){{0,4}}+)"
_MANIFEST = (
    r"(?:failed to get manifest|error getting manifest|failed to resolve reference|manifest for):? "
    rf"(?=\S{{0,300}}[/:@.]\w){_REF}"
)

# kind → patterns, the more special kind first: words that one kind has claimed are not read again.
# A blank stands for any white space (people paste wrapped lines), and " ?" for some or none; case is ignored.
# fmt: off
TABLE: tuple[tuple[str, tuple[str, ...]], ...] = (
    # The certificate authority's own words, which sound like those of an API.
    ("certificate-refused", (
        rf"(?:\bacme: error code \d{{3}} )?{_Q}\burn:(?:ietf:params:)?acme:error:(?P<what>\w{{1,40}}){_TAIL}",
    )),
    # What clients of TLS say of a certificate that is another name's.
    ("certificate-name", (
        rf"no alternative certificate subject name matches target (?:host ?name|ipv\d address) {_Q}{_HOST}",
        rf"certificate'?s? alt ?names: Host: {_HOST}[^\n]{{0,200}}",
        rf"certificate is valid for [^\n]{{1,200}}, not {_HOST}",
        rf"certificate is not valid for {_Q}{_HOST}",
        rf"certificate not valid for name {_Q}{_HOST}[^\n]{{0,200}}",
        rf"No subject alternative (?:DNS )?names? matching {_HOST} found",
    )),
    ("manifest-platform", (
        r"^(?![^\n]{0,300}(?:failed to solve|build from source))[^\n]{0,200}?"
        rf"(?:(?:failed to get manifest|image with reference):? {_REF}[^\n]{{0,80}}?)?"
        r"(?:no match for platform in manifest|no matching manifest for linux/\w{3,8}"
        r"|does not match the specified platform|no supported platform found in manifest)",
    )),
    ("manifest-unauthorized", (
        rf"{_MANIFEST}[^\n]{{0,80}}?(?:unauthorized|denied|forbidden|\b40[13]\b|failed to authorize){_TAIL}",
        rf"pull access denied(?: for {_REF})?{_TAIL}",
        r"requested access to the resource is denied",
        r"unauthorized: (?:authentication required|access to the requested resource)",
        rf"(?:authenticat\w{{2,4}}|authori[sz]\w{{2,6}}|permission) (?:is )?required to (?:access|pull|read)"
        rf" (?:the )?image {_REF}",
        rf"not (?:authorized|allowed|permitted) to (?:access|pull|read) (?:the )?image {_REF}",
        rf"\bimage {_REF} (?:is private|requires (?:authentication|a login|credentials))",
        r"(?:(?:failed|unable|error) (?:to )?(?:access|pull|fetch|read)\w{0,3}|could not (?:access|pull|read))"
        rf" (?:the )?image {_REF}[^\n]{{0,80}}?(?:unauthorized|denied|forbidden|\b40[13]\b){_TAIL}",
        r"/v2/[^\s\"]{1,200}/manifests/[^\s\"]{1,140}\"?: (?:unauthorized|denied|no basic auth credentials)",
    )),
    ("manifest-unknown", (
        rf"{_MANIFEST}[^\n]{{0,80}}?(?:MANIFEST_UNKNOWN|NAME_UNKNOWN|manifest unknown|not found|\b404\b){_TAIL}",
        rf"image {_REF}:? (?:MANIFEST_UNKNOWN|manifest unknown)",
        rf"image (?=\S{{0,200}}/\S{{1,200}}[:@]\w){_REF} (?:does not exist|(?:was )?not found)\b",
        r"MANIFEST_UNKNOWN|manifest unknown",
    )),
    ("manifest-other", (rf"{_MANIFEST}{_TAIL}",)),
    ("image-too-large", (
        r"not enough space to unpack image",
        r"\bimage\b[^\n]{0,60}\b(?:too large|exceeds[^\n]{0,40}\b(?:limit|maximum|GB))",
    )),
    ("image-not-found-release", (rf"could not (?:find|resolve) image {_REF}", r"could not find image\b")),
    ("name-taken", (
        rf"machine ID {_ID} already exists with name {_Q}(?P<name>[\w.-]{{1,80}})",
        r"unique machine name violation",
    )),
    ("app-name-taken", (
        rf"app {_NAMED['name']}[^\n]{{0,60}}name has already been taken",
        r"name has already been taken|\bname_taken\b",
    )),
    ("hostname-taken", (r"hostname already exists on app",)),
    ("lease", (
        rf"(?:machine ID {_ID} )?lease (?:is )?currently held by (?P<owner>[\w@.…<>#-]{{1,100}})"
        r"(?:, expires at (?P<expires>[\d-]{8,10}[T ][\d:.]{5,18}(?:Z| \+0000 UTC|[+-]\d\d:\d\d)?))?",
        rf"failed to (?:get|acquire|obtain) lease on VM {_ID}(?!:[^\n]{{0,40}}(?:not found|held by))",
        r"failed to (?:get|acquire|obtain) leases?\b(?![^\n]{0,80}(?:not found|held by))",
        rf"machine {_ID} because it has a lease",
        rf"machine (?:{_ID} )?(?:is )?(?:already |currently )?leased\b",
        r"\bmachine\b[^\n]{0,60} (?:active|existing|current|unexpired) lease\b",
    )),
    ("region-deprecated", (
        rf"region {_REGION} is deprecated(?:[\s\S]{{0,120}}?such as (?P<instead>[a-z]{{3}})\b)?",
        r"deprecated and cannot have new resources",
    )),
    ("region-plan", (
        rf"\bregion {_REGION}[^\n]{{0,60}}(?:paid plan|your plan|requires a plan)",
        r"requires[_ ]a[_ ]paid[_ ]plan",
        rf"\bregion {_REGION}[^\n]{{0,20}} requires an? [^\n]{{1,30}}\bplan\b",
        rf"not allowed to (?:deploy|create [^\n]{{1,30}}|run [^\n]{{1,30}}) (?:to|in) (?:the )?region {_REGION}",
    )),
    ("region-unknown", (
        rf"\bregion {_Q}(?P<region>[\w-]{{1,20}}){_Q} (?:was |is )?(?:not found|not a? ?valid|unknown|invalid)",
        rf"(?:invalid|unknown|unsupported) region:? {_Q}(?P<region>[a-z]{{2,10}})\b",
        r"(?:invalid|unknown|unsupported) region\b",
    )),
    ("quota", (
        rf"organization {_NAMED['org']} is using [^\n]{{1,80}}? in (?P<region>[a-z]{{3}})"
        r" which is over the allowed quota",
        rf"organization {_NAMED['org']} is using \d{{1,12}} \w{{1,3}} of memory",
        r"over the allowed quota",
        r"quota (?:has been )?exceeded|exceed(?:s|ed|ing)? (?:your |the |its )?(?:[\w-]+ )?quota",
        r"reached (?:its|your|the) limit of \d{1,6} (?!machines)\w{1,20}",
        r"maximum number of (?!machines)\w{1,20}(?: \w{1,20})? allowed",
        r"organization is not allowed to use GPU machines",
        r"not have enough trust to (?:access|use|create)[^\n.]{0,60}",
    )),
    ("trial-over", (
        r"(?<!stopping\.\s)\btrial (?:period )?(?:has ended|has expired|is over)"
        r"(?:, please add a credit card[^\n]{0,60})?",
    )),
    ("suspended", (
        r"marked as high.risk|high-risk-unlock",
        r"machines are disabled for this organization",
        r"\b(?:organization|account|app)\b(?!\[)(?:(?! machine\b)[^\n]){0,60}? (?:has been|is|was) (?:currently )?"
        r"(?:suspended|locked|disabled|blocked)",
        r"verify your (?:account|identity)",
    )),
    ("machine-limit", (
        r"reached (?:its|your|the) (?:maximum )?machines? limit",
        r"to (?:create|run|launch|have) more than \d{1,6} machines?\b"
        r"(?:(?!payment|credit card)[^\n]){0,80}?(?:contact|billing|upgrade|support)",
        r"limited to \d{1,6} (?:\w{1,12} )?machines?\b",
        r"\blimit of \d{1,6} machines\b",
        r"maximum number of machines",
    )),
    ("payment", (
        r"need your payment information",
        r"(?:please|information to continue!) add a (?:payment method|credit card)",
        r"(?:payment method|credit card) (?:is )?required",
        r"\bno (?:valid )?payment method|add a credit card or buy credit",
        r"(?:overdue|unpaid|past.due) (?:invoices?|balance)",
    )),
    ("volume-region", (
        rf"volume {_VOLUME} is in the wrong regi"
        rf"(?:on)?(?: \({_Q}(?P<have>[a-z]{{3}}){_Q} != {_Q}(?P<want>[a-z]{{3}}){_Q}\))?",
        rf"needs volumes? in region {_WANT}"
        rf"(?:,? but (?:the )?volumes? (?:exists?|is|are) in region {_HAVE})?",
        rf"volume(?: {_VOLUME})? is in (?:region )?{_HAVE},? (?:and|but|while) (?:the )?machine (?:is|was) "
        rf"(?:being )?(?:(?:created|requested|placed) )?in (?:region )?{_WANT}",
        rf"volume region \(?{_HAVE}\)? (?:does not|doesn't) match (?:the )?machine'?s? region"
        rf"(?: \(?{_WANT})?",
    )),
    ("volume-capacity", (
        rf"insufficient resources to create new machine with existing volume(?:(?: id)? {_VOLUME})?",
        r"\bvolume_placement_capacity\b",
    )),
    ("volume-attached", (
        rf"volume {_VOLUME} (?:is )?in use by machine:?(?: {_Q}{_ID})?",
        rf"volume (?:{_VOLUME} )?(?:is )?(?:already|currently) (?:attached|claimed|bound|mounted|in use)"
        rf"(?:[^\n]{{0,20}}? (?:by|to|on)(?: another)? machine:?(?: {_Q}{_ID})?)?",
    )),
    ("volume-missing", (
        r"does not have a volume configured (?:and|but) fly\.toml expects one"
        r"(?: with (?:source|destination) (?P<name>[\w/-]{1,60}))?",
        r"\bno (?:unattached |available )?volumes? (?:are )?(?:available )?named [\"'`]?(?P<name>[\w-]{1,60})",
        rf"volume {_VOLUME} (?:was |is |could )?not (?:be )?found",
        r"volume not found",
        r"(?:could not|unable to|failed to) find volume",
        r"needs an unattached vol(?:ume named [\"'](?P<name>[\w-]{1,60}))?",
        r"needs volumes with name [\"'](?P<name>[\w-]{1,60})",
        r"not enough volumes named [\"'`]?(?P<name>[\w-]{1,60})",
        r"(?:constraint )?missing compatible host volumes",
    )),
    ("host-capacity", (
        r"insufficient resources available to fulfill request: could not reserve resource for machine: "
        r"(?P<what>insufficient [\w ]{1,60})",
        r"(?:could not reserve resource for machine|insufficient resources available to fulfill request)"
        r"(?:: (?P<what>insufficient [\w ]{1,60}))?",
        r"(?P<what>insufficient (?:memory|CPUs?|IPs|disk|GPUs?)(?: space)? available(?: to fulfill request)?)",
        r"governor policy blocked start",
        r"\bhost (?:is )?at capacity",
        # flyctl, where a stopped machine's own host has no room: another machine may find another host
        r"could not start machine due to lack of capacity",
    )),
    # A place in the sentence that is empty was empty in the request.
    ("region-missing", (
        r"\b(?:no|not enough|insufficient) capacity(?: available)? in(?: region)?"
        r" ?(?:[\"'`]{2}|(?=\(Request ID)|(?=\"\s?[},]))",
        r"\bregion [\"'`]{2} (?:was |is )?(?:not found|not a? ?valid|unknown|invalid)",
    )),
    ("region-capacity", (
        r"could not find a candidate host",
        rf"\b(?:no|not enough|insufficient) {_ROOM}capacity(?: available| left| remaining)? in(?: the)?(?: region)? "
        rf"{_KNOWN_REGION}",
        rf"\bregion {_REGION} (?:has no|is out of|is at) capacity",
        rf"capacity exhausted in {_REGION}",
        r"\b(?:no|not enough|out of) (?:compute )?capacity\b"
        r"(?! (?:left|remaining|available) in (?!this|your|that|the region|region))|\binsufficient_capacity\b",
        r"insufficient resources to create (?:a )?(?:new )?machine",
        r"(?:unable to find|failed to place (?:this )?machine on) a host",
        r"no hosts? available",
        rf"\bmachines? (?:are|is) not available in (?:the )?region {_REGION}",
    )),
    ("state-rejects", (
        rf"unable to (?P<action>\w{{1,20}}) machine from current state:? {_Q}(?P<state>\w{{1,20}})",
        r"unable to (?P<action>\w{1,20}) machine, (?P<state>not currently [a-z]+(?:,? (?:or |and )?[a-z]+){0,6})",
        r"machine (?P<state>not currently [a-z]+(?:,? (?:or |and )?[a-z]+){0,6})",
        r"machine (?P<state>getting replaced|still active|[\w -]{1,30}), refusing to (?P<action>\w{1,20})",
        r"machine (?P<state>still attempting) to (?P<action>start)",
        r"machine (?P<state>getting replaced)",
        r"machine (?:is )?not in (?:an? )?(?P<state>known|started|stopped|suspended|running) state\b",
        r"machine is in a non-(?P<action>start)able state:? (?P<state>\w{1,20})",
        rf"cannot (?P<action>\w{{1,20}}) machine {_ID} that was already (?P<state>destroyed)",
        rf"machine {_ID} is in a (?P<state>\w{{1,20}}) state and cannot be (?P<action>\w{{1,20}})",
    )),
    ("concurrent-update", (
        r"(?:machine is (?P<state>\w{1,20}): )?concurrent update (?:is )?in progress|due to (?:a )?concurrent update",
        r"(?:another|an) (?:update|deploy(?:ment)?|operation) (?:of [^\n]{1,60} )?(?:is )?(?:already )?in progress",
        r"machine (?:is currently|currently|is) (?P<state>repla\w{3,6})\b",
    )),
    ("version-mismatch", (
            r"\b(?:min_secrets_version|machine_version|current_version)\b[^\n\"]{0,40}\b(?:mismatch|match|available)",
    )),
    ("wait-timeout", (
        r"failed to reach desired state(?:, (?P<wanted>\w{1,20}), currently (?P<state>\w{1,20}))?",
        r"failed to reach desired (?P<wanted>start) state",
        rf"failed to wait for VM {_ID} in (?P<wanted>\w{{1,20}}) state(?!: (?:not_found|machine))",
        r"timeout reached waiting for machine's state to change[^\n]{0,200}",
        rf"did not reach {_Q}(?P<wanted>\w{{1,20}}){_Q} (?:within|in time)(?:{_THEN})?",
        r"timed out waiting for (?:machine )?state:? (?P<wanted>\w{1,20})",
        # Callers that wait in words of their own: the state may stand behind them.
        rf"\b(?:machine|VM)\b[^\n]{{0,60}}? still (?:is |was )?(?:in |at )?(?:the |state |status )?{_PASSING}",
        rf"\b(?:machine|VM)\b[^\n]{{0,60}}? {_NEVER}(?:{_THEN}| [^\n]{{0,60}}?\b(?:within|after|in time|before)\b)",
        rf"{_TIME_OUT}(?! [^\n]{{0,60}}(?:health|check))(?:{_THEN})?",
    )),
    ("host-maintenance", (
        r"deploys to this host are (?:temporarily )?disabled",
        r"\bhost (?:is )?(?:currently )?(?:in|under(?:going)?) (?:scheduled )?maintenance",
        r"\bhost is (?:being )?(?:drained|cordoned|evacuated)",
    )),
    ("host-unreachable", (
        r"\b(?:host|worker)s? (?:is |are )?(?:currently )?(?:unavailable|unreachable)",
        r"unreachable (?:host|worker)|host_status\W{1,5}unreachable",
        r"could not reach (?:the )?(?:host|worker|machine)|hosts? could not be reached",
        r"\bhost is (?:currently )?(?:down|offline)\b",
        # The API's own way to the host's agent, and no way of the caller.
        r"failed to \w{1,12} (?:VM|machine)\b[^\n]{0,60}?\bunavailable: dial tcp [^\n]{1,160}",
        r"\bunavailable: dial tcp \S{1,80}:3593: [^\n\"}]{1,100}",
    )),
    # What Fly tells the owners of apps (`fly incidents hosts list`, mails): a notice, no answer to a call.
    (NOTICE, (
        # As Fly writes it, while it lasts: what somebody else tells of a host, or of one that was down, is no notice.
        r"\b[Ww]e(?: are| will be|['’]re) (?:perform|schedul|undertak)ing [^\n.]{0,40}maintenance (?:on|of) "
        rf"(?:a|the|this|one) host\b{_NOT_OVER}[^\n]{{0,200}}",
        r"\b(?:a|one|the) host (?:that |which |where )?(?:some|one|any) of your (?:apps?['’s]{0,2} )?"
        rf"(?:instances?|machines?) (?:is|are|runs?)\b{_NOT_OVER}[^\n]{{0,200}}",
    )),
    ("rate-limit", (r"\brate.limit(?:ed|s)?(?: exceeded| reached)?\b", r"too many requests")),
    ("id-invalid", (rf"invalid machine ID(?:, {_Q}(?P<id>[^\s\"'`]{{1,100}}))?",)),
    # flyctl reads the app's file before it calls anything.
    ("config-invalid", (
        r"(?:^|\n|Error: |✘ ?)[^\S\n]{0,8}(?P<what>service must expose at least one port)"
        r"(?=[\s\S]{0,300}?(?:services\.ports|fly\.toml|app configuration))",
        r"failed (?:loading|to load) app config from [^\n:]{1,200}: (?P<what>[^\n]{1,160})",
        r"(?:^|\n|Error: |✘ ?)[^\S\n]{0,8}app configuration is not valid\s*$",
        r"✘ ?invalid app configuration",
    )),
    ("body-invalid", (
        r"(?P<what>json: (?:cannot unmarshal|unknown field)[^\n}]{0,120})",
        r"(?P<what>invalid (?:machine )?config(?:uration)?\b[^\n\"}(]{0,120})",
        r"invalid_argument: (?P<what>[^\n\"}]{1,120})",
        r"(?P<what>(?:invalid|unsupported) (?:image identifier|guest|restart policy|cpu_?kind|JSON)[^\n\"}]{0,80})",
        r"(?P<what>GPU machines are no longer supported)(?:: config\.[^\n\"}]{0,80})?",
        r"(?P<what>config\.[\w.\[\]]{1,60} (?:must|is|and|cannot)\b[^\n\"}]{0,80})",
        r"(?P<what>config\.[\w.\[\]]{1,60}: [^\n\"}]{1,100})",
        r"(?P<what>\b(?:memory_mb|memory size|cpus|vCPUs|cpu_kind)\b[^\n\"}]{0,40} "
        r"(?:must be|is too (?:low|high|small|large))"
        r"[^\n\"}]{0,60})",
        r"(?P<what>(?:services|mounts|checks) must have [^\n\"}]{1,80})",
        r"(?P<what>flyctl version too old)",
        r"(?P<what>Apps for machines must be created(?: via the Machines API)?)",
        r"(?P<what>\b(?:instance_id|machine_id|app_name|org_slug|(?:source_)?volume_id|snapshot_id"
        r"|size_gb|internal_port|image) (?:is )?required\b[^\n\"}]{0,80})",
        r"(?P<what>(?:does not|doesn't) accept argument [^\n\"}]{1,60})",
        r"validation failed: (?P<what>[^\n\"}(]{1,120})",
    )),
    ("machine-elsewhere", (
        rf"machine {_ID} (?:belongs to|is in|is part of) (?:the )?app {_NAMED['app']}(?:, not (?:in )?(?:the )?"
        rf"(?:selected |given )?(?:app )?{_NAMED['name']})?",
        rf"machine {_ID} (?:does not|doesn't) belong to (?:the )?app {_NAMED['name']}",
        rf"machine {_ID} is in (?:the )?region {_HAVE}"
        rf"(?:, not (?:in )?(?:the )?(?:selected |given )?(?:region )?{_WANT})?",
    )),
    ("machine-missing", (
        rf"(?:VM|machine) {_ID}(?: in \w{{1,20}} state)?:? (?:not_found: )?(?:machine )?(?:was )?not found"
        rf"(?: in (?:the )?app {_NAMED['app']})?",
        r"\bmachine (?:was )?not found",
        rf"no such machine:?(?: {_ID})?",
        rf"no machine (?:was )?found with (?:the )?id:? {_Q}{_ID}",
    )),
    ("app-missing", (
        r"app repository not found|name unknown: app\b",  # a push: each app has a repository of its name (§5.1)
        rf"could not (?:find|resolve) app {_NAMED['app']}",
        rf"\bapp {_NAMED['app']} (?:(?:was )?not found|does not exist)",
        rf"the app name {_NAMED['app']} could not be found",
        r"\bcould not (?:find|resolve) app\b|\bapp not found",
        r"failed to get app: sql: no rows in result set",
    )),
    ("route-missing", (r"404 page not found",)),
    ("token", (
        r"token validation error|no verified tokens",
        r"no access token available",
        r"\bFLY_(?:API|ACCESS)_TOKEN\b[^\n]{0,40} (?:not (?:set|found|provided|defined)|missing|unset|empty|required)",
        r"missing discharge token",
        r"\b(?:invalid|expired|missing) (?:access |api |auth |fly )?token|\btoken (?:has |is )?(?:expired|invalid)",
        r"(?:must be|not) authenticated|authentication required",
        r"(?:: |\": ?\"|=> ?\"|\b401 )unauthorized\b|^unauthorized(?: \(|\W{0,3}$)",
        r"\bunauthenticated: ",
        r"\bcode\W{1,6}UNAUTHORIZED\b",
    )),
    ("forbidden", (
        r"(?:: |\": ?\"|=> ?\"|\b403 )forbidden\b|^forbidden\W{0,3}$",
        r"permission_denied:|do not have permission|not authorized to \w{2,20}",
    )),
    ("client-timeout", (
        r"(?:timeout reached waiting for|failed to wait for health)[^\n]{0,400}?"
        r"(?:request canceled|context deadline exceeded|Client\.Timeout)",
    )),
    ("release-command", (
        r"release[_ ]command failed[^\n]{0,200}",
        r"release_command machine [^\n]{1,40} exited with non-zero status[^\n]{0,40}",
    )),
    # The program ended while flyctl watched it: that is no word about its checks (§14.14).
    ("smoke-failed", (r"smoke checks? [^\n]{0,60}failed",)),
    ("health-timeout", (
        # flyctl's own request can end before the checks do: that says nothing about them (§14.14).
        r"timeout reached waiting for health ?checks(?![^\n]{0,400}request canceled)[^\n]{0,400}",
        rf"machine {_ID} failed (?:its )?health checks",
        r"could not get all green machines to be healthy",
    )),
    ("server-error", (
        r"upstream request timeout|upstream connect error",
        r"internal server error|bad gateway|service (?:temporarily )?unavailable|gateway time-?out",
        r"unknown server error|you hit a fly api error",
        r"non-2(?:xx|00) status(?: code)?[,:] 5\d\d",
    )),
    ("connection", (
        r"\b(?:ENOTFOUND|ECONNREFUSED|EAI_AGAIN|ENETUNREACH|EHOSTUNREACH)\b|:(?:nxdomain|econnrefused)\b",
        r"no such host|connection refused|network is unreachable|could not resolve host",
        r"name resolution|(?:name or service|nodename nor servname)[\w ]{0,20} not known",
        r"\bConnect ?Timeout|(?:dial|connect) tcp [^\n]{0,80}(?:timeout|timed out)",
    )),
    ("timeout", (
        r"context deadline exceeded|request canceled|i/o timeout|Client\.Timeout",
        r"\b(?:ETIMEDOUT|ESOCKETTIMEDOUT|ECONNABORTED|ECONNRESET|UND_ERR_\w{1,20}_TIMEOUT)\b",
        r"\b(?:Read|Write|Pool|Request)Timeout|\bTimeout(?:Error|Exception|Expired)\b(?!: (?:machine|VM)\b)",
        r"(?:request|connection|operation|read|signal) (?:has )?timed out|timeout of \d{1,9} ?ms exceeded",
        r"socket hang up|connection reset|broken pipe|unexpected EOF|: EOF\b|operation was aborted",
        r"\b(?:reason:|error,) :(?:timeout|closed)\b|curl: \(28\)",
    )),
    ("launch-failed", (r"failed to launch (?:VM|machine)", r"\blaunch_failed\b", r"could not launch machine")),
)
# fmt: on
# Each text that says no has one of these: most lines of a log have none, and need no further look.
# fmt: off
STEMS = (
    "manifest", "denied", "unauthoriz", "image", "already", "lease", "region", "quota", "not allowed", "trial has",
    "trial is", "trial period", "high", "disabled", "suspended", "locked", "blocked", "verify", "limit", "maximum",
    "payment",
    "add a", "credit", "invoice", "balance", "volume", "insufficient", "reserve", "capacity", "governor", "a host",
    "no host", "unable", "refusing", "replaced", "attempting", "startable", "destroyed", "and cannot", "concurrent",
    "version", "reach", "timed out", "timedout", "timeout", "time-out", "unavailable", "too many", "invalid",
    "json: ", "unsupported", "required", "accept argument", "in progress", "config.", "gpu", "flyctl version",
    "apps for machines", "validation", "no such", "not found", "could not", "token", "authenticated", "authorized",
    "unattached", "forbidden", "permission", "health", "smoke", "upstream", "server error", "gateway", "api error",
    "non-2", "release", "trust", "billing", "maintenance", "drained", "cordoned", "evacuat", "enotfound", "econn",
    "eai_again", "enetunreach", "ehostunreach", "nxdomain", "refused", "resolution", "not known", "tcp", "deadline",
    "canceled", "hang up", "und_err", "reset", "broken pipe", "eof", "aborted", "closed", "curl: ", "launch",
    "name_taken", "name unknown", "paid plan", "paid_plan", "belong", "is in ", "is part of",
    "does not exist", "leased", "requires", "limit of", "in use by", "not available", "known state",
    "not in a", "to wait for", "is down", "is offline", "must be", "must have", "is too",
    "discharge", "expects one", "acme:error", "no machine", "available named", "volumes named", "volume named",
    "app config", "must expose", "certificate", "alternative", "gave up", "giving up", "still ", "did not", "didn",
    "never", "has not",
)
# fmt: on
