#!/usr/bin/env bash
# Libraries that spell Hindi in Latin letters seldom spell as people type: tamatar is ttmaattr, tmatr or tamatara.
#
# Expected:  whoever wants टमाटर to be found by "tamatar" has a library spell the catalogue's words in Latin letters: up
#            to accents and case that is what people type.
# Observed:  of twelve everyday vegetables, with each usual spelling allowed (aloo, alu; pyaz, pyaj), slug has none as
#            typed, Unidecode one, sanscript two in each of five schemes, anyascii and ICU three, uroman six; none of
#            them has tomato. ICU and sanscript write each a that the script leaves out, spoken or not (tamatara,
#            palaka), Unidecode and anyascii none (ttmaattr, mtr). Unidecode and uroman double ā and ṭ; slug has no
#            vowel signs (भिंडी, okra: bhada). The packages of npm say the same as those of PyPI. To count double letters
#            as one and drop a last a, in what is typed too, brings ICU to eleven, sanscript and uroman to nine,
#            Unidecode to four. Two that know when Hindi speaks its a are close: aksharamukha, told RemoveSchwaHindi,
#            has all twelve, andhrica eleven. Of the Tamil தக்காளி (tomato; thakkali, takkali) sanscript makes dhaghghāḷi.
# Versions:  Unidecode 1.4.0, anyascii 0.3.3, indic-transliteration 2.3.82 (sanscript), icukit-pyicu 78.3.1 (ICU 78.3),
#            uroman 1.3.1.1, andhrica 0.1.0, aksharamukha 2.3 (PyPI); transliteration 2.6.1 (Unidecode's tables),
#            any-ascii 0.3.3, @indic-transliteration/sanscript 1.3.3, slug 12.0.1 (npm)
# For us:    a word is found by a table of what people write, in its script and in Latin letters; none is converted
#            (docs/search.md, "What matches"; tests/catalog/search/test_aliases.py asks for these words).
# Source:    indic-transliteration/indic_transliteration_py pull request 87 tells of the silent a, and would drop it on
#            request; indic-transliteration/sanscript.js issue 25 tells of Tamil; Trott/slug pull request 55 brought
#            slug's Devanagari. The manual of Text::Unidecode says that it looks at no context.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet 'Unidecode==1.4.0' 'anyascii==0.3.3' 'indic-transliteration==2.3.82' \
  'icukit-pyicu==78.3.1' 'uroman==1.3.1.1' 'andhrica==0.1.0' 'aksharamukha==2.3'
npm install --silent --no-audit --no-fund --prefix "$folder" \
  'transliteration@2.6.1' 'any-ascii@0.3.3' '@indic-transliteration/sanscript@1.3.3' 'slug@12.0.1' >/dev/null

cd "$folder"
cat >spell.mjs <<'JAVASCRIPT'
import Sanscript from '@indic-transliteration/sanscript'
import anyAscii from 'any-ascii'
import slug from 'slug'
import { transliterate } from 'transliteration'

const words = process.argv.slice(2)
console.log(JSON.stringify({
  transliteration: words.map((word) => transliterate(word)),
  'any-ascii': words.map((word) => anyAscii(word)),
  sanscript: words.map((word) => Sanscript.t(word, 'devanagari', 'iast')),
  slug: words.map((word) => slug(word)),
  tamil: Sanscript.t('தக்காளி', 'tamil', 'iso')
}))
JAVASCRIPT

venv/bin/python -W ignore - <<'PYTHON'
import json
import re
import subprocess
import unicodedata

import andhrica
import icu
from aksharamukha.transliterate import process
from anyascii import anyascii
from indic_transliteration import sanscript
from unidecode import unidecode
from uroman import Uroman

TYPED = {
    "टमाटर": "tamatar tamaatar tamater timatar",
    "आलू": "aloo alu aalu aaloo",
    "भिंडी": "bhindi bhindee bhendi",
    "प्याज": "pyaz pyaj pyaaz pyaaj piyaz",
    "पालक": "palak paalak",
    "गोभी": "gobhi gobi gobhee",
    "मिर्च": "mirch mirchi",
    "बैंगन": "baingan baigan bengan",
    "मटर": "matar mattar mutter matter",
    "अदरक": "adrak adarak",
    "लहसुन": "lahsun lehsun lahasun lasun",
    "गाजर": "gajar gaajar",
}
WORDS = list(TYPED)


def plain(spelling):
    """Without accents and case."""
    return re.sub("[^a-z]", "", unicodedata.normalize("NFKD", spelling).lower())


def loose(spelling):
    """With double letters as one, too, and without a last a."""
    return re.sub(r"(.)\1", r"\1", plain(spelling)).removesuffix("a")


def as_typed(spellings, fold):
    return sum(
        fold(spelling) in map(fold, typed.split()) for typed, spelling in zip(TYPED.values(), spellings, strict=True)
    )


of_npm = json.loads(subprocess.run(["node", "spell.mjs", *WORDS], check=True, stdout=subprocess.PIPE).stdout)
latin = icu.Transliterator.createInstance("Any-Latin; Latin-ASCII").transliterate
uroman = Uroman()
spelled = {
    "slug": of_npm["slug"],
    "Unidecode": list(map(unidecode, WORDS)),
    "sanscript": [sanscript.transliterate(word, "devanagari", "iast") for word in WORDS],
    "anyascii": list(map(anyascii, WORDS)),
    "ICU": list(map(latin, WORDS)),
    "uroman": [uroman.romanize_string(word, lcode="hin") for word in WORDS],
    "andhrica": andhrica.transliterate("hi", WORDS),
    "aksharamukha": [
        process("Devanagari", "RomanColloquial", word, pre_options=["RemoveSchwaHindi"]) for word in WORDS
    ],
}
seen = {
    name: (plain(spellings[0]), as_typed(spellings, plain), as_typed(spellings, loose))
    for name, spellings in spelled.items()
}
assert seen == {
    "slug": ("tamatara", 0, 3),
    "Unidecode": ("ttmaattr", 1, 4),
    "sanscript": ("tamatara", 2, 9),
    "anyascii": ("tmatr", 3, 3),
    "ICU": ("tamatara", 3, 11),
    "uroman": ("ttamaattar", 6, 9),
    "andhrica": ("tamatar", 11, 11),
    "aksharamukha": ("tamatar", 12, 12),
}, seen
assert (spelled["Unidecode"], spelled["anyascii"]) == (of_npm["transliteration"], of_npm["any-ascii"])
assert spelled["sanscript"] == of_npm["sanscript"], of_npm
for scheme in ("iso", "itrans", "hk", "optitrans"):
    assert as_typed([sanscript.transliterate(word, "devanagari", scheme) for word in WORDS], plain) == 2, scheme
palak, okra, peas = (WORDS.index(word) for word in ("पालक", "भिंडी", "मटर"))
assert plain(spelled["sanscript"][palak]) == spelled["ICU"][palak] == "palaka"
assert (spelled["slug"][okra], spelled["anyascii"][peas]) == ("bhada", "mtr")
for name, (tomato, typed, loosely) in seen.items():
    print(f"as observed: {name} makes {tomato} of tomato, and {typed} of 12 words as typed; loosely {loosely}")

tamil = "தக்காளி"
assert sanscript.transliterate(tamil, "tamil", "iso") == of_npm["tamil"] == "dhaghghāḷi"
assert (latin(tamil), process("Tamil", "RomanColloquial", tamil)) == ("takkali", "thakkali"), latin(tamil)
print("as observed: sanscript makes", of_npm["tamil"], "of", tamil, "and ICU", latin(tamil))
PYTHON
