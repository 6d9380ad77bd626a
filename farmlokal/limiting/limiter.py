"""The rate limiter: GCRA for each client and class of requests, decided at once and in this process."""

import time
from collections.abc import Callable, Iterable

from farmlokal.limiting.clients import QuotaClients
from farmlokal.limiting.quotas import Quota
from farmlokal.limiting.verdicts import Verdict

# Per quota. A client takes about 400 bytes: 40 MB when all are there.
CLIENTS_MAX = 100_000


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
        self.quota_clients = {quota.name: QuotaClients(quota, clients_max, clock=clock) for quota in quotas}
        # How many processes share the limit, and whether they do now: set by what reconciles.
        self.peers = 1
        self.shared = False

    def __repr__(self) -> str:
        return f"<RateLimiter shared={self.shared} peers={self.peers} {list(self.quota_clients.values())}>"

    @property
    def clients(self) -> int:
        """The number of tracked clients; one that uses two quotas counts twice."""
        return sum(len(clients.table) for clients in self.quota_clients.values())

    @property
    def refusals(self) -> dict[str, int]:
        """The number of requests refused since the start, by quota."""
        return {name: clients.refusals for name, clients in self.quota_clients.items()}

    def take(self, quota: str, client: str) -> Verdict:
        """Whether a request of `client` may pass; it is counted where it may. Never waits."""
        return self.quota_clients[quota].take(client)

    def decider(self, quota: str) -> Callable[[str], Verdict]:
        """Returns `take` for one quota, without the step of finding the quota: for the hot path."""
        return self.quota_clients[quota].take

    def reconcile_by(self, reconcile_now: Callable[[], None]) -> None:
        """Collect reports to reconcile; `reconcile_now` asks to do it early. Called before the first request."""
        for clients in self.quota_clients.values():
            clients.reconcile_now = reconcile_now

    def share_among(self, peers: int) -> None:
        """From now on `peers` processes share the limit."""
        if peers != self.peers:
            self.peers = peers
            for clients in self.quota_clients.values():
                clients.share_among(peers)
