"""`python -m tests.docs` (`make pictures`): makes every generated block of the documentation anew."""

import sys

from tests.docs.blocks import BLOCKS, write

for block in BLOCKS:
    sys.stdout.write(f"{block.page}: {block.name}: {'written' if write(block) else 'as it was'}\n")
