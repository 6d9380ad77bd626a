"""How often Python looks for garbage that reference counts do not find, in a process that loads many rows."""

import gc

# Containers made and not yet freed. By default 700, and a row makes a dozen: a tenth of a load's own time went there.
_YOUNG = 50_000


def collect_rarely() -> None:
    """Look for circles rarely, and never among what exists by now. For the start of a load.

    What a batch of rows is made of is in no circle, and is freed when the batch is written.
    """
    gc.freeze()
    gc.set_threshold(_YOUNG)
