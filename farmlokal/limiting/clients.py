"""The clients of one quota: what is known of each, at most so many of them, and the decision on their requests."""

import sys
import time
from collections.abc import Callable

from farmlokal.limiting.quotas import Quota
from farmlokal.limiting.reports import Reconciled, Report
from farmlokal.limiting.verdicts import REMAINING_MAX, Verdict, Verdicts

# Checked to find a client that can be forgotten. Of so many, among clients of which nearly all are quiet, one is.
_CHECKS_MAX = 16
# Of the burst: a client that has used so much of it since the last reconciling is reconciled at once.
_HURRY_SHARE = 8
# Kept of each quota: verdicts on what one client can spend in a tenth of a second.
_FULL_BURST_VERDICTS_MAX = 4096
# For so long after it last asked at its limit a client gets what Redis grants, and nothing else: a few reconcilings,
# and less than the second after which a refused client may come back.
_HOLD_S = 0.6
# What the way to Redis may take longer at one time than at another. Without it a client that comes at the very moment
# that its last answer named could be early by that much.
_SLACK_S = 0.02


class TrackedClient:
    """One client's use of one quota. Times are those of the process's own clock, in seconds.

    tat: the theoretical arrival time of GCRA: all that the client used is used up again by then.
    spent: requests admitted here that are not reported to Redis yet, the first of them at `since`.
    asked: requests that came while the client was at its limit, since the last report.
    granted: requests that Redis has counted already and that were not made yet.
    held_until: until then a request passes only by a grant, since other processes admit the same client.
    seen: the theoretical arrival time that Redis had last, in its own microseconds; 0 for none.
    queued: whether there is something to report at the next reconciling, or nobody reconciles.

    Its methods are the only ones to write these.
    """

    __slots__ = ("asked", "granted", "held_until", "name", "queued", "seen", "since", "spent", "tat")

    def __init__(self, name: str, *, queued: bool) -> None:
        self.name = name
        self.tat = self.since = self.held_until = 0.0
        self.spent = self.asked = self.granted = self.seen = 0
        self.queued = queued

    def __repr__(self) -> str:
        return f"<TrackedClient {self.name} tat={self.tat:.3f} spent={self.spent} granted={self.granted}>"

    def admit(self, now: float, ahead_s: float) -> int:
        """Count an admitted request, after which `tat` lies `ahead_s` seconds ahead; returns `spent`."""
        self.tat = now + ahead_s
        spent = self.spent = self.spent + 1
        if spent == 1:
            self.since = now
        return spent

    def ask_at_limit(self) -> bool:
        """Count a request that came at the limit. Returns whether a grant admits it, which is used up then."""
        self.asked += 1
        if self.granted <= 0:
            return False
        self.granted -= 1
        return True

    def report(self, now: float) -> Report:
        """Returns what there is to report; from here on the client counts anew."""
        held = self.held_until > now
        asked = max(0, self.asked - self.granted)
        if self.granted and not held:
            # Nobody came for them: other processes may have them.
            self.spent -= self.granted
            self.granted = 0
        age_s = now - self.since if self.spent > 0 else 0.0
        report = Report(self.spent, age_s, asked, held, self.seen)
        self.spent = self.asked = 0
        self.queued = False
        return report

    def learn(self, report: Report, answer: Reconciled, now: float, interval_s: float) -> bool:
        """Take over what Redis answered to `report`. Returns whether there is something to report next time, too.

        interval_s: the quota's emission interval.
        """
        self.seen = answer.arrival_us
        self.granted += answer.granted
        if answer.others or report.held:
            begun = answer.arrival - _SLACK_S
            if self.spent:
                # With what was admitted while the answer was on its way.
                begun = max(begun, self.since)
            self.tat = begun + self.spent * interval_s
            if report.asked:
                self.held_until = now + _HOLD_S
        return self.held_until > now or self.granted > 0


class ClientTable:
    """At most `capacity` clients. `clients` is for looking up; `track` alone adds and removes.

    A full table forgets, of the next few clients in turn, one that has its whole burst again, which is no loss; where
    all of them are at work, the one whose use lies longest in the past. That one may get up to a burst too much from
    this process; where the limit is shared, until the next reconciling at most.
    """

    def __init__(self, capacity: int) -> None:
        self.clients: dict[str, TrackedClient] = {}
        self._capacity = capacity
        # The same in a ring, in which the hand goes round: finding a place costs the same however full the table is.
        self._ring: list[TrackedClient] = []
        self._hand = 0

    def __repr__(self) -> str:
        return f"<ClientTable {len(self.clients)} of {self._capacity}>"

    def __len__(self) -> int:
        return len(self.clients)

    def track(self, name: str, now: float, *, queued: bool) -> TrackedClient:
        """Returns a new client of whose use nothing is known."""
        client = self.clients[name] = TrackedClient(name, queued=queued)
        if len(self._ring) < self._capacity:
            self._ring.append(client)
            return client
        place = self._place_to_free(now)
        del self.clients[self._ring[place].name]
        self._ring[place] = client
        return client

    def _place_to_free(self, now: float) -> int:
        ring, best = self._ring, self._hand
        for _ in range(min(_CHECKS_MAX, len(ring))):
            place, self._hand = self._hand, (self._hand + 1) % len(ring)
            if ring[place].tat < ring[best].tat:
                best = place
            if ring[best].tat <= now:
                break
        return best


class QuotaClients:
    """One quota with the clients that use it, and the decision on their requests.

    queue: the clients with something to report at the next reconciling; empty where nobody reconciles.
    refusals: since the start.
    """

    def __init__(self, quota: Quota, clients_max: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        """clock: monotonic seconds, injected by tests."""
        self.quota = quota
        self.table = ClientTable(clients_max)
        self.verdicts = Verdicts(quota)
        self.queue: list[TrackedClient] = []
        self.refusals = 0
        # Called when one client is quick; None where nobody reconciles.
        self.reconcile_now: Callable[[], None] | None = None
        # At so many requests of one client since its last report; 0 for never. Of a small burst the first request
        # would be one, and each reconciling costs about as much as a request.
        self.hurry_at = quota.burst // _HURRY_SHARE if quota.burst >= 2 * _HURRY_SHARE else 0
        self._clock = clock
        # What every request needs, at one step's distance.
        self._clients = self.table.clients
        self.interval_s = quota.emission_interval_s
        self.tolerance_s = quota.tolerance_s
        # To clients that had their whole burst, which are most, by what each spent since its last report.
        self._full_burst_verdicts: dict[int, Verdict] = {}
        self.share_among(1)

    def __repr__(self) -> str:
        return f"<QuotaClients {self.quota.policy} {self.table!r} queue={len(self.queue)} refusals={self.refusals}>"

    def take(self, name: str) -> Verdict:
        """Whether a request of the client called `name` may pass; it is counted where it may. Never waits."""
        now = self._clock()
        client = self._clients.get(name)
        if client is None:
            client = self.table.track(name, now, queued=self.reconcile_now is None)
        ahead_s = self.interval_s
        if client.tat > now:
            ahead_s += client.tat - now
        if ahead_s > self.tolerance_s or client.held_until > now:
            return self._at_limit(client, now)
        spent = client.admit(now, ahead_s)
        if spent == self.hurry_at and self.reconcile_now is not None:
            self.reconcile_now()
        if not client.queued:
            self._enqueue(client)
        if spent <= self._untold_max:
            spent = 0
        if ahead_s == self.interval_s:
            return self._full_burst_verdicts.get(spent) or self._full_burst_verdict(spent)
        return self.verdicts.admitted(ahead_s, spent)

    def share_among(self, peers: int) -> None:
        """From now on `peers` processes share the limit."""
        self.verdicts.peers = peers
        self._full_burst_verdicts.clear()
        # So much may be spent since the last report while as much remains as is ever sent: then it makes no difference
        # how much it was.
        others = peers - 1
        self._untold_max = (self.quota.burst - REMAINING_MAX * peers) // others if others else sys.maxsize

    def next_in_queue(self, number: int) -> list[TrackedClient]:
        """Returns the first `number` clients of the queue, which leave it."""
        taken, self.queue = self.queue[:number], self.queue[number:]
        return taken

    def learn(self, client: TrackedClient, report: Report, answer: Reconciled) -> None:
        """Take over what Redis answered to the report on `client`."""
        if client.learn(report, answer, self._clock(), self.interval_s) and not client.queued:
            self._enqueue(client)

    def _at_limit(self, client: TrackedClient, now: float) -> Verdict:
        if not client.queued:
            self._enqueue(client)
        ahead_s = client.tat - now
        if client.ask_at_limit():
            return self.verdicts.granted(ahead_s)
        self.refusals += 1
        return self.verdicts.refused(ahead_s)

    def _full_burst_verdict(self, spent: int) -> Verdict:
        """Make the verdict of a client that had its whole burst, and keep it for the next one."""
        if len(self._full_burst_verdicts) >= _FULL_BURST_VERDICTS_MAX:
            self._full_burst_verdicts.clear()
        verdict = self._full_burst_verdicts[spent] = self.verdicts.admitted(self.interval_s, spent)
        return verdict

    def _enqueue(self, client: TrackedClient) -> None:
        client.queued = True
        self.queue.append(client)
