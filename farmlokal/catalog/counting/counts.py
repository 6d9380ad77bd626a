"""From what was counted or sampled to what is said of it: each number of products with its bounds."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from farmlokal.catalog.counting.interval import share_bounds
from farmlokal.catalog.counting.schemas import Count
from farmlokal.catalog.planning.sample import Sample
from farmlokal.catalog.question.facets import Facet

MakeCount = Callable[[int], Count]
"""What is said of a number: of products, or of sampled ones."""


def exactly(products: int) -> Count:
    """What is said of a number that was counted."""
    return {"value": products, "exact": True, "low": products, "high": products}


def estimated(hits: int, sample: Sample) -> Count:
    """What is said of a number of products of which so many are in the sample.

    The sample is drawn from the ids that were ever given: the share of these that is looked for is estimated. Of those
    drawn it is known; so it is never less than the hits, nor more than all but the others drawn.
    """
    least, greatest = share_bounds(hits, sample.drawn)
    ids = round(sample.drawn / sample.share)
    return {
        "value": round(hits / sample.share),
        "exact": False,
        "low": max(hits, math.floor(least * ids)),
        "high": min(ids - sample.drawn + hits, math.ceil(greatest * ids)),
    }


def facet_body(facet: Facet, values: Mapping[Any, int], count: MakeCount, chosen: Sequence[Any]) -> dict[str, Any]:
    """The distribution over a facet, as it stands in a `schemas.Facets`.

    values: the number of each that there is. chosen: those that the facet's own filters ask for: however rare they are,
    they are listed, since a shop shows what is chosen.
    """
    if facet.shown is not None:
        return {"values": [{**shown, "products": count(values.get(key, 0))} for key, shown in facet.shown.items()]}
    by_number = sorted({**dict.fromkeys(chosen, 0), **values}.items(), key=lambda each: (-each[1], each[0]))
    listed = [each for rank, each in enumerate(by_number) if rank < facet.most or each[0] in chosen]
    others = [each for rank, each in enumerate(by_number) if rank >= facet.most and each[0] not in chosen]
    return {
        "values": [{"value": value, "products": count(number)} for value, number in listed],
        "others": {"values": len(others), "products": count(sum(number for _, number in others))},
    }
