"""The kinds of product, such as Tomato (Hybrid), and how common each is where a farm lies."""

from collections.abc import Mapping
from itertools import chain
from math import fsum
from typing import NamedTuple

from farmlokal.catalog.seed.draws import QUANTILES, lognormal_quantiles, slots
from farmlokal.catalog.seed.vocabulary import REGIONS, Category, Commodity, categories, commodities

_SOLD_OUT_SHARE = 0.15
_STOCK_SIGMA = 1.1

# As farmers round a price: (below this many rupees, to whole multiples of so many paise). Coarse on purpose, so that
# many products tie.
_PRICE_STEPS = ((50, 50), (200, 100), (1_000, 500), (10_000, 1_000), (float("inf"), 10_000))


class Kind(NamedTuple):
    """One variety of one commodity. `prices_paise` and `stocks` are quantile tables."""

    name: str
    category: str
    unit: str
    prices_paise: list[int]
    stocks: list[int]


def kinds_by_sector_and_region() -> Mapping[tuple[str, str], list[Kind]]:
    """For each sector and region the slots that say how often a farm there sells which kind.

    A category's share is the same in every region; only what is grown within it differs.
    """
    by_category = {category.name: category for category in categories()}
    stocks = {category.name: _stocks(category.stock_median) for category in by_category.values()}
    kinds = {commodity: _kinds(commodity, stocks[commodity.category]) for commodity in commodities()}
    sectors = {category.sector for category in by_category.values()}
    return {
        (sector, region): _sold([c for c in by_category.values() if c.sector == sector], region, kinds)
        for sector in sectors
        for region in REGIONS
    }


def _kinds(commodity: Commodity, stocks: list[int]) -> list[Kind]:
    prices_paise = [_price_paise(rupees) for rupees in lognormal_quantiles(commodity.median_rupees, commodity.sigma)]
    return [
        Kind(f"{commodity.name} ({variety})", commodity.category, commodity.unit, prices_paise, stocks)
        for variety in commodity.varieties
    ]


def _sold(sold: list[Category], region: str, kinds: Mapping[Commodity, list[Kind]]) -> list[Kind]:
    weights = chain.from_iterable(_weights(category, region, kinds) for category in sold)
    items, shares = zip(*weights, strict=True)
    return slots(items, shares)


def _weights(category: Category, region: str, kinds: Mapping[Commodity, list[Kind]]) -> list[tuple[Kind, float]]:
    """Each kind of `category` that `region` grows, with its share of everything in thousandths.

    The r-th commodity weighs 1 / (r + 2), the r-th variety within it 1 / (r + 1): some are far commoner than others.
    What only some regions grow weighs more there, the more the fewer they are: apples in the hills.
    """
    grown = [c for c in kinds if c.category == category.name and (not c.regions or region in c.regions)]
    weights = [
        (kind, _local_weight(commodity) / (rank + 2) / (variety_rank + 1) / _harmonic(len(kinds[commodity])))
        for rank, commodity in enumerate(grown, 1)
        for variety_rank, kind in enumerate(kinds[commodity], 1)
    ]
    total = fsum(weight for _, weight in weights)  # sum() rounds differently from Python 3.12 on
    return [(kind, category.share_permille * weight / total) for kind, weight in weights]


def _local_weight(commodity: Commodity) -> float:
    return len(REGIONS) / len(commodity.regions) if commodity.regions else 1


def _harmonic(terms: int) -> float:
    return fsum(1 / (rank + 1) for rank in range(1, terms + 1))


def _price_paise(rupees: float) -> int:
    for below_rupees, step_paise in _PRICE_STEPS:
        if rupees < below_rupees:
            return max(1, int(rupees * 100 / step_paise + 0.5)) * step_paise
    raise AssertionError("the last step has no end")


def _stocks(median: int) -> list[int]:
    """A quantile table: sold out at first, then log-normal and at least 1."""
    sold_out = round(_SOLD_OUT_SHARE * QUANTILES)
    spread = lognormal_quantiles(median, _STOCK_SIGMA)
    on_hand = [
        max(1, round(spread[step * QUANTILES // (QUANTILES - sold_out)])) for step in range(QUANTILES - sold_out)
    ]
    return [0] * sold_out + on_hand
