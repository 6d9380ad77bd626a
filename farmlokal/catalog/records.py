"""A product as it arrives from outside, already checked: what seeding, imports, feeds and events hand to the store."""

from collections.abc import Callable
from hashlib import blake2b
from operator import attrgetter
from typing import Any, NamedTuple

import orjson

# Lengths in characters, and the largest numbers that the columns of schema.sql hold.
SOURCE_CHARS_MAX = 32
EXTERNAL_ID_CHARS_MAX = 191
NAME_CHARS_MAX = 200
UNIT_CHARS_MAX = 16
PLACE_CHARS_MAX = 100
IMAGE_URL_CHARS_MAX = 1000
DESCRIPTION_CHARS_MAX = 2000
BRAND_CHARS_MAX = 100
PRICE_PAISE_MAX = 999_999_999_99
STOCK_MAX = 2**31 - 1
VERSION_MAX = 2**63 - 1

MARKET_SOURCE = "mandi"
"""The source of what market files say. Its products are known by names, so that their identities may change."""


class ProductRecord(NamedTuple):
    """One version of one product from one source.

    `stock` and `created_at` are None where the record does not say them: the stored value is then kept.
    `created_at` is UTC in whole seconds as RFC 3339 writes it, `2026-11-22T10:15:00Z`. `said` holds the words of a row
    of a market file, and is None in records from elsewhere. Such a row does not say where its market is: `lat` and
    `lon` come from another file, and the stored place is kept where they are None. Its lowest and highest price of the
    day are kept beside the product (`price_days`), with `price_paise` between them; None where it gives none.
    """

    source: str
    external_id: str
    version: int
    name: str
    category: str
    price_paise: int
    unit: str
    farm: str | None = None
    market: str | None = None
    district: str | None = None
    state: str | None = None
    lat: float | None = None
    lon: float | None = None
    stock: int | None = None
    organic: bool = False
    rating: float | None = None
    created_at: str | None = None
    said: str | None = None
    min_paise: int | None = None
    max_paise: int | None = None
    image_url: str | None = None
    description: str | None = None
    brand: str | None = None

    def digest(self) -> str:
        """32 hexadecimal digits that tell two contents of one version apart: BLAKE2b over the record as it was sent.

        Kept with the row, because the row itself moves on (an order lowers its stock) without a new version. The first
        half of a market row's is of what it says alone: the tables by which it was read may have changed.
        """
        if self.said is None:
            content = _content(self)
            later = _later_content(self)
            if later != _NONE_LATER:
                content += later
            return blake2b(orjson.dumps(content), digest_size=16).hexdigest()
        said = blake2b(self.said.encode(), digest_size=8).hexdigest()
        return said + blake2b(orjson.dumps(_content_of_market(self)), digest_size=8).hexdigest()

    def says_as(self, digest: str) -> bool:
        """Whether a stored `digest` is of the same words of a market file as this record."""
        if self.said is None:
            return False
        return digest.startswith(blake2b(self.said.encode(), digest_size=8).hexdigest())


_CONTENT = ProductRecord._fields[3 : ProductRecord._fields.index("said")]
_content: Callable[[ProductRecord], tuple[Any, ...]] = attrgetter(*_CONTENT)
# They came with schema version 5. A record without any has the digest that the release before stored for it.
_later_content: Callable[[ProductRecord], tuple[Any, ...]] = attrgetter("image_url", "description", "brand")
_NONE_LATER = (None, None, None)
_content_of_market: Callable[[ProductRecord], tuple[Any, ...]] = attrgetter(
    *(name for name in _CONTENT if name not in ("lat", "lon")), "min_paise", "max_paise"
)


class Deletion(NamedTuple):
    """A source says that one of its products is gone, as of `version`."""

    source: str
    external_id: str
    version: int

    def digest(self) -> str:
        """32 zeros: every deletion of one version has the same content, and no record's digest."""
        return "0" * 32
