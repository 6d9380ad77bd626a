"""Readers and writers, and what they saw: each answer and each acknowledgement with its moment."""

import asyncio
import re
import time
from collections import Counter
from collections.abc import Callable, Mapping
from random import Random

from aiohttp import ClientError

from tests.support.order_storm import STOCK, storm
from tests.support.webhook_sender import product
from tests.webhooks.fleet import Fleet

TRACKED = [f"tracked-{number}" for number in range(8)]
TRACKED_CATEGORY = "honey"
TRACKED_PAGE = f"/products?category={TRACKED_CATEGORY}&limit=50"
_READERS, _COLD_READERS, _ORDER_SENDERS = 3, 2, 2
_READ_PAUSE_S, _WRITE_PAUSE_S = 0.05, 0.2
_STORM_EVENTS = 60
_MAX_AGE = re.compile(r"max-age=(\d+)")


class Seen:
    """What readers and writers saw. Moments and durations in monotonic seconds.

    writes: name of the product, moment of the acknowledgement, number written. readings: name, moment of the question,
    number shown, of answers that were called fresh. reads: moment of the question, and how long the answer took.
    failures: moments of the question and of its end, and what went wrong with a reading. deliveries: moment of the
    try, how long it took, its status.
    """

    def __init__(self) -> None:
        self.writes: list[tuple[str, float, int]] = []
        self.readings: list[tuple[str, float, int]] = []
        self.failures: list[tuple[float, float, str]] = []
        self.reads: list[tuple[float, float]] = []
        self.deliveries: list[tuple[float, float, int | None]] = []
        self.events: set[str] = set()
        self.stock: Counter[str] = Counter()  # change of each ordered product

    def attempt(self, status: int | None, took_s: float) -> None:
        """Count one try of a delivery."""
        self.deliveries.append((time.monotonic() - took_s, took_s, status))

    @property
    def statuses(self) -> Counter[int | None]:
        """How many tries of a delivery had which status."""
        return Counter(status for _, _, status in self.deliveries)

    @property
    def slowest_read(self) -> tuple[float, float]:
        """The longest that a reader waited, and the moment at which that began."""
        return max((took_s, began) for began, took_s in self.reads)

    @property
    def slowest_delivery(self) -> tuple[float, float]:
        """The longest that a sender waited, and the moment at which that began."""
        return max((took_s, began) for began, took_s, _ in self.deliveries)


class Traffic:
    """Keeps asking and delivering while `going()`, which may be changed; its tasks end with the work at hand."""

    def __init__(self, fleet: Fleet, draw: Random, going: Callable[[], bool]) -> None:
        self.seen = Seen()
        self._fleet = fleet
        self._draw = draw
        self.going = going

    async def begin(self) -> None:
        """Bring the products in that the others work on."""
        for number, name in enumerate(TRACKED):
            await self._upsert(name, 1, number)
        for name in storm(4, 0)[1]:
            await self._deliver("product.upserted", product(name, stock=STOCK), f"msg_{name}")

    async def run(self) -> None:
        """Everything at once."""
        await asyncio.gather(
            *(self._read_tracked(number) for number in range(_READERS)),
            *(self._read_cold(number) for number in range(_COLD_READERS)),
            *(self._write(name, number) for number, name in enumerate(TRACKED)),
            *(self._order(number) for number in range(_ORDER_SENDERS)),
        )

    async def read(self, number: int, target: str) -> bool:
        """One listing from the process `number`; what it shows as fresh is noted. Returns whether it was fresh."""
        asked_at = time.monotonic()
        try:
            async with self._fleet.client.get(self._fleet.url(number) + target) as response:
                if response.status != 200:
                    self._failed(asked_at, number, f"{target}: {response.status} {await response.text()}")
                    return False
                page = await response.json()
                fresh = _fresh_s(response.headers) > 0
        except (ClientError, TimeoutError) as error:
            self._failed(asked_at, number, f"{target}: {error!r}")
            return False
        finally:
            self.seen.reads.append((asked_at, time.monotonic() - asked_at))
        if fresh:
            shown = [(row["name"], asked_at, row["stock"]) for row in page["data"] if row["name"].startswith("tracked")]
            self.seen.readings += shown
        return fresh

    def _failed(self, asked_at: float, number: int, what: str) -> None:
        now = time.monotonic()
        self.seen.failures.append((asked_at, now, f"{what} from process {number}, after {now - asked_at:.2f} s"))

    async def _read_tracked(self, number: int) -> None:
        while self.going():
            await self.read(self._draw.randrange(len(self._fleet.ports)), TRACKED_PAGE)
            await asyncio.sleep(_READ_PAUSE_S)

    async def _read_cold(self, number: int) -> None:
        """Pages that nobody has asked for: each is a load from the database."""
        while self.going():
            await self.read(number, f"/products?max_price={self._draw.randrange(10**7) / 100:.2f}&limit=5")
            await asyncio.sleep(2 * _READ_PAUSE_S)

    async def _write(self, name: str, number: int) -> None:
        version = 1
        while self.going():
            version += 1
            await self._upsert(name, version, number)
            await asyncio.sleep(_WRITE_PAUSE_S * len(TRACKED) * self._draw.random())

    async def _upsert(self, name: str, version: int, number: int) -> None:
        """Write the number of the write into the product's stock."""
        data = product(name, version, name=name, category=TRACKED_CATEGORY, stock=version)
        await self._deliver("product.upserted", data, f"msg_{name}_{version}", number)
        self.seen.writes.append((name, time.monotonic(), version))

    async def _order(self, number: int) -> None:
        """Orders and their cancellations, in any order and doubled: as many storms as there is time for."""
        turn = 0
        while self.going():
            turn += 1
            sent, left = storm(_STORM_EVENTS, self._draw.randrange(2**32), prefix=f"{number}_{turn}_")
            for one in sent:
                await self._deliver(one.type, one.data, one.event_id, self._draw.randrange(len(self._fleet.ports)))
                await asyncio.sleep(_WRITE_PAUSE_S * self._draw.random())
            for name, stock in left.items():
                self.seen.stock[name] += stock - STOCK

    async def _deliver(self, event_type: str, data: object, event_id: str, number: int = 0) -> None:
        self.seen.events.add(event_id)
        await self._fleet.deliver(number, event_type, data, event_id, on_attempt=self.seen.attempt)


def _fresh_s(headers: Mapping[str, str]) -> int:
    """For how long a cache in between would call the answer fresh, in seconds (RFC 9111, section 4.2)."""
    lifetime = _MAX_AGE.search(headers["Cache-Control"])
    assert lifetime is not None, headers
    return int(lifetime[1]) - int(headers.get("Age", 0))
