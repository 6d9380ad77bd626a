"""When products were added: mostly of late, in the daytime, and often many in one second."""

from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import blake2b
from math import exp, log
from statistics import NormalDist
from struct import unpack
from typing import NamedTuple

from farmlokal.catalog.seed.draws import DRAWS, slots

# The moment that the catalogue ends before. A fixed one, not the current time, so that product n is the same today,
# tomorrow and on every machine.
ANCHOR = datetime(2026, 11, 1, tzinfo=UTC)

_SPAN_DAYS = 3 * 365
_AGE_MEAN_DAYS = 270

# 10:30 in India, give or take three hours: when the morning's harvest is in and gets listed.
_BUSIEST_MINUTE_UTC = 5 * 60
_BUSY_SPREAD_MINUTES = 180
_DAY_MINUTES = 24 * 60

# An import or a cooperative's upload gives all its products one time. Sizes follow Zipf: the largest batch holds
# about 1.5% of the catalogue, which is what a keyset page that runs into a long tie has to get through.
_BATCHES = 4_096
_BATCH_EXPONENT = 0.8


class Arrivals(NamedTuple):
    """Slots of times: a product's own is a day and a minute put together, a batch's stands whole."""

    days: list[str]
    times: list[str]
    batches: list[str]


@cache
def arrivals() -> Arrivals:
    """The tables from which `created_at` is taken, in the form of the wire."""
    middles = [(draw + 0.5) / DRAWS for draw in range(DRAWS)]
    dates = [f"{ANCHOR - timedelta(days=1 + age_days):%Y-%m-%dT}" for age_days in range(_SPAN_DAYS)]
    days = [dates[int(_age_days(middle))] for middle in middles]
    busy = NormalDist(_BUSIEST_MINUTE_UTC, _BUSY_SPREAD_MINUTES)
    minutes = [f"{minute // 60:02}:{minute % 60:02}:00Z" for minute in range(_DAY_MINUTES)]
    times = [minutes[int(busy.inv_cdf(middle)) % _DAY_MINUTES] for middle in middles]
    moments = [_batch_moment(number) for number in range(1, _BATCHES + 1)]
    batches = slots(moments, [number**-_BATCH_EXPONENT for number in range(1, _BATCHES + 1)])
    return Arrivals(days, times, batches)


def _age_days(quantile: float) -> float:
    """The exponential distribution, cut off at the span: from its `quantile` (between 0 and 1) to an age in days."""
    return -_AGE_MEAN_DAYS * log(1 - quantile * (1 - exp(-_SPAN_DAYS / _AGE_MEAN_DAYS)))


def _batch_moment(number: int) -> str:
    (draw,) = unpack("<I", blake2b(b"batch %d" % number, digest_size=4).digest())
    return f"{ANCHOR - timedelta(seconds=1 + int(_age_days(draw / 2**32) * 86_400)):%Y-%m-%dT%H:%M:%SZ}"
