"""The words of the seed keep their own rules: real places, every category, nothing twice."""

import re

import pytest

from farmlokal.catalog.categories import CATEGORIES
from farmlokal.catalog.normalise import text_key
from farmlokal.catalog.records import UNIT_CHARS_MAX
from farmlokal.catalog.seed.farms import farms
from farmlokal.catalog.seed.vocabulary import REGIONS, categories, commodities, districts, farm_name_forms, states

STATES = 28
SHARED_DISTRICT_NAMES = {"Aurangabad", "Balrampur", "Bilaspur", "Hamirpur", "Pratapgarh"}


def test_the_categories_are_the_closed_list() -> None:
    """Every category has its share, and the shares are the whole."""
    assert sorted(CATEGORIES) == sorted(category.name for category in categories())
    whole_permille = 1_000
    assert whole_permille == sum(category.share_permille for category in categories())


def test_there_are_commodities_enough() -> None:
    """At least 180 commodities, each named once in its category, with two to six varieties, none twice."""
    table = commodities()
    assert len(table) >= 180
    assert len(table) == len({(commodity.category, commodity.name) for commodity in table})
    assert not [c.name for c in table if not 2 <= len(set(c.varieties)) == len(c.varieties) <= 6]


def test_no_two_kinds_share_a_name() -> None:
    """A product's name says what it is."""
    names = [f"{commodity.name} ({variety})" for commodity in commodities() for variety in commodity.varieties]
    assert len(names) == len(set(names))


def test_commodities_are_priced_and_measured() -> None:
    """Medians and spreads are positive, and units fit their column."""
    faulty = [c for c in commodities() if not (c.median_rupees > 0 < c.sigma and 0 < len(c.unit) <= UNIT_CHARS_MAX)]
    assert not faulty


def test_every_region_has_something_of_every_category() -> None:
    """A category's share can then be the same everywhere."""
    assert set(REGIONS) == {state.region for state in states().values()}
    sold = {(commodity.category, region) for commodity in commodities() for region in commodity.regions or REGIONS}
    assert {(category, region) for category in CATEGORIES for region in REGIONS} == sold


def test_every_state_has_districts() -> None:
    """The 28 states and some union territories, and at least 200 districts between them."""
    assert len(states()) > STATES
    assert set(states()) == {district.state for district in districts()}
    assert len(districts()) >= 200


def test_a_district_is_told_by_name_and_state() -> None:
    """No district stands twice in a state; some names stand in two states, as they do on the map."""
    identities = [(district.name, district.state) for district in districts()]
    assert len(identities) == len(set(identities))
    names = [name for name, _ in identities]
    assert {name for name in names if names.count(name) > 1} == SHARED_DISTRICT_NAMES


def test_towns_lie_in_india_and_apart() -> None:
    """Coordinates are inside India's bounding box, to two to four places, and no two towns share them."""
    assert not [d for d in districts() if not (6.5 <= d.lat <= 37.1 and 68.1 <= d.lon <= 97.4)]
    assert len(districts()) == len({(district.lat, district.lon) for district in districts()})
    assert not [d for d in districts() if round(d.lat, 4) != d.lat or round(d.lon, 4) != d.lon]


def test_districts_have_weight_and_markets() -> None:
    """The heaviest outweighs the lightest many times over; each has at least two markets."""
    weights = [district.weight for district in districts()]
    assert max(weights) >= 20 * min(weights) > 0
    assert not [d.name for d in districts() if not 2 <= len(set(d.markets)) == len(d.markets)]


@pytest.mark.parametrize("style", ["ordinary", "organic", "cooperative"])
def test_every_sector_has_its_names(style: str) -> None:
    """A form of name has one place for whose farm it is."""
    for sector in {category.sector for category in categories()}:
        forms = farm_name_forms()[sector, style]
        assert len(forms) >= 2
        assert not [form for form in forms if not re.fullmatch(r"\{\} [A-Z][A-Za-z ]+", form)]


def test_a_farm_is_told_by_name_district_and_state() -> None:
    """No two farms would become one in the catalogue, which compares names whatever their case."""
    farm_keys = [(text_key(farm.name), farm.district, farm.state) for farm in farms().farms]
    assert len(farm_keys) == len(set(farm_keys))


def test_farm_names_recur_across_districts() -> None:
    """A name alone does not tell a farm."""
    names = [farm.name for farm in farms().farms]
    assert len(set(names)) < len(names) / 2
