"""Garbage collection in a served process: what was there at the start is left alone, what comes later is not."""

import gc
import json
from pathlib import Path
from types import SimpleNamespace

from farmlokal.app.garbage_collection import freeze_startup_objects
from farmlokal.app.metrics.worker_slots import WorkerSlots
from farmlokal.app.workers import Supervisor
from tests.servers.process import free_port
from tests.support.command import developers, make_catalogue, run_module
from tests.support.products import catalogue
from tests.support.service import serving, settings_for

# An application with its libraries has some 90,000 objects of this kind; a process that froze nothing has none.
_FROZEN_MIN = 50_000


def test_a_served_process_is_spared_and_still_collects(tmp_path: Path) -> None:
    """Its objects of the start are frozen, passes are rarer than Python's own; a circle made later is freed by them."""
    environment = developers(tmp_path)
    make_catalogue(environment)
    with_tests = environment | {"PYTHONPATH": str(Path(__file__).parents[2])}
    done = run_module("tests.app.heap_process", with_tests, tmp_path, str(free_port()))
    assert 0 == done.returncode, done.stderr
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("{")]
    told = json.loads(line)
    assert told["frozen"] > _FROZEN_MIN
    assert told["thresholds"] > list(gc.get_threshold())
    assert told["freed"]


async def test_each_worker_is_spared(tmp_path: Path) -> None:
    """It is done after the fork, at the start of the worker's own application."""
    slots = WorkerSlots(1)
    slots.assign(None, SimpleNamespace())
    runner = await Supervisor(settings_for(await catalogue(tmp_path)), {}, slots, []).load()()
    assert freeze_startup_objects in runner.app.on_startup


async def test_an_application_inside_another_program_is_not(tmp_path: Path) -> None:
    """Whoever embeds the application keeps a collector of his own: only a process that serves is changed."""
    frozen, thresholds = gc.get_freeze_count(), gc.get_threshold()
    async with serving(settings_for(await catalogue(tmp_path))):
        # Of what the tests have frozen themselves some may have gone meanwhile.
        assert frozen >= gc.get_freeze_count()
        assert thresholds == gc.get_threshold()
