"""How many users there are at each moment of a run. Everything scales with the run's length and its most users."""

from collections.abc import Callable, Mapping

# (seconds since the start, length of the run in seconds, most users): users now.
Shape = Callable[[float, float, int], int]

_RAMP_SHARE = 0.1
_RAMP_MAX_S = 30.0
# Between spikes there are a tenth of the users; twice, for an eighth of the run, all the others come at once.
_CALM_SHARE = 0.1
_SPIKES = ((0.25, 0.375), (0.625, 0.75))
# A soak looks for what grows or wears out, not for the limit: half of what the machine is known to bear.
_SOAK_SHARE = 0.5


def steady(at_s: float, length_s: float, users: int) -> int:
    """All users, after a ramp of a tenth of the run, at most half a minute."""
    return max(1, round(users * min(1.0, at_s / min(_RAMP_MAX_S, _RAMP_SHARE * length_s))))


def spike(at_s: float, length_s: float, users: int) -> int:
    """A tenth of the users; all of them at once during two eighths of the run."""
    if any(begin <= at_s / length_s < end for begin, end in _SPIKES):
        return users
    return max(1, round(users * _CALM_SHARE))


def soak(at_s: float, length_s: float, users: int) -> int:
    """Half of the users for the whole run, after the same ramp as `steady`. Meant for ten minutes and more."""
    return steady(at_s, length_s, max(1, round(users * _SOAK_SHARE)))


SHAPES: Mapping[str, Shape] = {"steady": steady, "spike": spike, "soak": soak}
