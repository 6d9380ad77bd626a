"""`/docs` in a real browser."""

from pathlib import Path
from urllib.parse import urlsplit

import pytest

from farmlokal.web.routes import METRICS_ROUTE, ROUTES
from tests.servers.programs import find_program
from tests.support.products import catalogue
from tests.support.service import serving, settings_for
from tests.web.api_document import operation
from tests.web.chromium import Page, new_page

pytestmark = [pytest.mark.proof, pytest.mark.timeout(300)]

_SHOWN = """[...document.querySelectorAll('.opblock')].map(block => [
  block.querySelector('.opblock-summary-method').textContent.trim(),
  block.querySelector('.opblock-summary-path').textContent.replace(/\\u200b/g, '').trim(),
])"""
_LIST = "#operations-Catalogue-listProducts"
_TRIED = f"document.querySelector('{_LIST} .live-responses-table .response')"
# Of each response that the listing is described with: its status, and how many tables and examples it is shown with.
_DESCRIBED = f"""[...document.querySelectorAll('{_LIST} .responses-table:not(.live-responses-table) tr.response')].map(
  row => [row.dataset.code, row.querySelectorAll('.headers-wrapper, .model-example').length])"""


async def tried(page: Page, path: Path) -> tuple[str, str]:
    """The status and the body that the page shows after "try it out" on the listing; a screenshot goes to `path`."""
    await page.value(f"document.querySelector('{_LIST} .opblock-summary-control').click()")
    await page.wait_for(f"document.querySelector('{_LIST} .try-out__btn')")
    await page.value(f"document.querySelector('{_LIST} .try-out__btn').click()")
    await page.wait_for(f"document.querySelector('{_LIST} .execute')")
    await page.value(f"document.querySelector('{_LIST} .execute').click()")
    await page.wait_for(_TRIED)
    await page.value(f"{_TRIED}.scrollIntoView()")
    await page.screenshot(path)
    status = await page.value(f"{_TRIED}.querySelector('.response-col_status').textContent.trim()")
    body = await page.value(f"{_TRIED}.querySelector('.highlight-code').textContent")
    return status, body


async def test_the_page_shows_and_tries_every_route(tmp_path: Path) -> None:
    """The page lists every route, its "try it out" brings products, nothing is complained of or leaves the host."""
    program = find_program("chromium")
    assert program is not None, "no Chromium: `make proof` finds or installs one"
    async with serving(settings_for(await catalogue(tmp_path))) as service, new_page(program.path) as page:
        base = f"http://127.0.0.1:{service.port}"
        await page.open(f"{base}/docs")
        await page.wait_for("document.querySelectorAll('.opblock').length")
        await page.screenshot(tmp_path / "docs.png")
        shown = await page.value(_SHOWN)
        status, body = await tried(page, tmp_path / "tried.png")
        described = await page.value(_DESCRIBED)
        introduction = await page.value("document.querySelector('.information-container').textContent")
        await page.open(f"{base}/problems/invalid-parameter")
        await page.wait_for("document.querySelector('main h1')")
        title = await page.value("document.querySelector('main h1').textContent")
    expected = {(route.method, route.path) for route in (*ROUTES, METRICS_ROUTE)}
    assert expected == {(method, path) for method, path in shown}
    assert "200" == status
    assert all(text in body for text in ('"data": [', '"next_cursor": "', "Crop 0"))
    assert "Invalid parameter" == title
    # The errors, a line each: what they look like stands above, once.
    assert {code for code, _ in described} == set(operation("listProducts")["responses"])
    assert {code for code, parts in described if parts} == {"200", "304"}
    assert '"type":"/problems/invalid-parameter"' in introduction
    assert [] == page.complaints
    assert {f"127.0.0.1:{service.port}"} == {
        urlsplit(url).netloc for url in page.requested if urlsplit(url).scheme != "data"
    }
    for name in ("docs.png", "tried.png"):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")
