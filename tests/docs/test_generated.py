"""What a program makes of the documentation is as the program makes it now."""

from graphlib import CycleError

import pytest

from tests.docs.blocks import BLOCKS, Block, written
from tests.docs.layers import imports, layers, reduced


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: f"{block.page}: {block.name}")
def test_a_generated_block_is_up_to_date(block: Block) -> None:
    """The block stands in its page as its program makes it; `make pictures` brings it there."""
    assert block.make() == written(block)


def test_the_picture_of_the_layers_has_every_package() -> None:
    """No package that others import, or that imports others, is missing from the layers but the settings."""
    inside, _ = imports()
    found = {package for edge in inside for package in edge}
    assert found.difference(*layers()) <= {"settings"}


def test_reducing_keeps_what_leads_where() -> None:
    """An import that others make needless is left out, every other one stays, and a circle is refused."""
    assert {("a", "b"), ("b", "c"), ("a", "d")} == reduced({("a", "b"), ("b", "c"), ("a", "c"), ("a", "d")})
    with pytest.raises(CycleError):
        reduced({("a", "b"), ("b", "a")})
