"""The workers' slots on the shared board of metrics, assigned and released by the process that starts the workers."""

from typing import Any

from farmlokal.telemetry.board import Board, OwnSlot

# Workers of a reload that drain while their successors serve, and their successors' successors.
_GENERATIONS = 3
_SPARE = 16


class WorkerSlots:
    """One slot for each worker that runs, and for those that a reload or a crash has run beside them for a while."""

    def __init__(self, workers: int) -> None:
        self._board = Board(_GENERATIONS * workers + _SPARE)
        self._latest: OwnSlot | None = None

    def __repr__(self) -> str:
        return f"<WorkerSlots {self._board!r}>"

    @property
    def own(self) -> OwnSlot:
        """The slot of the worker that is just being started: what was set before the fork is its own after it.

        Raises AssertionError when none was assigned.
        """
        if self._latest is None:
            raise AssertionError("no slot was assigned to a worker")
        return self._latest

    def assign(self, _: Any, worker: Any) -> None:
        """Assign a slot to `worker`, which is about to be started: gunicorn's `pre_fork`."""
        self._latest = worker.metrics_slot = OwnSlot(self._board, self._board.acquire())

    def release(self, _: Any, worker: Any) -> None:
        """Release the slot of `worker`, which has ended, however it ended: gunicorn's `child_exit`."""
        self._board.release(worker.metrics_slot.slot)
