"""One request on the hot path."""

from farmlokal.limiting.verdicts import Verdict
from farmlokal.web.hot.head import Head


class Turn:
    """A request that is being answered: what it asks for, the verdict of the rate limit, and when it was read.

    started: of time.perf_counter. peername: as the transport tells it. error: why there is no answer, if there is none
    for a reason.
    """

    __slots__ = ("error", "head", "peername", "request_id", "started", "verdict")

    def __init__(self, head: Head, verdict: Verdict | None, started: float, peername: object) -> None:
        self.head = head
        self.verdict = verdict
        self.started = started
        self.peername = peername
        self.request_id = head.request_id
        self.error: Exception | None = None

    def __repr__(self) -> str:
        return f"<Turn {self.head.page.question.key} verdict={self.verdict} error={self.error!r}>"

    @property
    def refused(self) -> bool:
        """Whether the rate limit refuses it."""
        return self.verdict is not None and not self.verdict.allowed
