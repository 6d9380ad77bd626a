"""A private Prometheus that scrapes what the test names, by our rules with shortened durations."""

import contextlib
import json
import re
import time
from collections.abc import Sequence
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import quote

from tests.deploy.deploy_files import ALERTS
from tests.servers.process import ServerFailed, ServerProcess
from tests.servers.programs import find_program

# A rate takes two scrapes, and whoever is late for one should not make a gap.
SCRAPE_S = 0.5
_CONFIG = """\
global: {{scrape_interval: {every}, scrape_timeout: {every}, evaluation_interval: {every}}}
rule_files: [{rules}]
scrape_configs:
  - job_name: farmlokal
    file_sd_configs: [{{files: [{targets}], refresh_interval: 1s}}]
"""
_WINDOWS = {"5m": "8s", "10m": "8s", "15m": "8s", "1h": "20s", "7d": "10s"}


def shortened_rules() -> str:
    """Our alert rules, made for seconds: every wait is 1 s, and every window and offset some seconds long."""
    text = re.sub(r"^( +for:) \w+$", r"\1 1s", ALERTS.read_text("utf-8"), flags=re.MULTILINE)
    text = re.sub(r"\[(\w+)\]", lambda found: f"[{_WINDOWS[found[1]]}]", text)
    return re.sub(r"\boffset (\w+)", lambda found: f"offset {_WINDOWS[found[1]]}", text)


class PrometheusServer(ServerProcess):
    """A Prometheus of the tests' own, with `rules` for its rule file. It has no target until it is given some."""

    def __init__(self, rules: str) -> None:
        program = find_program("prometheus")
        if program is None:
            raise ServerFailed("no Prometheus: `make proof` finds or unpacks one")
        super().__init__(program)
        self._targets = self.folder / "targets.json"
        self.aim([])
        path = self.folder / "alerts.yml"
        path.write_text(rules, encoding="utf-8")
        config = _CONFIG.format(every=f"{SCRAPE_S * 1000:.0f}ms", rules=path, targets=self._targets)
        self._config = self.folder / "prometheus.yml"
        self._config.write_text(config, encoding="utf-8")

    def aim(self, addresses: Sequence[str]) -> None:
        """Scrape these, `host:port`, and no others."""
        fresh = self._targets.with_suffix(".new")
        fresh.write_text(json.dumps([{"targets": list(addresses)}]), encoding="utf-8")
        fresh.rename(self._targets)

    def command(self) -> list[str]:
        """Return the options of a server on this port that keeps everything in its folder."""
        return [
            f"--config.file={self._config}",
            f"--storage.tsdb.path={self.folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{self.port}",
        ]

    def answers(self) -> bool:
        """Return whether our process says that it is ready. It has no Unix socket, and ends where the port is taken."""
        with contextlib.suppress(OSError, HTTPException):
            return self._get("/-/ready")[0] == 200 and self.running
        return False

    def query(self, expr: str) -> list[dict[str, Any]]:
        """The samples that `expr` gives now. Raises AssertionError, with Prometheus's words, where it is refused."""
        status, content = self._get(f"/api/v1/query?query={quote(expr, safe='')}")
        assert status == 200, (expr, content)
        result = json.loads(content)["data"]
        assert result["resultType"] == "vector", expr
        found: list[dict[str, Any]] = result["result"]
        return found

    def rules(self) -> list[dict[str, Any]]:
        """Every rule with its health and the error of its last evaluation."""
        groups = json.loads(self._get("/api/v1/rules")[1])["data"]["groups"]
        return [rule for group in groups for rule in group["rules"]]

    def fired(self, window_s: float = 3600) -> set[str]:
        """The names of the alerts that fired within the last `window_s` seconds."""
        samples = self.query(f'max_over_time(ALERTS{{alertstate="firing"}}[{window_s:.0f}s])')
        return {sample["metric"]["alertname"] for sample in samples}

    def wait_for_alerts(self, *names: str, wait_max_s: float = 60) -> None:
        """Return once each of the alerts has fired; raises AssertionError with those that have not."""
        deadline = time.monotonic() + wait_max_s
        while missing := set(names) - self.fired():
            assert time.monotonic() < deadline, f"did not fire within {wait_max_s:.0f} s: {sorted(missing)}"
            time.sleep(SCRAPE_S)

    def _get(self, target: str) -> tuple[int, bytes]:
        with contextlib.closing(HTTPConnection("127.0.0.1", self.port, timeout=10)) as connection:
            connection.request("GET", target)
            response = connection.getresponse()
            return response.status, response.read()
