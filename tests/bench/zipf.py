"""What many visitors ask for: few pages often, many pages seldom."""

import random

from tests.bench.families import FAMILIES, targets_of
from tests.bench.stand import Catalogue

URLS = 2_000
_REQUESTS = 100_000  # drawn once; whoever answers more is asked them again
_EXPONENT = 1.0


def zipf_requests(catalogue: Catalogue, *, urls: int = URLS) -> list[str]:
    """Request targets in the order in which they are asked for, the same for the same catalogue.

    The target of rank r comes in proportion to 1 / r; as many from each family of questions, in random order of rank.
    """
    draw = random.Random(1)
    each = urls // len(FAMILIES) + 1
    targets = [target for family in FAMILIES.values() for target in targets_of(catalogue, family)[:each]]
    draw.shuffle(targets)
    weights = [1 / rank**_EXPONENT for rank in range(1, urls + 1)]
    return draw.choices(targets[:urls], weights, k=_REQUESTS)
