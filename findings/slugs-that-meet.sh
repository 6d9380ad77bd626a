#!/usr/bin/env bash
# Slugs of Indian names: in Django okra and sheep share one, in npm's slugify everything does.
#
# Expected:  Django's slugify(allow_unicode=True) keeps the letters of any script, npm's slugify spells them in Latin or
#            leaves them: different names, different slugs, as good as they are for "Café".
# Observed:  Django's removes each vowel sign, which is no \w, and what is left of different words is often the same:
#            भिंडी (okra) and भेड़ (sheep) are both भड, चना (chickpea) and चीनी (sugar) चन, तिल (sesame) and तेल (oil)
#            तल. slugify and @sindresorhus/slugify make the empty text of each. None of them says so. python-slugify,
#            which spells them in Latin, keeps them apart.
# Versions:  Django 5.2.19, python-slugify 9.2.0 (PyPI); slugify 1.6.9, @sindresorhus/slugify 3.0.1 (npm)
# For us:    the identity of a market's row is made of its names. It keeps letters and signs of every script, so that none
#            meets another (docs/catalogue.md, "Surprises"; tests/catalog/imports/test_import_identity.py).
# Source:    codebuddies/backend issue 123 reports the lost vowels; that goods of one market then meet was seen here.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet 'Django==5.2.19' 'python-slugify==9.2.0'
npm install --silent --no-audit --no-fund --prefix "$folder" 'slugify@1.6.9' '@sindresorhus/slugify@3.0.1' >/dev/null

"$folder/venv/bin/python" - <<'PYTHON'
from django.utils.text import slugify as django_slug
from slugify import slugify as latin_slug

PAIRS = {
    "okra and sheep": ("भिंडी", "भेड़", "भड"),
    "chickpea and sugar": ("चना", "चीनी", "चन"),
    "sesame and oil": ("तिल", "तेल", "तल"),
    "mustard and cotton": ("राई", "रुई", "रई"),
    "cock and hen": ("मुर्गा", "मुर्गी", "मरग"),
}
for pair, (one, other, shared) in PAIRS.items():
    assert django_slug(one, allow_unicode=True) == shared, (pair, django_slug(one, allow_unicode=True))
    assert django_slug(other, allow_unicode=True) == shared, (pair, django_slug(other, allow_unicode=True))
    assert latin_slug(one) != latin_slug(other), (pair, latin_slug(one))
print("as observed: one slug in Django for", ", ".join(PAIRS))
PYTHON

cd "$folder"
cat >slugs.mjs <<'JAVASCRIPT'
import assert from 'node:assert/strict'
import plain from 'slugify'
import sindresorhus from '@sindresorhus/slugify'

for (const word of ['भिंडी', 'भेड़', 'चना', 'தக்காளி']) {
  assert.equal(plain(word), '', word)
  assert.equal(sindresorhus(word), '', word)
}
assert.equal(plain('Café'), 'Cafe')
console.log('as observed: no slug at all from slugify and @sindresorhus/slugify')
JAVASCRIPT
node slugs.mjs
