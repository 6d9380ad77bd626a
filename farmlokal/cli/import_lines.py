"""What an import says to the person who runs it: results on standard output, what went wrong on standard error."""

from collections.abc import Sequence

import click

from farmlokal.catalog.categories import OTHER
from farmlokal.catalog.imports.reasons import ReasonCount, Reasons
from farmlokal.catalog.imports.summary import ImportSummary
from farmlokal.catalog.writing.outcomes import Tally, WriteOutcome

_REASONS_SHOWN_MAX = 20
_UNKNOWN_SHOWN_MAX = 20


def print_summary(summary: ImportSummary, *, label: str) -> None:
    """What became of one file: every reason on standard error, with its first row. label: before the counts."""
    for remark in summary.remarks:
        click.echo(f"{summary.name}: {remark}", err=True)
    _print_reasons(summary.name, "", summary.reasons, every="--rejects FILE lists them")
    _print_reasons(summary.name, "implausible: ", summary.doubts, every="--report FILE has them")
    if summary.refusal is not None:
        click.echo(f"farmlokal: {summary.refusal}", err=True)
        if not summary.rows:
            return
    click.echo(f"{label}{_counts([summary])}")
    if summary.not_reported:
        click.echo(f"{summary.not_reported} rows report no price (0), and are no products")
    if summary.implausible:
        click.echo(f"{summary.implausible} rows have a price out of all proportion: --reject-implausible refuses them")
    if summary.unknown_rows:
        click.echo(_unknown_categories(summary))


def print_total(summaries: Sequence[ImportSummary], *, label: str) -> None:
    """What became of all files together."""
    refused = sum(summary.refusal is not None for summary in summaries)
    files = f"{len(summaries)} files" + (f", {refused} of them refused" if refused else "")
    click.echo(f"{label}{files}: {_counts(summaries)}")


def landed(summaries: Sequence[ImportSummary]) -> str:
    """How far an import came that was ended: `2000 rows landed, the last of them from days.zip/2.csv`."""
    rows = sum(summary.landed for summary in summaries)
    last = next((summary.name for summary in reversed(summaries) if summary.landed), None)
    return f"{rows} rows landed" + (f", the last of them from {last}" if last else "")


def _counts(summaries: Sequence[ImportSummary]) -> str:
    tally: Tally = sum((summary.tally for summary in summaries), Tally())
    counts = ", ".join(f"{outcome} {tally[outcome]}" for outcome in WriteOutcome if tally[outcome])
    rows, bad = sum(summary.rows for summary in summaries), sum(summary.bad_rows for summary in summaries)
    return f"{rows} rows: {counts or 'none landed'}; {bad} bad"


def _print_reasons(name: str, before: str, reasons: Reasons, *, every: str) -> None:
    counts = reasons.most_frequent()
    for count in counts[:_REASONS_SHOWN_MAX]:
        click.echo(f"{name}:{count.first_line}: {before}{count.reason}{_more(count)}", err=True)
    rest = sum(count.rows for count in counts[_REASONS_SHOWN_MAX:]) + reasons.uncounted
    if rest:
        click.echo(f"{name}: {before}{rest} more rows for other reasons: {every}", err=True)


def _more(count: ReasonCount) -> str:
    if count.rows == 1:
        return ""
    return f" ({count.rows} rows like this one, the last on line {count.last_line})"


def _unknown_categories(summary: ImportSummary) -> str:
    """The line that says which categories became `other`, the most frequent first."""
    most = sorted(summary.unknown_categories.items(), key=lambda item: (-item[1], item[0]))[:_UNKNOWN_SHOWN_MAX]
    shown = ", ".join(f"{label!r} {rows}" for label, rows in most)
    more = len(summary.unknown_categories) - len(most)
    names = shown + (f" and {more} more" if more else "")
    return f"{summary.unknown_rows} rows name an unknown category and became {OTHER}: {names}"
