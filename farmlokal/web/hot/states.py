"""The states of a connection with the hot path, and what leads from one to the next.

`docs/http.md` has the picture, made from `NEXT` by `make pictures`.
"""

from collections.abc import Mapping
from enum import StrEnum


class State(StrEnum):
    """What a connection is doing. aiohttp's task: the one that has the handlers answer one message after the other."""

    IDLE = "idle"
    """No request is here. aiohttp's task waits for one, or is on its way to: what comes next may be answered below."""
    ANSWERING = "answering"
    """Requests are aiohttp's to answer, and the hot path knows nothing of them."""
    HELD = "held"
    """A request for a page beyond memory is kept from aiohttp's task, which would take it, until the task waits."""
    LOOKING = "looking"
    """The first request's page is looked up, in Redis or at the origin. Nothing wakes aiohttp's task meanwhile."""
    HANDED_OVER = "handed over"
    """The handlers answer the first request, and know what the hot path found out of it."""
    GONE = "gone"
    """No further request is accepted: the connection is closed, cut, or about to end."""


class Event(StrEnum):
    """What happens to a connection."""

    FROM_MEMORY = "answered from memory"
    """The answer is sent at once: nothing was queued, and aiohttp's task does not hear of it."""
    LEFT = "left to aiohttp"
    """What arrived is no plain question for a page, or several requests at once, or the hot path stands down."""
    HELD_BACK = "held back"
    """Memory has no page for the request, and aiohttp's task does not wait yet."""
    LOOKED_UP = "looked up"
    """Memory has no page for the request, and aiohttp's task waits."""
    HANDED_OVER = "handed over"
    """The rate limit refuses the request, or there is no answer to it here, or aiohttp's task is late to wait."""
    ANSWERED = "answered"
    """The answer is sent, and nothing is queued behind the request."""
    ANSWERED_FIRST = "answered, more behind"
    """The answer is sent, and further requests have come meanwhile."""
    TASK_WAITS = "aiohttp waits"
    """aiohttp's task is seen to wait for the next request."""
    ENDED = "ended"
    """The connection is closed or cut, or `close` was called while it was idle."""


# A pair that is not here cannot be.
NEXT: Mapping[State, Mapping[Event, State]] = {
    State.IDLE: {
        # As it leads nowhere, the hot path does not ask for it.
        Event.FROM_MEMORY: State.IDLE,
        Event.LEFT: State.ANSWERING,
        Event.HELD_BACK: State.HELD,
        Event.LOOKED_UP: State.LOOKING,
        Event.HANDED_OVER: State.HANDED_OVER,
        Event.ENDED: State.GONE,
    },
    State.ANSWERING: {
        Event.ANSWERED: State.IDLE,
        Event.ANSWERED_FIRST: State.ANSWERING,
        Event.TASK_WAITS: State.IDLE,
        Event.ENDED: State.GONE,
    },
    State.HELD: {
        Event.LOOKED_UP: State.LOOKING,
        Event.HANDED_OVER: State.HANDED_OVER,
        Event.ENDED: State.GONE,
    },
    State.LOOKING: {
        Event.ANSWERED: State.IDLE,
        Event.ANSWERED_FIRST: State.ANSWERING,
        Event.HANDED_OVER: State.HANDED_OVER,
        Event.ENDED: State.GONE,
    },
    State.HANDED_OVER: {
        Event.ANSWERED: State.IDLE,
        Event.ANSWERED_FIRST: State.ANSWERING,
        Event.TASK_WAITS: State.IDLE,
        Event.ENDED: State.GONE,
    },
    # What was under way may still come to its end.
    State.GONE: dict.fromkeys(Event, State.GONE),
}
