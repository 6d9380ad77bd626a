"""What writes beside them cost the readers."""

from collections.abc import Iterator
from functools import partial
from statistics import median

from tests.bench.cold import ColdService, cold_service
from tests.bench.families import FAMILIES
from tests.bench.figures import Figure, ratio
from tests.bench.listing import paired
from tests.bench.samples import Sample
from tests.bench.stand import Stand
from tests.bench.upsert_load import upsert

_UPSERTS_PER_S = 500


def writes(stand: Stand) -> Iterator[Figure]:
    """The median of each family while 500 products a second are updated, to that while none is."""
    rates: list[float] = []
    with cold_service(stand, stand.catalogue(stand.options.products)) as running:
        stand.start_beside(
            upsert, running.catalogue.address, stand.options.products, rate=_UPSERTS_PER_S, seconds=1
        ).result()
        for name in FAMILIES:
            pairs = paired(
                stand.options.rounds,
                partial(_with_writes, running, name, rates),
                partial(running.family, name),
            )
            medians = [(one.median_ms, other.median_ms) for one, other in pairs]
            yield ratio(
                f"{_UPSERTS_PER_S} upserts a second beside: {name}",
                medians,
                "the same without writes",
                goal="<= 1.5",
                extra={"ms": round(median(one for one, _ in medians), 2), "upserts_per_s": round(median(rates))},
            )


def _with_writes(running: ColdService, name: str, rates: list[float]) -> Sample:
    stand = running.stand
    writing = stand.start_beside(
        upsert, running.catalogue.address, stand.options.products, rate=_UPSERTS_PER_S, seconds=stand.options.seconds
    )
    sample = running.family(name)
    rates.append(writing.result())
    return sample
