"""The closed list of categories."""

from farmlokal.formats.text import compared

CATEGORIES = (
    "vegetables",
    "fruits",
    "grains",
    "pulses",
    "spices",
    "oilseeds",
    "nuts",
    "flowers",
    "fibres",
    "livestock",
    "meat",
    "fish",
    "milk",
    "dairy",
    "eggs",
    "honey",
    "oils",
    "pickles",
    "bakery",
    "other",
)

OTHER = "other"

_KNOWN = frozenset(CATEGORIES)


def slug_of(label: str) -> str:
    """`label` as the list would spell it: case and joiners make no difference."""
    return compared(label).strip().lower()


def known_category(label: str) -> str | None:
    """The category that an input's `label` means; None where the list has no such, and the product becomes `OTHER`."""
    slug = slug_of(label)
    return slug if slug in _KNOWN else None
