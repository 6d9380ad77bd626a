"""What stands in deploy/, read as its readers do: alerts, dashboard queries, manifests."""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
ALERTS = DEPLOY / "prometheus" / "alerts.yml"
ALERTS_TESTS = [DEPLOY / "prometheus" / name for name in ("alerts_test.yml", "alerts_days_test.yml")]
PROMETHEUS = DEPLOY / "prometheus" / "prometheus.yml"
DASHBOARD = DEPLOY / "grafana" / "farmlokal.json"
UNIT = DEPLOY / "systemd" / "farmlokal.service"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
NGINX_SITE = DEPLOY / "nginx" / "farmlokal.conf"

# One vector selector of ours, with its label matchers.
_SELECTOR = re.compile(r"\b(?:farmlokal_[a-z_]+|up)\b(?:\{[^}]*\})?")


class Query(NamedTuple):
    """One query of the dashboard, and the panel that it is for."""

    panel: str
    expr: str


def read_yaml(path: Path) -> Any:
    """The one document in `path`."""
    return yaml.safe_load(path.read_text("utf-8"))


@cache
def manifests() -> list[tuple[str, dict[str, Any]]]:
    """Every Kubernetes resource, with the name of its file; they are read once."""
    return [
        (path.name, document)
        for path in sorted((DEPLOY / "kubernetes").glob("*.yaml"))
        if path.name != "kustomization.yaml"
        for document in yaml.safe_load_all(path.read_text("utf-8"))
    ]


def manifest(kind: str) -> dict[str, Any]:
    """The one resource of `kind`."""
    (found,) = [document for _, document in manifests() if document["kind"] == kind]
    return found


def pod_template(kind: str) -> dict[str, Any]:
    """The pod template of the one Deployment, Job or CronJob."""
    spec = manifest(kind)["spec"]
    found: dict[str, Any] = spec.get("jobTemplate", {"spec": spec})["spec"]["template"]
    return found


def unit_values(path: Path, name: str) -> list[str]:
    """Every value of the directive `name` in a systemd unit, in their order."""
    return re.findall(rf"^{name}=(.*)$", path.read_text("utf-8"), re.MULTILINE)


def alert_rules() -> list[dict[str, Any]]:
    """Every alert rule."""
    return [rule for group in read_yaml(ALERTS)["groups"] for rule in group["rules"]]


def dashboard() -> dict[str, Any]:
    """The dashboard's JSON."""
    found: dict[str, Any] = json.loads(DASHBOARD.read_text("utf-8"))
    return found


def dashboard_queries() -> list[Query]:
    """Every query of every panel, and of the annotations."""
    content = dashboard()
    panels = [
        Query(panel["title"], target["expr"]) for panel in content["panels"] for target in panel.get("targets", [])
    ]
    return panels + [Query(one["name"], one["expr"]) for one in content["annotations"]["list"]]


def selectors(expr: str) -> set[str]:
    """The vector selectors in a PromQL expression."""
    return set(_SELECTOR.findall(expr))


def metric_names(expr: str) -> set[str]:
    """The names of our metrics in a PromQL expression, those of a histogram's series without their endings."""
    names = {selector.partition("{")[0] for selector in selectors(expr)} - {"up"}
    return {re.sub(r"_(bucket|sum|count)$", "", name) for name in names}
