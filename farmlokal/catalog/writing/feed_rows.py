"""One row of a partner's feed: the wire format, the feed's own source, and deletions among the products."""

from datetime import datetime
from typing import Any

from farmlokal.catalog.records import EXTERNAL_ID_CHARS_MAX, Deletion, ProductRecord
from farmlokal.catalog.wire import WireDeletion, WireProduct, parse_deletion, parse_product
from farmlokal.errors import Fault, InvalidRecord
from farmlokal.formats.text import accepted, storable

# What a deleted row may still say of the product that it was.
_LAST_WORDS = WireProduct.model_fields.keys() - WireDeletion.model_fields.keys()


def parse_feed_row(row: object, *, source: str, now: datetime | None = None) -> ProductRecord | Deletion:
    """The change that `row`, one decoded JSON value, asks for. Raises InvalidRecord, which lists every fault.

    source: the feed's own. A row that claims another one is refused: no feed speaks for anybody else.
    now: as for parse_product.
    """
    if not isinstance(row, dict):
        return parse_product(row, source=source, now=now)
    if is_foreign(row, source=source):
        raise InvalidRecord([Fault("source", row["source"], f"must be {source}, the feed's own")])
    fields = row
    if "deleted" in row or row.get("source", source) is None:
        fields = {name: value for name, value in row.items() if name not in ("deleted", "source")}
        if row.get("source") is not None:
            fields["source"] = row["source"]
    deleted = row.get("deleted")
    if deleted is not None and not isinstance(deleted, bool):
        raise InvalidRecord([Fault("deleted", str(deleted), "must be true or false")])
    if not deleted:
        return parse_product(fields, source=source, now=now)
    return parse_deletion({name: value for name, value in fields.items() if name not in _LAST_WORDS}, source=source)


def is_foreign(row: object, *, source: str) -> bool:
    """Whether `row` claims to be of another source than the feed's."""
    named = row.get("source") if isinstance(row, dict) else None
    return isinstance(named, str) and named != source and _plain(named) != source


def external_id_in(row: object) -> str | None:
    """The external id that a refused row names as well as it can be read, cut to what is stored; None without one."""
    named: Any = row.get("external_id") if isinstance(row, dict) else None
    if isinstance(named, bool) or not isinstance(named, str | int):
        return None
    return _plain(str(named))[:EXTERNAL_ID_CHARS_MAX] or None


def _plain(text: str) -> str:
    """`text` as it would be stored; of one that is refused, what can be stored of it."""
    try:
        return accepted(text)
    except ValueError:
        return storable(text.strip())
