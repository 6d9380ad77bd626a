"""`farmlokal partner`: the simulator alone, and what it prints for a service beside it."""

import re
import shlex
from pathlib import Path

import pytest

from farmlokal.settings import Settings, variable
from farmlokal.simulator.connecting import service_settings
from tests.deploy.deploy_files import ROOT
from tests.support.command import developers, farmlokal, running

PAGE = (ROOT / "docs" / "partner.md").read_text("utf-8")


def printed(lines: list[str]) -> dict[str, str]:
    """The settings among lines that were printed, by variable."""
    return dict(re.findall(r"^  (FARMLOKAL_\w+)=(.*)$", "\n".join(lines), re.MULTILINE))


def test_what_it_prints_connects_a_service(tmp_path: Path) -> None:
    """With these variables alone, a sync brings its whole feed."""
    environment = developers(tmp_path)
    with running(environment, tmp_path, "partner", "--port", "0", "--products", "30") as partner:
        assert partner.stdout is not None
        first = partner.stdout.readline()
        assert "the partner simulator serves http://127.0.0.1:" in first
        lines = [partner.stdout.readline().rstrip("\n") for _ in range(1 + len(service_settings("")))]
        more = printed(lines)
        assert {variable(field) for field in service_settings("")} == set(more)
        assert 0 == farmlokal(environment, tmp_path, "init-db").returncode
        done = farmlokal(environment | more, tmp_path, "sync")
        assert (0, True) == (done.returncode, '"created":30' in done.stdout), done.stderr


def test_the_page_shows_it_beside_serve(monkeypatch: pytest.MonkeyPatch) -> None:
    """What docs/partner.md exports before `serve` is what the command on the page prints, and the service takes it."""
    (port,) = re.findall(r"^farmlokal partner --port (\d+)", PAGE, re.MULTILINE)
    block = next(text for text in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) if "farmlokal serve" in text)
    exports = [line for line in block.splitlines() if line.startswith("export ")]
    shown = dict(one.split("=", 1) for line in exports for one in shlex.split(line)[1:])
    wanted = {variable(field): value for field, value in service_settings(f"http://127.0.0.1:{port}").items()}
    assert wanted == {name: value for name, value in shown.items() if name in wanted}
    for name, value in shown.items():
        monkeypatch.setenv(name, value)
    assert len(shown) == len(Settings(_env_file=None).model_fields_set)
