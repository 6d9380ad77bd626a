"""What a scrape tells, as numbers by series; read by prometheus-client's own parser."""

import math
from collections.abc import Mapping
from typing import Any

from aiohttp import ClientSession
from prometheus_client.parser import text_string_to_metric_families

REQUESTS = "farmlokal_http_requests_total"
SECONDS = "farmlokal_http_request_seconds"

Series = tuple[str, frozenset[tuple[str, str]]]
"""A sample's name and its labels."""


class Scrape:
    """One answer of `/metrics`."""

    def __init__(self, text: str) -> None:
        self.families = list(text_string_to_metric_families(text))
        self.numbers: Mapping[Series, float] = {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in self.families
            for sample in family.samples
        }

    def __repr__(self) -> str:
        return f"<Scrape series={len(self.numbers)}>"

    def __call__(self, name: str, **labels: Any) -> float:
        """The number of one series."""
        return self.numbers[name, frozenset((label, str(value)) for label, value in labels.items())]

    def told(self, name: str, label: str) -> dict[str, float]:
        """The numbers of a metric with one label, by the label's value: those that are there and not 0."""
        return {
            dict(labels)[label]: number
            for (sample, labels), number in self.numbers.items()
            if sample == name and number and not math.isnan(number)
        }

    def requests(self) -> dict[tuple[str, str, int], int]:
        """How many answers there were, by route, method and status: those that there were any of."""
        return {
            (dict(labels)["route"], dict(labels)["method"], int(dict(labels)["status"])): int(number)
            for (name, labels), number in self.numbers.items()
            if name == REQUESTS and number
        }


async def scrape(client: ClientSession, target: str = "/metrics", **options: Any) -> Scrape:
    """What the service tells now."""
    async with client.get(target, **options) as response:
        assert 200 == response.status
        return Scrape(await response.text())
