"""The Kubernetes manifests: valid for the cluster's releases, true to the program, and without a secret."""

from copy import deepcopy
from typing import Any

import pytest
from click import Context
from kubernetes_validate import ValidationError, validate

from farmlokal.app.server import FINISH_WAIT_MAX_S
from farmlokal.cli.main import cli
from farmlokal.database.address import MySQLAddress, parse_address
from farmlokal.formats.redis_urls import parse_nodes_url
from farmlokal.settings import Settings, variable
from tests.deploy.deploy_files import DEPLOY, manifest, manifests, pod_template, read_yaml

# The oldest release that clouds still offer, and the newest that there are schemas for.
RELEASES = ("1.32", "1.37")
SECRET_FIELDS = ("database_url", "redis_url", "secret_key", "api_keys", "oauth_client_secret", "webhook_secrets")


def pods() -> list[dict[str, Any]]:
    """The pod templates."""
    return [pod_template(kind) for kind in ("Deployment", "Job", "CronJob")]


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize(("name", "document"), manifests())
def test_every_manifest_is_valid(name: str, document: dict[str, Any], release: str) -> None:
    """The schemas of Kubernetes accept each resource, unknown fields refused."""
    assert release == validate(document, release, strict=True), name


def test_an_invalid_manifest_would_be_seen() -> None:
    """The check refuses a misspelt field and a wrong type."""
    for wrong in ({"replica": 3}, {"replicas": "three"}):
        document = deepcopy(manifest("Deployment"))  # which all tests share
        document["spec"] |= wrong
        with pytest.raises(ValidationError):
            validate(document, RELEASES[-1], strict=True)


def test_the_kustomization_lists_every_file() -> None:
    """`kubectl apply -k` applies each file, and no other."""
    listed = read_yaml(DEPLOY / "kubernetes" / "kustomization.yaml")["resources"]
    assert {name for name, _ in manifests()} == set(listed)


def test_a_pod_is_given_the_time_that_it_needs_to_stop() -> None:
    """The grace period is longer than the drain, the wait for requests in flight and the arbiter's margin together."""
    drain_s = int(manifest("ConfigMap")["data"]["FARMLOKAL_DRAIN_S"])
    grace_s = manifest("Deployment")["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
    assert grace_s > drain_s + FINISH_WAIT_MAX_S + 5


def test_the_probes_ask_what_they_should() -> None:
    """Liveness touches no dependency; a start may take as long as it waits for its database, and more."""
    (container,) = manifest("Deployment")["spec"]["template"]["spec"]["containers"]
    assert "/livez" == container["livenessProbe"]["httpGet"]["path"]
    assert "/readyz" == container["readinessProbe"]["httpGet"]["path"]
    startup = container["startupProbe"]
    assert startup["periodSeconds"] * startup["failureThreshold"] >= 60


@pytest.mark.parametrize("pod", pods())
def test_no_pod_may_do_more_than_it_must(pod: dict[str, Any]) -> None:
    """Not root, nothing to write to but what is mounted, no capability, no token of the cluster, bounded resources."""
    spec = pod["spec"]
    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert {"type": "RuntimeDefault"} == spec["securityContext"]["seccompProfile"]
    for container in spec["containers"]:
        context = container["securityContext"]
        assert context["readOnlyRootFilesystem"] is True
        assert context["allowPrivilegeEscalation"] is False
        assert ["ALL"] == context["capabilities"]["drop"]
        assert {"cpu", "memory"} == set(container["resources"]["limits"])


def test_what_belongs_together_finds_each_other() -> None:
    """Service, autoscaler, disruption budget and network policy mean the deployment's pods."""
    deployment = manifest("Deployment")
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    for selector in (
        deployment["spec"]["selector"]["matchLabels"],
        manifest("Service")["spec"]["selector"],
        manifest("PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
    ):
        assert selector.items() <= labels.items()
    (expression,) = manifest("NetworkPolicy")["spec"]["podSelector"]["matchExpressions"]
    assert {pod["metadata"]["labels"][expression["key"]] for pod in pods()} == set(expression["values"])
    assert deployment["metadata"]["name"] == manifest("HorizontalPodAutoscaler")["spec"]["scaleTargetRef"]["name"]


def test_a_zone_may_be_lost() -> None:
    """Pods are spread over zones and nodes, at least two for each of three zones, and one at a time is taken away."""
    spec = manifest("Deployment")["spec"]["template"]["spec"]
    spread = {one["topologyKey"]: one for one in spec["topologySpreadConstraints"]}
    assert {"topology.kubernetes.io/zone", "kubernetes.io/hostname"} == set(spread)
    assert {"ScheduleAnyway"} == {one["whenUnsatisfiable"] for one in spread.values()}
    assert manifest("HorizontalPodAutoscaler")["spec"]["minReplicas"] >= 6
    assert 1 == manifest("PodDisruptionBudget")["spec"]["maxUnavailable"]


def test_the_pods_reach_every_kind_of_server() -> None:
    """The network policy lets out what the URLs' default ports lead to: the database, Redis, its Sentinels."""
    nodes = [parse_nodes_url(url) for url in ("redis+cluster://a", "redis+sentinel://a/farm")]
    database = parse_address("mysql://user:password@a/farm")
    assert isinstance(database, MySQLAddress)
    ports = {port for found in nodes if found for _, port in found.nodes} | {database.port}
    rules = manifest("NetworkPolicy")["spec"]["egress"]
    assert ports <= {one["port"] for rule in rules for one in rule["ports"]}


def test_no_secret_stands_in_a_manifest() -> None:
    """Secrets come by reference: there is no Secret, and no secret's variable with a value."""
    assert "Secret" not in {document["kind"] for _, document in manifests()}
    assert set() == {variable(field) for field in SECRET_FIELDS} & set(manifest("ConfigMap")["data"])
    for pod in pods():
        for one in pod["spec"]["containers"][0]["env"]:
            assert "secretKeyRef" in one["valueFrom"], one["name"]


def test_every_variable_is_a_setting_with_an_allowed_value(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the manifests set is known to the program, and the program takes the values; an empty one is a default."""
    known = {variable(field): field for field in Settings.model_fields}
    for pod in pods():
        assert {one["name"] for one in pod["spec"]["containers"][0]["env"]} <= set(known)
    data = manifest("ConfigMap")["data"]
    for name, value in data.items():
        monkeypatch.setenv(name, value)
    given = Settings(_env_file=None)
    assert {known[name] for name, value in data.items() if value} == given.model_fields_set


def test_the_sync_has_the_settings_of_the_service() -> None:
    """The pods of the CronJob read the same settings and secrets as those that serve."""
    serving, syncing = (pod_template(kind)["spec"]["containers"][0] for kind in ("Deployment", "CronJob"))
    assert (serving["envFrom"], serving["env"]) == (syncing["envFrom"], syncing["env"])


def test_the_ingress_leads_to_the_service() -> None:
    """Its one way ends at a port that the Service has by that name, and each name has a certificate."""
    spec, service = manifest("Ingress")["spec"], manifest("Service")
    (rule,) = spec["rules"]
    (path,) = rule["http"]["paths"]
    assert service["metadata"]["name"] == path["backend"]["service"]["name"]
    assert path["backend"]["service"]["port"]["name"] in {port["name"] for port in service["spec"]["ports"]}
    assert [[rule["host"]]] == [one["hosts"] for one in spec["tls"]]


@pytest.mark.parametrize("pod", pods())
def test_every_command_is_one(pod: dict[str, Any]) -> None:
    """The containers' arguments are a command of the program with options that it has."""
    command, *arguments = pod["spec"]["containers"][0]["args"]
    context = Context(cli)
    parsed = cli.commands[command].make_context(command, list(arguments), parent=context)
    assert [] == parsed.args
