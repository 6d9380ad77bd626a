"""Names that mean the same: states, districts, markets and commodities that were renamed or are spelled in two ways.

`aliases.csv` ships with the package; an operator's file of the same columns goes before it:

kind     `state`, `district`, `market` or `commodity`
state    the state that the name of a district or market counts in; empty for every state
name     the other name, in any case and punctuation; `* APMC` stands for every market's name that ends so
means    the name that it is to meet; for `* APMC` a `*`, what stands before the ending
"""

import csv
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from hashlib import blake2b
from importlib.resources import files
from pathlib import Path

from farmlokal.catalog.imports.opening import open_regular
from farmlokal.catalog.normalise import text_key
from farmlokal.errors import ImportRefused

_COLUMNS = ["kind", "state", "name", "means"]
_KINDS = ("state", "district", "market", "commodity")
_ANY = "* "
_COMMODITIES_MAX = 10_000  # that are remembered: a file of nothing but new names must not fill the memory
_STEPS_MAX = 8  # of one alias to the next: what goes on for longer is a circle


class Aliases:
    """The alias tables. digest: tells two versions of them apart."""

    def __init__(self, texts: Iterable[str]) -> None:
        """texts: CSV files; where two say something of one name, the first counts. Raises ImportRefused."""
        self._means: dict[tuple[str, str, str], str] = {}
        self._endings: dict[str, tuple[str, ...]] = {}
        self._commodities: dict[str, str] = {}
        digest = blake2b(digest_size=16)
        for text in texts:
            digest.update(text.encode())
            for number, row in enumerate(csv.reader(text.splitlines()), start=1):
                if number == 1:
                    if row != _COLUMNS:
                        raise ImportRefused(f"the table of aliases must begin with {','.join(_COLUMNS)}")
                elif row:
                    self._add(number, row)
        self.digest = digest.hexdigest()

    def __repr__(self) -> str:
        return f"<Aliases names={len(self._means)} endings={sum(map(len, self._endings.values()))}>"

    def state(self, name: str) -> str:
        """The key of a state under any of its names."""
        return self._meant("state", "", words_key(name))

    def district(self, state: str, name: str) -> str:
        """The key of a district. state: the state's key."""
        return self._meant("district", state, words_key(name))

    def market(self, state: str, name: str) -> str:
        """The key of a market. state: the state's key."""
        key = self._meant("market", state, words_key(name))
        for ending in self._endings.get("market", ()):
            if (before := key.removesuffix(ending)) not in (key, ""):
                return self._meant("market", state, before)
        return key

    def commodity(self, name: str) -> str:
        """The key of a commodity under any of its names."""
        key = self._commodities.get(name)
        if key is None:
            key = self._meant("commodity", "", words_key(name))
            if len(self._commodities) < _COMMODITIES_MAX:
                self._commodities[name] = key
        return key

    def _add(self, number: int, row: list[str]) -> None:
        if len(row) != len(_COLUMNS) or row[0] not in _KINDS:
            raise ImportRefused(
                f"the table of aliases: line {number}: must be {','.join(_COLUMNS)}, with a kind of {', '.join(_KINDS)}"
            )
        kind, state, name, means = row
        if name.startswith(_ANY) and means == "*" and kind == "market":
            ending = f"-{words_key(name)}"
            self._endings[kind] = tuple(dict.fromkeys([*self._endings.get(kind, ()), ending]))
            return
        place = self.state(state) if state else ""
        if words_key(name) != words_key(means):
            self._means.setdefault((kind, place, words_key(name)), words_key(means))

    def _meant(self, kind: str, state: str, key: str) -> str:
        for _ in range(_STEPS_MAX):
            means = self._means.get((kind, state, key)) or self._means.get((kind, "", key))
            if means is None:
                return key
            key = means
        raise ImportRefused(f"the table of aliases: {kind} {key!r} means itself, by way of others")


@lru_cache(maxsize=16_384)  # some thousands of names make up a file
def words_key(name: str) -> str:
    """The words of `name` in letters, marks and digits of any script, joined by hyphens, whatever case and punctuation.

    `Alwar (F&V)` and `ALWAR(F & V)` → `alwar-f-v`. Vowel signs are marks, and stay.
    """
    kept = (char if unicodedata.category(char)[0] in "LMN" else " " for char in text_key(name))
    return "-".join("".join(kept).split())


def load_aliases(own: Path | None = None) -> Aliases:
    """The aliases that ship, and before them those of the operator's file `own`. Raises ImportRefused."""
    texts = [files(__package__).joinpath("aliases.csv").read_text(encoding="utf-8")]
    if own is not None:
        with open_regular(own) as file:
            try:
                texts.insert(0, file.read().decode("utf-8-sig"))
            except UnicodeDecodeError as error:
                raise ImportRefused(f"{own}: is not UTF-8 text") from error
    try:
        return Aliases(texts)
    except ImportRefused as error:
        raise ImportRefused(f"{own}: {error}" if own else str(error)) from error
