"""The faults that a partner can have, and which of them the next request meets."""

import random
from collections import Counter
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

# Long after every client of ours has given up, and short enough for a server that stops to wait for.
LATENCY_MAX_S = 60.0


class Kind(StrEnum):
    """What goes wrong. The first five answer in place of the route; the others spoil its answer, or its token."""

    STATUS = "status"  # answers `status`, with `Retry-After` where `retry_after_s` is given
    REDIRECT = "redirect"  # answers 302 with `location`
    HANG = "hang"  # takes the request and says nothing
    REFUSE = "refuse"  # closes the connection without a word
    LATENCY = "latency"  # waits `latency_s`, then answers as it should
    RESET = "reset"  # breaks the connection off in the middle of the body
    TRUNCATED = "truncated"  # ends the JSON in the middle, with a Content-Length to match
    CONTENT_TYPE = "content_type"  # answers a page of HTML with 200
    REVOKE = "revoke"  # revokes the bearer token that the request carries before it looks at it
    BAD_TOKEN = "bad_token"  # gives a token that is accepted nowhere  # noqa: S105 - the name of a fault


class Fault(BaseModel):
    """One fault: on which `route` (`"GET /products"`, or `*` for all but the control routes), how often, how long."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Kind
    route: str = "*"
    rate: Annotated[float, Field(gt=0, le=1)] = 1.0
    times: Annotated[int, Field(ge=1)] | None = None
    status: Annotated[int, Field(ge=400, le=599)] = 503
    retry_after_s: Annotated[int, Field(ge=0)] | None = None
    retry_after_as_date: bool = False
    latency_s: Annotated[float, Field(ge=0, le=LATENCY_MAX_S)] = 0.0
    location: str = "/"


class FaultPlan(BaseModel):
    """The faults in force, the first that hits wins; `seed` makes their chance the same every time."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    faults: tuple[Fault, ...] = ()
    seed: int = 0


class Faults:
    """Draws, for each request, the fault that it meets; counts them by kind."""

    def __init__(self) -> None:
        self.hits: Counter[str] = Counter()
        self.follow(FaultPlan())

    def __repr__(self) -> str:
        return f"<Faults in force={len(self._plan.faults)} hits={self.hits.total()}>"

    def follow(self, plan: FaultPlan) -> None:
        """Put `plan` in the place of the one in force; what was counted stays."""
        self._plan = plan
        self._random = random.Random(plan.seed)  # noqa: S311 - chance that can be repeated
        self._used: Counter[int] = Counter()

    def draw(self, route: str) -> Fault | None:
        """The fault that the next request of `route` meets."""
        for place, fault in enumerate(self._plan.faults):
            if fault.route not in ("*", route) or (fault.times is not None and self._used[place] >= fault.times):
                continue
            if self._random.random() < fault.rate:
                self._used[place] += 1
                self.hits[fault.kind.value] += 1
                return fault
        return None
