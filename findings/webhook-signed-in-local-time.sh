#!/usr/bin/env bash
# standardwebhooks for Python signs another moment than the one it was given, unless that is written in UTC.
#
# Expected:  sign(msg_id, timestamp, data) takes a datetime. One with a time zone names a moment, in whichever zone it
#            is written: 15:30 in India and 10:00 in UTC are the same, and so are their signatures.
# Observed:  the zone is replaced, not converted: 15:30+05:30 is signed as 15:30 UTC, five and a half hours later. With
#            the webhook-timestamp that belongs to the datetime, the package's own verify() refuses the signature, and a
#            naive datetime.now() has the same fault on every machine that is not in UTC. A sender that is tested in UTC
#            passes every test, and fails always in India.
# Versions:  standardwebhooks 1.1.0 (PyPI); standardwebhooks 1.1.1 (npm), which signs the moment
# For us:    what we sign and verify is the integer of seconds, never a datetime (docs/operations.md,
#            "FarmLokalWebhooksRefused"; tests/webhooks/test_signature.py verifies what the package signs in UTC).
# Source:    standard-webhooks/standard-webhooks issue 251, open, and pull request 334
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet 'standardwebhooks==1.1.0'
npm install --silent --no-audit --no-fund --prefix "$folder" 'standardwebhooks@1.1.1' >/dev/null

cat >"$folder/sign.py" <<'PYTHON'
import sys
from datetime import UTC, datetime, timedelta, timezone

from standardwebhooks import Webhook, WebhookVerificationError

SECRET = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
BODY = '{"type":"product.deleted"}'
in_utc = datetime.now(UTC).replace(microsecond=0)
in_india = in_utc.astimezone(timezone(timedelta(hours=5, minutes=30)))
assert in_utc == in_india and in_utc.timestamp() == in_india.timestamp()

webhook = Webhook(SECRET)
signed_utc, signed_india = (webhook.sign("msg_1", moment, BODY) for moment in (in_utc, in_india))
later = webhook.sign("msg_1", in_utc + timedelta(hours=5, minutes=30), BODY)
assert signed_india != signed_utc, "both are signed as one moment now"
assert signed_india == later, "not signed as five and a half hours later"

headers = {"webhook-id": "msg_1", "webhook-timestamp": str(int(in_india.timestamp()))}
webhook.verify(BODY, {**headers, "webhook-signature": signed_utc})
try:
    webhook.verify(BODY, {**headers, "webhook-signature": signed_india})
except WebhookVerificationError as error:
    print(f"as observed: signed in India's time, verify() says {str(error)!r}", file=sys.stderr)
else:
    raise AssertionError("the signature made in India's time verifies now")
print(int(in_utc.timestamp()), signed_utc)
PYTHON
read -r seconds signed_utc < <("$folder/venv/bin/python" "$folder/sign.py")

cd "$folder"
cat >sign.cjs <<'JAVASCRIPT'
const assert = require('node:assert/strict')
const { Webhook } = require('standardwebhooks')

const [seconds, signed] = process.argv.slice(2)
const webhook = new Webhook('whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=')
assert.equal(webhook.sign('msg_1', new Date(seconds * 1000), '{"type":"product.deleted"}'), signed)
console.log('as observed: the npm package signs the moment, whatever the zone')
JAVASCRIPT
TZ=Asia/Kolkata node sign.cjs "$seconds" "$signed_utc"
