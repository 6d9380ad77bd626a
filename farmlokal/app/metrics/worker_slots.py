"""The workers' seats at the shared board of metrics, given and taken back by the process that starts the workers."""

from typing import Any

from farmlokal.telemetry.board import Board, Seat

# Workers of a reload that drain while their successors serve, and their successors' successors.
_GENERATIONS = 3
_SPARE = 16


class Seats:
    """One seat for each worker that runs, and for those that a reload or a crash has run beside them for a while."""

    def __init__(self, workers: int) -> None:
        self._board = Board(_GENERATIONS * workers + _SPARE)
        self._seat: Seat | None = None

    def __repr__(self) -> str:
        return f"<Seats {self._board!r}>"

    @property
    def own(self) -> Seat:
        """The seat of the worker that is just being started: what was set before the fork is its own after it."""
        if self._seat is None:
            raise AssertionError("no worker was given a seat")
        return self._seat

    def give(self, _: Any, worker: Any) -> None:
        """Seat `worker`, which is about to be started: gunicorn's `pre_fork`."""
        self._seat = worker.seat = Seat(self._board, self._board.take())

    def take_back(self, _: Any, worker: Any) -> None:
        """Note that `worker` is dead, however it died: gunicorn's `child_exit`."""
        self._board.give_back(worker.seat.slot)
