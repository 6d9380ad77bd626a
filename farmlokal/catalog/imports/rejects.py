"""The rows that did not land, as a CSV file: for whoever mends them."""

import csv
from pathlib import Path
from types import TracebackType
from typing import Self

from farmlokal.catalog.imports.reasons import BadRow
from farmlokal.errors import ImportRefused

COLUMNS = ("file", "line", "reason", "row")


class Rejects:
    """The file at `path`, begun anew. Raises ImportRefused where it cannot be written."""

    def __init__(self, path: Path) -> None:
        try:
            self._file = path.open("w", encoding="utf-8", newline="")
        except OSError as error:
            raise ImportRefused(f"{path}: cannot be written: {error.strerror or error}") from error
        self._writer = csv.writer(self._file)
        self._writer.writerow(COLUMNS)

    def __repr__(self) -> str:
        return f"<Rejects {self._file.name}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def note(self, name: str, bad: BadRow) -> None:
        """Add a row of the file that messages call `name`."""
        self._writer.writerow((name, bad.line, bad.reason, bad.row))
