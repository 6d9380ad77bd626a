#!/usr/bin/env bash
# Three libraries for units read `mt` as a milli-tonne, which is 1 kg, and pint reads `doz` as a tenth of an ounce.
#
# Expected:  `mt`, as price lists and market reports write the metric tonne, is 1,000 kg or is refused. `doz`, `pcs`,
#            `pkt` and `bag` are counts or are refused. `t` is the tonne, as the SI has it.
# Observed:  pint, js-quantities and mathjs put a prefix before nearly any unit, without an error or a warning: 10 mt of
#            onions are 10 kg, so that a price for the tonne becomes one for the kilogram, a thousand times too much. A
#            doz is 2.8 g to pint (deci-ounce), pcs are parsecs, a pkt a speed (pico-knot), a pinch 25 femtometres; a
#            bag is 42.6 kg, of cement. It knows no dozen. 500 gr are 32 g to pint, mathjs and convert (grains), and
#            72,000 pieces to js-quantities (gross). A ct is a carat of 0.2 g, or 10 kg to mathjs (centi-tonne). To
#            convert-units mt is the tonne, and t 907 kg. Quintal, qtl, kgs, gm and ltr are known to none of the seven:
#            a list with them is noticed at once, and one with mt or doz is not. unyt and astropy read none of these.
# Versions:  pint 0.25.3, unyt 3.2.0, astropy 8.0.2 (PyPI); js-quantities 1.8.0, mathjs 15.2.0, convert-units 2.3.4,
#            convert 8.0.2 (npm)
# For us:    an import knows a short list of words for what a market's price is for, and refuses all others by that list
#            (docs/catalogue.md, "Surprises"; tests/catalog/imports/test_import_units.py). A shop's unit is a text that
#            nothing is reckoned with.
# Source:    pint's documentation says that prefixes go with any unit, and hgrecco/pint issue 273 tells of the pinch;
#            gentooboontoo/js-quantities issue 39 of the two meanings of gr, convert-units/convert-units issue 220 of t.
#            Of mt and doz nothing was found.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet 'pint==0.25.3' 'unyt==3.2.0' 'astropy==8.0.2'
npm install --silent --no-audit --no-fund --prefix "$folder" \
  'js-quantities@1.8.0' 'mathjs@15.2.0' 'convert-units@2.3.4' 'convert@8.0.2' >/dev/null

cd "$folder"
cat >read.mjs <<'JAVASCRIPT'
import { convert } from 'convert'
import convertUnits from 'convert-units'
import Qty from 'js-quantities'
import { unit } from 'mathjs'

const MEASURES = { mass: 'kg', length: 'm', volume: 'l' }
const readers = {
  'js-quantities' (word) {
    const read = Qty(`1 ${word}`)
    return read.isCompatible('kg') ? read.to('kg').scalar : read.kind()
  },
  mathjs (word) {
    const read = unit(`1 ${word}`)
    return read.hasBase('MASS') ? read.toNumber('kg') : read.dimensions.join(' ')
  },
  'convert-units' (word) {
    const { measure } = convertUnits().describe(word)
    return measure === 'mass' ? convertUnits(1).from(word).to('kg') : measure
  },
  convert (word) {
    const read = convert(1, word)
    for (const [measure, base] of Object.entries(MEASURES)) {
      try {
        const amount = read.to(base)
        return measure === 'mass' ? amount : measure
      } catch {}
    }
    throw new Error(word)
  }
}
const seen = {}
for (const [name, read] of Object.entries(readers)) {
  seen[name] = {}
  for (const word of process.argv.slice(2)) {
    try {
      seen[name][word] = read(word)
    } catch {
      seen[name][word] = 'refused'
    }
  }
}
console.log(JSON.stringify(seen))
JAVASCRIPT

venv/bin/python - <<'PYTHON'
import json
import subprocess
import warnings

import astropy.units
import pint
import unyt

WORDS = ["kg", "t", "mt", "gr", "ct", "doz", "pcs", "pkt", "pinch", "bag", "dozen"]
SAFE = ["quintal", "qtl", "kgs", "gm", "gms", "Kg", "KG", "ltr", "ltrs"]
REGISTRY = pint.UnitRegistry()


def by_pint(word):
    read = REGISTRY(f"1 {word}")
    return read.to("kg").magnitude if read.check("[mass]") else str(read.units)


def by_unyt(word):
    return unyt.unyt_quantity(1, word).to_value("kg")


def by_astropy(word):
    return astropy.units.Quantity(1, word).to_value("kg")


def reading(read, word):
    try:
        return read(word)
    except (pint.UndefinedUnitError, unyt.exceptions.UnitParseError, TypeError, ValueError):
        return "refused"


def rounded(read):
    return float(f"{read:.3g}") if isinstance(read, int | float) else read


warnings.simplefilter("error")
readers = {"pint": by_pint, "unyt": by_unyt, "astropy": by_astropy}
seen = {name: {word: reading(read, word) for word in WORDS + SAFE} for name, read in readers.items()}
seen |= json.loads(subprocess.run(["node", "read.mjs", *WORDS, *SAFE], check=True, stdout=subprocess.PIPE).stdout)
seen = {name: {word: rounded(read) for word, read in of.items() if read != "refused"} for name, of in seen.items()}
GRAIN = 6.48e-05
expected = {name: {"kg": 1, "t": 1000} for name in seen}
expected["pint"] |= {"mt": 1, "gr": GRAIN, "ct": 0.0002, "doz": 0.00283, "bag": 42.6}
expected["pint"] |= {"pcs": "parsec", "pkt": "picoknot", "pinch": "picoinch"}
expected["js-quantities"] |= {"mt": 1, "gr": "unitless", "ct": 0.0002, "doz": "unitless", "dozen": "unitless"}
expected["js-quantities"] |= {"pkt": "speed", "pinch": "length"}
expected["mathjs"] |= {"mt": 1, "gr": GRAIN, "ct": 10}
expected["convert-units"] |= {"t": 907, "mt": 1000}
expected["convert"] |= {"gr": GRAIN}
assert seen == expected, seen
for name, of in seen.items():
    told = (f"{word} {read:g} kg" if isinstance(read, float) else f"{word} {read}" for word, read in of.items())
    print(f"as observed: {name} reads {', '.join(told)}")
print("as observed: none of them reads", ", ".join(SAFE))
PYTHON
