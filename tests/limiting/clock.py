"""A clock that tests move."""


class Clock:
    """Seconds that pass when told to; calling it tells the time."""

    def __init__(self, now: float = 1_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        """The time now."""
        return self.now
