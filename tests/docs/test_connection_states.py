"""The picture of a connection's states."""

from farmlokal.web.hot.states import NEXT, Event, State
from tests.docs.connection_states import states_picture


def test_another_table_is_another_picture() -> None:
    """A transition that the table does not have is not drawn."""
    table = {**NEXT, State.HELD: {Event.ENDED: State.GONE}}
    assert "HELD --> LOOKING" in states_picture(NEXT)
    assert "HELD --> LOOKING" not in states_picture(table)
