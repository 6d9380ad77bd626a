"""What a process does once in the background when it has started: measuring begins when that is over."""

import re
import time
from http import HTTPStatus

from farmlokal.catalog.planning.sample import SAMPLE_ROWS
from tests.bench.answers import ask

_WAIT_MAX_S = 300


def wait_until_settled(port: int, products: int) -> None:
    """Return once the service at `port` has its whole sample of so many products, and has counted places and farms.

    Plans of the first seconds are made by a part of the sample; and a service beside, on the same core, is held up.
    """
    rows, deadline, drawn, counted = min(products, SAMPLE_ROWS), time.monotonic() + _WAIT_MAX_S, 0.0, False
    while time.monotonic() < deadline:
        (found,) = re.findall(r"^farmlokal_sample_rows (\S+)", ask(port, "/metrics").body.decode(), re.MULTILINE)
        drawn = float(found)
        counted = ask(port, "/places?level=state").status == HTTPStatus.OK
        # Some of the ids that were drawn belong to no product.
        if drawn > rows / 2 and counted:
            return
        time.sleep(0.5)
    raise TimeoutError(f"{drawn:g} of {rows} products are in the sample; places counted: {counted}")
