"""What is selected of the products of a page."""

from typing import NamedTuple


class ShownRow(NamedTuple):
    """What `page_statement` selects of one product: its finished JSON object, and its sort value."""

    product: bytes
    sort_value: bytes
