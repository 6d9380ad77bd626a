"""Runs migrations: from any place at which an earlier run ended, and beside another run.

A step is run by one process at a time (`Database.exclusively`), which first looks whether it is done. A step that its
process did not live to note as done is either seen in the schema, or safe to run again.
"""

import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from functools import partial

from farmlokal.database.interface import Database, Statements
from farmlokal.database.migrations.migration import Batch, Batches, Change, Migration, Sweep
from farmlokal.database.shape import found_shape
from farmlokal.telemetry import get_logger

_log = get_logger(__name__)

# A million rows took 73 s beside a serving release, so that locks of this many are held for about 0.15 s.
BATCH_ROWS = 2000

# How long a change that copies a table waits for it, at the copy's end too: rather than to give way and copy it again.
# Statements that come meanwhile wait as well, though hardly as long: only a count that reads every row takes longer
# than a moment.
_COPY_WAIT_MAX_S = 60

Show = Callable[[str, int], AbstractContextManager[Callable[[int], None]]]
"""Shows how far what a name says has come, up to a total, while its block runs; what it gives takes the count."""

_MAKE_STEPS = {
    "mysql": "CREATE TABLE schema_steps (version INT NOT NULL,"
    " step VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL, place BIGINT NOT NULL DEFAULT 0,"
    " done TINYINT NOT NULL DEFAULT 0, PRIMARY KEY (version, step)) ENGINE = InnoDB",
    "sqlite": "CREATE TABLE schema_steps (version INTEGER NOT NULL, step TEXT NOT NULL,"
    " place INTEGER NOT NULL DEFAULT 0, done INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (version, step))"
    " STRICT, WITHOUT ROWID",
}


async def pending(database: Database, migrations: Iterable[Migration]) -> list[str]:
    """The names of the expanding steps of `migrations` that are not done. Reads only."""
    steps = [(migration.version, step.name) for migration in migrations for step in migration.expand]
    if not steps:
        return []
    if "schema_steps" not in await found_shape(database.dialect.name, database.fetch_unlimited):
        return [name for _, name in steps]
    # At one moment: another process may finish the upgrade, which raises the version and forgets the steps.
    rows = await database.fetch(
        "SELECT version, step FROM schema_steps WHERE done = 1 UNION ALL SELECT MAX(version), NULL FROM schema_version"
    )
    done = {(version, name) for version, name in rows}
    in_full = max(version for version, name in rows if name is None)
    return [name for version, name in steps if version > in_full and (version, name) not in done]


async def expand(database: Database, migrations: Iterable[Migration], show: Show, batches: Batches) -> None:
    """Do what is left of the expanding steps of `migrations`. The release before goes on meanwhile.

    show: the progress of steps that go through a table. batches: what the sweeps do. Raises RightMissing, and
    DatabaseUnavailable where statements of others leave no moment for a change.
    """
    await database.exclusively(partial(_make_steps, database))
    for migration in migrations:
        for step in migration.expand:
            await _run(database, migration.version, step, step.name, show, batches)


async def contract(database: Database, migrations: Iterable[Migration], show: Show, batches: Batches) -> None:
    """Do the contracting steps of `migrations`, which are expanded, and raise the version. As `expand` otherwise."""
    for migration in migrations:
        for step in migration.expand:
            if isinstance(step, Sweep):
                await _run(database, migration.version, step, f"{step.name}, again", show, batches)
        for change in migration.contract:
            await _run(database, migration.version, change, change.name, show, batches)
        await database.exclusively(partial(_raise_version, migration))


async def _make_steps(database: Database, statements: Statements) -> None:
    if "schema_steps" not in await found_shape(database.dialect.name, statements.fetch):
        await statements.execute(_MAKE_STEPS[database.dialect.name])


async def _run(database: Database, version: int, step: Change | Sweep, name: str, show: Show, batches: Batches) -> None:
    if isinstance(step, Change):
        await database.exclusively(partial(_change, database, version, step, name))
        return
    if step.table not in await found_shape(database.dialect.name, database.fetch_unlimited):
        # It is made as a whole afterwards, with nothing in it.
        await database.exclusively(partial(_note, version=version, name=name, place=0, done=True))
        return
    rows = await database.fetch_unlimited(f"SELECT COALESCE(MAX(id), 0) FROM {step.table}")
    with show(f"version {version}: {name}", rows[0][0]) as advance_to:
        batch = partial(_sweep_batch, database, version, step, name, batches[step.name])
        place: int | None = 0
        while place is not None:
            advance_to(place)
            place = await database.exclusively(batch)
        advance_to(rows[0][0])


async def _change(database: Database, version: int, change: Change, name: str, statements: Statements) -> None:
    if await _place(statements, version, name) is None:
        return
    if not change.in_place(await found_shape(database.dialect.name, statements.fetch)):
        _log.info("changing the schema", version=version, step=name)
        if change.changes and database.dialect.name == "mysql":
            await statements.execute(f"SET SESSION lock_wait_timeout = {_COPY_WAIT_MAX_S}")
        began_s = time.monotonic()
        await statements.execute(change.sqlite if database.dialect.name == "sqlite" else change.mysql)
        _log.info("changed the schema", version=version, step=name, took_s=round(time.monotonic() - began_s, 3))
    await _note(statements, version, name, place=0, done=True)


async def _sweep_batch(
    database: Database, version: int, sweep: Sweep, name: str, work: Batch, statements: Statements
) -> int | None:
    """Deal with the next batch and note its end, in one transaction. Returns that end; None when none is left."""
    place = await _place(statements, version, name)
    if place is None:
        return None
    ((end,),) = await statements.fetch(
        f"SELECT MAX(id) FROM (SELECT id FROM {sweep.table} WHERE id > %s ORDER BY id LIMIT {BATCH_ROWS}) AS batch",
        (place,),
    )
    if end is None:
        await _note(statements, version, name, place=place, done=True)
        return None
    await work(statements, database.dialect, place, end)
    await _note(statements, version, name, place=end, done=False)
    return int(end)


async def _place(statements: Statements, version: int, name: str) -> int | None:
    """How far the step has come: an id, 0 before its begin; None when it is done, or its version is in full."""
    ((stored,),) = await statements.fetch("SELECT MAX(version) FROM schema_version")
    if stored >= version:
        return None
    rows = await statements.fetch(
        "SELECT place, done FROM schema_steps WHERE version = %s AND step = %s", (version, name)
    )
    if not rows:
        return 0
    place, done = rows[0]
    return None if done else int(place)


async def _note(statements: Statements, version: int, name: str, *, place: int, done: bool) -> None:
    await statements.execute(
        "REPLACE INTO schema_steps (version, step, place, done) VALUES (%s, %s, %s, %s)",
        (version, name, place, int(done)),
    )


async def _raise_version(migration: Migration, statements: Statements) -> None:
    await statements.execute(
        "UPDATE schema_version SET version = %s, usable_from = %s WHERE version < %s",
        (migration.version, migration.usable_from, migration.version),
    )
    await statements.execute("DELETE FROM schema_steps WHERE version <= %s", (migration.version,))
