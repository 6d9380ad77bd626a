"""One run of `farmlokal import`: its files one after another, then what is to be deleted."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import ExitStack, aclosing, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import click

from farmlokal.app.addresses import Addresses, shown_address
from farmlokal.catalog.imports import removals
from farmlokal.catalog.imports.aliases import Aliases
from farmlokal.catalog.imports.forms.reading_options import ReadOptions
from farmlokal.catalog.imports.importer import import_file
from farmlokal.catalog.imports.inputs import InputFile, SpoolFile, file_at, unpacked
from farmlokal.catalog.imports.market_products import MarketOptions
from farmlokal.catalog.imports.reasons import BadRow
from farmlokal.catalog.imports.rejects import Rejects
from farmlokal.catalog.imports.removals import Replaced, turn_of_the_second
from farmlokal.catalog.imports.summary import ImportSummary
from farmlokal.catalog.writing.bulk_load import refresh_statistics
from farmlokal.catalog.writing.dry_run import DryRunWriter, UnchangedMarketFiles
from farmlokal.catalog.writing.indexes_last import indexes_last
from farmlokal.catalog.writing.known_farms import KnownFarms
from farmlokal.catalog.writing.market_files import MarketFiles
from farmlokal.catalog.writing.writer import ProductWriter
from farmlokal.cli.import_lines import print_summary, print_total
from farmlokal.cli.progress import progress
from farmlokal.database.interface import Database
from farmlokal.errors import ImportRefused

STDIN = "-"
ADDRESS_STARTS = ("http://", "https://")
# Some ten thousand rows, more where they are packed. To make the indexes of nothing takes a quarter of a second.
_LARGE_BYTES = 2**20


class Wanted(NamedTuple):
    """What the operator asks of a run. dry: write nothing. See the command's options for the others."""

    aliases: Aliases
    locations: Path | None
    market: MarketOptions
    reading: ReadOptions
    source: str | None
    errors_max: int | None
    replace: bool
    share_max: float
    expire_after_days: int | None
    dry: bool


class ImportRun:
    """Imports what is `given`: paths, addresses and `-`, which stands for `stdin`.

    summaries: of each file so far, packed ones by themselves. replaced, expired: what was deleted, None while nothing
    was to be.
    """

    def __init__(
        self, given: Sequence[str], wanted: Wanted, *, addresses: Addresses, stdin: SpoolFile, rejects: Rejects | None
    ) -> None:
        self._given = given
        self._wanted = wanted
        self._addresses = addresses
        self._stdin = stdin
        self._rejects = rejects
        self.summaries: list[ImportSummary] = []
        self.replaced: Replaced | None = None
        self.expired: int | None = None

    def __repr__(self) -> str:
        return f"<ImportRun files={len(self.summaries)} replaced={self.replaced}>"

    @property
    def complete(self) -> bool:
        """Whether every row of every file is in the catalogue, and nothing was to be deleted that was not."""
        kept = self.replaced is not None and self.replaced.refusal is not None
        return not kept and all(summary.complete for summary in self.summaries)

    async def work(self, database: Database) -> None:
        """Do all of it."""
        wanted = self._wanted
        writer = DryRunWriter(database) if wanted.dry else ProductWriter(database, farms=KnownFarms(database))
        memory = UnchangedMarketFiles(database) if wanted.dry else MarketFiles(database)
        began = await turn_of_the_second() if wanted.replace else datetime.now(UTC)
        sighting = await removals.new_sighting(database, began) if wanted.replace else None
        try:
            async with nullcontext() if wanted.dry else indexes_last(database, large=self._large()):
                await self._import_all(writer, memory, sighting)
            await self._remove(database, sighting, began)
        finally:
            await self._addresses.close()
            if sighting is not None:
                await writer.sightings.forget(sighting)
        if isinstance(memory, UnchangedMarketFiles):
            if memory.renames:
                click.echo(f"{self._label}products get new identities first: some that count as created are there")
        else:
            await refresh_statistics(database)

    async def _import_all(
        self, writer: ProductWriter | DryRunWriter, memory: MarketFiles, sighting: str | None
    ) -> None:
        for given in self._given:
            try:
                async with aclosing(self._files(given)) as files:
                    async for file in files:
                        await self._import(file, writer, memory, sighting)
                        if self.summaries[-1].stopped:
                            return
            except ImportRefused as error:  # what is given cannot be fetched or unpacked
                self._refuse(ImportSummary(shown_name(given)), error)
        if len(self.summaries) > 1:
            print_total(self.summaries, label=self._label)

    def _large(self) -> bool:
        """Whether what is given may be many rows: of an address it is not known beforehand."""
        paths = [Path(given) for given in self._given if given != STDIN and not given.startswith(ADDRESS_STARTS)]
        if len(paths) + self._given.count(STDIN) < len(self._given):
            return True
        sizes = [path.stat().st_size for path in paths if path.is_file()]
        return sum(sizes) + (self._stdin.written_bytes if STDIN in self._given else 0) >= _LARGE_BYTES

    async def _files(self, given: str) -> AsyncGenerator[InputFile, None]:
        with ExitStack() as stack:
            if given == STDIN:
                packed = self._stdin.input_file()
            elif given.startswith(ADDRESS_STARTS):
                spool = stack.enter_context(SpoolFile(shown_name(given)))
                with progress(f"fetching {shown_name(given)}", None, unit="bytes") as advance_to:
                    await self._addresses.fetch(given, spool, lambda done, _: advance_to(done))
                packed = spool.input_file()
            else:
                packed = stack.enter_context(file_at(Path(given)))
            files = unpacked(packed)
            while (file := await asyncio.to_thread(next, files, None)) is not None:
                yield file

    async def _import(
        self, file: InputFile, writer: ProductWriter | DryRunWriter, memory: MarketFiles, sighting: str | None
    ) -> None:
        wanted = self._wanted
        summary = ImportSummary(file.name)
        errors = sum(earlier.errors for earlier in self.summaries)

        def note_bad_row(bad: BadRow) -> None:
            if self._rejects is not None:
                self._rejects.note(file.name, bad)

        label = "importing" if len(self._given) == 1 and file.name == self._given[0] else f"importing {file.name}"
        try:
            with progress(label, file.size_bytes, unit="bytes") as advance_to:
                await import_file(
                    file,
                    writer,
                    memory,
                    aliases=wanted.aliases,
                    locations=wanted.locations,
                    options=wanted.market,
                    reading=wanted.reading,
                    source=wanted.source,
                    sighting=sighting,
                    errors_max=None if wanted.errors_max is None else wanted.errors_max - errors,
                    on_progress=advance_to,
                    on_bad_row=note_bad_row,
                    summary=summary,
                )
        except ImportRefused as error:
            self._refuse(summary, error)
            return
        except BaseException:
            self._finish(summary)
            raise
        self._finish(summary)
        if summary.stopped:
            click.echo(f"{file.name}: the rest was not read: more than {wanted.errors_max} rows are bad", err=True)

    def _refuse(self, summary: ImportSummary, error: ImportRefused) -> None:
        summary.refusal = str(error)
        self._finish(summary)

    def _finish(self, summary: ImportSummary) -> None:
        self.summaries.append(summary)
        alone = len(self._given) == 1 and summary.name == self._given[0]
        print_summary(summary, label=self._label if alone else f"{self._label}{summary.name}: ")

    async def _remove(self, database: Database, sighting: str | None, began: datetime) -> None:
        wanted = self._wanted
        word = "would be" if wanted.dry else "were"
        if sighting is not None and self.complete:
            self.replaced = await removals.replace(
                database, self.summaries, sighting, began=began, share_max=wanted.share_max, only_count=wanted.dry
            )
            if self.replaced.refusal is None:
                click.echo(f"{self.replaced.deleted} products that no file of this run lists {word} deleted")
        elif sighting is not None:
            self.replaced = Replaced(0, "nothing was deleted: a bad row may stand for a product that is still on offer")
        if self.replaced is not None and self.replaced.refusal is not None:
            click.echo(self.replaced.refusal, err=True)
        days = wanted.expire_after_days
        if days is not None and not any(summary.stopped for summary in self.summaries):  # the rest may list them
            self.expired = await removals.expire(database, days, only_count=wanted.dry)
            click.echo(f"{self.expired} products that no file has listed for {days} days {word} deleted")

    @property
    def _label(self) -> str:
        return "dry run: " if self._wanted.dry else ""


def shown_name(given: str) -> str:
    """What messages call something that is given: an address without what may be secret in it."""
    return shown_address(given) if given.startswith(ADDRESS_STARTS) else given
