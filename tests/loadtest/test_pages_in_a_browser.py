"""The pages of a benchmark and of a load test in a real browser, on a wide screen and on a telephone's."""

from pathlib import Path

import pytest

from loadtest.report import report
from loadtest.targets import Targets
from loadtest.verdict import Run
from tests.bench import test_page
from tests.bench.page import page
from tests.loadtest.test_report import FACTS, FAST
from tests.servers.programs import find_program
from tests.web.chromium import new_page

pytestmark = [pytest.mark.proof, pytest.mark.timeout(300)]

PAGES = {
    "bench": page(test_page.MACHINE, test_page.FIGURES),
    "load": report(Run({"/products [hit memory]": FAST}, 10, 5), Targets.read(), FACTS, "<p>charts</p>"),
}


@pytest.mark.parametrize("name", PAGES)
async def test_a_page_fits_every_screen(tmp_path: Path, name: str) -> None:
    """Nothing stands out to the right, nothing is fetched from elsewhere, and the browser complains of nothing."""
    program = find_program("chromium")
    assert program is not None
    file = tmp_path / "page.html"
    file.write_text(PAGES[name], "utf-8")
    async with new_page(str(program.path)) as tab:
        for width in (1280, 390):
            await tab.call(
                "Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 500
            )
            await tab.open(file.as_uri())
            await tab.wait_for("document.readyState === 'complete' && document.querySelector('.bar')")
            assert width >= await tab.value("document.documentElement.scrollWidth")
        assert [] == tab.complaints
        assert {file.as_uri()} == set(tab.requested) - {"about:srcdoc"}
