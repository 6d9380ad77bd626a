"""The clients that a process keeps track of: at most so many, whoever asks."""

# Looked at to find one that can be forgotten. Of so many, among clients of whom nearly all are quiet, one is.
_LOOKS_MAX = 16


class Tracked:
    """What is known of one client's use of one quota. Times are those of the process's own clock, in seconds.

    tat: the theoretical arrival time of GCRA: all that the client used is used up again by then.
    spent: requests admitted here that Redis does not know of yet, the first of them at `since`.
    asked: requests that came while the client was at its limit, since the last reconciling.
    granted: requests that Redis has counted already and that were not made yet.
    held_until: until then a request passes only by a grant, since other processes admit the same client.
    seen: the theoretical arrival time that Redis had last, in its own microseconds; 0 for none.
    queued: whether the next reconciling has something to say of the client, or nobody reconciles.
    """

    __slots__ = ("asked", "client", "granted", "held_until", "queued", "seen", "since", "spent", "tat")

    def __init__(self, client: str, *, queued: bool) -> None:
        self.client = client
        self.tat = self.since = self.held_until = 0.0
        self.spent = self.asked = self.granted = self.seen = 0
        self.queued = queued

    def __repr__(self) -> str:
        return f"<Tracked {self.client} tat={self.tat:.3f} spent={self.spent} granted={self.granted}>"


class ClientTable:
    """At most `capacity` clients. `states` is for looking up; `track` alone adds and takes away.

    A full table forgets, of the next few clients in turn, one that has its whole burst again, which is no loss; where
    all of them are at work, the one whose use lies longest in the past. That one may get up to a burst too much from
    this process; where the limit is shared, until the next reconciling at most.
    """

    def __init__(self, capacity: int) -> None:
        self.states: dict[str, Tracked] = {}
        self._capacity = capacity
        # The same in a ring, in which the hand goes round: finding a place costs the same however full the table is.
        self._ring: list[Tracked] = []
        self._hand = 0

    def __repr__(self) -> str:
        return f"<ClientTable {len(self.states)} of {self._capacity}>"

    def __len__(self) -> int:
        return len(self.states)

    def track(self, client: str, now: float, *, queued: bool) -> Tracked:
        """A new state for `client`, of whom nothing is known."""
        state = self.states[client] = Tracked(client, queued=queued)
        if len(self._ring) < self._capacity:
            self._ring.append(state)
            return state
        place = self._place_to_free(now)
        del self.states[self._ring[place].client]
        self._ring[place] = state
        return state

    def _place_to_free(self, now: float) -> int:
        ring, best = self._ring, self._hand
        for _ in range(min(_LOOKS_MAX, len(ring))):
            place, self._hand = self._hand, (self._hand + 1) % len(ring)
            if ring[place].tat < ring[best].tat:
                best = place
            if ring[best].tat <= now:
                break
        return best
