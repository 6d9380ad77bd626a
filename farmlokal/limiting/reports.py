"""What a process reports to Redis of one client, and what Redis answers."""

from typing import NamedTuple


class Report(NamedTuple):
    """The use of one client in this process since the last reconciling, as redis_script.RECONCILE takes it.

    admitted: requests. age_s: seconds since the first of them. asked: requests at the limit that no grant admitted.
    held: whether the client passes only by grants. seen: the arrival time that this process had last from Redis, in µs.
    """

    admitted: int
    age_s: float
    asked: int
    held: bool
    seen: int


class Reconciled(NamedTuple):
    """The answer of Redis to a report.

    arrival: the theoretical arrival time by this process's clock, in seconds. arrival_us: the same by that of Redis.
    granted: requests that are counted already and may be admitted here. others: whether other processes admitted some.
    """

    arrival: float
    arrival_us: int
    granted: int
    others: bool
