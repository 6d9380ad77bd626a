"""What the cache counts, as plain numbers; whoever wants to know reads them."""

from farmlokal.caching.lookup import Outcome
from farmlokal.telemetry.durations import Durations


class CacheCounts:
    """Counters of one cache, from the start of the process.

    lookups: answers by where they came from, but for the memory hits that need no decision, which are `peeked`: a plain
    integer is raised in a fifth of the time that a dictionary's takes.
    collapsed: answers that another caller's load brought. invalidations: calls of `invalidate`.
    sent_for_others: tags of other processes' invalidations that were sent for them.
    granted, busy, unavailable: what became of the leases that were asked for; busy: another process had it.
    loaded, failed, refused: what became of loads; refused are those that found no slot in time. running: loads now.
    load_times, wait_times: of the loads, and of the waits for a slot.
    """

    __slots__ = (
        "busy",
        "collapsed",
        "failed",
        "granted",
        "invalidations",
        "load_times",
        "loaded",
        "lookups",
        "peeked",
        "refused",
        "running",
        "sent_for_others",
        "unavailable",
        "wait_times",
    )

    def __init__(self) -> None:
        self.lookups = dict.fromkeys(Outcome, 0)
        self.peeked = self.collapsed = self.invalidations = self.sent_for_others = 0
        self.granted = self.busy = self.unavailable = 0
        self.loaded = self.failed = self.refused = self.running = 0
        self.load_times = Durations()
        self.wait_times = Durations()

    def __repr__(self) -> str:
        answers = {str(outcome): self.answers(outcome) for outcome in Outcome}
        return f"<CacheCounts {answers} collapsed={self.collapsed} loaded={self.loaded}>"

    def answers(self, outcome: Outcome) -> int:
        """Return how many answers came from there."""
        return self.lookups[outcome] + (self.peeked if outcome is Outcome.MEMORY_HIT else 0)
