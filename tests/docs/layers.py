"""Pictures of the packages in Mermaid, from the layers that `make check` enforces and the imports that there are."""

import re
import tomllib
from collections.abc import Collection, Iterable
from graphlib import TopologicalSorter

import grimp

from tests.docs.pages import ROOT

PACKAGE = "farmlokal"
Edge = tuple[str, str]

# What a package's name does not say, in a few words.
_LABELS = {
    "cli": "the command",
    "app": "puts everything together",
    "simulator": "a partner to try with",
    "web": "HTTP: hot path, routes, answers",
    "catalog": "products: asked for, found, changed",
    "webhooks": "the partner's events",
    "partner": "token, calls, sync",
    "caching": "memory, then Redis, then a loader",
    "database": "MySQL, MariaDB, SQLite",
    "limiting": "the rate limit",
    "resilience": "breaker, backoff, single-flight",
    "errors": "one tree of errors",
    "telemetry": "logs, spans, table of metrics",
    "settings": "plain values",
    "formats": "how values are written",
}
# Who is outside, by the library that speaks with it, and the packages that do. `app` hands clients on that it makes.
_OUTSIDE = {
    "redis": ('[("Redis")]', ("caching", "limiting")),
    "aiomysql": ('[("MySQL or MariaDB")]', ("database",)),
    "aiosqlite": ('[("an SQLite file")]', ("database",)),
    "aiohttp_retry": ('(["the partner\'s API"])', ("partner",)),
}
# Where requests come in, and the lowest layer that knows whom it speaks with.
_HIGHEST, _LOWEST = "web", "database"


def layers() -> list[list[str]]:
    """The packages of each layer, the highest first, as the import linter's contract has them."""
    with ROOT.joinpath("pyproject.toml").open("rb") as file:
        contracts = tomllib.load(file)["tool"]["importlinter"]["contracts"]
    (contract,) = [contract for contract in contracts if contract["type"] == "layers"]
    return [re.findall(r"\w+", layer) for layer in contract["layers"]]


def imports() -> tuple[set[Edge], set[Edge]]:
    """Which package imports which, and which package imports which library, by the code as it is."""
    # Not from a cache: it goes by the times of files, which a checkout may set back.
    graph = grimp.build_graph(PACKAGE, include_external_packages=True, cache_dir=None)
    inside, outside = set(), set()
    for module in graph.modules:
        if not module.startswith(f"{PACKAGE}."):
            continue
        for imported in graph.find_modules_directly_imported_by(module):
            package, _, rest = imported.partition(".")
            if package != PACKAGE:
                outside.add((_package_of(module), imported))
            elif rest and _package_of(module) != _package_of(imported):
                inside.add((_package_of(module), _package_of(imported)))
    return {edge for edge in inside if edge[0] != "__main__"}, outside


def reach(edges: Collection[Edge]) -> dict[str, set[str]]:
    """What each package leads to, by whatever way. Raises graphlib.CycleError for a circle of imports."""
    below: dict[str, set[str]] = {}
    for upper, lower in edges:
        below.setdefault(upper, set()).add(lower)
    reached: dict[str, set[str]] = {}
    for package in TopologicalSorter(below).static_order():
        nearest = below.get(package, set())
        reached[package] = nearest.union(*(reached[other] for other in nearest))
    return reached


def reduced(edges: Collection[Edge]) -> set[Edge]:
    """The fewest of `edges` that lead from each package to all that they lead to. Raises as `reach` does."""
    reached = reach(edges)
    return {
        (upper, lower)
        for upper, lower in edges
        if not any(lower in reached[other] for above, other in edges if above == upper)
    }


def system_picture() -> str:
    """The packages that serve, and whom they speak with. Raises ValueError where one does not, by its imports."""
    inside, outside = imports()
    known = layers()
    first, last = (next(i for i, layer in enumerate(known) if name in layer) for name in (_HIGHEST, _LOWEST))
    among = {package for layer in known[first : last + 1] for package in layer}
    edges = {(upper, lower) for upper, lower in inside if {upper, lower} <= among}
    serving = [package for layer in known for package in layer if package in {_HIGHEST, *reach(edges)[_HIGHEST]}]
    lines = ["flowchart TB", f'  clients(["apps, sites, the partner\'s events"]) -->|HTTP| {_HIGHEST}']
    lines += map(_node, serving)
    lines += [f"  {upper} --> {lower}" for upper, lower in sorted(reduced(edges)) if upper in serving]
    for library, (node, packages) in _OUTSIDE.items():
        if missing := [package for package in packages if (package, library) not in outside]:
            raise ValueError(f"{missing} does not import {library}")
        lines += [f"  {library}{node}", *(f"  {package} -.-> {library}" for package in packages)]
    return _mermaid(lines)


def layers_picture() -> str:
    """Every package in its layer, with the imports that there are."""
    inside, _ = imports()
    known = layers()
    found = {package for edge in inside for package in edge}
    beside = sorted(found.difference(*known))
    lines = ["flowchart TB"]
    for number, packages in enumerate(known, 1):
        lines += [f'  subgraph layer{number}[" "]', *(f"  {_node(package)}" for package in packages), "  end"]
    lines += map(_node, beside)
    lines += [f"  {upper} --> {lower}" for upper, lower in sorted(reduced(inside))]
    return _mermaid(lines)


def _node(package: str) -> str:
    return f'  {package}["{package}<br/>{_LABELS[package]}"]'


def _package_of(module: str) -> str:
    return module.split(".")[1]


def _mermaid(lines: Iterable[str]) -> str:
    return "\n".join(["```mermaid", *lines, "```"])
