#!/usr/bin/env bash
# parse-link-header sees no next page when the Link header is longer than 2000 characters.
#
# Expected:  a Link header that HTTP lets through is parsed, or refused with an error.
# Observed:  from 2001 characters on the result is null, the same as without a header, so that the usual loop (while
#            there is a next) ends after the first page as if the list were over. Two links with a long signed cursor
#            and percent-encoded names in Indian scripts (nine characters for a letter) come to that sooner than one
#            thinks. http-link-header and the links of Python's requests know no such limit.
# Versions:  parse-link-header 2.0.0, http-link-header 1.1.4 (npm); requests 2.34.2 (PyPI)
# For us:    the body has the same cursor as the header, `page.next_cursor`, whatever the length; docs/http.md ("Links")
#            says when to use it.
# Source:    thlorenz/parse-link-header pull request 25: a guard, silent unless a variable of the environment is set
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet 'requests==2.34.2'
npm install --silent --no-audit --no-fund --prefix "$folder" \
  'parse-link-header@2.0.0' 'http-link-header@1.1.4' >/dev/null

cd "$folder"
cat >links.cjs <<'JAVASCRIPT'
const assert = require('node:assert/strict')
const parse = require('parse-link-header')
const LinkHeader = require('http-link-header')

const linkOf = (length) => {
  const bare = '<?cursor=>; rel="next"'
  return bare.replace('=>', '=' + 'c'.repeat(length - bare.length) + '>')
}
assert.equal(linkOf(2000).length, 2000)
assert.equal(parse(linkOf(2000)).next.cursor.length, 1978)
assert.equal(parse(linkOf(2001)), null)
assert.equal(parse(''), null)
assert.equal(LinkHeader.parse(linkOf(2001)).rel('next').length, 1)
console.log('as observed: parse-link-header has a next page at 2000 characters and null at 2001')
JAVASCRIPT
node links.cjs
venv/bin/python - <<'PYTHON'
from requests.utils import parse_header_links

[link] = parse_header_links(f'<?cursor={"c" * 4000}>; rel="next"')
assert (link["rel"], len(link["url"])) == ("next", 4008), link
PYTHON
