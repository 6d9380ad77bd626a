"""Taking one cold sample after another: the service, whose memory holds next to nothing, and the reference."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice

from tests.bench.families import FAMILIES, targets_of
from tests.bench.http_load import run_load
from tests.bench.row_load import fetch_rows
from tests.bench.samples import Sample
from tests.bench.service_process import COLD, service
from tests.bench.settling import wait_until_settled
from tests.bench.stand import Catalogue, Stand

CONNECTIONS = 8
_WARM_UP_S = 0.5


@dataclass(frozen=True, slots=True)
class ColdService:
    """A running service over `catalogue` that answers from the database, and the questions of each family."""

    stand: Stand
    catalogue: Catalogue
    port: int
    targets: dict[str, list[str]]

    def family(self, name: str) -> Sample:
        """One sample of a family. Raises ValueError when an answer was no success."""
        return self.ask(self.targets[name])

    def ask(self, targets: Sequence[str], *, seconds: float | None = None) -> Sample:
        """One sample of `targets`: only answers that came from the database for that request count."""
        sample = self.stand.run(
            run_load,
            self.port,
            targets,
            connections=CONNECTIONS,
            seconds=seconds or self.stand.options.seconds,
            misses_only=True,
        )
        if sample.errors:
            raise ValueError(f"{sample.errors} answers were no success, among them maybe {targets[0]}")
        return sample

    def reference(self) -> Sample:
        """One sample of fetching twenty rows by primary key from the same database, as many at once."""
        return self.stand.run(
            fetch_rows,
            self.catalogue.address,
            [row.id for row in self.catalogue.sampled],
            connections=CONNECTIONS,
            seconds=self.stand.options.seconds,
        )


@contextmanager
def cold_service(
    stand: Stand, catalogue: Catalogue, targets: dict[str, list[str]] | None = None
) -> Iterator[ColdService]:
    """Serve `catalogue` from next to no memory until the block ends.

    targets: the questions of each family; without them those of FAMILIES.
    """
    targets = targets or {name: targets_of(catalogue, draw) for name, draw in FAMILIES.items()}
    with service(catalogue.url, **COLD) as port:
        wait_until_settled(port, catalogue.products)
        running = ColdService(stand, catalogue, port, targets)
        # The database's memory is to be warm: what is measured is the work, not the disk.
        running.ask([one for family in targets.values() for one in islice(family, 200)], seconds=_WARM_UP_S)
        running.reference()
        yield running
