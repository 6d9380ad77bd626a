"""What is selected of the products of a page."""

from typing import NamedTuple

import orjson

from farmlokal.catalog.places import kilometres


class ShownRow(NamedTuple):
    """What a page's statement selects of one product: its finished JSON object, its sort value, its squared chord."""

    product: bytes
    sort_value: bytes
    squared: bytes | None = None

    def body(self) -> bytes:
        """The JSON object that clients see: with its distance, on a page near a place."""
        if self.squared is None:
            return self.product
        return b'%b,"distance_km":%b}' % (self.product[:-1], orjson.dumps(kilometres(int(self.squared))))
