"""Product number n, a pure function of n: hash the number once, look every field up in a table."""

from bisect import bisect_right
from collections.abc import Iterator
from hashlib import blake2b
from struct import Struct

from farmlokal.catalog.records import ProductRecord
from farmlokal.catalog.seed.arrivals import Arrivals, arrivals
from farmlokal.catalog.seed.draws import QUANTILE_SHIFT, draws_of_share
from farmlokal.catalog.seed.farms import Farms, farms
from farmlokal.catalog.seed.places import PER_DEGREE
from farmlokal.catalog.seed.ratings import ratings
from farmlokal.catalog.seed.words import words_of

SOURCE = "seed"

# A hash and a table look-up take the place of a random generator: product n needs no product before it, so processes
# can make parts of one catalogue side by side, and no release of Python changes what comes out.
_DRAWS = Struct("<I11H")  # one draw for the farm, whose shares need 32 bits, and eleven of 16 bits

_NAMELESS_DRAWS = draws_of_share(0.06)  # sold at the market's yard without the farm's name
_PLACELESS_DRAWS = draws_of_share(0.03)  # nobody has said where it is
_BATCHED_DRAWS = draws_of_share(0.35)

# How far a product's field may lie from the corner of its farm's land, in ten-thousandths of a degree: 2 km or so.
_LAND_SPREAD_E4 = 200


def generate(first: int, count: int) -> Iterator[ProductRecord]:
    """Products number `first` to `first + count - 1`, in order; numbers start at 1.

    A catalogue of 1,000 is the beginning of one of 1,000,000: a product depends on its number alone.
    Raises ValueError where `first` or `count` is out of range.
    """
    if first < 1 or count < 0:
        raise ValueError(f"products are numbered from 1 and counted from 0, not {first} and {count}")
    return _products(range(first, first + count), farms(), arrivals(), ratings())


def _products(numbers: range, farms: Farms, arrivals: Arrivals, ratings: list[float | None]) -> Iterator[ProductRecord]:
    growers, bounds = farms
    days, times, batches = arrivals
    unpack, size, record = _DRAWS.unpack, _DRAWS.size, ProductRecord._make  # a look-up saved per product counts here
    for number in numbers:
        (
            farm_draw, kind_draw, price_draw, stock_draw, rating_draw, organic_draw, nameless_draw,
            lat_draw, lon_draw, batch_draw, day_draw, time_draw,
        ) = unpack(blake2b(number.to_bytes(8, "little"), digest_size=size).digest())  # fmt: skip
        farm, market, district, state, lat_e4, lon_e4, yard, yard_draws, organic_draws, kinds = growers[
            bisect_right(bounds, farm_draw)
        ]
        name, category, unit, prices, stocks = kinds[kind_draw]
        nameless = nameless_draw < _NAMELESS_DRAWS
        lat: float | None
        lon: float | None
        # Where a product is, and whether anywhere, goes by the draws of its field: they are not needed then.
        if lon_draw < _PLACELESS_DRAWS:
            lat = lon = None
        elif nameless or lat_draw < yard_draws:
            lat, lon = yard
        else:
            lat = (lat_e4 + lat_draw % _LAND_SPREAD_E4) / PER_DEGREE
            lon = (lon_e4 + lon_draw % _LAND_SPREAD_E4) / PER_DEGREE
        yield record(
            (
                SOURCE,
                str(number),
                1,
                name,
                category,
                prices[price_draw >> QUANTILE_SHIFT],
                unit,
                None if nameless else farm,
                market,
                district,
                state,
                lat,
                lon,
                stocks[stock_draw >> QUANTILE_SHIFT],
                organic_draw < organic_draws,
                ratings[rating_draw],
                batches[day_draw] if batch_draw < _BATCHED_DRAWS else days[day_draw] + times[time_draw],
                None,  # no market file: neither its words nor its lowest and highest price
                None,
                None,
                *words_of(number, name, category, market),
            )
        )
