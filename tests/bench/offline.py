"""The best that any cache could do which knows the future."""

from collections.abc import Sequence
from heapq import heappop, heappush

_NEVER = 1 << 60


def belady_hits(requests: Sequence[int], weights: Sequence[int], bytes_max: int) -> int:
    """The hits of Belady's optimum (1966), for pages that all weigh the same: what is asked for last leaves first.

    A page that would be the first to leave does not enter.
    """
    entries_left = bytes_max // weights[0]
    uses_next = _next_uses(requests)
    held: dict[int, int] = {}  # page to its next use
    latest: list[tuple[int, int]] = []  # (-next use, page), with entries that are out of date
    hits = 0
    for page, use_next in zip(requests, uses_next, strict=True):
        if page in held:
            hits += 1
        elif entries_left:
            entries_left -= 1
        else:
            while held.get(latest[0][1]) != -latest[0][0]:
                heappop(latest)
            if -latest[0][0] <= use_next:
                continue
            del held[heappop(latest)[1]]
        held[page] = use_next
        heappush(latest, (-use_next, page))
    return hits


def bound_hits(requests: Sequence[int], weights: Sequence[int], bytes_max: int) -> int:
    """A number of hits that no cache exceeds, for pages of any weight, where the optimum itself is NP-hard.

    PFOO-L of Berger et al., "Practical bounds on optimal caching with variable object sizes", 2018: a hit costs its
    page's weight for as long as the page waits for it, and the cheapest hits are taken until the whole trace's bytes
    times requests are spent. So the limit holds on average, not at each moment: the bound lies above the optimum.
    """
    costs = sorted(
        (use_next - number) * weights[page]
        for number, (page, use_next) in enumerate(zip(requests, _next_uses(requests), strict=True))
        if use_next != _NEVER
    )
    budget = bytes_max * len(requests)
    for hits, cost in enumerate(costs):
        budget -= cost
        if budget < 0:
            return hits
    return len(costs)


def _next_uses(requests: Sequence[int]) -> list[int]:
    uses_next = [_NEVER] * len(requests)
    seen: dict[int, int] = {}
    for number in range(len(requests) - 1, -1, -1):
        page = requests[number]
        uses_next[number] = seen.get(page, _NEVER)
        seen[page] = number
    return uses_next
