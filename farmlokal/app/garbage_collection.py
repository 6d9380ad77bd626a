"""How often Python looks for garbage that reference counts do not find."""

import gc
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aiohttp import web

# Containers made and not yet freed before the youngest are looked through, which takes 1 to 2 ms. By default 700, to
# which a few new pages come.
_YOUNG = 5_000
# So many of these passes before the next older ones are looked through, and so many of those before all are. A pass
# over everything took some 70 ms, in which nobody was answered.
_MIDDLE, _OLD = 10, 50


def pause() -> None:
    """Look for no garbage until `resume`: what modules make stays, and passes over it are a tenth of a start."""
    gc.disable()


def resume() -> None:
    """Look for garbage again where `pause` was called, but never among what exists by now.

    What is garbage of that, not a megabyte, is left where it is: to find it would take a pass over everything.
    """
    if not gc.isenabled():
        gc.freeze()
        gc.enable()


async def freeze_startup_objects(_: "web.Application") -> None:
    """Exclude every object that exists by now from later passes, and make passes rarer. For the start of a process.

    An application is made of objects that stay until the process ends, tens of thousands of them. (Instagram
    Engineering, "Copy-on-write friendly Python garbage collection", 2017, has the background of `gc.freeze`.)
    """
    gc.freeze()
    gc.set_threshold(_YOUNG, _MIDDLE, _OLD)
