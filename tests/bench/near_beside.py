"""What pages near a place stand beside: a SPATIAL index on the same database server, and GEOSEARCH of a Redis server.

Both find the nearest 21 products and their distances, and no more: no page is made of them, and no HTTP is spoken.
Neither can go on from a place in the order.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from itertools import islice
from math import cos, radians
from typing import Any

import redis
import uvloop
from redis.asyncio import Redis

from farmlokal.database.address import MySQLAddress
from tests.bench.asking import asked
from tests.bench.near_questions import NearQuestion
from tests.bench.row_load import connect
from tests.bench.samples import Sample
from tests.bench.stand import Catalogue

FOUND = 21  # a page, and the one more that tells whether there is another
_EARTH_KM = 6371.0088
_KM_PER_DEGREE = 111.19
_HALF_ROUND_KM = 20_016

# MariaDB passes over what is in the comment; MySQL uses no index of points whose reference system may differ.
_TABLE = """
CREATE TABLE points (
    id BIGINT NOT NULL PRIMARY KEY,
    category VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    place POINT NOT NULL /*!80003 SRID 0 */
) ENGINE = InnoDB
"""
_FILL = "INSERT INTO points SELECT id, category, POINT(lon, lat) FROM products WHERE live = 1 AND lat IS NOT NULL"
_INDEX = "CREATE SPATIAL INDEX places_by_place ON points (place)"

# Not ST_Distance_Sphere: of the same text with SRID 4326 MariaDB and MySQL give different distances.
_STATEMENT = (
    f"SELECT id, {2 * _EARTH_KM} * ASIN(SQRT(LEAST(1, POW(SIN(RADIANS(ST_Y(place) - %s) / 2), 2) + COS(RADIANS(%s))"
    " * COS(RADIANS(ST_Y(place))) * POW(SIN(RADIANS(ST_X(place) - %s) / 2), 2)))) AS distance_km"
    " FROM points WHERE MBRContains(ST_GeomFromText(%s), place){category}"
    f" HAVING distance_km <= %s ORDER BY distance_km, id LIMIT {FOUND}"
)

_ADDED_AT_ONCE = 1_000
# A search of 500 km takes most of a second, and Redis answers one after another.
_ANSWER_WAIT_S = 300

# Gives the ids of what is found, nearest first.
Ask = Callable[[NearQuestion], Awaitable[list[int]]]


def make_spatial_table(catalogue: Catalogue) -> None:
    """Make a table of places with its index beside the products; it goes when the catalogue does."""
    for statement in (_TABLE, _FILL, _INDEX, "ANALYZE TABLE points"):
        catalogue.execute(statement)


def fill_geo_sets(catalogue: Catalogue, redis_url: str) -> None:
    """Put all places into one sorted set, and once more into one for each category."""
    rows = iter(catalogue.execute("SELECT id, category, lon, lat FROM products WHERE live = 1 AND lat IS NOT NULL"))
    with redis.Redis.from_url(redis_url) as client:
        while some := list(islice(rows, _ADDED_AT_ONCE)):
            by_key: dict[str, list[Any]] = {}
            for product_id, category, lon, lat in some:
                for key in (_geo_key(None), _geo_key(category)):
                    by_key.setdefault(key, []).extend((lon, lat, product_id))
            with client.pipeline(transaction=False) as pipe:
                for key, values in by_key.items():
                    pipe.geoadd(key, values)
                pipe.execute()


def search_by_index(
    address: MySQLAddress, questions: Sequence[NearQuestion], *, connections: int, seconds: float
) -> Sample:
    """Ask the SPATIAL index for the nearest of each question in turn; each connection once at least."""
    return uvloop.run(_search_by_index(address, questions, connections, seconds))


def search_by_redis(url: str, questions: Sequence[NearQuestion], *, connections: int, seconds: float) -> Sample:
    """Ask GEOSEARCH the same."""
    return uvloop.run(_search_by_redis(url, questions, connections, seconds))


async def _search_by_index(
    address: MySQLAddress, questions: Sequence[NearQuestion], connections: int, seconds: float
) -> Sample:
    opened = await asyncio.gather(*(connect(address) for _ in range(connections)))
    asks = [by_index(await connection.cursor()) for connection in opened]
    try:
        return await asked(asks, questions, seconds)
    finally:
        for connection in opened:
            connection.close()


async def _search_by_redis(url: str, questions: Sequence[NearQuestion], connections: int, seconds: float) -> Sample:
    clients = [Redis.from_url(url, socket_timeout=_ANSWER_WAIT_S) for _ in range(connections)]
    try:
        return await asked([by_redis(client) for client in clients], questions, seconds)
    finally:
        for client in clients:
            await client.aclose()


def by_index(cursor: Any) -> Ask:
    """What asks the SPATIAL index. cursor: of a connection to the database with the table of places."""

    async def ask(question: NearQuestion) -> list[int]:
        lat, lon, radius_km = question.lat, question.lon, question.radius_km or _HALF_ROUND_KM
        values: list[Any] = [lat, lat, lon, _box(lat, lon, radius_km)]
        if question.category is not None:
            values.append(question.category)
        category = "" if question.category is None else " AND category = %s"
        await cursor.execute(_STATEMENT.format(category=category), [*values, radius_km])
        return [product_id for product_id, _ in await cursor.fetchall()]

    return ask


def by_redis(client: Any) -> Ask:
    """What asks GEOSEARCH."""

    async def ask(question: NearQuestion) -> list[int]:
        found = await client.geosearch(
            _geo_key(question.category),
            longitude=question.lon,
            latitude=question.lat,
            radius=question.radius_km or _HALF_ROUND_KM,
            unit="km",
            sort="ASC",
            count=FOUND,
            withdist=True,
        )
        return [int(product_id) for product_id, _ in found]

    return ask


def _box(lat: float, lon: float, radius_km: float) -> str:
    """A box of degrees around a disc, as far from the poles as India is; the whole map for half the globe."""
    if radius_km >= _HALF_ROUND_KM:
        return _polygon(-180, -90, 180, 90)
    high = radius_km / _KM_PER_DEGREE
    wide = high / cos(radians(abs(lat) + high))
    return _polygon(lon - wide, lat - high, lon + wide, lat + high)


def _polygon(west: float, south: float, east: float, north: float) -> str:
    return f"POLYGON(({west} {south},{east} {south},{east} {north},{west} {north},{west} {south}))"


def _geo_key(category: str | None) -> str:
    return "places" if category is None else f"places of {category}"
