"""The course of a load: steady, in spikes, and long."""

import pytest

from loadtest.shapes import SHAPES, Shape, soak, spike, steady

USERS = 200


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("length_s", [10, 60, 3600])
def test_every_shape_scales_with_time_and_users(shape: Shape, length_s: float) -> None:
    """There is always somebody, never more than was asked for, and the same course at any length and number."""
    at_s = [length_s * step / 100 for step in range(100)]
    course = [shape(moment_s, length_s, USERS) for moment_s in at_s]
    assert all(1 <= users <= USERS for users in course)
    assert [10 * users for users in course[35:]] == [shape(moment_s, length_s, 10 * USERS) for moment_s in at_s][35:]
    assert {1} == {shape(moment_s, length_s, 1) for moment_s in at_s}


def test_a_steady_load_has_all_users_after_a_short_ramp() -> None:
    """A tenth of the run, at most half a minute."""
    assert [1, 100, USERS, USERS] == [steady(at_s, 60, USERS) for at_s in (0, 3, 6, 59)]
    assert [100, USERS] == [steady(at_s, 3600, USERS) for at_s in (15, 30)]


def test_a_spike_brings_everybody_at_once_and_twice() -> None:
    """Calm, spike, calm, spike, calm."""
    course = [spike(at_s, 80, USERS) for at_s in (0, 19.9, 20, 29.9, 30, 49.9, 50, 59.9, 60, 79)]
    assert [20, 20, USERS, USERS, 20, 20, USERS, USERS, 20, 20] == course


def test_a_soak_has_half_of_the_users_all_the_time() -> None:
    """It looks for what wears out, below the limit."""
    assert {100} == {soak(at_s, 600, USERS) for at_s in range(30, 600)}
