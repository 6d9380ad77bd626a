#!/usr/bin/env bash
# price-parser reads "Rs.50" as half a rupee.
#
# Expected:  50. "Rs." is the abbreviation of rupees that Indian price lists use most, often without a space behind it;
#            the library knows it, and reads "Rs. 50" and "Rs.500" as they are meant.
# Observed:  the full stop of the abbreviation is taken for a decimal point where the digits after it are not three:
#            "Rs.50" is 0.50 and "Rs.1200" is 0.1200, while "Rs.500" is 500. Naming the separator
#            (decimal_separator=".") does not help, it makes "Rs.500" 0.500 as well. The currency is found in all of
#            them.
# Versions:  price-parser 0.5.1 (PyPI)
# For us:    the market files and the wire format take a plain decimal number and nothing else; a price with a currency
#            before it is refused by name (docs/catalogue.md, "Surprises"; tests/catalog/imports/test_import_mandi.py).
# Source:    seen here; see also scrapinghub/price-parser pull request 42, since which ".75" is 0.75.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet 'price-parser==0.5.1'

"$folder/venv/bin/python" - <<'PYTHON'
from price_parser import Price

TEXTS = ["Rs. 50", "Rs.50", "Rs.500", "Rs.1200", "Rs.1,200", "Rs.24.50"]
EXPECTED = {
    "Rs. 50": ("50", "Rs"),
    "Rs.50": ("0.50", "Rs"),  # 50 was meant
    "Rs.500": ("500", "Rs"),
    "Rs.1200": ("0.1200", "Rs"),  # 1200 was meant
    "Rs.1,200": ("1200", "Rs"),
    "Rs.24.50": ("24.50", "Rs"),
}
seen = {text: (str(price.amount), price.currency) for text in TEXTS for price in [Price.fromstring(text)]}
assert seen == EXPECTED, seen
told = str(Price.fromstring("Rs.500", decimal_separator=".").amount)
assert told == "0.500", told
print("as observed:", ", ".join(f"{text!r} is {amount}" for text, (amount, _) in seen.items()))
PYTHON
