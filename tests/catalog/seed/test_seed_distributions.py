"""The seed is as uneven as a real catalogue: what a listing has to cope with is in it."""

from collections import Counter
from datetime import datetime
from itertools import chain
from statistics import median

import pytest

from farmlokal.catalog.categories import CATEGORIES
from farmlokal.catalog.records import ProductRecord
from farmlokal.catalog.seed import generate
from farmlokal.catalog.seed.arrivals import ANCHOR
from farmlokal.catalog.seed.vocabulary import categories, districts

SAMPLE = 50_000


@pytest.fixture(scope="module")
def sample() -> list[ProductRecord]:
    """The first 50,000 products."""
    return list(generate(1, SAMPLE))


@pytest.fixture(scope="module")
def located(sample: list[ProductRecord]) -> list[ProductRecord]:
    """Those of them that have a place."""
    return [record for record in sample if record.lat is not None]


def share(count: int) -> float:
    """Of the sample, from 0 to 1."""
    return count / SAMPLE


def test_all_categories_come_early(sample: list[ProductRecord]) -> None:
    """Even a small catalogue has something in every category."""
    assert set(CATEGORIES) == {record.category for record in sample[:20_000]}


def test_categories_keep_their_shares(sample: list[ProductRecord]) -> None:
    """From vegetables, more than a quarter, to pickles, one in 250."""
    counts = Counter(record.category for record in sample)
    for category in categories():
        expected = category.share_permille / 1_000
        assert pytest.approx(expected, rel=0.1, abs=0.0015) == share(counts[category.name])


def test_prices_tie_and_are_skewed(sample: list[ProductRecord]) -> None:
    """Farmers round: few distinct prices for many products, and a mean far above the median."""
    prices_paise = [record.price_paise for record in sample]
    assert len(set(prices_paise)) < SAMPLE / 20
    assert sum(prices_paise) / SAMPLE > 3 * median(prices_paise)
    assert {0} == {price_paise % 50 for price_paise in prices_paise}


def test_a_third_is_unrated_and_ratings_tie(sample: list[ProductRecord]) -> None:
    """Ratings are tenths from 1.0 to 5.0 that gather about 4.2."""
    ratings = [record.rating for record in sample if record.rating is not None]
    assert pytest.approx(0.3, abs=0.01) == 1 - share(len(ratings))
    assert {tenth / 10 for tenth in range(10, 51)} == set(ratings)
    assert pytest.approx(4.2, abs=0.2) == Counter(ratings).most_common(1)[0][0]


def test_times_tie(sample: list[ProductRecord]) -> None:
    """Batches share one second, the largest with one product in a hundred; others share whole minutes."""
    times = Counter(record.created_at for record in sample)
    assert share(times.most_common(1)[0][1]) > 0.01
    assert len(times) < SAMPLE * 0.9
    assert share(sum(record.created_at is not None and record.created_at.endswith(":00Z") for record in sample)) > 0.6


def test_most_products_are_recent(sample: list[ProductRecord]) -> None:
    """Ages run from a few minutes to three years before the anchor, and half are under eight months."""
    ages_days = [
        (ANCHOR - datetime.fromisoformat(str(record.created_at))).total_seconds() / 86_400 for record in sample
    ]
    assert 0 < min(ages_days) < 1
    assert 900 < max(ages_days) <= 3 * 365 + 1
    assert 90 < median(ages_days) < 240


def test_farm_sizes_have_a_heavy_tail(sample: list[ProductRecord]) -> None:
    """The largest farm has about a tenth of everything; the median farm a product or two."""
    sizes = Counter((record.farm, record.district, record.state) for record in sample if record.farm)
    assert 0.08 < share(max(sizes.values())) < 0.13
    assert median(sizes.values()) <= 2
    assert len(sizes) > 10_000


def test_some_products_have_no_farm(sample: list[ProductRecord]) -> None:
    """They are sold at a market without the farm's name; the market is known all the same."""
    nameless = [record for record in sample if record.farm is None]
    assert pytest.approx(0.06, abs=0.005) == share(len(nameless))
    assert not [record for record in sample if not (record.market and record.district and record.state)]


def test_organic_products_gather_at_organic_farms(sample: list[ProductRecord]) -> None:
    """About 9% are organic; where the farm's name says so, most are."""
    assert pytest.approx(0.09, abs=0.01) == share(sum(record.organic for record in sample))
    at_organic_farms = [record.organic for record in sample if "Organic" in (record.farm or "")]
    assert pytest.approx(0.75, abs=0.05) == sum(at_organic_farms) / len(at_organic_farms)


def test_stock_is_skewed(sample: list[ProductRecord]) -> None:
    """15% is sold out, and a few products have thousands."""
    stocks = [record.stock or 0 for record in sample]
    assert pytest.approx(0.15, abs=0.01) == share(stocks.count(0))
    assert max(stocks) > 2_000
    assert sum(stocks) / SAMPLE > 1.5 * median(stocks)


def test_every_district_sells_at_markets_of_its_own(sample: list[ProductRecord]) -> None:
    """A product's market is one of its own district, told by name and state."""
    towns = {(district.name, district.state): district for district in districts()}
    assert set(towns) == {(str(record.district), str(record.state)) for record in sample}
    assert not [
        record for record in sample if record.market not in towns[str(record.district), str(record.state)].markets
    ]


def test_most_products_are_near_their_town_and_none_is_beyond_the_next(located: list[ProductRecord]) -> None:
    """Three in five lie within 6 km or so in each direction, the farthest half-way to a town; an island's stay."""
    towns = {(district.name, district.state): district for district in districts()}
    away: dict[str, list[float]] = {}
    for record in located:
        town = towns[str(record.district), str(record.state)]
        degrees = max(abs((record.lat or 0) - town.lat), abs((record.lon or 0) - town.lon))
        away.setdefault(town.name, []).append(degrees)
    everywhere = sorted(chain(*away.values()))
    assert 0.06 > everywhere[len(everywhere) * 3 // 5]
    assert 0.4 < everywhere[-1] < 0.82
    assert max(away["South Andaman"]) < 0.062


def test_a_market_is_one_place_with_a_great_part_of_all(located: list[ProductRecord]) -> None:
    """The largest yard has three products in a hundred, dozens have many, and every one of them has one place."""
    yards = Counter((record.lat, record.lon) for record in located if record.farm is None)
    (largest, _), *_ = yards.most_common(1)
    there = [record for record in located if (record.lat, record.lon) == largest]
    assert 0.025 < share(len(there)) < 0.035
    everything = Counter((record.lat, record.lon) for record in located)
    assert sum(count >= SAMPLE / 2_500 for count in everything.values()) >= 24
    nameless = {(record.market, record.district, record.state): set[object]() for record in located}
    for record in located:
        if record.farm is None:
            nameless[record.market, record.district, record.state].add((record.lat, record.lon))
    assert max(map(len, nameless.values())) == 1


def test_regions_are_dense_and_sparse(located: list[ProductRecord]) -> None:
    """Within half a degree of Nashik there is a ninth of everything, of Leh hardly a thing, in the desert nothing."""

    def near(lat: float, lon: float) -> int:
        return sum(abs((record.lat or 0) - lat) < 0.5 and abs((record.lon or 0) - lon) < 0.5 for record in located)

    assert 0.08 < share(near(20.0, 73.8)) < 0.14
    assert 1 <= near(34.2, 77.6) < SAMPLE / 1_000
    assert near(27.5, 69.0) == 0


def test_some_products_have_no_place(sample: list[ProductRecord]) -> None:
    """Three in a hundred, of every kind of farm; a latitude never comes without a longitude."""
    placeless = [record for record in sample if record.lat is None]
    assert pytest.approx(0.03, abs=0.003) == share(len(placeless))
    assert placeless == [record for record in sample if record.lon is None]
    assert len({record.farm for record in placeless}) > 500


def test_coordinates_have_four_places_and_lie_in_india(located: list[ProductRecord]) -> None:
    """Inside India's bounding box, and written as short on the wire as they were meant."""
    assert not [record for record in located if not (6.5 <= (record.lat or 0) <= 37.1)]
    assert not [record for record in located if not (68.1 <= (record.lon or 0) <= 97.4)]
    assert not [record for record in located if max(len(str(record.lat)), len(str(record.lon))) > len("12.3456")]


def test_a_farm_lies_in_one_place(located: list[ProductRecord]) -> None:
    """All products of one farm have one market, and lie at its yard or within about two kilometres of each other."""
    yards = {(record.lat, record.lon) for record in located if record.farm is None}
    largest = Counter((record.farm, record.district, record.state) for record in located if record.farm).most_common(20)
    for farm, _ in largest:
        own = [record for record in located if (record.farm, record.district, record.state) == farm]
        assert {own[0].market} == {record.market for record in own}
        fields = [record.lat or 0 for record in own if (record.lat, record.lon) not in yards]
        assert max(fields) - min(fields) <= 0.02


def test_crops_grow_where_they_do(sample: list[ProductRecord]) -> None:
    """Apples come from the hills and the north-east, cardamom from the south."""
    apple_states = {record.state for record in sample if record.name.startswith("Apple (")}
    assert {"Himachal Pradesh", "Jammu and Kashmir"} <= apple_states
    assert not apple_states & {"Kerala", "Gujarat", "West Bengal"}
    cardamom_states = {record.state for record in sample if record.name.startswith("Cardamom (")}
    assert "Kerala" in cardamom_states
    assert not cardamom_states & {"Punjab", "Assam", "Maharashtra"}
