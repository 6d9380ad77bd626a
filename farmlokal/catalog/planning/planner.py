"""Keeps the sample, and plans by it."""

import asyncio
import random

from farmlokal.catalog.planning.plan import Plan, choose_plan
from farmlokal.catalog.planning.sample import Sample, draw_sample
from farmlokal.catalog.question.query import ListingQuery
from farmlokal.catalog.question.table import TABLE, QuestionTable
from farmlokal.database.interface import Database
from farmlokal.errors import Unavailable
from farmlokal.telemetry import get_logger

_log = get_logger(__name__)

# The shape of a catalogue changes over days; one that is just being filled is looked at more often.
_INTERVAL_S = 300
_SMALL_INTERVAL_S = 15
_SMALL_ROWS = 1000
# Questions come again when their pages have grown old. A plan takes about 1 KB with its question.
_PLANS_MAX = 4096


class Planner:
    """Plans listing queries over `database`. Without a sample yet, it plans as for an empty catalogue.

    table: what may be asked.
    """

    def __init__(self, database: Database, table: QuestionTable = TABLE) -> None:
        self._database = database
        self.sample = Sample((), 1.0, table)
        self._plans: dict[ListingQuery, Plan] = {}  # by this sample, in the order of their first question

    def __repr__(self) -> str:
        return f"<Planner {self.sample!r} plans={len(self._plans)}>"

    def plan(self, query: ListingQuery) -> Plan:
        """The cheapest plan for `query`; the same one for as long as the sample is."""
        plan = self._plans.get(query)
        if plan is None:
            plan = choose_plan(query, self.sample)
            if len(self._plans) >= _PLANS_MAX:
                del self._plans[next(iter(self._plans))]
            self._plans[query] = plan
        return plan

    async def refresh(self, *, gradually: bool = False) -> None:
        """Draw the sample anew. gradually: beside requests, for which the process then has time. Raises Unavailable."""
        sample = await draw_sample(self._database, table=self.sample.table, gradually=gradually)
        self.sample, self._plans = sample, {}

    async def keep(self) -> None:
        """Draw the sample again and again, until cancelled."""
        while True:
            interval_s = _INTERVAL_S if len(self.sample) >= _SMALL_ROWS else _SMALL_INTERVAL_S
            # Spread, so that processes started together do not read together.
            await asyncio.sleep(interval_s * (0.9 + 0.2 * random.random()))  # noqa: S311 - not a secret
            try:
                await self.refresh(gradually=True)
            except Unavailable as error:
                say = _log.debug if error.reported else _log.warning
                say("catalogue sample not refreshed", reason=str(error))
