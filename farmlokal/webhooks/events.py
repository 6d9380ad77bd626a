"""The events, as the partner's documentation and ours describe them, and what a handler of one gives back.

::

    {"type": "product.upserted", "timestamp": "…", "data": {…}}       data: a product in the wire format
    {"type": "product.deleted", "timestamp": "…", "data": {"source", "external_id", "version"}}
    {"type": "order.placed", "timestamp": "…", "data": {"order_id", "source", "external_id", "quantity"}}
    {"type": "order.cancelled", "timestamp": "…", "data": the same}
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple

import orjson
from pydantic import AwareDatetime, BaseModel, BeforeValidator, ValidationError

from farmlokal.database.interface import Session
from farmlokal.errors import Fault, InvalidRecord

TYPE_CHARS_MAX = 64
_VALUE_CHARS_MAX = 80

IGNORED = "ignored"


@dataclass(frozen=True, slots=True)
class Landing:
    """What became of one event inside its transaction.

    effect: one word for people and counters, such as `created` or `outdated`
    tags: the cache tags that it touched
    dead: why it can have no effect; then nothing was changed
    waits_for, wakes: a dead event that waits for a key is tried again when another lands that wakes the key
    """

    effect: str
    tags: frozenset[str] = frozenset()
    dead: str | None = None
    waits_for: str | None = None
    wakes: str | None = None


DEAD = "none"


def dead(reason: str, *, waits_for: str | None = None) -> Landing:
    """The landing of an event that cannot take effect."""
    return Landing(DEAD, dead=reason, waits_for=waits_for)


Apply = Callable[[Session], Awaitable[Landing]]
"""Takes effect inside the caller's transaction. May run again after a deadlock, so it changes nothing else."""

Prepare = Callable[[object], Apply]
"""Checks an event's `data` and says how to apply it. Raises InvalidInput, which lists every fault."""


# What else pydantic reads as a time: numbers, and numbers as text.
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ]", re.ASCII)


def _time_text(value: Any) -> Any:
    if not isinstance(value, str) or not _TIME.match(value):
        raise ValueError("must be an RFC 3339 time")
    return value


class Envelope(BaseModel):
    """What every known event has. Members that are not ours to read are passed over."""

    type: str
    timestamp: Annotated[AwareDatetime, BeforeValidator(_time_text)]
    data: dict[str, Any]


class Event(NamedTuple):
    """One event of which everything is known that can be known without the database."""

    type: str
    apply: Apply


def read_event(body: bytes | str, handlers: Mapping[str, Prepare]) -> Event:
    """The event in `body`. Of impossible content, and of an unknown type, is an event too: it lands accordingly."""
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError:
        return _impossible("", "the body is not JSON")
    name = content.get("type") if isinstance(content, dict) else None
    if not isinstance(name, str) or not name.isprintable() or not 0 < len(name) <= TYPE_CHARS_MAX:
        return _impossible("", "the body must be an object with an event's type")
    prepare = handlers.get(name)
    if prepare is None:
        return Event(name, _ignore)
    try:
        return Event(name, prepare(Envelope.model_validate(content).data))
    except ValidationError as error:
        return _impossible(name, "; ".join(map(str, faults_of(error))))
    except InvalidRecord as error:
        return _impossible(name, f"data: {error}")


def faults_of(error: ValidationError) -> list[Fault]:
    """The faults that pydantic found, each with the name of its field."""
    return [
        Fault(
            ".".join(map(str, item["loc"])),
            "" if item["type"] == "missing" else str(item["input"])[:_VALUE_CHARS_MAX],
            item["msg"].removeprefix("Value error, "),
        )
        for item in error.errors(include_url=False)
    ]


async def _ignore(_: Session) -> Landing:
    return Landing(IGNORED)


def _impossible(name: str, reason: str) -> Event:
    async def apply(_: Session) -> Landing:
        return dead(reason)

    return Event(name, apply)
