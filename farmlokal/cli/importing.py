"""`farmlokal import`: files of prices and products into the catalogue."""

import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from yarl import URL

from farmlokal import __version__
from farmlokal.app.addresses import Addresses, Portal
from farmlokal.catalog.imports.aliases import load_aliases
from farmlokal.catalog.imports.forms.mapping import load_mapping
from farmlokal.catalog.imports.forms.reading_options import ReadOptions
from farmlokal.catalog.imports.inputs import SpoolFile
from farmlokal.catalog.imports.market_products import MarketOptions
from farmlokal.catalog.imports.rejects import Rejects
from farmlokal.catalog.imports.report import Run, RunResult, write_report
from farmlokal.cli.amounts import Days, Share
from farmlokal.cli.filling import filling, with_database
from farmlokal.cli.import_lines import landed
from farmlokal.cli.import_run import ADDRESS_STARTS, STDIN, ImportRun, Wanted
from farmlokal.cli.interrupting import Interrupted, until_interrupted
from farmlokal.cli.process import EXIT_FAILED, run, start
from farmlokal.errors import FarmLokalError
from farmlokal.settings import Settings

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_WRITTEN = click.Path(dir_okay=False, path_type=Path)


class Given(click.ParamType[str]):
    """A file that is there, an http(s) address, or `-`."""

    name = "file"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The text as it was given."""
        text = str(value)
        if not text.startswith(ADDRESS_STARTS):
            return text if text == STDIN else str(_FILE.convert(text, param, ctx))
        try:
            host = URL(text).host
        except ValueError:
            host = None
        if not host:
            self.fail(f"{text!r} is no address", param, ctx)
        return text


@click.command("import")
@click.argument("given", metavar="FILE...", nargs=-1, required=True, type=Given())
@click.option("--dry-run", is_flag=True, help="Change nothing: only say what would become of the rows.")
@click.option("--rejects", type=_WRITTEN, help="Write the rows that do not land to this CSV file.")
@click.option("--report", type=_WRITTEN, help="Write what became of the run to this file, as JSON.")
@click.option("--max-errors", type=click.IntRange(0), help="Stop when more rows are bad.")
@click.option("--source", help="The source of products that name none.  [default: import]")
@click.option(
    "--locations",
    type=_FILE,
    help="The open data portal's market file; its states file is found beside it.",
)
@click.option(
    "--aliases", type=_FILE, help="A table of your own of names that mean the same, before the one that ships."
)
@click.option(
    "--dates",
    type=click.Choice(["day-first", "month-first"]),
    help="How the file writes dates such as 6/4/2023, where its rows do not show it.",
)
@click.option("--state", help="The state whose prices the file holds, where it does not say so (Agmarknet's reports).")
@click.option("--mapping", help="What the columns of a list mean: a TOML file, or the name of one that ships.")
@click.option("--reject-implausible", is_flag=True, help="Refuse market prices out of all proportion.")
@click.option(
    "--replace", is_flag=True, help="Afterwards delete what the files do not list, in the markets that they cover."
)
@click.option(
    "--max-delete", type=Share(), default="20%", show_default=True, help="The most that --replace may delete there."
)
@click.option("--expire-after", type=Days(), help="Delete market products that no file has listed for so long (30d).")
def import_(
    given: Sequence[str],
    dry_run: bool,
    rejects: Path | None,
    report: Path | None,
    max_errors: int | None,
    source: str | None,
    locations: Path | None,
    aliases: Path | None,
    dates: str | None,
    state: str | None,
    mapping: str | None,
    *,
    reject_implausible: bool,
    replace: bool,
    max_delete: float,
    expire_after: int | None,
) -> None:
    """Import FILE...: market prices of India's open data portal or of Agmarknet, or a list of products.

    What a file is, its content says: CSV, JSON, XLSX or the table of a web page. docs/market-files.md has the command
    for each form.

    FILE is a path, an http:// or https:// address, or - for standard input; files packed with gzip or in a ZIP archive
    are unpacked. One after another is imported, and each by itself may be refused. Importing a file again changes
    nothing. Afterwards the database's statistics are brought up to date (ANALYZE).

    Exit codes: 0 every row landed; 1 some did not, or nothing was deleted that --replace was to delete; 2 wrong usage
    or configuration; 130 interrupted (Ctrl-C) after a whole batch: the same command again goes on.
    """
    if given.count(STDIN) > 1:
        raise click.UsageError("standard input can be read once: give one -")
    _check_written(given, rejects, report)
    settings = start()
    wanted = Wanted(
        load_aliases(aliases),
        locations,
        MarketOptions(None if dates is None else dates == "day-first", reject_implausible),
        ReadOptions(state, None if mapping is None else load_mapping(mapping)),
        source,
        max_errors,
        replace,
        max_delete,
        expire_after,
        dry_run,
    )
    with ExitStack() as stack:
        stdin = stack.enter_context(SpoolFile(STDIN))
        one = ImportRun(
            given,
            wanted,
            addresses=Addresses(Portal(settings.portal_url, settings.portal_key)),
            stdin=stdin,
            rejects=None if rejects is None else stack.enter_context(Rejects(rejects)),
        )
        exit_code = _reported(one, report, wanted, lambda: _imported(one, settings, stdin, given, dry=dry_run))
    sys.exit(exit_code)


def _check_written(given: Sequence[str], *written: Path | None) -> None:
    """Let no file be written over that is to be read, or twice. Raises UsageError."""
    paths = [path.resolve() for path in written if path is not None]
    read = {Path(one).resolve() for one in given}
    if len(set(paths)) < len(paths) or read.intersection(paths):
        raise click.UsageError("--rejects and --report must each name a file of its own")


def _imported(one: ImportRun, settings: Settings, stdin: SpoolFile, given: Sequence[str], *, dry: bool) -> None:
    if STDIN in given:
        try:
            # Not from a thread: nothing ends one that waits for somebody to type.
            stdin.fill(sys.stdin.buffer)
        except KeyboardInterrupt:
            raise Interrupted(signal.SIGINT) from None
    work = with_database if dry else filling
    run(until_interrupted(work(settings, one.work)))


def _reported(one: ImportRun, path: Path | None, wanted: Wanted, work: Callable[[], None]) -> int:
    """Do `work` and write the report, however it ends. Returns the exit code."""
    started_at, started_s = datetime.now(UTC), time.monotonic()

    def end(result: RunResult, exit_code: int, error: str | None = None) -> int:
        if path is not None:
            deleted = None if one.replaced is None else one.replaced.deleted
            ended = Run(
                version=__version__,
                started_at=started_at,
                duration_s=time.monotonic() - started_s,
                result=result,
                exit_code=exit_code,
                dry=wanted.dry,
                summaries=one.summaries,
                deleted=deleted,
                expired=one.expired,
                error=error,
            )
            write_report(path, ended)
        return exit_code

    try:
        work()
    except Interrupted as interrupted:
        click.echo(f"interrupted: {landed(one.summaries)}; the same command again goes on", err=True)
        return end(RunResult.INTERRUPTED, interrupted.exit_code, str(interrupted))
    except (FarmLokalError, OSError) as error:
        end(RunResult.FAILED, EXIT_FAILED, str(error))
        raise
    if one.complete:
        return end(RunResult.DONE, 0)
    return end(RunResult.IN_PART, EXIT_FAILED, None if one.replaced is None else one.replaced.refusal)
