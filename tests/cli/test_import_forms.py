"""What `farmlokal import` is told of a file's form, and says of it."""

from pathlib import Path

from tests.support.command import farmlokal, make_catalogue

REPORT = (
    "Sl no.,District Name,Market Name,Commodity,Variety,Grade,Min Price (Rs./Quintal),Max Price (Rs./Quintal),"
    "Modal Price (Rs./Quintal),Price Date\n1,North Goa,Mapusa,Tomato,Other,FAQ,0,0,1200,19-Feb-25\n"
)


def test_a_report_and_a_list_by_their_options(environment: dict[str, str], tmp_path: Path) -> None:
    """`--state` and `--mapping` reach the reader; a mapping's faults are told before anything is read."""
    make_catalogue(environment)
    (tmp_path / "report.csv").write_text(REPORT)
    done = farmlokal(environment, tmp_path, "import", "report.csv", "--state", "Goa")
    assert (0, "1 rows: created 1; 0 bad\n") == (done.returncode, done.stdout), done.stderr
    assert "report.csv: read as a price report of Agmarknet" in done.stderr
    (tmp_path / "list.csv").write_text("nr;what;kind;cost\n7;Okra;vegetables;24,50\n")
    mapping = 'id = "nr"\n[columns]\nname = "what"\nprice = "cost"\ncategory = "kind"\n'
    (tmp_path / "list.toml").write_text(mapping)
    wrong = farmlokal(environment, tmp_path, "import", "list.csv", "--mapping", "list.toml")
    reason = "list.toml:2: columns.unit: must be given: the column, or the same for all rows under defaults"
    assert (1, f"farmlokal: {reason}\n") == (wrong.returncode, wrong.stderr)
    (tmp_path / "list.toml").write_text(f'{mapping}[defaults]\nunit = "kg"\n')
    done = farmlokal(environment, tmp_path, "import", "list.csv", "--mapping", "list.toml", "--source", "shop")
    assert (0, "1 rows: created 1; 0 bad\n") == (done.returncode, done.stdout), done.stderr
