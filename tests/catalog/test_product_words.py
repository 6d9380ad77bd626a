"""A picture, a description and a brand on the wire, and in the digest that tells two contents of a version apart."""

from typing import Any

import pytest

from farmlokal.catalog.records import DESCRIPTION_CHARS_MAX, IMAGE_URL_CHARS_MAX
from farmlokal.catalog.wire import parse_product
from farmlokal.errors import Fault, InvalidRecord
from tests.catalog.upserting import record

WIRE: dict[str, Any] = {
    "external_id": "okra-1",
    "version": 1,
    "name": "Okra",
    "category": "vegetables",
    "price": "24.50",
    "unit": "kg",
}


def test_a_description_has_lines() -> None:
    """Line breaks of every system are one, tabs are blanks, each line is cut to what is no blank; so are its ends."""
    said = " \r\nTender,\t green \u00a0 \r\n\r\nof today\u2003\rand cheap\n"
    parsed = parse_product({**WIRE, "description": said, "brand": " Gaon\u00a0Se "}, source="feed")
    assert ("Tender,  green\n\nof today\nand cheap", "Gaon Se") == (parsed.description, parsed.brand)


def test_what_is_wrong_with_them_is_told_at_once() -> None:
    """An address that is none, a description that is too long, and a brand with a line break: three faults."""
    wrong = {"image_url": "okra.jpg", "description": "x" * (DESCRIPTION_CHARS_MAX + 1), "brand": "two\nlines"}
    with pytest.raises(InvalidRecord) as caught:
        parse_product({**WIRE, **wrong}, source="feed")
    address, description, brand = caught.value.faults
    rule = "must be an absolute http or https URL, such as https://shop.example/okra.jpg"
    assert Fault("image_url", "okra.jpg", rule) == address
    assert ("description", f"String should have at most {DESCRIPTION_CHARS_MAX} characters") == (
        description.parameter,
        description.detail,
    )
    assert ("brand", "two\nlines") == brand[:2]


def test_the_longest_are_taken() -> None:
    """Up to the stated number of characters of any script; an empty address is refused."""
    address = "https://images.example/".ljust(IMAGE_URL_CHARS_MAX, "a")
    parsed = parse_product(
        {**WIRE, "image_url": address, "description": "भ" * DESCRIPTION_CHARS_MAX, "brand": None}, source="feed"
    )
    assert (address, DESCRIPTION_CHARS_MAX, None) == (parsed.image_url, len(parsed.description or ""), parsed.brand)
    with pytest.raises(InvalidRecord, match="image_url"):
        parse_product({**WIRE, "image_url": address + "a"}, source="feed")
    with pytest.raises(InvalidRecord, match="image_url"):
        parse_product({**WIRE, "image_url": ""}, source="feed")


def test_each_of_them_is_part_of_the_digest() -> None:
    """Every difference is one, and the same text in another of the three fields too."""
    same = "https://a.example"
    one_of_them: list[dict[str, Any]] = [{"image_url": same}, {"description": same}, {"brand": same}]
    digests = {record().digest(), *(record(**field).digest() for field in one_of_them)}
    assert 4 == len(digests)
