"""How the process and its dependencies are: what `/livez` and `/readyz` tell."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from enum import StrEnum
from typing import Annotated, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from farmlokal.errors import FarmLokalError

# Returns None where the dependency is up, or why it is not quite; raises where it is down.
Probe = Callable[[], Awaitable[str | None]]

_PROBE_WAIT_MAX_S = 1.0
# Slower than this a dependency is called degraded: it still answers, and someone should look.
_DEGRADED_S = 0.25
# Probes of many load balancers share one look at the dependencies.
_REPORT_KEPT_S = 1.0


class Phase(StrEnum):
    """Where the process stands in its life."""

    STARTING = "starting"
    READY = "ready"
    DRAINING = "draining"


class DependencyReport(TypedDict):
    """How a dependency is. `degraded` is slow, or refuses a part; `latency_ms` is null where it is `down`."""

    state: Literal["up", "degraded", "down"]
    latency_ms: Annotated[float | None, Field(ge=0, description="milliseconds")]
    reason: NotRequired[Annotated[str, Field(description="why it is not `up`; absent where it is")]]


class Health:
    """What `/readyz` says: the phase decides the status, the dependencies are named for people.

    A dependency that is down does not take the process out of rotation: it can still serve hits.
    """

    def __init__(self, probes: Mapping[str, Probe]) -> None:
        """probes: each returns when its dependency answers, and raises when it does not.

        What one returns is why the dependency is degraded, None where it is not.
        """
        self.phase = Phase.STARTING
        self._probes = probes
        self._report: dict[str, DependencyReport] = {}
        self._reported_at = float("-inf")
        self._looking = asyncio.Lock()

    def __repr__(self) -> str:
        return f"<Health {self.phase}>"

    async def dependencies(self) -> dict[str, DependencyReport]:
        """The state and latency in milliseconds of each dependency, at most a second old."""
        async with self._looking:
            if time.monotonic() - self._reported_at > _REPORT_KEPT_S:
                reports = await asyncio.gather(*map(_probed, self._probes.values()))
                self._report = dict(zip(self._probes, reports, strict=True))
                self._reported_at = time.monotonic()
            return self._report


async def _probed(probe: Probe) -> DependencyReport:
    started = time.perf_counter()
    try:
        async with asyncio.timeout(_PROBE_WAIT_MAX_S):
            reason = await probe()
    except TimeoutError:
        return {"state": "down", "latency_ms": None, "reason": "no answer in time"}
    except Exception as error:
        # Whatever its driver raises, the dependency is not up; this report must be given all the same. Everybody may
        # read it: the texts of our own errors are made for that, those of drivers may have names and addresses.
        known = str(error) if isinstance(error, FarmLokalError) else type(error).__name__
        return {"state": "down", "latency_ms": None, "reason": known}
    latency_s = time.perf_counter() - started
    if reason is None and latency_s > _DEGRADED_S:
        reason = f"it takes more than {_DEGRADED_S * 1000:g} ms"
    latency_ms = round(latency_s * 1000, 1)
    if reason is None:
        return {"state": "up", "latency_ms": latency_ms}
    return {"state": "degraded", "latency_ms": latency_ms, "reason": reason}
