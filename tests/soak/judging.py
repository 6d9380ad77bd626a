"""Whether what was written is there in the end: shown by every process, and with one effect for each event."""

import asyncio
import time
from collections import Counter

from farmlokal.database.interface import Database
from tests.soak.traffic import TRACKED, TRACKED_PAGE, Seen, Traffic
from tests.support.order_storm import STOCK
from tests.webhooks.fleet import Fleet
from tests.webhooks.inbox_view import inbox_of, stock_of


async def until_all_show(fleet: Fleet, traffic: Traffic, wait_max_s: float) -> list[str]:
    """Ask each process until it shows everything that was written; the faults of those that do not in time."""
    last = {name: number for name, _, number in traffic.seen.writes}
    faults = []
    for number in range(len(fleet.ports)):
        shown: dict[str, int] = {}
        end = time.monotonic() + wait_max_s
        while shown != last and time.monotonic() < end:
            before = len(traffic.seen.readings)
            await traffic.read(number, TRACKED_PAGE)
            shown = {name: stock for name, _, stock in traffic.seen.readings[before:]}
            await asyncio.sleep(0.1)
        if shown != last:
            faults.append(f"process {number} shows {shown} in the end, not {last}")
    return faults


async def lost_or_doubled(database: Database, seen: Seen) -> list[str]:
    """Events without a row, or with an effect more or less than they have to have."""
    faults = []
    rows = await inbox_of(database)
    if seen.events != {row.event_id for row in rows}:
        faults.append(f"events without a row: {sorted(seen.events - {row.event_id for row in rows})}")
    faults += [f"{row.event_id} is {row.state}: {row.reason}" for row in rows if row.state != "done"]
    effects = Counter(row.effect for row in rows if row.type == "order.placed" and not row.event_id.endswith("_new"))
    for name, change in sorted(seen.stock.items()):
        stock = await stock_of(database, name)
        if stock != STOCK + change:
            faults.append(f"{name}: stock {stock}, not {STOCK + change}; effects {dict(effects)}")
    for name in TRACKED:
        written = max(number for written, _, number in seen.writes if written == name)
        if written != await stock_of(database, name):
            faults.append(f"{name}: the database has {await stock_of(database, name)}, written last was {written}")
    return faults
