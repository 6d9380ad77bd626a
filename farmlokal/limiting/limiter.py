"""The rate limiter: GCRA for each client and class of requests, decided at once and in this process."""

import sys
import time
from collections.abc import Callable, Iterable
from math import ceil

from farmlokal.limiting.clients import ClientTable, Tracked
from farmlokal.limiting.quotas import Quota
from farmlokal.limiting.verdicts import REMAINING_MAX, Verdict, Verdicts

# Per quota. A client takes about 400 bytes: 40 MB when all are there.
CLIENTS_MAX = 100_000
# Of the burst: whoever has used so much of it since the last reconciling is reconciled at once.
_EARLY_SHARE = 8
# Kept of each quota: verdicts on what one client can spend in a tenth of a second.
_AT_REST_MAX = 4096


class Lane:
    """One quota with the clients that use it.

    queue: those of whom the next reconciling has something to say; only where somebody reconciles. refusals: since the
    start.
    """

    def __init__(self, quota: Quota, clients_max: int) -> None:
        self.quota = quota
        self.table = ClientTable(clients_max)
        self.verdicts = Verdicts(quota)
        self.queue: list[Tracked] = []
        self.refusals = 0
        # What every request needs, at one step's distance.
        self.states = self.table.states
        self.interval_s = quota.emission_interval_s
        self.tolerance_s = quota.tolerance_s
        self.step_s = max(1, ceil(quota.emission_interval_s))
        # To clients that had their whole burst, which are most, by what each spent since Redis was told.
        self.at_rest: dict[int, Verdict] = {}
        self.share_among(1)
        self.early = max(1, quota.burst // _EARLY_SHARE)

    def reset_s(self, ahead_s: float) -> int:
        """After how many whole seconds a client whose theoretical arrival time lies so far ahead may come."""
        wait_s = ahead_s + self.interval_s - self.tolerance_s
        return ceil(wait_s) if wait_s > 1 else 1

    def share_among(self, peers: int) -> None:
        """From now on so many processes share the limit."""
        self.peers = peers
        self.at_rest.clear()
        # So much may be spent and as much remains as is ever told: then it need not be known how much it was.
        others = peers - 1
        self.ample = (self.quota.burst - REMAINING_MAX * peers) // others if others else sys.maxsize

    def verdict(self, ahead_s: float, spent: int) -> Verdict:
        """What an admitted request is told, whose client's theoretical arrival time now lies so far ahead.

        spent: by the client in this process since Redis was told; 0 where it does not matter. The other processes may
        have used their parts of what was left then.
        """
        left = max(0, (int((self.tolerance_s - ahead_s) / self.interval_s) + spent) // self.peers - spent)
        return self.verdicts.admitted(left, self.step_s if left else min(self.step_s, self.reset_s(ahead_s)))

    def verdict_at_rest(self, spent: int) -> Verdict:
        """The same for a client that had its whole burst, kept for the next one."""
        if len(self.at_rest) >= _AT_REST_MAX:
            self.at_rest.clear()
        verdict = self.at_rest[spent] = self.verdict(self.interval_s, spent)
        return verdict

    def next_in_queue(self, number: int) -> list[Tracked]:
        """The first `number` of the queue, which leave it."""
        taken, self.queue = self.queue[:number], self.queue[number:]
        return taken

    def __repr__(self) -> str:
        return f"<Lane {self.quota.policy} {self.table!r} queue={len(self.queue)} refusals={self.refusals}>"


class RateLimiter:
    """Decides whether a request may pass, by what this process knows: GCRA, the "virtual scheduling" of ITU-T I.371.

    Alone it is exact. Where a SharedLimit reconciles it with other processes, requests are admitted by what was known
    last, and counted behind; docs/rate-limit.md says what that allows. Of processes that meet at a client's limit each
    admits only what Redis granted it.
    """

    def __init__(
        self,
        quotas: Iterable[Quota],
        *,
        clients_max: int = CLIENTS_MAX,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """clients_max: tracked for each quota. clock: monotonic seconds, injected by tests."""
        self.lanes = {quota.name: Lane(quota, clients_max) for quota in quotas}
        # Of whoever reconciles: how many processes share the limit, and what to call when one client is quick.
        self.peers = 1
        self.shared = False
        self.reconciled = False
        self.hurry: Callable[[], None] = _no_hurry
        self._clock = clock

    def __repr__(self) -> str:
        return f"<RateLimiter shared={self.shared} peers={self.peers} {list(self.lanes.values())}>"

    def share_among(self, peers: int) -> None:
        """From now on so many processes share the limit."""
        if peers != self.peers:
            self.peers = peers
            for lane in self.lanes.values():
                lane.share_among(peers)

    @property
    def clients(self) -> int:
        """How many clients are tracked; one that uses two quotas counts twice."""
        return sum(len(lane.table) for lane in self.lanes.values())

    @property
    def refusals(self) -> dict[str, int]:
        """How many requests were refused since the start, by quota."""
        return {name: lane.refusals for name, lane in self.lanes.items()}

    def take(self, quota: str, client: str) -> Verdict:
        """Whether a request of `client` may pass; it is counted where it may. Never waits."""
        lane = self.lanes[quota]
        now = self._clock()
        state = lane.states.get(client)
        if state is None:
            state = lane.table.track(client, now, queued=not self.reconciled)
        ahead_s = lane.interval_s
        if state.tat > now:
            ahead_s += state.tat - now
        if ahead_s > lane.tolerance_s or state.held_until > now:
            return self._at_limit(lane, state, now)
        state.tat = now + ahead_s
        spent = state.spent = state.spent + 1
        if spent == 1:
            state.since = now
        elif spent == lane.early:
            self.hurry()
        if not state.queued:
            state.queued = True
            lane.queue.append(state)
        if spent <= lane.ample:
            spent = 0
        if ahead_s == lane.interval_s:
            return lane.at_rest.get(spent) or lane.verdict_at_rest(spent)
        return lane.verdict(ahead_s, spent)

    def _at_limit(self, lane: Lane, state: Tracked, now: float) -> Verdict:
        state.asked += 1
        if not state.queued:
            state.queued = True
            lane.queue.append(state)
        reset_s = lane.reset_s(state.tat - now)
        if state.granted > 0:
            state.granted -= 1
            return lane.verdicts.admitted(0, reset_s)
        lane.refusals += 1
        return lane.verdicts.refused(reset_s)


def _no_hurry() -> None:
    """Nobody reconciles."""
