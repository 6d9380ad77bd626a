"""Under which names requests are counted: routes and cache outcomes, never URLs."""

import pytest

from loadtest.outcomes import cache_outcome, named, outcome_of, split


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("farmlokal; hit; ttl=21; detail=memory", "hit memory"),
        ("farmlokal; hit; ttl=3; detail=redis", "hit redis"),
        ("farmlokal; hit; ttl=-12", "hit stale"),
        ("farmlokal; hit; ttl=5", "hit"),
        ("farmlokal; fwd=miss; stored", "miss"),
        ("farmlokal; fwd=miss; stored; collapsed", "miss collapsed"),
        ("farmlokal; fwd=stale; detail=origin-error", "stale"),
        # A cache in front of the service appends itself.
        ("farmlokal; hit; ttl=21; detail=memory, edge; fwd=miss", "hit memory"),
        ("", None),
        (None, None),
        ("farmlokal", None),
    ],
)
def test_an_answer_is_counted_by_what_the_service_says_of_its_cache(header: str | None, expected: str | None) -> None:
    """The outcome comes from the service's own member of `Cache-Status`."""
    assert expected == cache_outcome(header)


@pytest.mark.parametrize(
    ("status", "expected"),
    [(200, "hit memory"), (304, "304"), (429, "429"), (503, "status 503"), (0, "no answer")],
)
def test_what_is_no_answer_from_the_cache_is_counted_by_its_status(status: int, expected: str) -> None:
    """Revalidations, refusals, errors and connections that break have names of their own."""
    assert expected == outcome_of(status, lambda name: {"cache-status": "x; hit; detail=memory"}.get(name))


@pytest.mark.parametrize("outcome", [None, "miss", "hit memory", "304"])
def test_a_name_comes_apart_again(outcome: str | None) -> None:
    """The table finds the route and the outcome in the name that locust counted under."""
    assert ("/products?cursor", outcome) == split(named("/products?cursor", outcome))
