"""The events, as the partner's documentation and ours describe them, and what a handler of one returns.

::

    {"type": "product.upserted", "timestamp": "…", "data": {…}}       data: a product in the wire format
    {"type": "product.deleted", "timestamp": "…", "data": {"source", "external_id", "version"}}
    {"type": "order.placed", "timestamp": "…", "data": {"order_id", "source", "external_id", "quantity"}}
    {"type": "order.cancelled", "timestamp": "…", "data": the same}
"""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple

import orjson
from pydantic import AwareDatetime, BaseModel, BeforeValidator, ValidationError

from farmlokal.database.interface import Session
from farmlokal.errors import Fault, InvalidRecord
from farmlokal.formats.text import surrogate_refusal

TYPE_CHARS_MAX = 64
_VALUE_CHARS_MAX = 80

IGNORED = "ignored"


@dataclass(frozen=True, slots=True)
class EventResult:
    """What became of one event inside its transaction.

    effect: one word for people and counters, such as `created` or `outdated`
    tags: the cache tags that the event touched
    dead: the reason why the event can have no effect, and nothing was changed; None where it had one
    waits_for: the key (`waiting`) that a dead event waits for; None where nothing that comes can give it an effect
    """

    effect: str
    tags: frozenset[str] = frozenset()
    dead: str | None = None
    waits_for: str | None = None


DEAD = "none"


def dead(reason: str, *, waits_for: str | None = None) -> EventResult:
    """Returns the result of an event that cannot take effect for `reason`."""
    return EventResult(DEAD, dead=reason, waits_for=waits_for)


Apply = Callable[[Session], Awaitable[EventResult]]
"""Applies one event inside the caller's transaction. It may run again after a deadlock, so it changes nothing else."""


ApplyAll = Callable[[Session, Sequence[Any]], Awaitable[list[EventResult]]]
"""Applies several events, given by their contents, as `Apply` would one after the other. Returns what became of each.

It takes few statements, and locks the rows of all of them in one order before it changes any."""


class Part(NamedTuple):
    """What an event is among others of its kind, which have the same `apply_all`."""

    apply_all: ApplyAll
    content: Any


class Prepared(NamedTuple):
    """An event whose `data` is in order.

    unknown_category: what it calls a category that becomes `other`, else None
    wakes: the keys whose waiting events are tried again when this one is done
    part: how it is applied together with others
    """

    apply: Apply
    unknown_category: str | None = None
    wakes: tuple[str, ...] = ()
    part: Part | None = None


def prepared(part: Part, *, unknown_category: str | None = None, wakes: tuple[str, ...] = ()) -> Prepared:
    """Returns the event that `part` applies, alone or together with others."""

    async def apply(session: Session) -> EventResult:
        (result,) = await part.apply_all(session, [part.content])
        return result

    return Prepared(apply, unknown_category, wakes, part)


Prepare = Callable[[object], Prepared]
"""Checks an event's `data`, and returns what applies it. Raises InvalidInput, which lists every fault."""


# What else pydantic reads as a time: numbers, and numbers as text.
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ]", re.ASCII)


def _time_text(value: Any) -> Any:
    if not isinstance(value, str) or not _TIME.match(value):
        raise ValueError("must be an RFC 3339 time")
    return value


class Envelope(BaseModel):
    """What every known event has. Members that we do not know are ignored."""

    type: str
    timestamp: Annotated[AwareDatetime, BeforeValidator(_time_text)]
    data: dict[str, Any]


class Event(NamedTuple):
    """One event, checked as far as that is possible without the database. type: "" where it could not be read.

    unknown_category, wakes, part: as in Prepared. One without a part asks nothing of the database.
    """

    type: str
    apply: Apply
    unknown_category: str | None = None
    wakes: tuple[str, ...] = ()
    part: Part | None = None


def read_event(body: bytes | str, handlers: Mapping[str, Prepare]) -> Event:
    """Returns the event in `body`. Impossible content, and an unknown type, make an event too: dead, or ignored.

    handlers: what prepares an event, by its type.
    """
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError:
        text = body.decode("utf-8", "replace") if isinstance(body, bytes) else body
        detail = surrogate_refusal(text)
        return _impossible("", "the body is not JSON" if detail is None else f"the body is not JSON, which {detail}")
    name = content.get("type") if isinstance(content, dict) else None
    if not isinstance(name, str) or not name.isprintable() or not 0 < len(name) <= TYPE_CHARS_MAX:
        return _impossible("", "the body must be an object with an event's type")
    prepare = handlers.get(name)
    if prepare is None:
        return Event(name, _ignore)
    try:
        return Event(name, *prepare(Envelope.model_validate(content).data))
    except ValidationError as error:
        return _impossible(name, "; ".join(map(str, faults_of(error))))
    except InvalidRecord as error:
        return _impossible(name, f"data: {error}")


def faults_of(error: ValidationError) -> list[Fault]:
    """Returns the faults that pydantic found, each with the name of its field."""
    return [
        Fault(
            ".".join(map(str, item["loc"])),
            "" if item["type"] == "missing" else str(item["input"])[:_VALUE_CHARS_MAX],
            item["msg"].removeprefix("Value error, "),
        )
        for item in error.errors(include_url=False)
    ]


async def _ignore(_: Session) -> EventResult:
    return EventResult(IGNORED)


def _impossible(name: str, reason: str) -> Event:
    async def apply(_: Session) -> EventResult:
        return dead(reason)

    return Event(name, apply)
