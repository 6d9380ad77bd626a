"""What a load test demands of each route, read from `targets.toml` or from a file like it."""

import tomllib
from dataclasses import dataclass, fields, replace
from pathlib import Path

from loadtest.outcomes import split

TARGETS_FILE = Path(__file__).with_name("targets.toml")
_EVERY = "every route"


@dataclass(frozen=True, slots=True)
class Target:
    """The bounds of one route or outcome; None where there is none.

    p50_ms, p95_ms, p99_ms, errors (a share): at most. rate_per_user (requests a second for each user): at least.
    """

    p50_ms: float | None = None
    p95_ms: float | None = None
    p99_ms: float | None = None
    errors: float | None = None
    rate_per_user: float | None = None


class Targets:
    """The demands on every route. Raises ValueError for a bound that there is not, or that is no number."""

    def __init__(self, bounds: dict[str, dict[str, float]]) -> None:
        for name, values in bounds.items():
            _check(name, values)
        self._every = Target(**bounds.get(_EVERY, {}))
        self._bounds = {name: values for name, values in bounds.items() if name != _EVERY}

    @classmethod
    def read(cls, path: Path = TARGETS_FILE) -> "Targets":
        """The targets in the file at `path`. Raises OSError; ValueError where it is not what `targets.toml` is."""
        return cls(tomllib.loads(path.read_text("utf-8")))

    @property
    def routes(self) -> list[str]:
        """The routes that must have been measured: those of which a rate is demanded."""
        return [name for name, values in self._bounds.items() if values.get("rate_per_user")]

    def of_route(self, route: str) -> Target:
        """What all answers of `route` together must keep to."""
        return replace(self._every, **self._bounds.get(route, {}))

    def of_outcome(self, name: str) -> Target:
        """What the answers of one outcome, `/products [hit memory]`, must keep to beside their route."""
        route, outcome = split(name)
        target = Target()
        for bound, values in self._bounds.items():
            of_route, of_outcome = split(bound)
            if of_outcome is not None and of_route == route and (outcome or "").startswith(of_outcome):
                target = replace(target, **values)
        return target


def _check(name: str, values: dict[str, float]) -> None:
    known = {field.name for field in fields(Target)}
    for bound, value in values.items():
        if bound not in known:
            raise ValueError(f"[{name}] {bound}: must be one of {', '.join(sorted(known))}")
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise ValueError(f"[{name}] {bound}: must be a number")  # noqa: TRY004 - as every fault of the file
