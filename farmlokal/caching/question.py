"""What a caller of the cache asks."""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from farmlokal.caching.lifetime import Lifetime
from farmlokal.caching.value import Value

Loader = Callable[[], Awaitable[Value]]


class Question(NamedTuple):
    """One key, how to load it, the tags that invalidate it, and how long it lives."""

    key: str
    load: Loader
    tags: tuple[str, ...]
    lifetime: Lifetime
