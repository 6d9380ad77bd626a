"""The partner's products: the generated seed, computed page by page, and over it the few rows that were changed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from farmlokal.catalog.records import ProductRecord
from farmlokal.catalog.seed import generate
from farmlokal.catalog.wire import parse_product
from farmlokal.errors import NotFound
from farmlokal.simulator.credentials import Clock

SOURCE = "partner"

Row = dict[str, Any]
"""One row of the feed, in the wire format."""


@dataclass(frozen=True, slots=True)
class Change:
    """The present state of one changed row, and when it came about (whole Unix seconds)."""

    row: Row
    changed_at_s: int

    @property
    def deleted(self) -> bool:
        """Whether the product is gone."""
        return bool(self.row.get("deleted"))


class Catalogue:
    """`products` rows, numbered from 1, that cost no memory until they are changed.

    A row that was never changed is as old as the catalogue, and so is part of no incremental page.
    """

    def __init__(self, products: int, *, clock: Clock) -> None:
        self.products = products
        self._clock = clock
        self._changes: dict[int, Change] = {}
        # The seed builds its tables for the first product, most of a second long: here, not inside the first request.
        next(generate(1, 1))

    def __repr__(self) -> str:
        return f"<Catalogue products={self.products} changed={self.changed}>"

    @property
    def changed(self) -> int:
        """How many rows were changed since the catalogue was made."""
        return len(self._changes)

    def now_s(self) -> int:
        """Tell the present moment, in the whole seconds that the feed counts in."""
        return int(self._clock())

    def page(self, after: int, size: int, *, since_s: int | None = None) -> tuple[list[Row], int | None]:
        """Up to `size` rows that follow number `after`, and the number to go on after; None when no row is left.

        With `since_s`, only rows changed at or after that second. "At" belongs to it, because rows may still change
        in the second that a walk called its `as_of`; a row sent twice does no harm, a lost one does.
        """
        if since_s is not None:
            return self._changed_page(after, size, since_s)
        # A reader may come back with the page token of a partner that had more products.
        last = max(after, min(after + size, self.products))
        return list(self._live_rows(after + 1, last)), last if last < self.products else None

    def change(self, external_id: str, fields: Mapping[str, Any]) -> Row:
        """Set `fields` of one product, raise its version, and return its new row.

        `{"deleted": True}` takes the product away; a later change brings it back with the fields it had at first.
        Raises NotFound, and InvalidRecord when the result would not keep to the wire format.
        """
        number = self._number_of(external_id)
        seeded = wire_row(next(generate(number, 1)))
        before = self._changes[number].row if number in self._changes else seeded
        row = {**(seeded if before.get("deleted") else before), **fields, "version": before["version"] + 1}
        if fields.get("deleted"):
            row = {key: row[key] for key in ("source", "external_id", "version", "deleted")}
        else:
            row.pop("deleted", None)
            parse_product(row, source=SOURCE)
        self._changes[number] = Change(row, self.now_s())
        return row

    def _number_of(self, external_id: str) -> int:
        """Find the number that `external_id` spells as the seed does: `7`, never `007`."""
        if external_id.isascii() and external_id.isdecimal() and len(external_id) <= len(str(self.products)):
            number = int(external_id)
            if 1 <= number <= self.products and str(number) == external_id:
                return number
        raise NotFound(external_id)

    def _live_rows(self, first: int, last: int) -> Iterator[Row]:
        for number, record in enumerate(generate(first, last - first + 1), start=first):
            change = self._changes.get(number)
            if change is None:
                yield wire_row(record)
            elif not change.deleted:
                yield change.row

    def _changed_page(self, after: int, size: int, since_s: int) -> tuple[list[Row], int | None]:
        numbers = sorted(
            number for number, change in self._changes.items() if number > after and change.changed_at_s >= since_s
        )
        shown = numbers[:size]
        return [self._changes[number].row for number in shown], shown[-1] if len(numbers) > size else None


def wire_row(record: ProductRecord) -> Row:
    """`record` as the partner sends it: its own source, the price in rupees, unknown fields left out."""
    row = record._asdict()
    rupees, paise = divmod(row.pop("price_paise"), 100)
    row |= {"source": SOURCE, "price": f"{rupees}.{paise:02d}"}
    return {field: value for field, value in row.items() if value is not None}
