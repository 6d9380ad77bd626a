"""What an import of one file has come to, from its first row on: an interrupted one can say what landed."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

from farmlokal.catalog.imports.reasons import BadRow, Reasons
from farmlokal.catalog.writing.outcomes import Tally, WriteOutcome

# A file whose every row has a category of its own must not fill the memory.
_UNKNOWN_NAMES_MAX = 1000


class Scope(NamedTuple):
    """What a file of market prices lists, and as of when.

    markets: what the identities of each market's products begin with. newest_day, newest_version: its last day, and the
    version of what it says of it.
    """

    markets: frozenset[str]
    newest_day: date
    newest_version: int


@dataclass
class ImportSummary:
    """What became of the rows so far.

    bad_rows: those that are no record. not_reported: rows of markets that give no price, which are no products. tally:
    of the records, by outcome. reasons: why rows were bad or rejected. implausible: how many of the records have a
    price out of all proportion, doubts: what is doubted. scope: what a file of market prices covers, once all of it is
    read; None for one of products.

    unknown_rows: how many of the records have a category that is not in the list, and became `other`.
    unknown_categories: how many by what they call it, for the first thousand such names.

    remarks: what people should know of the file as a whole, such as the form that it has. stopped: whether the rest was
    not read because too many rows were bad. refusal: why the file as a whole was refused.
    """

    name: str = ""
    bad_rows: int = 0
    not_reported: int = 0
    implausible: int = 0
    unknown_rows: int = 0
    stopped: bool = False
    refusal: str | None = None
    scope: Scope | None = None
    tally: Tally = field(default_factory=Counter)
    sources: set[str] = field(default_factory=set)
    reasons: Reasons = field(default_factory=Reasons)
    doubts: Reasons = field(default_factory=Reasons)
    unknown_categories: Counter[str] = field(default_factory=Counter)
    remarks: list[str] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """All of them: bad rows, those without a price, and records."""
        return self.bad_rows + self.not_reported + self.tally.total()

    @property
    def errors(self) -> int:
        """Rows that could not land: bad ones, and those that the catalogue rejected."""
        return self.bad_rows + self.tally[WriteOutcome.REJECTED]

    @property
    def landed(self) -> int:
        """Rows that are in the catalogue, by this import or from before."""
        return self.tally.total() - self.tally[WriteOutcome.REJECTED]

    @property
    def complete(self) -> bool:
        """Whether every row landed, or was there already: none was bad, and the store rejected none."""
        return not (self.errors or self.stopped or self.refusal)

    def note_unknown(self, label: str) -> None:
        """Count a record whose category, `label`, is not in the list."""
        self.unknown_rows += 1
        if label in self.unknown_categories or len(self.unknown_categories) < _UNKNOWN_NAMES_MAX:
            self.unknown_categories[label] += 1

    def note_implausible(self, doubt: BadRow) -> None:
        """Count a record whose price is out of all proportion."""
        self.implausible += 1
        self.doubts.note(doubt)
