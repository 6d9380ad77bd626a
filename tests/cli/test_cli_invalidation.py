"""What a command writes, running services stop calling old answers fresh for."""

import asyncio
import json
from pathlib import Path

import pytest

from tests.support.command import farmlokal, make_catalogue, operators
from tests.support.service import Service, serving, settings_for

ASKED_MAX = 100


async def names(service: Service) -> list[str]:
    """The names on the first page by name."""
    async with service.client.get("/products?sort=name&limit=2") as response:
        assert 200 == response.status
        return [item["name"] for item in (await response.json())["data"]]


async def test_an_import_reaches_the_caches_of_running_services(tmp_path: Path, mysql_url: str, redis_url: str) -> None:
    """A page kept for an hour shows an imported product soon after the import, in a service that did not import it."""
    environment = operators(tmp_path, mysql_url, redis_url)
    await asyncio.to_thread(make_catalogue, environment)
    row = {"external_id": "new", "version": 1, "name": "Aaa", "category": "fruits", "price": "1.00", "unit": "kg"}
    (tmp_path / "new.ndjson").write_text(json.dumps(row) + "\n", "utf-8")
    async with serving(settings_for(mysql_url, redis_url=redis_url, cache_ttl_s=3600, redis_wait_ms=3000)) as service:
        assert "Aaa" not in await names(service)
        done = await asyncio.to_thread(farmlokal, environment, tmp_path, "import", "new.ndjson")
        assert 0 == done.returncode, done.stderr
        for _ in range(ASKED_MAX):
            if "Aaa" in await names(service):
                break
            await asyncio.sleep(0.05)
        else:
            pytest.fail("the page was never loaded anew")
