"""Whether a server answered, as a plain client saw it: what no server answers, no service can."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import pymysql

from tests.engines.stands import DATABASE
from tests.servers import NamedDatabase

_PAUSE_S = 0.2
# As long as a load waits for a replica. One that answers more slowly, or not at all, is not well.
_WELL_S = 0.5


class _Question(NamedTuple):
    """When it was asked and when it came to its end, in monotonic seconds."""

    began: float
    ended: float
    answered: bool

    @property
    def well(self) -> bool:
        return self.answered and self.ended - self.began < _WELL_S


class Witness:
    """Asks each of these servers for a row, again and again, on a new connection without anything in between."""

    def __init__(self, urls: Sequence[str]) -> None:
        self._questions: dict[str, list[_Question]] = {url: [] for url in urls}

    async def watch(self, going: Callable[[], bool]) -> None:
        """Ask while `going()`. A question to a server that is frozen ends when the server goes on."""
        await asyncio.gather(*(self._ask(url, going) for url in self._questions))

    def any_was_well(self, began: float, ended: float) -> bool:
        """Whether some server answered every question, and soon, from half a second before to half a second after."""

        def around(question: _Question) -> bool:
            return question.began <= ended + _WELL_S and question.ended >= began - _WELL_S

        asked = [[one.well for one in questions if around(one)] for questions in self._questions.values()]
        return any(all(answers) for answers in asked if answers)

    async def _ask(self, url: str, going: Callable[[], bool]) -> None:
        while going():
            began, answered = time.monotonic(), True
            try:
                await asyncio.to_thread(
                    NamedDatabase(url).execute, "SELECT id FROM products LIMIT 1", database=DATABASE
                )
            except pymysql.MySQLError:
                answered = False
            self._questions[url].append(_Question(began, time.monotonic(), answered))
            await asyncio.sleep(_PAUSE_S)
