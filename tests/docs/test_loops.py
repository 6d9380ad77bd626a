"""The loops through all pages in docs/api.md run as they stand there, against a rate limit that is in their way."""

import asyncio
import os
import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest

from farmlokal.web import keys
from tests.docs.pages import fenced, text_of
from tests.support.products import product
from tests.support.service import Service, fill, serving, settings_for, sqlite_url

# Five pages of the default size. Two requests may come at once, and then one each second: no machine is so busy that a
# client which does not wait would be as slow as that.
PRODUCTS, RATE_LIMIT = 100, "default=60/minute"
DONE_WAIT_MAX_S = 60
API = text_of("docs/api.md")


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    """A service whose fruits fill more pages than may be asked for at once."""
    url = sqlite_url(tmp_path)
    await fill(url, [product(number)._replace(category="fruits") for number in range(1, PRODUCTS + 1)])
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


def loop_in(language: str) -> str:
    """The block of code in `language` that walks through all pages."""
    (loop,) = [code for code in fenced(API, language) if "BASE" in code]
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
