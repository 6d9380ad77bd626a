"""What pages in words cost on a cold cache, beside rows by primary key, a FULLTEXT index and SQLite's FTS5."""

import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from farmlokal.database.address import MySQLAddress
from tests.bench.cold import CONNECTIONS, cold_service
from tests.bench.figures import Figure, in_ms, ratio
from tests.bench.listing import REFERENCE
from tests.bench.samples import Sample
from tests.bench.stand import Stand
from tests.bench.turns import Take, in_turns
from tests.bench.word_beside import make_fts5_file, make_fulltext_table, search_by_fts5, search_by_fulltext
from tests.bench.word_questions import WORD_FAMILIES, KnownWords, WordQuestion, word_questions

_OURS, _ROWS = "ours", "rows"
BESIDE = {"fulltext": "the ids of the first 21 by a FULLTEXT index", "fts5": "the same by SQLite's FTS5, in a process"}


def search(stand: Stand) -> Iterator[Figure]:
    """Median and p99 of pages in words; what is beside finds ids and makes no page of them."""
    catalogue = stand.catalogue(stand.options.products)
    make_fulltext_table(catalogue)
    known = KnownWords(catalogue)
    asked = {name: word_questions(known, name) for name in WORD_FAMILIES}
    targets = {name: [question.target() for question in questions] for name, questions in asked.items()}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "texts.db"
        make_fts5_file(catalogue, path)
        with cold_service(stand, catalogue, targets) as running:
            for name, questions in asked.items():
                takes: dict[str, Take] = {_OURS: partial(running.family, name), _ROWS: running.reference}
                if has_rivals(questions):
                    takes["fulltext"] = partial(_take, stand, search_by_fulltext, catalogue.address, questions)
                    takes["fts5"] = partial(_take, stand, search_by_fts5, path, questions)
                yield from _figures(name, in_turns(stand.options.rounds, takes))


def has_rivals(questions: list[WordQuestion]) -> bool:
    """Whether others can answer: no score of theirs has a place to go on from."""
    return not any(question.after is not None and question.sort == "relevance" for question in questions)


def _take(
    stand: Stand, search: Callable[..., Sample], where: MySQLAddress | Path, questions: list[WordQuestion]
) -> Sample:
    return stand.run(search, where, questions, connections=CONNECTIONS, seconds=stand.options.seconds)


def _figures(name: str, taken: list[dict[str, Sample]]) -> Iterator[Figure]:
    medians = [(samples[_OURS].median_ms, samples[_ROWS].median_ms) for samples in taken]
    p99s = [(samples[_OURS].p99_ms, samples[_ROWS].p99_ms) for samples in taken]
    yield ratio(f"{name}: median", medians, REFERENCE, goal="<= 1.5", extra=in_ms(medians))
    yield ratio(f"{name}: p99", p99s, REFERENCE, goal="<= 2.5", extra=in_ms(p99s))
    for beside, reference in BESIDE.items():
        if beside in taken[0]:
            pairs = [(samples[_OURS].median_ms, samples[beside].median_ms) for samples in taken]
            yield ratio(f"{name} / {beside}", pairs, reference, better="smaller", extra=in_ms(pairs))
