"""`python -m tests.pictures.connection_states [--into docs/http.md]`: the states of a connection as a Mermaid diagram.

With `--into`, it takes the place of what stands in the document between `<!-- picture: connection states -->` and
`<!-- end of picture -->`.
"""

import argparse
import re
import sys
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from farmlokal.web.hot.states import NEXT, Event, State

_BLOCK = re.compile(r"(<!-- picture: connection states -->\n).*?(<!-- end of picture -->)", re.DOTALL)


def diagram(table: Mapping[State, Mapping[Event, State]]) -> str:
    """The diagram of a transition table, as a block of Markdown; what leads from GONE to itself is left out."""
    lines = ["stateDiagram-v2", *(f"{state.name}: {state}" for state in table), f"[*] --> {State.IDLE.name}"]
    for state, following in table.items():
        events = defaultdict(list)
        for event, after in following.items():
            if state is not State.GONE:
                events[after].append(event)
        lines += [f"{state.name} --> {after.name}: {' / '.join(labels)}" for after, labels in events.items()]
    lines.append(f"{State.GONE.name} --> [*]")
    return "```mermaid\n" + "\n    ".join(lines) + "\n```\n"


def into(document: str, picture: str) -> str:
    """The document with the picture in its place."""
    return _BLOCK.sub(lambda block: f"{block[1]}{picture}{block[2]}", document)


def main() -> None:
    """Print the diagram, or write it into a document."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--into", type=Path, metavar="DOC", help="the document that has a place for it")
    document = parser.parse_args().into
    picture = diagram(NEXT)
    if document is None:
        sys.stdout.write(picture)
    else:
        document.write_text(into(document.read_text("utf-8"), picture), "utf-8")


if __name__ == "__main__":
    main()
