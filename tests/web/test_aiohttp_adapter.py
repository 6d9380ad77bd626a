"""aiohttp's private names: one file knows them, and what is taken for granted of them is tried."""

import ast
import asyncio
import importlib
import inspect
import pkgutil
import textwrap
import tomllib
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.web_protocol import RequestHandler
from aiohttp.worker import GunicornWebWorker

import farmlokal
from farmlokal.web.edge import aiohttp_adapter
from farmlokal.web.edge.aiohttp_adapter import HOT_PATH_NAMES, OTHER_NAMES, Connection
from farmlokal.web.hot.assumptions import unmet_assumption

ADAPTER = Path(inspect.getfile(aiohttp_adapter))
OF_NAMED_TUPLES = {"_replace", "_fields", "_asdict"}
PACKAGE = Path(inspect.getfile(farmlokal)).parent


def is_private(name: str) -> bool:
    """Whether a name is a class's or a module's own affair."""
    return name.startswith("_") and not name.startswith("__")


def is_our_own(node: ast.Attribute) -> bool:
    """Whether it is an attribute of the object or the class that the code belongs to."""
    return isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")


def private_names_used_in(tree: ast.AST) -> set[str]:
    """The private names of others: attributes of anything but `self` and `cls`, named in strings, and imported."""
    used = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and not is_our_own(node):
            used.add(node.attr)
        elif isinstance(node, ast.ImportFrom):
            used |= {alias.name for alias in node.names}
        elif isinstance(node, ast.Call):
            # As in getattr(…, "_name").
            used |= {str(one.value) for one in node.args if isinstance(one, ast.Constant)}
    return {name for name in used if is_private(name)} - OF_NAMED_TUPLES


def own_names_of(code: type) -> set[str]:
    """The private names of a class: of its methods, and of its instances."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(code)))
    names = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and is_our_own(node)}
    names |= {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    return {name for name in names if is_private(name)}


def names_of_aiohttp() -> set[str]:
    """Every private name in aiohttp's own code."""
    names: set[str] = set()
    for path in Path(inspect.getfile(aiohttp)).parent.glob("*.py"):
        tree = ast.parse(path.read_text("utf-8"))
        names |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        defined = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
        names |= {node.name for node in ast.walk(tree) if isinstance(node, defined)}
    return {name for name in names if is_private(name)}


def files_that_may_know_aiohttp() -> Iterator[Path]:
    """Every file but those of packages that the layers keep from aiohttp: other libraries have equal names there."""
    contracts = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    (apart,) = [one["source_modules"] for one in contracts if "aiohttp" in one.get("forbidden_modules", ())]
    for path in PACKAGE.rglob("*.py"):
        if f"farmlokal.{path.relative_to(PACKAGE).parts[0]}" not in apart:
            yield path


def classes_upon_aiohttp() -> Iterator[tuple[type, list[type]]]:
    """Our classes that have bases of aiohttp's, each with those bases."""
    for module in pkgutil.walk_packages(farmlokal.__path__, "farmlokal."):
        if module.name.endswith("__main__"):
            continue
        loaded = importlib.import_module(module.name)
        for _, ours in inspect.getmembers(loaded, inspect.isclass):
            bases = [base for base in ours.__mro__ if base.__module__.startswith("aiohttp.")]
            if ours.__module__ == module.name and bases:
                yield ours, bases


def test_the_lists_name_all_that_the_adapter_uses() -> None:
    """No more and no less: each is tried at the start, or in this file."""
    tree = ast.parse(ADAPTER.read_text("utf-8"))
    ours = {name for name in vars(aiohttp_adapter) if is_private(name)}
    used = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    used |= {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    renamed = {
        node.args[0].value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "_slot"
        if isinstance(node.args[0], ast.Constant)
    }
    assert HOT_PATH_NAMES | OTHER_NAMES == {str(name) for name in used | renamed if is_private(str(name))} - ours


def test_no_other_file_uses_a_private_name_of_aiohttps() -> None:
    """Neither of an object of its, nor in a class upon one of its."""
    theirs = names_of_aiohttp()
    found = {
        (str(path.relative_to(PACKAGE)), name)
        for path in files_that_may_know_aiohttp()
        for name in private_names_used_in(ast.parse(path.read_text("utf-8"))) & theirs
        if path != ADAPTER
    }
    inherited = {
        (ours.__name__, name)
        for ours, bases in classes_upon_aiohttp()
        for name in own_names_of(ours) & set[str]().union(*map(own_names_of, bases))
        if Path(inspect.getfile(ours)) != ADAPTER
    }
    assert (set(), set()) == (found, inherited)


def test_that_would_be_noticed() -> None:
    """In the adapter itself both are found."""
    tree = ast.parse(ADAPTER.read_text("utf-8"))
    assert {"_match_info", "_message", "_waiter", "_server"} <= private_names_used_in(tree) & names_of_aiohttp()
    assert "_process_keepalive" in own_names_of(Connection) & own_names_of(RequestHandler)
    assert {"LookUpConnection", "ServiceRunner"} <= {ours.__name__ for ours, _ in classes_upon_aiohttp()}


def test_what_is_needed_without_the_hot_path_is_there_too() -> None:
    """Of a runner, a site, a resource and gunicorn's worker."""
    things = (web.AppRunner, web.BaseSite, web.PlainResource(""), GunicornWebWorker)
    assert OTHER_NAMES == {name for name in OTHER_NAMES for thing in things if hasattr(thing, name)}


async def test_a_name_that_is_gone_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each that the hot path needs of a connection, by its name."""

    async def handle(_: web.BaseRequest) -> web.Response:
        return web.Response()

    loop, server = asyncio.get_running_loop(), web.Server(handle)
    assert unmet_assumption(loop, server) is None
    with monkeypatch.context() as another:
        another.delattr(RequestHandler, "_process_keepalive")
        assert "aiohttp has no _process_keepalive" == unmet_assumption(loop, server)
    with monkeypatch.context() as another:
        another.setattr(RequestHandler, "close", lambda _: None)
        assert "closing does not end the wait for a request" == unmet_assumption(loop, server)


def test_a_plain_name_is_the_slot_itself() -> None:
    """As fast as the private one: no property stands between."""
    assert Connection.__dict__["waiter"] is RequestHandler.__dict__["_waiter"]
