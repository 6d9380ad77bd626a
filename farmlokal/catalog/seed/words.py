"""What some products have beside their fields: a picture, a description, a brand."""

from typing import NamedTuple

# 2³² divided by the golden ratio: it spreads numbers that follow one another evenly, and costs less than a hash.
_SPREAD = 2_654_435_761
_MASK = 2**32 - 1
_PICTURED = round(0.45 * 2**32)
_DESCRIBED = round(0.25 * 2**24)
_BRANDED = round(0.4 * 2**16)
_PICTURES_PER_CATEGORY = 32

# What is packed before it is sold.
_OF_BRANDS = frozenset({"bakery", "dairy", "honey", "milk", "oils", "pickles", "spices"})
_BRANDS = ("Amrutdhara", "Dharti Foods", "Gaon Se", "Kisan Sanjh", "Matoshri", "Sahyadri Greens", "Swadesh Pantry")
_WORDS = (
    "Picked in the early morning and brought to market the same day.",
    "Grown without hurry on red soil.\nKeeps for a week in a cool place.",
    "Sorted by hand. Larger quantities on request, a day ahead.",
    "From a family farm; the harvest is small and sells quickly.",
    "Washed and graded.\nStore dry, and away from the light.",
)


class Words(NamedTuple):
    """A picture's address, a description and a brand; None where a product has none."""

    image_url: str | None
    description: str | None
    brand: str | None


def words_of(number: int, name: str, category: str, market: str) -> Words:
    """The words of product `number`, which go by its number and by what it is."""
    draw = number * _SPREAD & _MASK
    picture = draw % _PICTURES_PER_CATEGORY
    described = draw & 0xFFFFFF
    return Words(
        f"https://images.example/{category}/{picture}.jpg" if draw < _PICTURED else None,
        f"{name} from {market}. {_WORDS[described % len(_WORDS)]}" if described < _DESCRIBED else None,
        _BRANDS[draw % len(_BRANDS)] if category in _OF_BRANDS and draw & 0xFFFF < _BRANDED else None,
    )
