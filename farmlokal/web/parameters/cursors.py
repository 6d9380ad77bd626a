"""Reading the cursor of a list beside the products'."""

from farmlokal.catalog.question.cursor import CursorSigner
from farmlokal.catalog.question.sorts import Position
from farmlokal.errors import Fault, InvalidInput


def position_of(
    signer: CursorSigner, cursor: str | None, question: str, rule: str, faults: list[Fault]
) -> Position | None:
    """The position that a cursor is of; None without one. What is wrong with it goes to `faults`.

    question: the canonical text of what it has to be made for, which counts only where there are no faults so far:
    whether it fits can then be told; whether it is ours, always. rule: what a cursor of another question is told.
    """
    if cursor is None:
        return None
    try:
        if not faults:
            return signer.open_for(question, cursor, rule)
        signer.verify(cursor)
    except InvalidInput as error:
        faults += error.faults
    return None
