"""The picture of a connection's states, which docs/http.md shows."""

from pathlib import Path

from farmlokal.web.hot.states import NEXT, Event, State
from tests.pictures.connection_states import diagram, into

DOCUMENT = Path(__file__).parents[2] / "docs/http.md"


def test_the_document_shows_the_table_as_it_is() -> None:
    """What stands in it is what `python -m tests.pictures.connection_states` prints."""
    document = DOCUMENT.read_text("utf-8")
    assert diagram(NEXT) in document
    assert document == into(document, diagram(NEXT))


def test_another_table_is_another_picture() -> None:
    """A transition that the table does not have is not drawn, and the document's place takes what is."""
    table = {**NEXT, State.HELD: {Event.ENDED: State.GONE}}
    assert "HELD --> LOOKING" in diagram(NEXT)
    assert "HELD --> LOOKING" not in diagram(table)
    assert diagram(table) in into(DOCUMENT.read_text("utf-8"), diagram(table))
