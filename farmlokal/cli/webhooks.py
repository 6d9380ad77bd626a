"""`farmlokal webhooks`: the operator's commands for the partner's events."""

import sys
from collections import Counter
from collections.abc import Awaitable, Callable

import click

from farmlokal.app.command_invalidation import command_invalidation
from farmlokal.app.dependencies import wait_for_database
from farmlokal.app.partner import partner_connection
from farmlokal.app.webhooks import register_webhook, webhook_receiver
from farmlokal.cli.process import EXIT_FAILED, T, open_database, run, start
from farmlokal.database.identity import read_identity
from farmlokal.errors import NotConfigured, NotFound
from farmlokal.settings import Settings, variable
from farmlokal.webhooks.inbox import Inbox, State
from farmlokal.webhooks.receive import Receiver, replay_all


@click.group()
def webhooks() -> None:
    """Look after the partner's events."""


@webhooks.command("list")
@click.option("--state", type=click.Choice([str(state) for state in State]), help="Only these. [default: all]")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, 100_000), help="At most so many.")
def list_(state: str | None, limit: int) -> None:
    """List events that came in, the newest first: id, state, type, effect, attempts, time, reason."""

    async def work(_: Receiver, inbox: Inbox) -> list[str]:
        rows = await inbox.rows(State(state) if state else None, limit=limit)
        return [
            "\t".join(
                (row.event_id, row.state, row.type, row.effect, str(row.attempts), row.received_at, row.reason or "")
            )
            for row in rows
        ]

    for line in run(_with_inbox(start(), work)):
        click.echo(line)


@webhooks.command()
@click.argument("event_ids", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Every dead event, the oldest first.")
def replay(event_ids: tuple[str, ...], everything: bool) -> None:
    """Try dead events again, as they came. Those that still cannot take effect stay dead: exit code 1."""
    if everything == bool(event_ids):
        raise click.UsageError("name events, or say --all")

    async def work(receiver: Receiver, inbox: Inbox) -> Counter[State]:
        if everything:
            return await replay_all(receiver, inbox)
        counts: Counter[State] = Counter()
        for event_id in event_ids:
            result = await receiver.replay(event_id)
            if result is None:
                raise NotFound(f"{event_id} is no dead event")
            counts[State.DEAD if result.dead is not None else State.DONE] += 1
            if result.dead is not None:
                click.echo(f"{event_id}: {result.dead}", err=True)
        return counts

    counts = run(_with_inbox(start(), work))
    click.echo(f"{counts[State.DONE]} done, {counts[State.DEAD]} still dead")
    if counts[State.DEAD]:
        sys.exit(EXIT_FAILED)


@webhooks.command("register")
def register_callback() -> None:
    """Register our callback with the partner: FARMLOKAL_PUBLIC_URL and the route's path. Safe to run again."""
    settings = start()
    if settings.public_url is None:
        raise NotConfigured(variable("public_url"))
    click.echo(f"the partner sends its events to {run(_register(settings, settings.public_url))}")


async def _register(settings: Settings, public_url: str) -> str:
    partner = partner_connection(settings, None)
    try:
        return await register_webhook(partner, public_url)
    finally:
        await partner.close()


async def _with_inbox(settings: Settings, work: Callable[[Receiver, Inbox], Awaitable[T]]) -> T:
    database = open_database(settings)
    try:
        await wait_for_database(database)
        inbox = Inbox(database)
        async with command_invalidation(settings, database, await read_identity(database)) as invalidation:
            receiver = webhook_receiver(database, inbox, invalidation.invalidate, source=settings.partner_source)
            try:
                return await work(receiver, inbox)
            finally:
                await invalidation.send_all()
    finally:
        await database.close()
