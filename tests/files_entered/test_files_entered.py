"""A request enters few files: whoever follows one with a finger on the code should get to its end."""

import pytest

from tests.files_entered.counting import counted_apart
from tests.files_entered.flows import FLOWS

MEMORY_HIT_MAX = 11
FIRST_MISS_MAX = 45


@pytest.fixture(scope="module")
def entered() -> dict[str, list[str]]:
    """The files of each flow."""
    return counted_apart()


def test_a_request_enters_few_files(entered: dict[str, list[str]]) -> None:
    """A steady memory hit and a first miss stay within their numbers of files."""
    assert list(FLOWS) == list(entered)
    assert len(entered["memory hit"]) <= MEMORY_HIT_MAX, sorted(entered["memory hit"])
    assert len(entered["first miss"]) <= FIRST_MISS_MAX, sorted(entered["first miss"])


def test_a_flow_is_followed_through_its_tasks_and_callbacks(entered: dict[str, list[str]]) -> None:
    """Each flow's count has the files at its far end, and a memory hit has none of the database's or of Redis's."""
    assert {"caching/memory.py", "web/hot/path.py"} <= set(entered["memory hit"])
    assert not any(file.startswith(("database/", "caching/redis/", "catalog/")) for file in entered["memory hit"])
    assert "caching/redis/tier.py" in entered["Redis hit"]
    assert not any(file.startswith("database/") for file in entered["Redis hit"])
    assert {"caching/redis/tier.py", "catalog/planning/planner.py", "database/sqlite.py"} <= set(entered["first miss"])
    assert {"caching/invalidation.py", "caching/redis/notices.py", "caching/tag_history.py"} <= set(
        entered["invalidation"]
    )
    assert {"webhooks/inbox.py", "catalog/writing/writer.py", "caching/invalidation.py"} <= set(entered["webhook"])


def test_what_a_service_does_by_itself_is_left_out(entered: dict[str, list[str]]) -> None:
    """Sampling, probing and flushing of counters, which run all the time, are in no flow."""
    every = set().union(*entered.values())
    assert set() == {file for file in every if file.startswith("app/metrics/") or file.endswith("/sample.py")}
