"""The states of a connection as a Mermaid diagram, for docs/http.md."""

from collections import defaultdict
from collections.abc import Mapping

from farmlokal.web.hot.states import NEXT, Event, State


def states_picture(table: Mapping[State, Mapping[Event, State]] = NEXT) -> str:
    """The diagram of a transition table, as a block of Markdown; what leads from GONE to itself is left out."""
    lines = ["stateDiagram-v2", *(f"{state.name}: {state}" for state in table), f"[*] --> {State.IDLE.name}"]
    for state, following in table.items():
        events = defaultdict(list)
        for event, after in following.items():
            if state is not State.GONE:
                events[after].append(event)
        lines += [f"{state.name} --> {after.name}: {' / '.join(labels)}" for after, labels in events.items()]
    lines.append(f"{State.GONE.name} --> [*]")
    return "```mermaid\n" + "\n    ".join(lines) + "\n```"
