"""One run of the sync: how it is stored, and how it is shown."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, NamedTuple, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

WALKED = 1
BURIED = 2


class RunState(StrEnum):
    """Where a run stands. Running and interrupted ones are unfinished: the next caller goes on with them."""

    RUNNING = "running"
    INTERRUPTED = "interrupted"
    DONE = "done"
    FAILED = "failed"


class Reject(NamedTuple):
    """A row of the feed that had no effect, and why. external_id: None where the row names no product."""

    external_id: str | None
    reason: str


class PageResult(NamedTuple):
    """What became of the rows of one page.

    unnamed: how many of the rejected name no product. unknown_categories: how many of the others have a category that
    is not in the list, and became `other`.
    """

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    outdated: int = 0
    deleted: int = 0
    rejects: tuple[Reject, ...] = ()
    unnamed: int = 0
    unknown_categories: int = 0


_Count = Annotated[int, Field(ge=0)]
_Time = Annotated[str, Field(json_schema_extra={"format": "date-time"}, description="UTC, whole seconds")]


class RunSummary(TypedDict):
    """A run as it is shown."""

    run: str
    state: RunState
    full: bool
    fetched: _Count
    created: _Count
    updated: _Count
    unchanged: _Count
    outdated: _Count
    deleted: _Count
    rejected: _Count
    unknown_categories: Annotated[
        int, Field(ge=0, description="rows whose category is not in the list, and became `other`")
    ]
    pages: _Count
    duration_s: Annotated[float, Field(ge=0)]
    updated_since: str | None
    as_of: str | None
    started_at: _Time
    finished_at: _Time | None
    note: NotRequired[str]
    error: NotRequired[str]


class ShownReject(TypedDict):
    """A rejected row as it is shown."""

    external_id: Annotated[str | None, Field(description="null where the row names no product")]
    reason: str


class RunReport(RunSummary):
    """A run with the first of the rows that it rejected."""

    rejects: list[ShownReject]


class Run(NamedTuple):
    """One row of `sync_runs`, its columns in their order, and whether its holder's lease still runs.

    The place: `page_token` is the next page's (None before the first), `walked` is WALKED when there is no further
    page, and BURIED when also what a full run did not meet is marked gone.
    `started_ms` and `finished_ms` are Unix milliseconds.
    """

    id: int
    run: str
    source: str
    full_walk: int
    state: str
    holder: str
    updated_since: str | None
    as_of: str | None
    page_token: str | None
    walked: int
    pages: int
    fetched: int
    created: int
    updated: int
    unchanged: int
    outdated: int
    deleted: int
    rejected: int
    unnamed: int
    unknown_categories: int
    started_ms: int
    finished_ms: int | None
    error: str | None
    retry_after_s: int | None
    held: int

    @property
    def shown_state(self) -> RunState:
        """The state as it is shown: a run whose holder died is interrupted, though that is not stored."""
        if self.state == RunState.RUNNING and not self.held:
            return RunState.INTERRUPTED
        return RunState(self.state)

    def after_page(self, result: PageResult, *, rows: int, page_token: str | None, as_of: str) -> "Run":
        """Returns the run after a page of `rows` rows. The first page's `as_of` stays: changes go on meanwhile."""
        return self._replace(
            page_token=page_token,
            walked=WALKED if page_token is None else 0,
            as_of=self.as_of or as_of,
            pages=self.pages + 1,
            fetched=self.fetched + rows,
            created=self.created + result.created,
            updated=self.updated + result.updated,
            unchanged=self.unchanged + result.unchanged,
            outdated=self.outdated + result.outdated,
            deleted=self.deleted + result.deleted,
            rejected=self.rejected + len(result.rejects),
            unnamed=self.unnamed + result.unnamed,
            unknown_categories=self.unknown_categories + result.unknown_categories,
        )

    def summary(self, now_ms: int) -> RunSummary:
        """Returns the run as it is shown. now_ms: Unix milliseconds, the end so far of a run that has not ended."""
        summary: RunSummary = {
            "run": self.run,
            "state": self.shown_state,
            "full": bool(self.full_walk),
            "fetched": self.fetched,
            "created": self.created,
            "updated": self.updated,
            "unchanged": self.unchanged,
            "outdated": self.outdated,
            "deleted": self.deleted,
            "rejected": self.rejected,
            "unknown_categories": self.unknown_categories,
            "pages": self.pages,
            "duration_s": max(0, (self.finished_ms or now_ms) - self.started_ms) / 1000,
            "updated_since": self.updated_since,
            "as_of": self.as_of,
            "started_at": _time(self.started_ms),
            "finished_at": None if self.finished_ms is None else _time(self.finished_ms),
        }
        if self.error is not None and self.state == RunState.DONE:
            summary["note"] = self.error
        elif self.error is not None:
            summary["error"] = self.error
        return summary


def _time(unix_ms: int) -> str:
    return datetime.fromtimestamp(unix_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
