"""The farms of the catalogue: who sells what, where, and how much of the whole."""

from collections.abc import Iterator
from functools import cache
from hashlib import blake2b
from itertools import accumulate
from struct import Struct
from typing import NamedTuple

from farmlokal.catalog.seed.draws import draws_of_share, slots
from farmlokal.catalog.seed.kinds import Kind, kinds_by_sector_and_region
from farmlokal.catalog.seed.naming import FarmNames
from farmlokal.catalog.seed.places import Places
from farmlokal.catalog.seed.vocabulary import categories, districts, states

FARMS = 60_000

# Sizes follow Zipf: the r-th farm sells 1 / r**1.05 as much as the first, which holds about 11% of the catalogue. The
# weights are whole numbers far coarser than a double, so that no other machine's last bit moves a farm.
_ZIPF_EXPONENT = 1.05
_LARGEST_WEIGHT = 2**30
_FARM_DRAW_BITS = 32  # 16 would be too coarse: the smallest farm's share is one in a million

# The largest are cooperatives, in the districts of most weight: drawn at random, the largest might make a small
# territory the centre of the catalogue. They sell for everyone near them, so none of them is an organic farm.
_COOPERATIVES = 400

# Together these make about 9% of all products organic.
_ORGANIC_FARM_DRAWS = draws_of_share(0.26)
_ORGANIC_AT_ORGANIC_FARM_DRAWS = draws_of_share(0.75)
_ORGANIC_ELSEWHERE_DRAWS = draws_of_share(0.02)

# What a cooperative collects is for the most part on its members' land; the rest waits at the market's yard, and with
# what has no farm's name that makes the largest yard one place of 30,000 products in a million. Of other farms little
# gets there.
_COLLECTED_DRAWS = draws_of_share(0.23)
_BROUGHT_DRAWS = draws_of_share(0.08)

_DRAWS = Struct("<4H")


class Farm(NamedTuple):
    """One farm; its name is its own within its district.

    `lat_e4` and `lon_e4` are the south-western corner of its land in ten-thousandths of a degree; `yard` is the place
    of its market, latitude and longitude in degrees. `yard_draws` and `organic_draws` are how many values of a draw put
    a product of it into the yard or make it organic; `kinds` are the slots of what it sells.
    """

    name: str
    market: str
    district: str
    state: str
    lat_e4: int
    lon_e4: int
    yard: tuple[float, float]
    yard_draws: int
    organic_draws: int
    kinds: list[Kind]


class Farms(NamedTuple):
    """All farms, largest first, and for each the end of its part of the 2**32 values of a farm draw."""

    farms: list[Farm]
    bounds: list[int]


@cache
def farms() -> Farms:
    """The farms, made on first use: the same 60,000 however many products are asked for."""
    weights = [int(_LARGEST_WEIGHT / number**_ZIPF_EXPONENT) for number in range(1, FARMS + 1)]
    bounds = list(accumulate(weights))
    return Farms(list(_farms(weights)), [(bound << _FARM_DRAW_BITS) // bounds[-1] for bound in bounds])


def _farms(weights: list[int]) -> Iterator[Farm]:
    kinds, by_state, names = kinds_by_sector_and_region(), states(), FarmNames()
    table = districts()
    places = Places(table)
    yards = {(district.name, district.state): places.yards(district) for district in table}
    by_weight = slots(table, [district.weight for district in table])
    weightiest = sorted(table, key=lambda district: -district.weight)
    for number, sector in enumerate(_sectors(weights), 1):
        digest = blake2b(b"farm %d" % number, digest_size=_DRAWS.size).digest()
        district_draw, lat_draw, lon_draw, organic_draw = _DRAWS.unpack(digest)
        cooperative = number <= _COOPERATIVES
        district = weightiest[(number - 1) % len(weightiest)] if cooperative else by_weight[district_draw]
        state = by_state[district.state]
        market_index = number % len(district.markets)
        market = district.markets[market_index]
        organic = not cooperative and organic_draw < _ORGANIC_FARM_DRAWS
        style = "cooperative" if cooperative else "organic" if organic else "ordinary"
        land = places.in_town(district, lat_draw, lon_draw)
        yield Farm(
            names.give(number, sector, style, market, district.name, state),
            market,
            district.name,
            district.state,
            *(land if cooperative else places.along_a_road(district, number, land)),
            yards[district.name, district.state][market_index],
            _COLLECTED_DRAWS if cooperative else _BROUGHT_DRAWS,
            _ORGANIC_AT_ORGANIC_FARM_DRAWS if organic else _ORGANIC_ELSEWHERE_DRAWS,
            kinds[sector, state.region],
        )


def _sectors(weights: list[int]) -> Iterator[str]:
    """What each farm deals in: always the sector that lags furthest behind its share of what was given out so far.

    Drawn at random instead, the few largest farms would decide how common a category is.
    """
    shares: dict[str, int] = {}
    for category in categories():
        shares[category.sector] = shares.get(category.sector, 0) + category.share_permille
    lags = dict.fromkeys(shares, 0)
    for weight in weights:
        for sector, share in shares.items():
            lags[sector] += share * weight
        furthest = max(lags, key=lags.__getitem__)
        lags[furthest] -= sum(shares.values()) * weight
        yield furthest
