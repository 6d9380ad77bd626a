"""What may import what: no circles, layers that are checked, and checks that find what they are there for."""

import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parents[1]

# One made-up import for each rule: the module that it is added to, and what it imports.
FORBIDDEN = [
    ("settings", "web.routes"),
    ("settings", "webhooks.events"),
    ("settings", "catalog.tags"),
    ("settings", "partner.token"),
    ("web.keys", "settings"),
    ("simulator.faults", "settings"),
    ("catalog.tags", "web.keys"),
    ("simulator.answers", "app.factory"),
    ("catalog.categories", "partner.token"),
    ("webhooks.orders", "partner.token"),
    ("caching.value", "limiting.quotas"),
    ("database.dialect", "caching.value"),
    ("limiting.quotas", "database.dialect"),
    ("telemetry.durations", "errors"),
    ("formats.origins", "telemetry.durations"),
    ("resilience.deadline", "limiting.quotas"),
]


def imports() -> dict[str, set[str]]:
    """Every module of the package, with the modules of the package that it imports."""
    graph = grimp.build_graph("farmlokal", cache_dir=None)
    return {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}


def circle(imported: Mapping[str, set[str]]) -> list[str]:
    """The modules of one circle of imports, the first of them once more at the end; none where there is no circle."""
    try:
        TopologicalSorter(imported).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_no_modules_import_each_other_in_a_circle() -> None:
    """Each module can be read, and tested, before those that import it."""
    found = imports()
    assert len(found) > 200
    assert [] == circle(found)


def test_a_made_up_circle_is_found() -> None:
    """One import more, from a low module to one that imports it by way of others, is a circle."""
    found = imports()
    found["farmlokal.caching.value"] = found["farmlokal.caching.value"] | {"farmlokal.caching.read_through"}
    modules = circle(found)
    assert modules[0] == modules[-1]
    assert {"farmlokal.caching.value", "farmlokal.caching.read_through"} <= set(modules)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the layer check says of a copy of the package that has all of the forbidden imports."""
    folder = tmp_path_factory.mktemp("layers")
    shutil.copyfile(ROOT / "pyproject.toml", folder / "pyproject.toml")
    shutil.copytree(ROOT / "farmlokal", folder / "farmlokal", ignore=shutil.ignore_patterns("__pycache__"))
    for importer, imported in FORBIDDEN:
        with (folder / "farmlokal" / f"{importer.replace('.', '/')}.py").open("a", encoding="utf-8") as module:
            module.write(f"\nimport farmlokal.{imported}\n")
    program = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run((program, "--no-cache"), cwd=folder, capture_output=True, text=True, check=False)
    assert 1 == done.returncode, done.stderr
    return done.stdout


@pytest.mark.parametrize(("importer", "imported"), FORBIDDEN)
def test_the_layer_check_refuses(report: str, importer: str, imported: str) -> None:
    """An import that goes upward, sideways, or from below to the settings breaks the check, which names it."""
    assert re.search(rf"^-? *farmlokal\.{importer} -> farmlokal\.{imported} \(l\.\d+\)$", report, re.MULTILINE), report
