"""The commands of `farmlokal` that do their work and end."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.catalog.imports.import_support import mandi_csv, mandi_row
from tests.support.command import farmlokal, make_catalogue

GOOD_ROW = {
    "external_id": "okra-1", "version": 1, "name": "Okra", "category": "vegetables", "price": "24.50", "unit": "kg",
}  # fmt: skip


def rows(folder: Path, sql: str) -> list[Any]:
    """What the SQLite catalogue in `folder` answers to `sql`."""
    with closing(sqlite3.connect(folder / "catalogue.db")) as connection:
        return list(connection.execute(sql))


def test_a_catalogue_is_made_and_filled_twice_with_one_effect(environment: dict[str, str], tmp_path: Path) -> None:
    """`init-db` and `seed` are safe to run again: the second time changes not one row."""
    contents = []
    for _ in range(2):
        made = farmlokal(environment, tmp_path, "init-db")
        assert (0, "the schema is in place\n") == (made.returncode, made.stdout), made.stderr
        seeded = farmlokal(environment, tmp_path, "seed", "--products", "500")
        assert (0, "the catalogue holds seed products 1 to 500\n") == (seeded.returncode, seeded.stdout), seeded.stderr
        assert "seeding: 500 of 500 products (100 %)" in seeded.stderr
        contents.append(rows(tmp_path, "SELECT * FROM products ORDER BY id"))
    assert 500 == len(contents[0])
    assert contents[0] == contents[1]


def test_an_import_lands_its_good_rows_and_names_the_bad_one(environment: dict[str, str], tmp_path: Path) -> None:
    """A file with one bad line is done in part: exit code 1, the line and the reason on standard error."""
    make_catalogue(environment)
    lines = [
        json.dumps({"source": "coop", **GOOD_ROW}),
        json.dumps({"source": "coop", **GOOD_ROW, "external_id": "okra-2", "price": "-1", "colour": "green"}),
        json.dumps({"source": "coop", **GOOD_ROW, "external_id": "okra-3", "category": "moon rocks"}),
    ]
    file = tmp_path / "products.ndjson"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    done = farmlokal(environment, tmp_path, "import", str(file))
    unknown = "1 rows name an unknown category and became other: 'moon rocks' 1"
    assert (1, f"3 rows: created 2; 1 bad\n{unknown}\n") == (done.returncode, done.stdout), done.stderr
    (complaint,) = [line for line in done.stderr.splitlines() if line.startswith(f"{file}:2: ")]
    assert "price" in complaint
    assert "colour" in complaint
    landed = rows(tmp_path, "SELECT external_id, category FROM products WHERE source = 'coop' ORDER BY external_id")
    assert [("okra-1", "vegetables"), ("okra-3", "other")] == landed
    assert "Traceback" not in done.stderr


def test_a_complete_import_is_done(environment: dict[str, str], tmp_path: Path) -> None:
    """A file without a bad row ends with exit code 0."""
    make_catalogue(environment)
    file = tmp_path / "products.ndjson"
    file.write_text(json.dumps({"source": "coop", **GOOD_ROW}) + "\n", encoding="utf-8")
    done = farmlokal(environment, tmp_path, "import", str(file))
    assert (0, "1 rows: created 1; 0 bad\n") == (done.returncode, done.stdout), done.stderr


def test_an_import_replaces_what_its_markets_listed(environment: dict[str, str], tmp_path: Path) -> None:
    """`--replace` refuses a file that lacks half of its market, deletes it if told to, and what is old expires."""
    make_catalogue(environment)
    kinds = [mandi_row(Variety=kind) for kind in ("Hybrid", "Local")]
    (tmp_path / "whole.csv").write_text(mandi_csv(*kinds, mandi_row(Market="Nashik", Arrival_Date="01/01/2025")))
    (tmp_path / "part.csv").write_text(mandi_csv(mandi_row(Arrival_Date="20/02/2025", Modal="45000")))
    assert 0 == farmlokal(environment, tmp_path, "import", "whole.csv").returncode
    refused = farmlokal(environment, tmp_path, "import", "part.csv", "--replace")
    assert (1, "1 rows: updated 1; 0 bad") == (refused.returncode, refused.stdout.splitlines()[0]), refused.stderr
    assert "what was imported lacks 1 of the 2 products of 1 market, 50%, and --max-delete is 20%" in refused.stderr
    assert "part.csv:2: implausible: Tomato (Hybrid): 450.00 per kg, where 11.00 is usual" in refused.stderr
    options = ("--replace", "--max-delete", "50%", "--expire-after", "30d")
    done = farmlokal(environment, tmp_path, "import", "part.csv", *options)
    assert 0 == done.returncode, done.stderr
    assert "1 products that no file of this run lists were deleted" in done.stdout
    assert "1 products that no file has listed for 30 days were deleted" in done.stdout
    assert [("Pimpri",)] == rows(tmp_path, "SELECT market FROM products WHERE live = 1 AND source = 'mandi'")


@pytest.mark.parametrize("arguments", [("serve", "--port", "0"), ("import", "file.csv")])
def test_a_missing_schema_is_one_line(environment: dict[str, str], tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """Without a schema a command ends with exit code 1 and the command to run."""
    (tmp_path / "file.csv").write_text("name\n", encoding="utf-8")
    (tmp_path / "catalogue.db").touch()
    done = farmlokal(environment, tmp_path, *arguments)
    lines = [line for line in done.stderr.splitlines() if line.startswith("farmlokal: ")]
    assert (1, ["farmlokal: the database holds no FarmLokal schema: run `farmlokal init-db`"]) == (
        done.returncode,
        lines,
    )
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("change", ["user", "database"])
def test_a_database_that_refuses_us_is_one_line(shared: dict[str, str], tmp_path: Path, change: str) -> None:
    """A wrong sign-in or database name ends a command with a line that says so, without the password."""
    url = shared["FARMLOKAL_DATABASE_URL"]
    head, _, name = url.rpartition("/")
    nobody = f"mysql://nobody:hunter2@{head.rpartition('@')[2]}/{name}"
    wrong = {"user": nobody, "database": f"{url}_missing"}[change]
    done = farmlokal({**shared, "FARMLOKAL_DATABASE_URL": wrong}, tmp_path, "init-db")
    assert (1, 1) == (done.returncode, len(done.stderr.splitlines())), done.stderr
    assert done.stderr.startswith("farmlokal: ")
    assert "hunter2" not in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [(), ("config",), ("serve", "--port", "0"), ("init-db",)],
    ids=lambda arguments: arguments[0] if arguments else "none",
)
def test_wrong_settings_end_every_command_with_two(
    environment: dict[str, str], tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    """Each wrong setting is one line on standard error, secrets masked; so is no command at all wrong usage."""
    wrong = {"FARMLOKAL_DATABASE_POOL": "0", "FARMLOKAL_REDIS_URL": "cache://:hunter2@host"}
    done = farmlokal(environment | wrong, tmp_path, *arguments)
    assert 2 == done.returncode
    assert "hunter2" not in done.stderr + done.stdout
    if arguments:
        assert [
            "FARMLOKAL_DATABASE_POOL: input should be greater than or equal to 1, not '0'",
            "FARMLOKAL_REDIS_URL: must begin with redis://, rediss://, unix://, redis+cluster://, rediss+cluster://,"
            " redis+sentinel://, rediss+sentinel://, not 'cache://:***@host'",
        ] == done.stderr.splitlines()


@pytest.mark.parametrize(
    ("arguments", "variable"),
    [
        (("cache", "purge"), "FARMLOKAL_REDIS_URL"),
        (("sync",), "FARMLOKAL_OAUTH_TOKEN_URL"),
        (("webhooks", "register"), "FARMLOKAL_PUBLIC_URL"),
    ],
)
def test_a_setting_that_a_command_needs_is_named(
    environment: dict[str, str], tmp_path: Path, arguments: tuple[str, ...], variable: str
) -> None:
    """A command that cannot do anything without a setting ends with the exit code of a wrong configuration."""
    make_catalogue(environment)
    done = farmlokal(environment, tmp_path, *arguments)
    assert (2, f"farmlokal: {variable} is not set") == (done.returncode, done.stderr.splitlines()[-1])


@pytest.mark.parametrize(
    "arguments",
    [
        ("plant",),
        ("seed", "--products", "0"),
        ("import", "no-such-file"),
        ("import", __file__, "--max-delete", "most"),
        ("import", __file__, "--expire-after", "0d"),
        ("serve", "--workers", "0"),
    ],
    ids=" ".join,
)
def test_wrong_usage_ends_with_two(environment: dict[str, str], tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """What click refuses has the exit code of wrong usage, and no traceback."""
    done = farmlokal(environment, tmp_path, *arguments)
    assert 2 == done.returncode
    assert "Error: " in done.stderr
    assert "Traceback" not in done.stderr


def test_config_shows_the_settings_without_their_secrets(environment: dict[str, str], tmp_path: Path) -> None:
    """One line per variable; passwords and keys masked; a misspelt variable is pointed at."""
    given = {
        "FARMLOKAL_DATABASE_URL": "mysql://farmer:hunter2@db/farm",
        "FARMLOKAL_REDIS_URL": "redis://:hunter2@cache/0",
        "FARMLOKAL_SECRET_KEY": "hunter2 hunter2 hunter2",
        "FARMLOKAL_CACHE_TTTL_S": "7",
    }
    (tmp_path / ".env").write_text("FARMLOKAL_STALE_S=8\nFARMLOKAL_OAUTH_SECRET=hunter2\n", "utf-8")
    done = farmlokal(environment | given, tmp_path, "config")
    assert 0 == done.returncode
    lines = [line.split("  # ") for line in done.stdout.splitlines()]
    shown = dict(setting.split("=", 1) for setting, _ in lines)
    places = {setting.split("=")[0]: place for setting, place in lines}
    assert "mysql://farmer:***@db/farm" == shown["FARMLOKAL_DATABASE_URL"]
    assert "redis://:***@cache/0" == shown["FARMLOKAL_REDIS_URL"]
    assert ("***", "", "0") == tuple(shown[f"FARMLOKAL_{name}"] for name in ("SECRET_KEY", "ORIGIN_LOADS", "DRAIN_S"))
    assert "hunter2" not in done.stdout + done.stderr
    assert ["the environment", ".env", "the default"] == [
        places[f"FARMLOKAL_{name}"] for name in ("DATABASE_URL", "STALE_S", "CACHE_TTL_S")
    ]
    assert [
        "FARMLOKAL_CACHE_TTTL_S is set in the environment, and is none of FarmLokal's variables: "
        "did you mean FARMLOKAL_CACHE_TTL_S?",
        "FARMLOKAL_OAUTH_SECRET is set in .env, and is none of FarmLokal's variables: "
        "did you mean FARMLOKAL_OAUTH_CLIENT_SECRET?",
    ] == done.stderr.splitlines()


def test_a_misspelt_variable_in_the_file_is_warned_of(environment: dict[str, str], tmp_path: Path) -> None:
    """A command that runs says it in one line of the log, with the variable that was meant and without the value."""
    (tmp_path / ".env").write_text("FARMLOKAL_API_KEY=hunter2 hunter2\n", "utf-8")
    done = farmlokal(environment, tmp_path, "init-db")
    assert 0 == done.returncode, done.stderr
    (line,) = [json.loads(line) for line in done.stderr.splitlines()]
    assert ("warning", "unknown variable", "FARMLOKAL_API_KEY", ".env", "FARMLOKAL_API_KEYS") == tuple(
        line[name] for name in ("level", "event", "variable", "place", "nearest")
    )
    assert "hunter2" not in done.stderr


def test_a_misspelt_variable_stands_beside_the_fault_that_it_makes(environment: dict[str, str], tmp_path: Path) -> None:
    """Whoever misspells a variable that is required learns both at once."""
    (tmp_path / ".env").write_text("FARMLOKAL_SECRET_KEYS=0123456789abcdef\n", "utf-8")
    done = farmlokal(environment | {"FARMLOKAL_REDIS_URL": "redis://cache"}, tmp_path, "serve", "--port", "0")
    assert 2 == done.returncode
    assert [
        "FARMLOKAL_SECRET_KEY: must be set together with a MySQL or Redis URL",
        "FARMLOKAL_SECRET_KEYS is set in .env, and is none of FarmLokal's variables: "
        "did you mean FARMLOKAL_SECRET_KEY?",
    ] == done.stderr.splitlines()
