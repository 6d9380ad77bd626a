"""The alert rules and what is written about them; `promtool` in the slow tests."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from farmlokal.telemetry.metrics import BY_NAME
from tests.deploy.deploy_files import (
    ALERTS,
    ALERTS_TESTS,
    PROMETHEUS,
    ROOT,
    alert_rules,
    dashboard_queries,
    metric_names,
    read_yaml,
    selectors,
)
from tests.servers.programs import find_program

OPERATIONS = (ROOT / "docs" / "operations.md").read_text("utf-8")
_HEADINGS = re.findall(r"^#+ (.+)$", OPERATIONS, re.MULTILINE)


def promtool(*arguments: str | Path) -> str:
    """What promtool prints; fails where it ends with an error."""
    program = find_program("promtool")
    assert program is not None, "`python -m tests.servers proof` finds or unpacks promtool"
    done = subprocess.run(
        [program.name, *arguments],
        executable=program.path,
        env=program.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("rule", alert_rules(), ids=lambda rule: rule["alert"])
def test_every_alert_says_what_to_do(rule: dict[str, Any]) -> None:
    """Each alert has a severity, a summary, and a runbook: a section of its own and a row of the table."""
    assert rule["labels"]["severity"] in ("critical", "warning")
    assert rule["annotations"]["summary"]
    name = rule["alert"]
    assert f"docs/operations.md#{name.lower()}" == rule["annotations"]["runbook"]
    assert f"### {name}\n" in OPERATIONS
    assert f"| [{name}](#{name.lower()}) | {rule['labels']['severity']} |" in OPERATIONS


def test_every_runbook_is_of_an_alert() -> None:
    """No section stands there for an alert that is gone."""
    assert {rule["alert"] for rule in alert_rules()} == {
        heading for heading in _HEADINGS if heading.startswith("FarmLokal")
    }


@pytest.mark.parametrize("rule", alert_rules(), ids=lambda rule: rule["alert"])
def test_every_alert_is_of_metrics_that_exist(rule: dict[str, Any]) -> None:
    """Rules name metrics that the service has, by labels and values that these have, and of our job alone."""
    assert metric_names(rule["expr"]) <= set(BY_NAME)
    for selector in selectors(rule["expr"]):
        assert 'job="farmlokal"' in selector


@pytest.mark.parametrize(
    "expr",
    [*(rule["expr"] for rule in alert_rules()), *(query.expr for query in dashboard_queries())],
)
def test_every_label_in_a_query_exists(expr: str) -> None:
    """No query asks for a label that its metric has not, or for a value that the label never has."""
    for name, matchers in re.findall(r"\b(farmlokal_[a-z_]+)\{([^}]*)\}", expr):
        metric = BY_NAME[next(iter(metric_names(name)))]
        for label, operator, value in re.findall(r'(\w+)(=~|!=|!~|=)"([^"]*)"', matchers):
            assert label in ("job", "instance", "le", *metric.labels), (name, label)
            if label == metric.label and metric.values and "$" not in value:
                matched = [one for one in metric.values if re.fullmatch(value, one)]
                assert matched, (name, value)
                assert operator in ("=~", "!~") or value in metric.values


def test_the_dashboard_shows_every_metric() -> None:
    """Each metric of the service is in a panel, and no panel asks for another."""
    shown = set().union(*(metric_names(query.expr) for query in dashboard_queries()))
    assert set(BY_NAME) == shown


def test_every_alert_has_a_unit_test_in_which_it_fires() -> None:
    """`promtool test rules` sees each alert fire."""
    fired = {
        case["alertname"]
        for path in ALERTS_TESTS
        for test in read_yaml(path)["tests"]
        for case in test["alert_rule_test"]
        if case.get("exp_alerts")
    }
    assert {rule["alert"] for rule in alert_rules()} == fired


@pytest.mark.proof
def test_promtool_accepts_rules_and_configuration() -> None:
    """Prometheus's own checker finds no fault, and as many rules as there are."""
    assert f"{len(alert_rules())} rules found" in promtool("check", "rules", ALERTS)
    assert "is valid" in promtool("check", "config", PROMETHEUS)


@pytest.mark.proof
@pytest.mark.parametrize("path", ALERTS_TESTS, ids=lambda path: path.stem)
def test_the_rules_pass_their_unit_tests(path: Path) -> None:
    """Each alert fires when it must and is quiet when it must, over made-up series."""
    assert "SUCCESS" in promtool("test", "rules", path)
