"""How often Python looks for garbage that reference counts do not find."""

import gc

from aiohttp import web

# Containers made and not yet freed before the youngest are looked through: a fifth of a millisecond. By default 700,
# which a few pages of one turn of the event loop come to.
_YOUNG = 10_000
# So many of these passes before the next older ones are looked through, and so many of those before all are. A pass
# over everything takes some 70 ms with a full first tier, in which nobody is answered.
_MIDDLE, _OLD = 20, 50


async def spare_the_heap(app: web.Application) -> None:
    """Leave what has been made by now out of every later pass, and make the passes rarer. For a process's own start.

    An application is made of objects that stay until the process ends, hundreds of thousands of them. (Instagram
    Engineering, "Copy-on-write friendly Python garbage collection", 2017, has the background of `gc.freeze`.)
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, _MIDDLE, _OLD)
