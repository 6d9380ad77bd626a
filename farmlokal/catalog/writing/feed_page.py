"""A page of a feed in the catalogue: read as a whole, then applied in a transaction of the caller's."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from farmlokal.catalog.records import ProductRecord
from farmlokal.catalog.wire import unknown_category
from farmlokal.catalog.writing.ahead import Ready
from farmlokal.catalog.writing.feed_rows import external_id_in, is_foreign, parse_feed_row
from farmlokal.catalog.writing.known_farms import KnownFarms
from farmlokal.catalog.writing.outcomes import WriteOutcome
from farmlokal.catalog.writing.versions import Change
from farmlokal.catalog.writing.writer import ProductWriter
from farmlokal.database.interface import Database, Session
from farmlokal.errors import InvalidRecord


class Refusal(NamedTuple):
    """A row without effect, and why. external_id: None where it names no product."""

    external_id: str | None
    reason: str


class ReadPage(NamedTuple):
    """A page's rows: the changes they ask for and the malformed, both by the row's number in the page.

    seen: external ids in malformed rows of the feed's own source: those products are there. unnamed: how many
    malformed rows name no product. unknown_categories: what rows call a category that is not in the list, one for
    each such row.
    """

    changes: dict[int, Change]
    malformed: dict[int, Refusal]
    seen: set[str]
    unnamed: int
    unknown_categories: list[str]


class ReadyPage(NamedTuple):
    """A page, and its changes as they are ready for the writer."""

    page: ReadPage
    products: Ready


class AppliedPage(NamedTuple):
    """What became of a page: the outcome of each change, every refused row in the page's order, the touched tags."""

    outcomes: list[WriteOutcome]
    refusals: list[Refusal]
    tags: frozenset[str]


def read_page(rows: Sequence[object], *, source: str, now: datetime | None = None) -> ReadPage:
    """What `rows`, decoded JSON values from the feed of `source`, ask for. now: as for parse_product."""
    changes: dict[int, Change] = {}
    malformed: dict[int, Refusal] = {}
    seen: set[str] = set()
    unnamed = 0
    unknown: list[str] = []
    for number, row in enumerate(rows):
        try:
            change = changes[number] = parse_feed_row(row, source=source, now=now)
        except InvalidRecord as error:
            external_id = external_id_in(row)
            malformed[number] = Refusal(external_id, str(error))
            if is_foreign(row, source=source):
                continue
            unnamed += external_id is None
            seen |= {external_id} if external_id is not None else set()
        else:
            if isinstance(change, ProductRecord) and (label := unknown_category(row)) is not None:
                unknown.append(label)
    return ReadPage(changes, malformed, seen, unnamed, unknown)


class FeedWriter:
    """Applies pages of the feed of one source."""

    def __init__(self, database: Database, source: str) -> None:
        self.source = source
        self._farms = KnownFarms(database)
        self.products = ProductWriter(database, farms=self._farms)

    def __repr__(self) -> str:
        return f"<FeedWriter {self.source} {self._farms!r}>"

    async def prepare(self, page: ReadPage) -> ReadyPage:
        """Find out what can be known of `page` ahead of its transaction: see `ProductWriter.prepare`."""
        return ReadyPage(page, await self.products.prepare(list(page.changes.values())))

    async def apply_in(self, session: Session, ready: ReadyPage, *, sighting: str | None) -> AppliedPage:
        """Apply a page. sighting: a run that remembers every product of it. The tags are for after the commit."""
        page = ready.page
        applied = await self.products.apply_ready(session, ready.products, sighting=sighting)
        if sighting is not None and page.seen:
            await self.products.sightings.add_stored(
                session, sighting, sorted((self.source, name) for name in page.seen)
            )
        refusals = page.malformed | {
            number: Refusal(page.changes[number].external_id, one.reason or one.outcome)
            for number, one in zip(page.changes, applied, strict=True)
            if one.outcome is WriteOutcome.REJECTED
        }
        return AppliedPage(
            [one.outcome for one in applied],
            [refusals[number] for number in sorted(refusals)],
            frozenset().union(*(one.tags for one in applied)),
        )
