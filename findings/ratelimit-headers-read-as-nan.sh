#!/usr/bin/env bash
# ratelimit-header-parser finds nothing in the RateLimit header that its own makers' express-rate-limit sends.
#
# Expected:  both packages are of the express-rate-limit organisation, and the parser is there to know all the forms
#            that these headers have had. One that it does not know it refuses, or answers with undefined as where there
#            is none.
# Observed:  for the RateLimit field of the IETF draft from revision 8 on ("name";r=…;t=…) it returns an object whose
#            limit, used and remaining are NaN, and whose reset is an Invalid Date. Nothing is raised: `remaining < 1`
#            is false, and a timer until `reset` fires at once, so that a client which means to be polite asks again
#            without a pause. The forms up to revision 7 are understood.
# Versions:  ratelimit-header-parser 0.1.0, express-rate-limit 8.7.5, express 5.3.0 (npm)
# For us:    we send the form of revision 10. A client that waits for Retry-After, which every refusal has, needs no
#            parser (docs/rate-limit.md, "What is told").
# Source:    draft-ietf-httpapi-ratelimit-headers, revisions 7 and 8; express-rate-limit pull request 486 brought the
#            form of revision 8 to the sender.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
npm install --silent --no-audit --no-fund --prefix "$folder" \
  'ratelimit-header-parser@0.1.0' 'express-rate-limit@8.7.5' 'express@5.3.0' >/dev/null

cd "$folder"
cat >ask.mjs <<'JAVASCRIPT'
import assert from 'node:assert/strict'
import { once } from 'node:events'
import express from 'express'
import { rateLimit } from 'express-rate-limit'
import { parseRateLimit } from 'ratelimit-header-parser'

async function answered(standardHeaders) {
  const app = express()
  app.use(rateLimit({ windowMs: 60_000, limit: 100, standardHeaders, legacyHeaders: false }))
  app.get('/', (request, response) => response.send('ok'))
  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const response = await fetch(`http://127.0.0.1:${server.address().port}/`)
  server.close()
  return response.headers
}

const seventh = await answered('draft-7')
assert.equal(seventh.get('ratelimit'), 'limit=100, remaining=99, reset=60')
assert.equal(parseRateLimit(seventh).remaining, 99)

const eighth = await answered('draft-8')
assert.equal(eighth.get('ratelimit'), '"100-in-1min"; r=99; t=60')
const used_up = new Headers({ ratelimit: '"default";r=0;t=2' })
for (const headers of [eighth, used_up]) {
  const { limit, used, remaining, reset } = parseRateLimit(headers)
  assert.deepEqual([limit, used, remaining, reset.getTime()], [NaN, NaN, NaN, NaN])
}
assert.equal(parseRateLimit(new Headers()), undefined)
console.log('as observed: 99 remaining by revision 7, NaN by revision 8')
JAVASCRIPT
node ask.mjs
