"""The report of a run, for programs: what became of each file and of all of them."""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from farmlokal.catalog.imports.reasons import Reasons
from farmlokal.catalog.imports.summary import ImportSummary
from farmlokal.catalog.wire import wire_time
from farmlokal.errors import ImportRefused


class RunResult(StrEnum):
    """How a run ended."""

    DONE = "done"
    IN_PART = "in part"  # a row or a file was refused, or nothing deleted that --replace was to delete
    INTERRUPTED = "interrupted"
    FAILED = "failed"


class Run(NamedTuple):
    """A run of the import command. dry: whether nothing was written. deleted, expired: products; None: not asked for.

    error: what made it fail, or why nothing was deleted.
    """

    version: str
    started_at: datetime
    duration_s: float
    result: RunResult
    exit_code: int
    dry: bool
    summaries: Sequence[ImportSummary]
    deleted: int | None = None
    expired: int | None = None
    error: str | None = None

    def report(self) -> dict[str, Any]:
        """All of it, as it is written as JSON."""
        return {
            "version": self.version,
            "started_at": wire_time(self.started_at),
            "duration_s": round(self.duration_s, 3),
            "result": self.result,
            "exit_code": self.exit_code,
            "dry_run": self.dry,
            "error": self.error,
            **_counts(self.summaries),
            "deleted": self.deleted,
            "expired": self.expired,
            "files": [_file(summary) for summary in self.summaries],
        }


def write_report(path: Path, run: Run) -> None:
    """Write the report of `run` to `path`, all at once. Raises ImportRefused where that cannot be done."""
    partial = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        partial.write_bytes(orjson.dumps(run.report(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
        partial.replace(path)
    except OSError as error:
        raise ImportRefused(f"{path}: cannot be written: {error.strerror or error}") from error


def _counts(summaries: Sequence[ImportSummary]) -> dict[str, Any]:
    outcomes: Counter[str] = Counter()
    for summary in summaries:
        outcomes.update({str(outcome): rows for outcome, rows in summary.tally.items()})
    return {
        "rows": sum(summary.rows for summary in summaries),
        "outcomes": dict(outcomes),
        "bad_rows": sum(summary.bad_rows for summary in summaries),
        "not_reported": sum(summary.not_reported for summary in summaries),
        "implausible": sum(summary.implausible for summary in summaries),
    }


def _file(summary: ImportSummary) -> dict[str, Any]:
    return {
        "name": summary.name,
        "refusal": summary.refusal,
        **_counts([summary]),
        "remarks": summary.remarks,
        "stopped": summary.stopped,
        "reasons": _reasons(summary.reasons),
        "doubts": _reasons(summary.doubts),
        "unknown_categories": dict(summary.unknown_categories),
    }


def _reasons(reasons: Reasons) -> list[dict[str, Any]]:
    return [asdict(count) for count in reasons.most_frequent()]
