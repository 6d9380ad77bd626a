"""The compose file: it is well-formed, its images are pinned, and Prometheus and Grafana come with what is ours."""

import re
from pathlib import PurePosixPath
from typing import Any

from tests.deploy.deploy_files import DASHBOARD, DEPLOY, PROMETHEUS, ROOT, read_yaml

COMPOSE = read_yaml(ROOT / "docker-compose.yml")


def mounts(service: str) -> dict[str, str]:
    """What of the checkout a service sees: by the path in the container, the path here."""
    found = {}
    for volume in COMPOSE["services"][service]["volumes"]:
        source, target, *_ = volume.split(":")
        if source.startswith("./"):
            found[target] = source.removeprefix("./")
    return found


def test_every_image_but_our_own_has_a_version() -> None:
    """No image is whatever is newest: its tag names a major version, or one that is narrower."""
    for name, service in COMPOSE["services"].items():
        if "build" not in service:
            assert re.search(r":v?\d+(\.\d+)*$", service["image"]), name


def test_what_is_mounted_from_here_exists_and_cannot_be_written() -> None:
    """A file that is missing would be made, as a folder."""
    for name, service in COMPOSE["services"].items():
        for volume in service.get("volumes", []):
            if volume.startswith("./"):
                assert volume.endswith(":ro"), (name, volume)
        if service.get("volumes"):
            for source in mounts(name).values():
                assert (ROOT / source).exists(), source


def test_volumes_are_declared() -> None:
    """Each named volume of a service is one of the file's, and the other way round."""
    used = {
        volume.split(":")[0]
        for service in COMPOSE["services"].values()
        for volume in service.get("volumes", [])
        if not volume.startswith("./")
    }
    assert used == set(COMPOSE["volumes"])


def test_prometheus_gets_our_configuration_and_finds_the_service() -> None:
    """It reads our two files, finds the rules beside its configuration, and scrapes the port that the service has."""
    seen = mounts("prometheus")
    config_path = next(path for path, source in seen.items() if ROOT / source == PROMETHEUS)
    assert f"--config.file={config_path}" in COMPOSE["services"]["prometheus"]["command"]
    config = read_yaml(PROMETHEUS)
    for name in config["rule_files"]:
        assert f"{PurePosixPath(config_path).parent}/{name}" in seen
    (job,) = config["scrape_configs"]
    assert "farmlokal" == job["job_name"]
    ((target,),) = [static["targets"] for static in job["static_configs"]]
    port = COMPOSE["services"]["app"]["environment"]["FARMLOKAL_METRICS_PORT"]
    assert f"app:{port}" == target


def test_grafana_has_the_dashboard_loaded() -> None:
    """The provider looks where the dashboard is mounted, and the data source is the compose file's Prometheus."""
    seen: dict[str, Any] = mounts("grafana")
    dashboard_path = next(path for path, source in seen.items() if ROOT / source == DASHBOARD)
    provisioning = DEPLOY / "grafana" / "provisioning"
    assert "deploy/grafana/provisioning" == seen["/etc/grafana/provisioning"]
    (provider,) = read_yaml(provisioning / "dashboards" / "farmlokal.yml")["providers"]
    assert str(PurePosixPath(dashboard_path).parent) == provider["options"]["path"]
    (source,) = read_yaml(provisioning / "datasources" / "prometheus.yml")["datasources"]
    assert "http://prometheus:9090" == source["url"]
    assert source["jsonData"]["timeInterval"] == read_yaml(PROMETHEUS)["global"]["scrape_interval"]
