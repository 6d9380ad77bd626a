#!/usr/bin/env bash
# Told to ignore accents, Fuse.js and DuckDB drop the vowels of Indian words: chickpeas, sugar and lime are one word.
#
# Expected:  "ignore diacritics" and "noaccent" make é an e. A vowel sign is no accent, so that चना (chickpea) and चीनी
#            (sugar) stay as different as "bat" and "bit" are.
# Observed:  with ignoreDiacritics Fuse.js finds चीनी and चूना (lime) for चना, each with the score 0 of a perfect match,
#            also with the threshold 0; for ಸೇಬು (apple) it finds ಸೀಬೆ (guava), for କାକୁଡ଼ି (cucumber) କୁକୁଡ଼ା
#            (chicken). DuckDB's NOACCENT collation and strip_accents() do the same: GROUP BY makes one group of them
#            with the mean of their prices, and WHERE name = 'चना' gives all. Both drop every mark, and in Indian
#            scripts that is every vowel after a consonant, save the inherent one. What goes by weights or combining
#            classes keeps them: DuckDB's ICU_NOACCENT, Intl.Collator with the sensitivity "base", and the usual recipe
#            of Python with unicodedata.combining().
# Versions:  fuse.js 7.5.0 (npm), duckdb 2.0.1 (PyPI)
# For us:    a search drops nuktas alone, and keeps the vowel signs of every script (docs/search.md, "What matches";
#            tests/catalog/search/test_aliases.py asks for such pairs). An app that filters names by itself should not
#            ignore accents so.
# Source:    krisk/Fuse pull request 773, where a list of all marks was proposed in the place of the Latin ones;
#            duckdb/duckdb pull request 12170, which added ICU_NOACCENT since NOACCENT sorted otherwise than PostgreSQL.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet 'duckdb==2.0.1'
npm install --silent --no-audit --no-fund --prefix "$folder" 'fuse.js@7.5.0' >/dev/null

cd "$folder"
cat >names.json <<'JSON'
{"hi": {"चना": "chickpea", "चीनी": "sugar", "चूना": "lime"}, "kn": {"ಸೇಬು": "apple", "ಸೀಬೆ": "guava"},
 "ta": {"கரும்பு": "sugarcane", "கிராம்பு": "clove"}, "or": {"କାକୁଡ଼ି": "cucumber", "କୁକୁଡ଼ା": "chicken"}}
JSON
cat >find.mjs <<'JAVASCRIPT'
import { readFileSync } from 'node:fs'
import Fuse from 'fuse.js'

const found = {}
for (const [language, names] of Object.entries(JSON.parse(readFileSync('names.json', 'utf8')))) {
  const words = Object.keys(names)
  const perfect = (options) => new Fuse(words, { includeScore: true, threshold: 0, ...options })
    .search(words[0]).filter(({ score }) => score < 0.001).map(({ item }) => item).sort()
  const base = new Intl.Collator(language, { sensitivity: 'base' })
  found[language] = {
    default: perfect({}),
    ignoring: perfect({ ignoreDiacritics: true }),
    base: words.filter((word) => base.compare(word, words[0]) === 0)
  }
}
console.log(JSON.stringify(found))
JAVASCRIPT

venv/bin/python - <<'PYTHON'
import json
import subprocess
import unicodedata
from pathlib import Path

import duckdb

NAMES = json.loads(Path("names.json").read_text("utf-8"))
FOUND = json.loads(subprocess.run(["node", "find.mjs"], check=True, stdout=subprocess.PIPE).stdout)


def without_combining(word):
    return "".join(char for char in unicodedata.normalize("NFD", word) if not unicodedata.combining(char))


for language, meanings in NAMES.items():
    first = next(iter(meanings))
    assert FOUND[language] == {"default": [first], "ignoring": sorted(meanings), "base": [first]}, FOUND
    equal = [meanings[word] for word in FOUND[language]["ignoring"] if word != first]
    print(f"as observed: Fuse.js finds for {first} ({meanings[first]}), with the score 0:", ", ".join(equal))
    for collation, together in {"noaccent": True, "icu_noaccent": False}.items():
        for word in meanings:
            same = duckdb.sql(f"SELECT '{first}' = '{word}' COLLATE {collation}").fetchall() == [(True,)]
            assert same is (together or word == first), (collation, word)
    stripped = {word: duckdb.sql(f"SELECT strip_accents('{word}')").fetchall() for word in meanings}
    assert all(of_one == stripped[first] for of_one in stripped.values()), stripped
    assert len(set(map(without_combining, meanings))) == len(meanings)

duckdb.sql("CREATE TABLE prices (name TEXT COLLATE noaccent, price INT)")
duckdb.sql("INSERT INTO prices VALUES ('चना', 90), ('चीनी', 45), ('चूना', 12), ('Café', 20), ('Cafe', 30)")
means = duckdb.sql("SELECT count(*), avg(price) FROM prices GROUP BY name ORDER BY 1 DESC").fetchall()
asked = duckdb.sql("SELECT price FROM prices WHERE name = 'चना' ORDER BY price").fetchall()
assert means == [(3, 49.0), (2, 25.0)], means
assert asked == [(12,), (45,), (90,)], asked
print("as observed: DuckDB's mean price of chickpeas, sugar and lime, as one name of three rows:", means[0][1])
PYTHON
