"""The farms that a load of many batches has met already."""

from collections.abc import Sequence

from farmlokal.catalog.records import Deletion, ProductRecord
from farmlokal.catalog.writing.farms import FarmKey, farm_ids, farm_key
from farmlokal.database.interface import Database, Session

# The made-up catalogue has 60,000. Past this many, about 50 MiB, start over: a farm forgotten is only looked up again.
_FARMS_MAX = 100_000


class KnownFarms:
    """Ids of farms by their identity, each looked up once, and added ahead of its products.

    A farm added together with its products stays locked until all of them are committed, and whoever loads products of
    the same farm waits: four loaders side by side were no faster than two. What is kept here is committed. A farm is
    never deleted, so it stays true; if its products are then not written, the farm without products does no harm.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.ids: dict[FarmKey, int] = {}

    def __repr__(self) -> str:
        return f"<KnownFarms {len(self.ids)}>"

    async def learn(self, changes: Sequence[ProductRecord | Deletion]) -> None:
        """Look up or add every farm that `changes` name and that is not known yet, in one transaction."""
        # One product of each spelling: many of a batch are of the same farm.
        spelled = {
            (one.source, one.farm, one.district, one.state): one
            for one in changes
            if isinstance(one, ProductRecord) and one.farm
        }
        new = [record for record in spelled.values() if farm_key(record) not in self.ids]
        if not new:
            return

        async def work(session: Session) -> dict[FarmKey, int]:
            return await farm_ids(session, self._database.dialect, new)

        found = await self._database.in_transaction(work)
        if len(self.ids) + len(found) > _FARMS_MAX:
            self.ids.clear()
        self.ids |= found
