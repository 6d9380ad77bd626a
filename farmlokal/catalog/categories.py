"""The closed list of categories."""

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


def category_of(label: str) -> str:
    """The category that an input's `label` means, in any case; what is unknown becomes `other`."""
    slug = label.strip().lower()
    return slug if slug in _KNOWN else OTHER
