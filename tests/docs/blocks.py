"""Blocks of pages that a program makes: between `<!-- name -->` and `<!-- /name -->`, each on a line of its own."""

from collections.abc import Callable
from typing import NamedTuple

from tests.docs.connection_states import states_picture
from tests.docs.layers import layers_picture, system_picture
from tests.docs.pages import ROOT, text_of
from tests.docs.parameters import parameters_table
from tests.files_entered.counting import counted_apart
from tests.files_entered.table import table_of


class Block(NamedTuple):
    """One block: the page that it is in, its name there, and what makes its text."""

    page: str
    name: str
    make: Callable[[], str]


BLOCKS = (
    Block("docs/api.md", "parameters", parameters_table),
    Block("docs/http.md", "connection states", states_picture),
    Block("README.md", "system", system_picture),
    Block("docs/architecture.md", "layers", layers_picture),
    Block("docs/architecture.md", "files entered", lambda: table_of(counted_apart())),
)


def written(block: Block) -> str:
    """What stands in the block now."""
    _, content, _ = _cut(text_of(block.page), block)
    return content


def write(block: Block) -> bool:
    """Put what the block's program makes into its page; whether that changed anything."""
    text = text_of(block.page)
    before, content, after = _cut(text, block)
    made = block.make()
    if made == content:
        return False
    ROOT.joinpath(block.page).write_text(f"{before}{made}\n{after}", "utf-8")
    return True


def _cut(text: str, block: Block) -> tuple[str, str, str]:
    """The page up to the block, the block, and the page after it. Raises ValueError where it does not stand once."""
    first, last = f"<!-- {block.name} -->\n", f"<!-- /{block.name} -->\n"
    if (text.count(first), text.count(last)) != (1, 1):
        raise ValueError(f"{block.page} must have one block {block.name!r}")
    before, _, rest = text.partition(first)
    content, _, after = rest.partition(last)
    return before + first, content.removesuffix("\n"), last + after
