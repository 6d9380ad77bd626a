#!/usr/bin/env bash
# Search libraries that know Unicode cut Indian words at their vowel signs: टमाटर (tomato) becomes टम and टर.
#
# Expected:  SQLite's FTS5 tokenizer is called unicode61, Python's \w is "any character in the Unicode sense" and
#            JavaScript's \p{L} is any letter: a word in Devanagari or Tamil is one word.
# Observed:  vowel signs, the virama and the anusvara are marks (categories Mn and Mc), not letters. FTS5 files टमाटर
#            under टम and टर, so that a search for टर (no word) finds tomatoes, and मिर्च (chilli) under its three
#            consonants, so that a search for "च म र" does. Python's re does the same, and calls no such word \w+. lunr
#            files all of them under the empty term, and finds none. minisearch, which splits at spaces and punctuation
#            instead, Python's other engine (regex) and FTS5 with the categories L*, N* and M* are right.
# Versions:  SQLite 3.54.1 (apsw 3.54.1.0), regex 2026.11.19 (PyPI); lunr 2.3.9, minisearch 7.2.0 (npm)
# For us:    no word of a name is left to a library to find: names are compared as whole keys (docs/catalogue.md,
#            "Surprises"). A search over them has to count the categories L, N and M as parts of a word.
# Source:    SQLite's FTS5 page gives unicode61's default categories as "L* N* Co"; seen here with words of the trade.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet 'apsw==3.54.1.0' 'regex==2026.11.19'
npm install --silent --no-audit --no-fund --prefix "$folder" 'lunr@2.3.9' 'minisearch@7.2.0' >/dev/null

"$folder/venv/bin/python" - <<'PYTHON'
import re

import apsw
import regex

TOMATO, ONION, CHILLI = "टमाटर", "कांदा", "मिर्च"
database = apsw.Connection(":memory:")


def filed(name, options):
    """The terms that an FTS5 table files the three words under."""
    database.execute(f"CREATE VIRTUAL TABLE {name} USING fts5(word{options})")
    database.execute(f"CREATE VIRTUAL TABLE {name}_terms USING fts5vocab({name}, 'row')")
    database.executemany(f"INSERT INTO {name} VALUES (?)", [(TOMATO,), (ONION,), (CHILLI,)])
    return {term for (term,) in database.execute(f"SELECT term FROM {name}_terms")}


def found(name, words):
    return [word for (word,) in database.execute(f"SELECT word FROM {name} WHERE {name} MATCH ?", (words,))]


cut = filed("plain", "")
assert cut == {"टम", "टर", "क", "द", "म", "र", "च"}, cut
assert found("plain", "टर") == [TOMATO], found("plain", "टर")
assert found("plain", "च म र") == [CHILLI], found("plain", "च म र")
whole = filed("marked", ", tokenize=\"unicode61 categories 'L* N* M*'\"")
assert whole == {TOMATO, ONION, CHILLI}, whole
assert found("marked", "टर") == [], found("marked", "टर")

assert re.findall(r"\w+", TOMATO) == ["टम", "टर"], re.findall(r"\w+", TOMATO)
assert re.fullmatch(r"\w+", TOMATO) is None
assert regex.findall(r"\w+", TOMATO) == [TOMATO], regex.findall(r"\w+", TOMATO)
print("as observed: FTS5 and re cut", TOMATO, "into टम and टर; FTS5 with M*, and regex, do not")
PYTHON

cd "$folder"
cat >search.mjs <<'JAVASCRIPT'
import assert from 'node:assert/strict'
import lunr from 'lunr'
import MiniSearch from 'minisearch'

const words = ['टमाटर', 'कांदा', 'मिर्च', 'தக்காளி']
const index = lunr(function () {
  this.ref('id')
  this.field('word')
  words.forEach((word, id) => this.add({ id, word }))
})
assert.deepEqual(Object.keys(index.invertedIndex), [''])
assert.deepEqual(words.map((word) => index.search(word).length), [0, 0, 0, 0])

const mini = new MiniSearch({ fields: ['word'] })
mini.addAll(words.map((word, id) => ({ id, word })))
assert.deepEqual(words.map((word) => mini.search(word).map((hit) => hit.id)), [[0], [1], [2], [3]])

assert.deepEqual('टमाटर'.match(/\p{L}+/gu), ['टम', 'टर'])
console.log('as observed: lunr finds none of four Indian words, minisearch each of them')
JAVASCRIPT
node search.mjs
