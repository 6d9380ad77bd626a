"""The deadline: what is left of it, and never less than nothing."""

from farmlokal.resilience.deadline import Deadline


def test_what_is_left_runs_out() -> None:
    """Seconds pass, and once they have passed none is left."""
    moments = iter([7.0, 7.0, 9.5, 10.0, 99.0, 99.0])
    deadline = Deadline(3, clock=lambda: next(moments))
    assert [3, 0.5, 0, 0] == [deadline.left_s for _ in range(4)]
    assert "<Deadline total_s=3 left_s=0.000>" == repr(deadline)
