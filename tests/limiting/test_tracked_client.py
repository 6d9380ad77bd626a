"""A tracked client's debt: each transition by itself."""

import pytest

from farmlokal.limiting.clients import TrackedClient
from farmlokal.limiting.reports import Reconciled, Report

INTERVAL_S = 2.0
NOW = 100.0


def client() -> TrackedClient:
    """A client of whose use nothing is known."""
    return TrackedClient("192.0.2.1", queued=False)


def test_what_is_admitted_is_reported_once() -> None:
    """A report has the number admitted and the age of the first; the next one begins at 0."""
    one = client()
    assert [1, 2] == [one.admit(NOW, 2.0), one.admit(NOW + 1, 3.0)]
    assert NOW + 4 == one.tat
    one.queued = True
    assert Report(admitted=2, age_s=5.0, asked=0, held=False, seen=0) == one.report(NOW + 5)
    assert not one.queued
    assert Report(admitted=0, age_s=0.0, asked=0, held=False, seen=0) == one.report(NOW + 6)


def test_a_grant_admits_one_request_at_the_limit() -> None:
    """Without grants a request at the limit is refused, and reported as asked; each grant is used once."""
    one = client()
    assert not one.ask_at_limit()
    report = one.report(NOW)
    assert 1 == report.asked
    one.learn(report, Reconciled(NOW + 40, 140_000_000, granted=2, others=True), NOW, INTERVAL_S)
    assert [True, True, False] == [one.ask_at_limit() for _ in range(3)]


def test_asked_counts_what_no_grant_will_admit() -> None:
    """Requests that wait for a grant at hand are not asked for once more."""
    one = client()
    one.ask_at_limit()
    one.learn(one.report(NOW), Reconciled(NOW + 40, 140_000_000, granted=3, others=True), NOW, INTERVAL_S)
    one.ask_at_limit()
    one.ask_at_limit()
    assert 1 == one.report(NOW).asked


def test_a_client_that_asked_at_its_limit_is_held_for_a_while() -> None:
    """Where other processes admit it too, it passes by grants alone until it has been away; then it is let go."""
    one = client()
    one.ask_at_limit()
    assert one.learn(one.report(NOW), Reconciled(NOW, 100_000_000, granted=0, others=True), NOW, INTERVAL_S)
    assert one.report(NOW + 0.5).held
    assert not one.report(NOW + 0.7).held


def test_unused_grants_go_back() -> None:
    """Of a client that is held no longer, what was granted and not used is reported as not spent."""
    one = client()
    one.ask_at_limit()
    one.learn(one.report(NOW), Reconciled(NOW, 100_000_000, granted=3, others=True), NOW, INTERVAL_S)
    one.ask_at_limit()
    assert Report(admitted=-2, age_s=0.0, asked=0, held=False, seen=100_000_000) == one.report(NOW + 1)
    assert 0 == one.granted


@pytest.mark.parametrize(("others", "tat"), [(True, NOW + 30 - 0.02), (False, 0.0)])
def test_the_debt_of_other_processes_is_taken_over(others: bool, tat: float) -> None:
    """Redis's arrival time, less the slack, holds where others wrote it; a process alone knows better itself."""
    one = client()
    one.learn(one.report(NOW), Reconciled(NOW + 30, 130_000_000, granted=0, others=others), NOW, INTERVAL_S)
    assert pytest.approx(tat) == one.tat
    assert 130_000_000 == one.seen


def test_what_was_admitted_while_the_answer_was_on_its_way_comes_on_top() -> None:
    """Redis does not know of it yet: its emission intervals are added to what Redis answered."""
    one = client()
    report = one.report(NOW)
    one.admit(NOW + 1, INTERVAL_S)
    one.learn(report, Reconciled(NOW + 30, 130_000_000, granted=0, others=True), NOW + 1, INTERVAL_S)
    assert pytest.approx(NOW + 30 - 0.02 + INTERVAL_S) == one.tat
    assert 1 == one.report(NOW + 2).admitted


def test_a_client_without_a_debt_is_not_reported_again() -> None:
    """Only one that is held, or has grants, has something to report at the next reconciling whatever it does."""
    one = client()
    one.admit(NOW, INTERVAL_S)
    assert not one.learn(one.report(NOW), Reconciled(NOW, 100_000_000, granted=0, others=False), NOW, INTERVAL_S)
    assert one.learn(one.report(NOW), Reconciled(NOW, 100_000_000, granted=1, others=False), NOW, INTERVAL_S)
