"""Packaging of FarmLokal: `pip install .` gives the `farmlokal` command and everything that it needs."""

import re
from pathlib import Path
from shutil import copyfile

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent
# Where the package says it: to import it here would need what is only about to be installed.
VERSION = re.findall(r'__version__ = "(.+)"', (ROOT / "farmlokal" / "__init__.py").read_text(encoding="utf-8"))[0]

REQUIRES = [
    "aiohttp>=3.14,<4",
    "aiohttp-retry>=2.9.1,<3",
    "aiomysql[rsa]>=0.3.2,<0.4",
    "aiosqlite>=0.22,<0.23",
    "brotli>=1.2,<2",
    # Which eight-bit alphabet a file of an older spreadsheet program is in.
    "charset-normalizer>=3.4,<4",
    "click>=8.3,<9",
    "cryptography>=48,<51",
    # openpyxl reads XML with it where it is there: without entities that unfold.
    "defusedxml>=0.7.1,<0.8",
    "gunicorn>=25,<28",
    # JSON of any size, piece by piece.
    "ijson>=3.4,<4",
    # Tables of web pages.
    "lxml>=6,<7",
    # Workbooks (XLSX).
    "openpyxl>=3.1.5,<4",
    "orjson>=3.11,<4",
    # aiomysql 0.3 imports names that PyMySQL 1.3 is going to remove; with 1.2 it cannot bind bytes, and we bind none.
    "PyMySQL>=1.1.1,<1.3",
    "prometheus-client>=0.24,<1",
    "pydantic>=2.12,<3",
    "pydantic-settings>=2.12,<3",
    "redis[hiredis]>=7,<9",
    "structlog>=25.5,<27",
    # Of this nothing is imported: it brings the files of Swagger UI 5.
    "swagger-ui-py>=25.7.1,<26",
    "typing-extensions>=4.12,<5",
    "uvloop>=0.22,<0.24",
    "zstandard>=0.25,<0.26",
]

OTEL = [
    "opentelemetry-api>=1.45,<2",
    "opentelemetry-exporter-otlp-proto-http>=1.45,<2",
    "opentelemetry-sdk>=1.45,<2",
]

EXTRAS = {
    "test": [
        *OTEL,
        # The two that the benchmarks measure the cache tier beside.
        "aiocache[redis]>=0.12,<0.13",
        "cashews[redis]>=7.4,<8",
        # Reads dashboards as Grafana 11.6 does. The number before the ! is the generator's own release.
        "grafana-foundation-sdk==1769699379!11.6.*",
        "grimp>=3.14,<4",
        "hypothesis>=6.150,<7",
        "import-linter>=2.9,<3",
        # Brings the schemas of every supported Kubernetes release with it.
        "kubernetes-validate>=1.37,<2",
        "locust>=2.43,<3",
        "mypy>=2,<3",
        "openapi-spec-validator>=0.9,<0.10",
        # Draws the benchmarks' figures.
        "pygal>=3.1,<4",
        "pytest>=9,<10",
        "pytest-aiohttp>=1.1,<2",
        "pytest-timeout>=2.4,<3",
        "pytest-xdist>=3.8,<4",
        "PyYAML>=6.0.3,<7",
        "ruff>=0.15,<0.18",
        "schemathesis>=4.32,<5",
        "standardwebhooks>=1,<2",
        "types-jsonschema>=4.25,<5",
        "types-PyMySQL>=1.2,<2",
        "types-PyYAML>=6.0.12,<7",
    ],
    "load": ["locust>=2.43,<3"],
    # Traces by OTLP over HTTP. Not over gRPC, whose library weighs more than all of these together.
    "otel": OTEL,
}


class BuildWithSchema(build_py):  # type: ignore[misc]
    """Puts the top-level `schema.sql`, the one copy that people edit, into the package as well."""

    def run(self) -> None:
        super().run()
        if not self.editable_mode:
            target = Path(self.build_lib, "farmlokal", "database", "schema.sql")
            self.mkpath(str(target.parent))
            copyfile(ROOT / "schema.sql", target)


setup(
    name="farmlokal",
    version=VERSION,
    description="Product listing of a hyperlocal farm marketplace: aiohttp, a Redis read-through cache, MySQL keysets",
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="MIT",
    python_requires=">=3.11",
    packages=find_packages(include=["farmlokal", "farmlokal.*"]),
    package_data={"farmlokal": ["py.typed", "**/*.sql", "**/*.csv", "**/*.toml", "**/static/*"]},
    install_requires=REQUIRES,
    extras_require=EXTRAS,
    cmdclass={"build_py": BuildWithSchema},
    entry_points={"console_scripts": ["farmlokal=farmlokal.cli.main:main"]},
)
