"""schemathesis tries the running service by its OpenAPI document, over real MariaDB and Redis.

`schemathesis.toml` has the checks and what is excepted, `schemathesis_hooks.py` what cannot be guessed.
"""

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest

from farmlokal.catalog.question.query import ListingQuery
from farmlokal.catalog.reading.loaders import ProductStore
from farmlokal.catalog.reading.rows import ShownRow
from farmlokal.catalog.writing.directory_counts import count_directory
from farmlokal.web import keys
from tests.support.partner import partner_stand
from tests.support.products import PRODUCTS, product
from tests.support.service import fill, open_database, serving, settings_for
from tests.web.answer_trial import partner_settings
from tests.web.api_document import ALL_ROUTES

ROOT = Path(__file__).parents[2]
PHASES = ("examples", "coverage", "fuzzing", "stateful")


async def tried(port: int, folder: Path, *options: str) -> tuple[int, str]:
    """Exit code and output of a run against the service on `port`."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(ROOT / "schemathesis.toml"), "run"),
        *("openapi.json", "--url", f"http://127.0.0.1:{port}", "--report", "json", "--report-json-path", "report.json"),
        # The same examples every time: what they find is a finding, not the luck of a run.
        *("--generation-deterministic", "--output-truncate=false", "--request-timeout", "60", *options),
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode is not None
    return process.returncode, output.decode()


class CursorsFollowed(ProductStore):
    """The real store, which counts the pages that were asked for by a cursor."""

    forward = backward = 0

    async def page(self, query: ListingQuery) -> list[ShownRow]:
        """See ProductStore.page."""
        if query.position is not None:
            self.backward += query.position.backward
            self.forward += not query.position.backward
        return await super().page(query)


async def run(folder: Path, mysql_url: str, redis_url: str, examples: int) -> None:
    """Run every phase with so many examples of each operation, and see that it found nothing and left nothing out."""
    await fill(mysql_url, [product(number) for number in range(1, PRODUCTS + 1)])
    async with open_database(mysql_url) as database:
        await count_directory(database)
    async with partner_stand() as partner:
        settings = settings_for(
            mysql_url,
            redis_url=redis_url,
            # A busy machine may be slow to answer without being away.
            redis_wait_ms=3000,
            **partner_settings(partner.url),
        )
        async with serving(settings) as service:
            store = CursorsFollowed(service.app[keys.LISTING]._store._database)
            service.app[keys.LISTING]._store = store
            # From a file: schemathesis leaves out the operation that it has the document from.
            async with service.client.get("/openapi.json") as answer:
                folder.joinpath("openapi.json").write_bytes(await answer.read())
            code, output = await tried(service.port, folder, "--max-examples", str(examples))
    assert 0 == code, output
    report = json.loads(folder.joinpath("report.json").read_text("utf-8"))
    assert len(ALL_ROUTES) == report["operations"]["tested"]
    assert dict.fromkeys(PHASES, "success") == {name: phase["status"] for name, phase in report["phases"].items()}
    assert [] == report["failures"] + report["errors"]
    assert store.forward > 0
    assert store.backward > 0


@pytest.mark.proof
@pytest.mark.timeout(600)
async def test_nothing_is_found(tmp_path: Path, mysql_url: str, redis_url: str) -> None:
    """Many examples of each operation, all checks, all phases: the service keeps to its document."""
    await run(tmp_path, mysql_url, redis_url, 300)
