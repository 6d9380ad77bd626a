"""What pages in words are measured beside finds what it is to find."""

import random
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from farmlokal.catalog.search.words import words_of
from farmlokal.catalog.seed import generate
from farmlokal.catalog.writing.name_counts import count_names
from farmlokal.catalog.writing.writer import ProductWriter
from tests.bench.near_questions import NearQuestion
from tests.bench.row_load import connect
from tests.bench.stand import Catalogue, Sampled
from tests.bench.test_near_beside import distance_km
from tests.bench.word_beside import FOUND, in_fts5, in_fulltext, make_fts5_file, make_fulltext_table
from tests.bench.word_questions import WORD_FAMILIES, KnownWords, WordQuestion, word_questions
from tests.servers import NamedDatabase
from tests.support.service import open_database

PRODUCTS = 500
_PER_FAMILY = 4
_KEYS: dict[str, Callable[[Sampled], Any]] = {
    "created_at": lambda row: row.created_at,
    "price": lambda row: row.price_paise,
    "name": lambda row: row.name_key,
    "rating": lambda row: row.rating_key,
}


def first_ids(question: WordQuestion, rows: Sequence[Sampled]) -> list[int]:
    """What a look at every product finds; by relevance, all that have the words."""
    *whole, last = question.words
    low, high = question.prices or (0, 10**9)
    found = [
        row
        for row in rows
        if set(whole) <= set(words := words_of(row.name_key))
        and any(word.startswith(last) for word in words)
        and question.category in (None, row.category)
        and low <= row.price_paise <= high
    ]
    if question.near is not None:
        asked = NearQuestion(*question.near, None, None, None)
        located = [row for row in found if row.lat is not None]
        return [row.id for row in sorted(located, key=lambda row: (distance_km(asked, row), row.id))][:FOUND]
    if question.sort == "relevance":
        return [row.id for row in found]
    key, falling = _KEYS[question.sort.removeprefix("-")], question.sort.startswith("-")
    ordered = sorted(found, key=lambda row: (key(row), row.id), reverse=falling)
    if question.after is not None:
        ordered = ordered[ordered.index(question.after) + 1 :]
    return [row.id for row in ordered][:FOUND]


async def test_both_find_the_first(mysql_url: str, tmp_path: Path) -> None:
    """FULLTEXT and FTS5 give the products that brute force does, in every order, behind a place in it, near a place."""
    async with open_database(mysql_url) as database:
        await ProductWriter(database).apply(list(generate(1, PRODUCTS)))
        await count_names(database)
    server, _, name = mysql_url.partition("?")[0].rpartition("/")
    catalogue = Catalogue(NamedDatabase(f"{server}/"), name, PRODUCTS)
    make_fulltext_table(catalogue)
    make_fts5_file(catalogue, tmp_path / "texts.db")
    known, draw = KnownWords(catalogue), random.Random(1)
    connection = await connect(catalogue.address)
    cursor = await connection.cursor()
    with closing(sqlite3.connect(tmp_path / "texts.db")) as fts5:
        for family in WORD_FAMILIES:
            questions = word_questions(known, family)
            for question in draw.sample(questions, min(_PER_FAMILY, len(questions))):
                if question.sort == "relevance" and question.after is not None:
                    continue
                expected = first_ids(question, catalogue.sampled)
                await cursor.execute(in_fulltext(question))
                by_fulltext = [row_id for (row_id,) in await cursor.fetchall()]
                by_fts5 = [row_id for (row_id,) in fts5.execute(in_fts5(question))]
                if question.sort == "relevance":
                    assert min(FOUND, len(expected)) == len(by_fulltext) == len(by_fts5)
                    assert set(by_fulltext) | set(by_fts5) <= set(expected)
                elif question.near is None:
                    assert expected == by_fulltext == by_fts5, question
                else:  # products of one market are a metre apart, or less
                    assert sorted(expected) == sorted(by_fulltext) == sorted(by_fts5), question
    connection.close()
