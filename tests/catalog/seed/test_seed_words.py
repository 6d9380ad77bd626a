"""Pictures, descriptions and brands of the seed: some products have them, the same ones on every machine."""

from collections import Counter
from hashlib import sha256

import pytest

from farmlokal.catalog.seed import generate

# As with the other fields: changed on purpose only.
DIGEST_OF_THE_FIRST_1000 = "6abb7e941fcf443e94d7d40f04ffddd3ebd1506498ad13ae521f0bec7a91588f"
SAMPLE = 20_000


def test_the_words_of_the_first_thousand_products_are_pinned() -> None:
    """An accidental change of what a number stands for is noticed."""
    words = [(record.image_url, record.description, record.brand) for record in generate(1, 1_000)]
    assert DIGEST_OF_THE_FIRST_1000 == sha256(repr(words).encode()).hexdigest()


def test_some_have_them() -> None:
    """Nearly half have a picture, a quarter a description, and of what is packed two fifths a brand."""
    records = list(generate(1, SAMPLE))
    have = Counter(
        name for one in records for name in ("image_url", "description", "brand") if getattr(one, name) is not None
    )
    assert pytest.approx(0.45, abs=0.01) == have["image_url"] / SAMPLE
    assert pytest.approx(0.25, abs=0.01) == have["description"] / SAMPLE
    packed = {one.category for one in records if one.brand is not None}
    assert pytest.approx(0.4, abs=0.02) == have["brand"] / sum(one.category in packed for one in records)
