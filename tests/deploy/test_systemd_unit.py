"""The systemd units, the timer, and their environment."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest
from click import Context

from farmlokal.app.server import FINISH_WAIT_MAX_S
from farmlokal.cli.main import cli
from farmlokal.cli.process import EXIT_WRONG_USAGE
from farmlokal.settings import Settings, variable
from tests.deploy.deploy_files import DEPLOY, UNIT, UNITS, unit_values
from tests.servers.programs import find_program

EXAMPLE = (DEPLOY / "systemd" / "environment.example").read_text("utf-8")
# systemd's own judgement, 0 to 10: below 2 it says OK, and a service without any of these lines has 9.6.
_EXPOSURE_MAX = 2.0


def value(name: str, unit: Path = UNIT) -> str:
    """The one value of `name` in a unit."""
    (found,) = unit_values(unit, name)
    return found


def analyze(*arguments: str | Path) -> str:
    """What `systemd-analyze` prints; fails where it ends with an error."""
    program = find_program("systemd-analyze")
    assert program is not None, "`python -m tests.servers proof` finds or unpacks systemd-analyze"
    done = subprocess.run(
        [program.name, *arguments],
        executable=program.path,
        env=program.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_the_command_is_one(unit: Path) -> None:
    """`ExecStart` runs a command of the program with options that it has."""
    program, command, *arguments = shlex.split(value("ExecStart", unit))
    assert program.endswith("/bin/farmlokal")
    parsed = cli.commands[command].make_context(command, arguments, parent=Context(cli))
    assert [] == parsed.args


def test_it_is_given_the_time_that_it_needs_to_stop() -> None:
    """The final kill comes after the default drain, the wait for requests and the arbiter's margin together."""
    drain_s = Settings.model_fields["drain_s"].default
    assert int(value("TimeoutStopSec")) > drain_s + FINISH_WAIT_MAX_S + 5


def test_a_wrong_setting_is_not_tried_again() -> None:
    """The exit code that stops the restarts is the one that the program has for a wrong configuration."""
    assert str(EXIT_WRONG_USAGE) == value("RestartPreventExitStatus")


def test_the_example_names_settings_and_no_secret() -> None:
    """Each variable of the example is a setting; what is secret is to be filled in."""
    names = re.findall(r"^#?(FARMLOKAL_\w+)=(.*)$", EXAMPLE, re.MULTILINE)
    assert set() == {name for name, _ in names} - {variable(field) for field in Settings.model_fields}
    assert {"CHANGE-ME", ""} == {given for name, given in names if re.search("SECRET|KEYS", name)}


def confinement(unit: Path) -> list[str]:
    """What a unit's program may not do: the lines from the first of them on."""
    rest = unit.read_text("utf-8").partition("NoNewPrivileges=")[2].partition("\n\n")[0]
    return rest.splitlines()


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_no_unit_may_do_more_than_the_service(unit: Path) -> None:
    """Each runs as a user who exists while it runs, and is confined by the same lines."""
    assert "yes" == value("DynamicUser", unit)
    assert len(confinement(UNIT)) > 20
    assert confinement(UNIT) == confinement(unit)


def test_the_schema_is_made_with_the_other_users_url() -> None:
    """The file with it is read last, and by that unit alone; it has the URL and nothing else."""
    files = {unit.name: unit_values(unit, "EnvironmentFile") for unit in UNITS}
    own = "/etc/farmlokal/init-db.environment"
    assert ["/etc/farmlokal/environment", own] == files.pop("farmlokal-init-db.service")
    assert [["/etc/farmlokal/environment"]] * len(files) == list(files.values())
    text = (DEPLOY / "systemd" / "init-db.environment.example").read_text("utf-8")
    assert ["FARMLOKAL_DATABASE_URL"] == re.findall(r"^([A-Z_]+)=", text, re.MULTILINE)


def test_the_timer_starts_the_sync() -> None:
    """The timer's name is that of its service, and it is started with the machine."""
    (timer,) = (DEPLOY / "systemd").glob("*.timer")
    assert "farmlokal sync" in value("ExecStart", timer.with_suffix(".service"))
    assert "timers.target" == value("WantedBy", timer)


@pytest.mark.proof
def test_systemd_finds_no_fault(tmp_path: Path) -> None:
    """`systemd-analyze verify` says nothing of the units, once their program is there."""
    copies = []
    for unit in (*UNITS, *(DEPLOY / "systemd").glob("*.timer")):
        copies.append(tmp_path / unit.name)
        text = unit.read_text("utf-8").replace("/opt/farmlokal/bin/farmlokal", "/bin/true")
        copies[-1].write_text(text, encoding="utf-8")
    assert "" == analyze("verify", "--man=no", *copies)


@pytest.mark.proof
@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_systemd_calls_it_well_confined(unit: Path) -> None:
    """`systemd-analyze security` gives it a low exposure."""
    told = analyze("security", "--offline=yes", unit)
    found = re.search(r"exposure level for \S+: ([\d.]+)", told)
    assert found is not None, told
    assert float(found[1]) < _EXPOSURE_MAX
