"""The closed list of categories."""

from farmlokal.formats.text import label_key

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


def known_category(label: str) -> str | None:
    """The category that an input's `label` means; None where the list has no such, and the product becomes `OTHER`."""
    if label in _KNOWN:
        return label
    slug = label_key(label)
    return slug if slug in _KNOWN else None
