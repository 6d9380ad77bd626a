"""The rules that docs/operations.md states for every deployment, held against every file that deploys the service."""

import re
import shlex
from typing import Any, NamedTuple

import pytest
from click import Context

from farmlokal.app.server import FINISH_WAIT_MAX_S
from farmlokal.cli.main import cli
from farmlokal.settings import Settings, variable
from farmlokal.web.edge.connection import IDLE_MAX_S
from farmlokal.web.handlers.webhook import BODY_BYTES_MAX
from tests.deploy.compose import compose
from tests.deploy.deploy_files import (
    DEPLOY,
    NGINX_SITE,
    ROOT,
    UNIT,
    alert_rules,
    manifest,
    pod_template,
    read_yaml,
    unit_values,
)

PAGE = (ROOT / "docs" / "operations.md").read_text("utf-8")
TABLE = PAGE.partition("## Rules for every deployment\n")[2].partition("\n## ")[0]
EXAMPLE = (DEPLOY / "systemd" / "environment.example").read_text("utf-8")
RENDER = read_yaml(ROOT / "render.yaml")["services"][0]
ANNOTATION = "nginx.ingress.kubernetes.io/"


class Deployment(NamedTuple):
    """One way to run the service, as its file describes it.

    settings: the variables that the file has a place for, each with its value, empty where it is unset or a secret.
    arguments: of `farmlokal`. grace_s: the seconds between SIGTERM and SIGKILL.
    """

    name: str
    settings: dict[str, str]
    arguments: list[str]
    grace_s: int

    @property
    def drain_s(self) -> int:
        """The drain that the settings say, else the default."""
        return int(self.settings["FARMLOKAL_DRAIN_S"] or Settings.model_fields["drain_s"].default)

    def option(self, name: str) -> Any:
        """The value of an option of `farmlokal serve`, as the program reads it."""
        command, *rest = self.arguments
        return cli.commands[command].make_context(command, rest, parent=Context(cli)).params[name]


def of_compose() -> Deployment:
    """docker-compose.yml, for somebody who sets nothing. The script that it runs makes the database's URL."""
    app = compose({})["services"]["app"]
    assert 'os.environ["FARMLOKAL_DATABASE_URL"] =' in (DEPLOY / "compose" / "run.py").read_text("utf-8")
    settings = {name: str(value) for name, value in app["environment"].items() if name.startswith("FARMLOKAL_")}
    settings["FARMLOKAL_DATABASE_URL"] = ""
    return Deployment("compose", settings, app["command"], int(app["stop_grace_period"].removesuffix("s")))


def of_kubernetes() -> Deployment:
    """deploy/kubernetes."""
    spec = pod_template("Deployment")["spec"]
    (container,) = spec["containers"]
    settings = manifest("ConfigMap")["data"] | {one["name"]: "" for one in container["env"]}
    return Deployment("kubernetes", settings, container["args"], spec["terminationGracePeriodSeconds"])


def of_systemd() -> Deployment:
    """deploy/systemd, with its example of an environment; a line with a # before it is a setting at its default."""
    ((start,), (grace,)) = (unit_values(UNIT, name) for name in ("ExecStart", "TimeoutStopSec"))
    return Deployment(
        "systemd",
        dict(re.findall(r"^#?(FARMLOKAL_\w+)=(.*)$", EXAMPLE, re.MULTILINE)),
        shlex.split(start)[1:],
        int(grace),
    )


def of_render() -> Deployment:
    """render.yaml, which runs the image's own command."""
    settings = {one["key"]: one.get("value", "") for one in RENDER["envVars"]}
    command = re.findall(r"^CMD (\[.*\])$", (ROOT / "Dockerfile").read_text("utf-8"), re.MULTILINE)
    arguments = shlex.split(command[-1].strip("[]").replace(",", " "))
    ours = {name: value for name, value in settings.items() if name.startswith("FARMLOKAL_")}
    return Deployment(
        "render",
        ours,
        [*arguments, "--workers", settings["WEB_CONCURRENCY"]],
        RENDER["maxShutdownDelaySeconds"],
    )


DEPLOYMENTS = [of_compose(), of_kubernetes(), of_systemd(), of_render()]
for_each = pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=lambda one: one.name)


def rules() -> dict[str, str]:
    """What the page's table says, by the rule's name."""
    rows = re.findall(r"^\| ([^|]+) \| ([^|]+) \|$", TABLE, re.MULTILINE)
    return dict(rows[1:])


def finish_wait_s() -> int:
    """What the page says that a stop may take beside the drain, in seconds."""
    (found,) = re.findall(r"(\d+) s after SIGTERM", rules()["time to stop"])
    return int(found)


def seconds(text: str) -> int:
    """A time of nginx's in seconds."""
    return int(text.removesuffix("s"))


def site(directive: str) -> str:
    """The one value of a directive of the site for nginx."""
    (found,) = re.findall(rf"^\s*{directive} ([^;]+);$", NGINX_SITE.read_text("utf-8"), re.MULTILINE)
    return str(found)


def annotation(name: str) -> str:
    """An annotation of the ingress."""
    return str(manifest("Ingress")["metadata"]["annotations"][ANNOTATION + name])


def test_every_rule_of_the_page_is_held_here() -> None:
    """Each row of the table has its test below, and each test its row."""
    held = {name.removeprefix("test_rule_") for name in globals() if name.startswith("test_rule_")}
    assert held == {name.replace(" ", "_") for name in rules()}


def test_the_page_knows_what_a_stop_takes() -> None:
    """The time that it names is the wait for requests and the arbiter's margin."""
    assert FINISH_WAIT_MAX_S + 5 == finish_wait_s()


@for_each
def test_rule_time_to_stop(deployment: Deployment) -> None:
    """The final kill comes later than the drain and what the page says."""
    assert deployment.grace_s > deployment.drain_s + finish_wait_s()


@for_each
def test_rule_workers(deployment: Deployment) -> None:
    """Each container's file names their number. systemd's unit has the machine's cores to itself."""
    assert (deployment.option("workers") is not None) == (deployment.name != "systemd")


def test_rule_probes() -> None:
    """Kubernetes' three, Render's one, and that of the image, which Compose uses, ask what they should."""
    (container,) = pod_template("Deployment")["spec"]["containers"]
    asked = {name: container[f"{name}Probe"]["httpGet"]["path"] for name in ("startup", "readiness", "liveness")}
    assert {"startup": "/readyz", "readiness": "/readyz", "liveness": "/livez"} == asked
    assert "/readyz" == RENDER["healthCheckPath"]
    assert "'/livez'" in (ROOT / "Dockerfile").read_text("utf-8").partition("HEALTHCHECK")[2]


@for_each
def test_rule_metrics(deployment: Deployment) -> None:
    """The port is set, is another than the service's, and neither published nor a Service's."""
    port = int(deployment.settings["FARMLOKAL_METRICS_PORT"])
    assert port != deployment.option("port")
    assert [] == [one for one in compose({})["services"]["app"]["ports"] if str(port) in one]
    assert {"http"} == {one["targetPort"] for one in manifest("Service")["spec"]["ports"]}
    assert re.search(r"location = /metrics \{\s+return 404;", NGINX_SITE.read_text("utf-8"))


@for_each
@pytest.mark.parametrize("field", Settings.model_fields)
def test_rule_settings(field: str, deployment: Deployment) -> None:
    """Each has its place in each file."""
    assert variable(field) in deployment.settings


@for_each
def test_what_a_file_sets_is_what_it_should_be(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    """No file names a setting that is none, and the program takes every value that is there."""
    known = {variable(field) for field in Settings.model_fields}
    assert set() == set(deployment.settings) - known
    for name, value in deployment.settings.items():
        # What is a secret, or is to be filled in, cannot be tried.
        if value and not re.search("SECRET|KEYS|_URL", name):
            monkeypatch.setenv(name, value)
    Settings(_env_file=None)


def test_rule_users() -> None:
    """In each file `init-db` signs in as another user than the service, both of them of deploy/mysql/grants.sql."""
    grants = (DEPLOY / "mysql" / "grants.sql").read_text("utf-8")
    serving, making = re.findall(r"^CREATE USER IF NOT EXISTS '(.+?)'", grants, re.MULTILINE)
    services = compose({})["services"]
    asked = [services[one]["environment"]["MYSQL_USER"] for one in ("app", "seed", "init-db")]
    assert [serving, serving, making] == asked
    assert ["init-db"] == services["init-db"]["command"]
    assert f"mysql://{serving}:" in EXAMPLE
    assert f"mysql://{making}:" in (DEPLOY / "systemd" / "init-db.environment.example").read_text("utf-8")
    urls = {kind: secret_key(kind, "FARMLOKAL_DATABASE_URL") for kind in ("Deployment", "CronJob", "Job")}
    assert {"Deployment": "database-url", "CronJob": "database-url", "Job": "database-admin-url"} == urls
    assert "FARMLOKAL_DATABASE_URL=$SCHEMA_DATABASE_URL farmlokal init-db" in RENDER["preDeployCommand"]
    assert "SCHEMA_DATABASE_URL" in {one["key"] for one in RENDER["envVars"]}


def secret_key(kind: str, name: str) -> str:
    """Under which key of the Secret a pod finds a variable."""
    (container,) = pod_template(kind)["spec"]["containers"]
    (found,) = [one["valueFrom"]["secretKeyRef"]["key"] for one in container["env"] if one["name"] == name]
    return str(found)


def test_rule_sync() -> None:
    """Kubernetes and systemd run it once an hour; the alert waits for a day."""
    (container,) = pod_template("CronJob")["spec"]["containers"]
    assert ["sync"] == container["args"]
    assert re.fullmatch(r"\d+ \* \* \* \*", manifest("CronJob")["spec"]["schedule"])
    (timer,) = (DEPLOY / "systemd").glob("*.timer")
    assert ["hourly"] == unit_values(timer, "OnCalendar")
    (alert,) = [rule for rule in alert_rules() if rule["alert"] == "FarmLokalSyncOverdue"]
    assert "86400" in alert["expr"].replace("24 * 3600", "86400")


def test_rule_proxies() -> None:
    """Nginx and the ingress wait longer than a stop may take, and let through what the service itself refuses."""
    longest_s = finish_wait_s() + max(one.drain_s for one in DEPLOYMENTS)
    waits = [site("proxy_read_timeout"), site("proxy_send_timeout")]
    waits += [annotation("proxy-read-timeout"), annotation("proxy-send-timeout")]
    assert min(map(seconds, waits)) > longest_s
    for taken in (site("client_max_body_size"), annotation("proxy-body-size")):
        assert int(taken.removesuffix("m")) * 2**20 > BODY_BYTES_MAX
    # A connection that the service gives up first fails the request that nginx sends over it just then.
    assert seconds(site("keepalive_timeout")) < IDLE_MAX_S
    trusted = {one.name: bool(one.settings["FARMLOKAL_TRUSTED_PROXIES"]) for one in DEPLOYMENTS}
    assert {"compose": False, "kubernetes": True, "systemd": True, "render": True} == trusted
