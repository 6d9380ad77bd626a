"""The daily price CSV of India's open data portal: one row is one market's price of one variety on one day."""

from collections.abc import Iterator, Mapping, Sequence

from farmlokal.catalog.imports.csv_rows import csv_rows
from farmlokal.catalog.imports.lines import Lines
from farmlokal.catalog.imports.market_rows import MarketRow, NumberedRow
from farmlokal.catalog.normalise import slug
from farmlokal.errors import InvalidRecord

_FIELDS = MarketRow._fields[:-1]
COLUMNS = tuple(field.replace("_", "-") for field in _FIELDS)

# Columns that no other file of ours has: a header with one of them claims to be the price CSV.
TELLING_COLUMNS = frozenset({"commodity", "arrival-date", "modal-price"})


def plain_column(published: str) -> str:
    """The column that a header cell means: the portal writes the blank of `Min Price` as `_x0020_`, as XML does."""
    return slug(published.replace("_x0020_", " "))


def published_columns(header: Sequence[str]) -> Mapping[str, str]:
    """What `header` calls each field of a MarketRow."""
    return {plain_column(cell).replace("-", "_"): cell for cell in header}


def mandi_rows(lines: Lines, header: Sequence[str]) -> Iterator[NumberedRow]:
    """Each row's line number and cells, or what is wrong with it. header: the published one, with all of COLUMNS."""
    published = published_columns(header)
    columns = [published[field] for field in _FIELDS]
    for number, row in csv_rows(lines, header):
        yield number, row if isinstance(row, InvalidRecord) else MarketRow(*[row[column] for column in columns])
