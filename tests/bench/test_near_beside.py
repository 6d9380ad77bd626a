"""What pages near a place are measured beside finds what it is to find."""

from collections.abc import Sequence
from math import asin, cos, radians, sin, sqrt

import pytest
from redis.asyncio import Redis

from farmlokal.catalog.records import ProductRecord
from farmlokal.catalog.seed import generate
from tests.bench.near_beside import FOUND, by_index, by_redis, fill_geo_sets, make_spatial_table
from tests.bench.near_questions import NearQuestion
from tests.bench.row_load import connect
from tests.bench.stand import Catalogue, Sampled, mysql_address
from tests.servers import NamedDatabase
from tests.support.service import fill

PRODUCTS = 500
QUESTIONS = [
    NearQuestion(20.03, 73.82, radius_km, category, None)
    for radius_km in (2, 10, 500, None)
    for category in (None, "vegetables")
]


def distance_km(question: NearQuestion, record: ProductRecord | Sampled) -> float:
    """Along a globe of the mean radius, by the haversine formula."""
    north, east = radians((record.lat or 0) - question.lat), radians((record.lon or 0) - question.lon)
    level = cos(radians(question.lat)) * cos(radians(record.lat or 0))
    return 2 * 6371.0088 * asin(sqrt(sin(north / 2) ** 2 + level * sin(east / 2) ** 2))


def nearest_km(question: NearQuestion, records: Sequence[ProductRecord]) -> list[float]:
    """The distances of the nearest products that answer the question."""
    wanted = [one for one in records if one.lat is not None and question.category in (None, one.category)]
    distances = sorted(distance_km(question, record) for record in wanted)
    return [one for one in distances if question.radius_km is None or one <= question.radius_km][:FOUND]


async def test_both_find_the_nearest(mysql_url: str, redis_url: str) -> None:
    """An index and GEOSEARCH give products as near as brute force does, within a radius and of a category."""
    records = list(generate(1, PRODUCTS))
    await fill(mysql_url, records)
    server, _, name = mysql_url.partition("?")[0].rpartition("/")
    catalogue = Catalogue(NamedDatabase(f"{server}/"), name, PRODUCTS)
    make_spatial_table(catalogue)
    fill_geo_sets(catalogue, redis_url)
    numbers = dict(catalogue.execute("SELECT id, CAST(external_id AS SIGNED) FROM products"))
    connection = await connect(mysql_address(mysql_url))
    async with Redis.from_url(redis_url) as client:
        for ask in (by_index(await connection.cursor()), by_redis(client)):
            for question in QUESTIONS:
                found = [records[numbers[product_id] - 1] for product_id in await ask(question)]
                # Redis reckons with another radius of the Earth, and keeps places to half a metre.
                expected = pytest.approx(nearest_km(question, records), rel=1e-3, abs=2e-3)
                assert expected == [distance_km(question, record) for record in found]
    connection.close()
