"""A real Prometheus beside the running service: every query finds its series, and every alert's condition is caused.

Rules and queries are those that are shipped, with waits and windows made shorter. In the order of the file, the tests
break the service more and more; the last one counts which alerts have fired. Nothing here waits for a day: that a sync
is overdue and that the inbox doubled in a week are caused by rows with times and numbers to match.
"""

import math
import os
import re
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing

import pytest

from tests.deploy.deploy_files import Query, alert_rules, dashboard_queries, selectors
from tests.deploy.observed_service import DATABASE, DRAIN_S, ObservedService, Traffic, freeze_for, observed_service
from tests.support.backends import connect_to
from tests.support.webhook_sender import OLD_SECRET, order, product

# One story, from the first test to the last: they run in one process (see `tests.support.parallel`).
pytestmark = [pytest.mark.proof, pytest.mark.timeout(180)]

# Longer than the service takes to look into its tables again.
_COUNTED_WITHIN_S = 75
_QUIET_S, _QUIET_WITHIN_S = 5, 60
_TWO_DAYS_MS = 2 * 86_400_000
_EVENTS = 25_000
_DASHBOARD_VARIABLES = {"$__rate_interval": "8s", "$instance": ".*", "$route": ".*"}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObservedService]:
    """The service with everything around it, and customers who browse."""
    with observed_service(tmp_path_factory.mktemp("observed")) as running, Traffic(running.browse):
        yield running


def test_the_healthy_service_raises_no_alert(service: ObservedService) -> None:
    """Under ordinary traffic, a sync and a few events, every rule is evaluated without an error and none fires."""
    assert 200 == service.ask("GET", "/auth/token")
    assert 200 == service.sync()
    assert 200 == service.deliver(product("okra-1", stock=5))
    assert 200 == service.deliver(order("A1"), event_type="order.placed")
    deadline = time.monotonic() + _QUIET_WITHIN_S
    # Everything that starts together may have been too much for a busy machine; afterwards there is silence.
    time.sleep(2 * _QUIET_S)
    while fired := service.prometheus.fired(window_s=_QUIET_S):
        assert time.monotonic() < deadline, fired
        time.sleep(1)
    rules = service.prometheus.rules()
    assert {rule["alert"] for rule in alert_rules()} == {rule["name"] for rule in rules}
    assert [] == [(rule["name"], rule.get("lastError")) for rule in rules if rule["health"] != "ok"]


@pytest.mark.parametrize("rule", alert_rules(), ids=lambda rule: rule["alert"])
def test_every_alert_looks_at_series_that_exist(service: ObservedService, rule: dict[str, str]) -> None:
    """Each vector selector of each rule finds at least one series: a misspelt label would never fire."""
    for selector in selectors(rule["expr"]):
        assert service.prometheus.query(selector), selector


def test_a_flood_and_a_wrong_secret(service: ObservedService) -> None:
    """Somebody asks for more tokens than the limit allows, and somebody signs with a secret that is none."""

    def flood() -> None:
        for _ in range(5):
            service.ask("GET", "/auth/token")

    with Traffic(flood, 0.01), Traffic(lambda: service.deliver({}, secret=OLD_SECRET)):
        service.prometheus.wait_for_alerts("FarmLokalManyRefused", "FarmLokalWebhooksRefused")


def test_a_partner_that_fails_now_and_then(service: ObservedService) -> None:
    """Every second request to the feed fails, seldom five in a row: the retries of both workers are used up."""
    service.partner.fail([{"kind": "status", "status": 503, "rate": 0.5}])
    # Not too quick: what an open breaker refuses adds to the budget too.
    with Traffic(service.sync, 0.15):
        service.prometheus.wait_for_alerts("FarmLokalRetriesExhausted")


def test_a_partner_that_is_broken(service: ObservedService) -> None:
    """The feed is a page of HTML, then it is down; then the tokens are revoked, and there is no new one to be had."""
    service.partner.fail([{"kind": "content_type"}])
    with Traffic(service.sync, 0.1):
        service.prometheus.wait_for_alerts("FarmLokalSyncFailed")
        service.partner.fail([{"kind": "status", "status": 503}])
        service.prometheus.wait_for_alerts("FarmLokalPartnerFailing", "FarmLokalBreakerOpen")
        service.partner.control("faults", {"faults": [{"kind": "status", "route": "POST /oauth/token"}]})
        service.partner.control("revoke", {})
        service.prometheus.wait_for_alerts("FarmLokalTokenNotRenewed", "FarmLokalTokenExpired")
    service.partner.control("faults", {"faults": []})


def test_every_panel_shows_something(service: ObservedService) -> None:
    """Each query of the dashboard gives a number while there is something of everything: no panel stays empty."""
    deadline = time.monotonic() + _COUNTED_WITHIN_S
    with Traffic(service.sync, 1):
        while empty := [query for query in dashboard_queries() if not shown(service, query)]:
            assert time.monotonic() < deadline, empty
            time.sleep(1)


def shown(service: ObservedService, query: Query) -> bool:
    """Whether the panel of `query` has anything to show."""
    expr = query.expr.replace("[1h]", "[20s]")
    for name, value in _DASHBOARD_VARIABLES.items():
        expr = expr.replace(name, value)
    return any(not math.isnan(float(sample["value"][1])) for sample in service.prometheus.query(expr))


def test_rows_in_the_tables(service: ObservedService) -> None:
    """An old sync, a dead event, a doubled inbox, a change that nobody numbers. The service looks once a minute."""
    assert 422 == service.deliver({"source": "partner"})
    assert 200 == service.deliver(product("okra-2", category="moon rocks"))
    service.prometheus.wait_for_alerts("FarmLokalUnknownCategories")
    service.database.execute(
        f"UPDATE sync_runs SET finished_ms = finished_ms - {_TWO_DAYS_MS} WHERE state = 'done'", database=DATABASE
    )
    service.database.execute(
        "INSERT INTO webhook_inbox (event_id, body_hash, type, state, effect, attempts, tags, received_at, updated_at)"
        " SELECT CONCAT('many-', id), REPEAT('0', 64), 'x', 'done', 'ignored', 1, '[]', NOW(), NOW()"
        f" FROM (SELECT a.id * 1000 + b.id AS id FROM products a JOIN products b ON b.id < 1000) AS n LIMIT {_EVENTS}",
        database=DATABASE,
    )
    service.database.execute(
        "UPDATE change_log SET holder = 'gone', lease_until = lease_until + 86400", database=DATABASE
    )
    service.database.execute("INSERT INTO change_outbox (product_ids, noted_at) VALUES ('1', 0)", database=DATABASE)


def test_a_redis_that_is_full_and_then_dead(service: ObservedService) -> None:
    """Redis takes no writes while somebody asks for ever new pages; then it is gone."""
    service.configure_redis(maxmemory_policy="noeviction", maxmemory="1")
    with Traffic(service.ask_something_new, 0.01):
        service.prometheus.wait_for_alerts(
            "FarmLokalLeasesUnavailable", "FarmLokalHitShareLow", "FarmLokalDependencyDegraded"
        )
    service.redis.kill()
    service.prometheus.wait_for_alerts("FarmLokalRedisDown", "FarmLokalRateLimitNotShared")
    service.redis.start()


def test_what_was_found_in_the_tables(service: ObservedService) -> None:
    """What stands there since the test before the last."""
    service.prometheus.wait_for_alerts(
        "FarmLokalSyncOverdue",
        "FarmLokalWebhooksDead",
        "FarmLokalInboxGrows",
        "FarmLokalChangesLate",
        wait_max_s=_COUNTED_WITHIN_S,
    )


def test_connections_that_are_ended_again_and_again(service: ObservedService) -> None:
    """Somebody ends each session that waits for a table, and the table is held for as long as that goes on."""
    with closing(connect_to(service.database.url(DATABASE))) as holder, holder.cursor() as cursor:
        cursor.execute("LOCK TABLES products WRITE")

        def end_waiting() -> None:
            for number, *_, state, _, _ in service.database.execute("SHOW PROCESSLIST"):
                if state and "metadata lock" in state:
                    service.database.end_connection(number)

        with (
            Traffic(service.ask_something_new, 0.01),
            Traffic(service.ask_something_new, 0.01),
            Traffic(end_waiting, 0.1),
        ):
            service.prometheus.wait_for_alerts("FarmLokalConnectionsLost")


def test_a_database_that_hangs_and_then_dies(service: ObservedService) -> None:
    """Loads wait for connections and for slots, customers for their pages; then there is none."""
    service.database.pause()
    with ExitStack() as crowd:
        for _ in range(24):
            crowd.enter_context(Traffic(service.ask_something_new, 0.01))
        service.prometheus.wait_for_alerts("FarmLokalPoolWaiting", "FarmLokalOriginBusy", "FarmLokalSlow")
        service.database.kill()
    service.prometheus.wait_for_alerts("FarmLokalDatabaseDown", "FarmLokalStaleServed", "FarmLokalErrors")
    service.database.start()


def test_a_worker_that_stands_still_and_one_that_is_missing(service: ObservedService) -> None:
    """A worker does nothing for a second; then the arbiter is told to do with one worker less."""
    freeze_for(service.workers()[0], 1.0)
    service.prometheus.wait_for_alerts("FarmLokalEventLoopLag")
    os.kill(service.process.pid, signal.SIGTTOU)
    service.prometheus.wait_for_alerts("FarmLokalWorkersMissing")


def test_a_service_that_drains_and_is_gone(service: ObservedService) -> None:
    """No process is ready while they drain, then none answers, and at last nobody is expected to."""
    service.process.terminate()
    service.prometheus.wait_for_alerts("FarmLokalNotReady", wait_max_s=DRAIN_S + 20)
    assert 0 == service.process.wait(60)
    service.prometheus.wait_for_alerts("FarmLokalDown")
    service.prometheus.aim([])
    service.prometheus.wait_for_alerts("FarmLokalAbsent")


def test_every_alert_has_fired(service: ObservedService) -> None:
    """Whoever adds an alert shows what causes it."""
    names = {rule["alert"] for rule in alert_rules()}
    assert all(re.fullmatch(r"FarmLokal\w+", name) for name in names)
    assert set() == names - service.prometheus.fired()
