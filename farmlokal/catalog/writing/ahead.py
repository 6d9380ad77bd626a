"""What is found out about a batch ahead of its transaction, while the database works at the batch before."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn, cast

from farmlokal.catalog.writing.versions import Change, Decision, Identity, Stored
from farmlokal.database.interface import ReadyRow, Session


@dataclass(slots=True)
class Decided:
    """What becomes of a batch, and what is to be written.

    stored: the products that it is about, brought up to date. decisions: on its changes, in their order. rows: what the
    columns of those that change are to hold. tags: the cache tags that are touched beside those of the products.
    written_at: the moment of it, as the database writes it.
    """

    stored: dict[Identity, Stored]
    decisions: list[Decision]
    rows: dict[Identity, ReadyRow]
    tags: set[str]
    written_at: str


@dataclass(slots=True)
class Ready:
    """Changes, with what is known of them ahead.

    if_new: what becomes of them where none of their products is stored; None where that is not expected, and once it
    was tried. names_born: whether names were added ahead that this batch tells of, however often it is written.
    """

    changes: Sequence[Change]
    if_new: Decided | None = None
    names_born: bool = False


class NotKnown(LookupError):
    """A statement would be needed, where none may be."""


class _NoSession:
    def __getattr__(self, name: str) -> NoReturn:
        raise NotKnown(name)


def no_session() -> Session:
    """Stands for a transaction where all that is asked for should be known. Raises NotKnown at the first statement."""
    return cast("Session", cast("Any", _NoSession()))
