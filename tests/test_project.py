"""What is shipped: the wheel holds what the program reads, and the Makefile explains itself."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import pytest

from farmlokal.settings import Settings, variable

ROOT = Path(__file__).parents[1]
SOURCES = ("setup.py", "pyproject.toml", "README.md", "LICENSE", "schema.sql")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ZipFile]:
    """Build the wheel from a copy, so that the checkout stays as it is and nothing of an earlier build gets in."""
    copy = tmp_path_factory.mktemp("sources")
    for name in SOURCES:
        shutil.copyfile(ROOT / name, copy / name)
    shutil.copytree(ROOT / "farmlokal", copy / "farmlokal", ignore=shutil.ignore_patterns("__pycache__"))
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")
    subprocess.run((*pip, "wheel", "--no-deps", "--wheel-dir", copy / "wheels", copy), check=True)
    (built,) = (copy / "wheels").iterdir()
    with ZipFile(built) as archive:
        yield archive


@pytest.mark.proof
def test_the_wheel_ships_the_schema_that_people_edit(wheel: ZipFile) -> None:
    """The installed package's MySQL schema is the top-level one, byte for byte."""
    assert (ROOT / "schema.sql").read_bytes() == wheel.read("farmlokal/database/schema.sql")


@pytest.mark.proof
def test_the_wheel_ships_every_file_of_the_package(wheel: ZipFile) -> None:
    """Data beside the modules (SQL, CSV, typing marker, pages) is in the wheel as the modules are."""
    in_package = {
        path for path in (ROOT / "farmlokal").rglob("*") if path.is_file() and "__pycache__" not in path.parts
    }
    expected = {path.relative_to(ROOT).as_posix() for path in in_package}
    assert "farmlokal/py.typed" in expected
    assert expected <= set(wheel.namelist())


def test_every_make_target_is_explained_by_make_help() -> None:
    """`make help` lists each command of the Makefile with what it does, and nothing else."""
    makefile = (ROOT / "Makefile").read_text("utf-8")
    commands = {word for line in re.findall(r"^\.PHONY: (.+)$", makefile, re.MULTILINE) for word in line.split()}
    shown = subprocess.run(
        ("make", "--no-print-directory", "help"), cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    explained = dict(re.findall(r"^  make ([\w-]+) +(\S.*)$", shown, re.MULTILINE))
    assert commands == set(explained)
    assert {"run", "test", "proof", "check", "load", "help"} <= commands
    assert len(explained) == len(shown.splitlines())


def test_every_make_target_with_a_plain_name_is_a_command() -> None:
    """No target that people can type is left out of the list of commands."""
    makefile = (ROOT / "Makefile").read_text("utf-8")
    (listed,) = re.findall(r"^\.PHONY: (.+)$", makefile, re.MULTILINE)
    assert set(listed.split()) == set(re.findall(r"^([\w-]+):", makefile, re.MULTILINE))


def test_every_setting_is_in_the_example_with_its_default() -> None:
    """`.env.example` names each setting of the program, with the default that the program has."""
    lines = (ROOT / ".env.example").read_text("utf-8").splitlines()
    example = dict(line.removeprefix("#").split("=", 1) for line in lines if re.match(r"#[A-Z]", line) and "=" in line)
    defaults = {variable(name): field.default for name, field in Settings.model_fields.items()}
    expected = {name: "" if value is None else _as_written(value) for name, value in defaults.items()}
    assert expected == {name: example.get(name) for name in expected}


def _as_written(value: object) -> str:
    """Return a default as people write it in an environment variable."""
    return {True: "on", False: "off"}[value] if isinstance(value, bool) else str(value)
