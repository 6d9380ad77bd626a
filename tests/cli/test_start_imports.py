"""What the start of a command does not import: modules that another command needs, or another kind of database."""

import json
import subprocess
import sys

import pytest

# By the command: what would make its start longer by tens of milliseconds each, or what it has no use for.
_READERS = ("charset_normalizer", "ijson", "lxml", "openpyxl", "farmlokal.catalog.imports.importer")
_SIMULATOR = ("farmlokal.simulator", "farmlokal.catalog.seed")
NEEDLESS = {
    "serve": (*_READERS, *_SIMULATOR, "aiomysql", "pymysql", "gunicorn", "difflib", "xml"),
    "sync": (*_READERS, *_SIMULATOR, "gunicorn"),
    "config": (*_READERS, *_SIMULATOR, "aiomysql", "gunicorn", "farmlokal.web", "redis"),
}


def imported_by(command: str) -> set[str]:
    """The modules that a process has imported when `command` is about to run, with a SQLite database."""
    script = (
        "import json, sys; from farmlokal.cli.main import cli; cli.commands[sys.argv[1]];"
        " json.dump(sorted(sys.modules), sys.stdout)"
    )
    done = subprocess.run((sys.executable, "-c", script, command), capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout))


@pytest.mark.parametrize("command", NEEDLESS)
def test_a_command_starts_without_what_others_need(command: str) -> None:
    """None of the modules that it has no use for is imported before it runs."""
    modules = imported_by(command)
    assert f"farmlokal.cli.{command}" in modules
    assert set() == {name for name in NEEDLESS[command] if name in modules}


def test_no_command_needs_rich() -> None:
    """It takes 25 ms and 3 MB, which an installation without it does not spend: structlog imports it where it is."""
    script = (
        "import sys; sys.modules['rich'] = None; from farmlokal.cli.main import cli;"
        " print(*[cli.commands[name].name for name in cli.commands])"
    )
    done = subprocess.run((sys.executable, "-c", script), capture_output=True, text=True, check=True)
    assert {"serve", "demo", "seed"} <= set(done.stdout.split())


def test_a_start_reads_no_file_of_the_page() -> None:
    """The megabytes of the page at /docs are read when it is first asked for."""
    script = "import farmlokal.web.routes; from farmlokal.web.handlers.docs import files_by_name as files;"
    script += " print(files.cache_info().currsize)"
    done = subprocess.run((sys.executable, "-c", script), capture_output=True, text=True, check=True)
    assert "0" == done.stdout.strip()


def test_every_command_is_there() -> None:
    """Each name in the list of commands leads to a command of that name."""
    from farmlokal.cli.main import cli

    assert {name: name for name in cli.commands} == {name: command.name for name, command in cli.commands.items()}
