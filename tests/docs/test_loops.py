"""The loops through all pages in docs/api.md run as they stand there, against a rate limit that is in their way."""

import asyncio
import os
import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest

from farmlokal.catalog.records import ProductRecord
from farmlokal.web import keys
from tests.docs.pages import fenced, text_of
from tests.support.products import product
from tests.support.service import Service, fill, serving, settings_for, sqlite_url

# Five pages of the default size. Two requests may come at once, and then one each second: no machine is so busy that a
# client which does not wait would be as slow as that.
PRODUCTS, RATE_LIMIT = 100, "default=60/minute"
DONE_WAIT_MAX_S = 60
API = text_of("docs/api.md")


def fruit(number: int) -> ProductRecord:
    """A product in stock. Half of them are at one market; the others lie ever farther to the north of it."""
    lat = 18.52 + max(0, number - PRODUCTS // 2) / 1_000
    return product(number)._replace(category="fruits", stock=1, lat=lat, lon=73.86)


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    """A service whose fruits fill more pages than may be asked for at once."""
    url = sqlite_url(tmp_path)
    await fill(url, [fruit(number) for number in range(1, PRODUCTS + 1)])
    async with serving(settings_for(url, rate_limit=RATE_LIMIT)) as running:
        yield running


async def output_of(program: str, *arguments: str, code: str, service: Service) -> str:
    """What `code` prints, given to the program on its standard input."""
    process = await asyncio.create_subprocess_exec(
        program,
        *arguments,
        env={**os.environ, "BASE": f"http://127.0.0.1:{service.port}"},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(DONE_WAIT_MAX_S):
        printed, complaints = await process.communicate(code.encode())
    assert 0 == process.returncode, complaints.decode()
    return printed.decode()


def loop_in(language: str, section: str = "A walk through all pages") -> str:
    """The block of code in `language` that the section of docs/api.md has."""
    text = API.partition(f"## {section}\n")[2].partition("\n## ")[0]
    (loop,) = [code for code in fenced(text, language) if "BASE" in code]
    return loop


def refusals(service: Service) -> int:
    """How many requests the rate limit has refused."""
    return sum(service.app[keys.LIMITER].refusals.values())


def ids_in(printed: str) -> list[int]:
    """The ids at the beginning of the printed lines."""
    return [int(line.partition(" ")[0]) for line in printed.splitlines()]


async def test_the_python_loop_is_never_refused(service: Service) -> None:
    """It prints each product once, and keeps to what `RateLimit` tells it."""
    ids = ids_in(await output_of(sys.executable, "-", code=loop_in("python"), service=service))
    assert PRODUCTS == len(ids) == len(set(ids))
    assert 0 == refusals(service)


async def test_the_curl_loop_waits_where_it_is_refused(service: Service) -> None:
    """It prints each page once and nothing else: a refusal is waited out by `Retry-After`."""
    printed = await output_of("sh", "-s", code=loop_in("sh"), service=service)
    pages = [orjson.loads(line) for line in printed.splitlines()]
    ids = [product["id"] for page in pages for product in page["data"]]
    assert PRODUCTS == len(ids) == len(set(ids))
    assert refusals(service) > 0


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no Node.js to run the JavaScript loop")
async def test_the_javascript_loop_waits_where_it_is_refused(service: Service) -> None:
    """It prints each product once: a refusal is waited out by `Retry-After`."""
    ids = ids_in(await output_of("node", "--input-type=module", "-", code=loop_in("js"), service=service))
    assert PRODUCTS == len(ids) == len(set(ids))
    assert refusals(service) > 0


async def test_the_nearest_are_listed_by_python(service: Service) -> None:
    """A line for each of the thirty nearest: all of them are at the market."""
    printed = await output_of(sys.executable, "-", code=loop_in("python", "Near me"), service=service)
    assert 30 == len(printed.splitlines())
    assert {"0.000 km"} == {line.strip().partition("  ")[0] for line in printed.splitlines()}


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no Node.js to run the JavaScript loop")
async def test_a_map_is_filled_from_its_middle(service: Service) -> None:
    """The market is the first mark, with half of the products; the others follow one by one, as many as wanted."""
    printed = await output_of("node", "--input-type=module", "-", code=loop_in("js", "Near me"), service=service)
    marks = [line.split() for line in printed.splitlines()]
    assert 40 == len(marks)
    assert ["18.52,73.86", "0", str(PRODUCTS // 2)] == marks[0]
    assert {"1"} == {count for _, _, count in marks[1:]}
    assert [float(away_km) for _, away_km, _ in marks] == sorted(float(away_km) for _, away_km, _ in marks)
