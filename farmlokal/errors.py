"""Every error that FarmLokal raises on purpose.

::

    FarmLokalError
    ├── InvalidInput            the caller's input is wrong; lists every fault
    │   └── InvalidRecord       one record of a feed or file is wrong
    ├── NotFound                no such product
    ├── PositionGone            the log of changes does not have what a mirror asks for
    ├── NotConfigured           a route needs a setting that is not set
    ├── ImportRefused           a file is not what it claims to be
    ├── FeedInvalid             the partner's feed breaks its own form, or does not end
    ├── SchemaMismatch          the database's schema is not what this release works with
    ├── RightMissing            the database user may not do what a command needs
    ├── AccessDenied            nobody may: no API key is configured
    ├── Unauthenticated         no API key came, or not one of ours
    ├── RateLimited             the client has used up its quota; has the time to come back
    ├── PartnerError            the partner did not do its part; has what is known of it
    │   ├── PartnerUnavailable      no answer in time, or not asked; has the time to come back
    │   └── PartnerFailed           it answered, and not with what was asked for
    ├── EventRefused            a webhook delivery is not accepted
    │   ├── SignatureRefused        not signed by the partner, or not now
    │   ├── EventConflict           its id came before with another body
    │   └── EventDead               authentic, and can have no effect; kept with the reason
    └── Unavailable             a dependency cannot answer now; has the time to come back
        ├── DatabaseUnavailable     not reachable, or the connection was lost
        │   ├── DatabaseMisconfigured   not reachable as it is configured: waiting does not help
        │   │   └── DatabaseMissing         there is no such file
        │   ├── ReaderBehind            a replica lacks what a load has to have seen
        │   ├── ReaderAway              a replica does not answer, or refuses
        │   ├── ConnectionForgotten     nothing was committed on this connection; a new one may do it
        │   └── CommitUnknown           a COMMIT was not answered: whether it took effect is not known
        ├── RedisMisconfigured      the URL of Redis is one of another kind of server; has the one to write
        ├── StatementTimeout        a query ran into the statement time limit
        ├── OriginBusy              every origin load slot stayed taken
        └── NotComplete             what the question is about has yet to be worked out
"""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple


class Fault(NamedTuple):
    """One thing that is wrong with an input: which parameter (or field), its value, and what is allowed."""

    parameter: str
    value: str
    detail: str

    def __str__(self) -> str:
        return f"{self.parameter}: {self.detail}, not {self.value!r}"


class FarmLokalError(Exception):
    """The root: catching it catches every error of ours and nothing else."""


class InvalidInput(FarmLokalError):
    """The input has one or more faults; all of them are listed."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("; ".join(map(str, faults)))
        self.faults = tuple(faults)


class InvalidRecord(InvalidInput):
    """A product record does not keep to the wire format. row: as its file has it, where that is known."""

    def __init__(self, faults: Sequence[Fault], row: str = "") -> None:
        super().__init__(faults)
        self.row = row


class NotFound(FarmLokalError):
    """What was asked for does not exist, or no longer."""


class PositionGone(FarmLokalError):
    """The log of changes does not have what follows a mirror's position: it has to start over."""


class NotConfigured(FarmLokalError):
    """A setting that the request needs is not set; `variable` names it."""

    def __init__(self, variable: str) -> None:
        super().__init__(f"{variable} is not set")
        self.variable = variable


class ImportRefused(FarmLokalError):
    """The file as a whole cannot be imported; nothing was changed."""


class FeedInvalid(FarmLokalError):
    """The partner's feed breaks the contract; the pages before stay applied."""


class SchemaMismatch(FarmLokalError):
    """The database's schema is not what this release works with; the text says what to run, or what is missing."""


class RightMissing(FarmLokalError):
    """The database user lacks a right, which the text names."""


class AccessDenied(FarmLokalError):
    """Nobody may do this as the service is configured."""


class Unauthenticated(FarmLokalError):
    """The caller did not authenticate."""


class RateLimited(FarmLokalError):
    """The client has used up its quota of this name; it may come back after `retry_after_s` seconds."""

    def __init__(self, quota: str, *, retry_after_s: int) -> None:
        super().__init__(f"the quota {quota!r} is used up: come back in {retry_after_s} s")
        self.retry_after_s = retry_after_s


class Upstream(NamedTuple):
    """What may be shown of a call to the partner: its host, the last status, the attempts made, the seconds waited."""

    host: str
    status: int | None = None
    attempts: int = 0
    waited_s: float = 0.0


class PartnerError(FarmLokalError):
    """A call to the partner came to nothing; `upstream` is its story. Neither holds a secret."""

    def __init__(self, detail: str, upstream: Upstream) -> None:
        super().__init__(detail)
        self.upstream = upstream


class PartnerUnavailable(PartnerError):
    """The partner did not answer within the deadline, or was not asked; try again after `retry_after_s` seconds."""

    def __init__(self, detail: str, upstream: Upstream, *, retry_after_s: int = 1) -> None:
        super().__init__(detail, upstream)
        self.retry_after_s = retry_after_s


class PartnerFailed(PartnerError):
    """The partner answered with another status, or with other content, than the call needs."""


class EventRefused(FarmLokalError):
    """A webhook delivery is not accepted."""


class SignatureRefused(EventRefused):
    """The delivery does not prove that the partner sent it, and sent it now."""


class EventConflict(EventRefused):
    """The event's id came before with another body."""


class EventDead(EventRefused):
    """The event is authentic and can have no effect; it is kept in the inbox with this reason."""


class Unavailable(FarmLokalError):
    """A dependency cannot answer now; try again after `retry_after_s` seconds.

    reason: what the operator needs to know, never part of an answer; empty where there is no more to say than `detail`.
    reported: whether the log has it already that the dependency is away; then this error need not be logged again.
    """

    def __init__(self, detail: str, *, retry_after_s: int = 1, reason: str = "") -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s
        self.reason = reason
        self.reported = False


class DatabaseUnavailable(Unavailable):
    """The database cannot be reached, or the connection to it was lost."""


class DatabaseMisconfigured(DatabaseUnavailable):
    """The database cannot be reached as it is configured: its name, its certificates, the user or the rights."""


class DatabaseMissing(DatabaseMisconfigured):
    """There is no such database file; whoever writes first makes it."""


class ReaderBehind(DatabaseUnavailable):
    """A replica lacks commits that a load has to have seen."""


class ReaderAway(DatabaseUnavailable):
    """A replica does not answer, or refuses what it is asked."""


class ConnectionForgotten(DatabaseUnavailable):
    """A connection was lost or led to no writer, and nothing was committed on it: a new one may do better."""


class CommitUnknown(DatabaseUnavailable):
    """A COMMIT was not answered: it took effect, or it did not, or it still may.

    settled: set once it no longer may, because its session is known to have ended; never, where that is not found out.
    """

    def __init__(self, detail: str, settled: asyncio.Event) -> None:
        super().__init__(detail)
        self.settled = settled


class RedisMisconfigured(Unavailable):
    """The server answers, and is of another kind than the URL of Redis says; the reason is the URL to write."""


class StatementTimeout(Unavailable):
    """A query ran into the statement time limit and was ended."""


class OriginBusy(Unavailable):
    """Every slot for origin loads stayed taken for the whole stated wait."""


class NotComplete(Unavailable):
    """What the question is about has yet to be worked out, for some of the products: by an upgrade or a first count."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail, retry_after_s=30)
