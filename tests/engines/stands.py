"""What the engines have in common on which the service is tried: how it reaches them, and what they may meet."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import NamedTuple, Self


class Fault(NamedTuple):
    """What an engine may meet. happen: blocks until the engine is whole again.

    unanswered: whether meanwhile no server could answer in time what nobody has in memory. Galera's nodes wait for each
    other until they know who is left.
    """

    happen: Callable[[], object]
    unanswered: bool = False


DATABASE = "farm"


class Stand(ABC):
    """A database and a Redis, one of which is several servers. Started on entry, gone on exit."""

    def __init__(self) -> None:
        self._servers = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as servers:
            self.start(servers)
            self._servers = servers.pop_all()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._servers.close()

    @abstractmethod
    def start(self, servers: ExitStack) -> None:
        """Start everything, each entered into `servers`."""

    @property
    @abstractmethod
    def redis_url(self) -> str:
        """Redis, for the service."""

    def redis_url_of(self, number: int) -> str:
        """Redis, for the instance `number` of the service: the same for all, unless something stands between."""
        return self.redis_url

    @abstractmethod
    def database_url(self, number: int) -> str:
        """The database, for the instance `number` of the service."""

    @property
    def readers(self) -> Sequence[str]:
        """The database's servers that listings may be loaded from besides, for every instance."""
        return ()

    @property
    @abstractmethod
    def judged_url(self) -> str:
        """A server of the database that takes writes now: where the schema is made, and what was written is counted."""

    @property
    @abstractmethod
    def faults(self) -> Mapping[str, Fault]:
        """What the engine may meet, in this order."""
