"""What is said of one route: the half of a route that people and tools read; the other half is its handler."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from farmlokal.web.answers.problems import ProblemType
from farmlokal.web.parameters.parameter import Parameter

API_KEY = ("bearer", "apiKey")
SIGNATURE = ("webhookSignature",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """A body. shape: the type that its code is checked against, or a finished JSON Schema."""

    shape: Any
    examples: Mapping[str, Any] = field(default_factory=dict)
    media_types: tuple[str, ...] = ("application/json",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer that is no problem. headers: by their names in `headers.HEADERS`. links: as OpenAPI writes them."""

    status: int
    meaning: str
    content: Content | None = None
    headers: tuple[str, ...] = ()
    links: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One route's description.

    problems: those that its handler or its middlewares send, besides what any route may. problem_headers: what these
    carry besides what all of their status do. security: names of security schemes, each of which alone is enough.
    limited: whether the rate limit counts it.
    """

    id: str
    tag: str
    summary: str
    meaning: str
    answers: tuple[Answer, ...]
    parameters: tuple[Parameter, ...] = ()
    problems: tuple[ProblemType, ...] = ()
    problem_headers: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    body: Content | None = None
    security: tuple[str, ...] = ()
    limited: bool = True

    @property
    def cacheable(self) -> bool:
        """Whether caches may keep its answers: what they may keep, they can ask about again by its validator."""
        return any("ETag" in answer.headers for answer in self.answers)


@dataclass(frozen=True, slots=True)
class Route:
    """A route and its description. A GET answers HEAD too, unless it has an effect (`allow_head`)."""

    method: str
    path: str
    handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    operation: Operation
    allow_head: bool = True
