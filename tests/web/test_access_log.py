"""The access log: one line per answer, whoever gave it, and nothing in it that a client made up."""

from pathlib import Path
from typing import Any

from structlog.typing import EventDict

from farmlokal.telemetry.short_hash import short_hash
from tests.support.log_lines import logged
from tests.support.products import catalogue
from tests.support.raw_requests import Answer, ask, exchange
from tests.support.service import serving, settings_for


def lines(events: list[EventDict]) -> list[EventDict]:
    """The access log's part of the log."""
    return [event for event in events if event["event"] == "answered"]


async def answered(tmp_path: Path, *sent: tuple[str, str, str], **others: Any) -> tuple[list[Answer], list[EventDict]]:
    """The answers to requests, each a method, a target and header lines; and the lines that were written of them."""
    settings = settings_for(await catalogue(tmp_path), **{"access_log": "on", **others})
    with logged() as events:
        async with serving(settings) as service:
            answers = [
                await ask(service.port, target, method=method, headers=headers) for method, target, headers in sent
            ]
    return answers, lines(events)


async def test_each_answer_is_one_line(tmp_path: Path) -> None:
    """A miss, a hit, a revalidation, a HEAD, an error: route, status, outcome, bytes, time, client, and who asked."""
    page = "/products?limit=3&district=Pune"
    (first, second), written = await answered(
        tmp_path, ("GET", page, "X-Request-ID: my-own-id\r\n"), ("GET", "/products?district=pune&limit=3", "")
    )
    assert ("my-own-id", first.headers["X-Request-ID"]) == (written[0]["request_id"], written[0]["request_id"])
    assert ["miss", "memory"] == [line["cache"] for line in written]
    assert 1 == len({line["key"] for line in written})
    assert len(first.body) == written[0]["bytes"]
    for line, answer in zip(written, (first, second), strict=True):
        assert ("GET", "/products", 200, "127.0.0.1", "info") == (
            *(line[name] for name in ("method", "route", "status", "client", "log_level")),
        )
        assert answer.headers["X-Request-ID"] == line["request_id"]
        assert 0 < line["duration_ms"] < 60_000
        assert "pune" not in str(line).lower()

    etag = first.headers["ETag"]
    _, (revalidated, head, missing) = await answered(
        tmp_path, ("GET", page, f"If-None-Match: {etag}\r\n"), ("HEAD", page, ""), ("GET", "/products/999999", "")
    )
    assert (304, 0) == (revalidated["status"], revalidated["bytes"])
    assert ("HEAD", 200, 0) == (head["method"], head["status"], head["bytes"])
    assert ("/products/{id}", 404) == (missing["route"], missing["status"])
    assert missing["bytes"] > 0


async def test_what_a_client_makes_up_is_not_written(tmp_path: Path) -> None:
    """Unknown paths are one route, unknown methods one method; a malformed request has its line too."""
    secret = "made-up-by-a-client"
    with logged() as events:
        async with serving(settings_for(await catalogue(tmp_path), access_log="on")) as service:
            await ask(service.port, f"/{secret}?{secret}={secret}", method="PROPFIND", headers=f"Cookie: {secret}\r\n")
            await exchange(service.port, f"{secret}\r\n\r\n".encode())
            await ask(service.port, "/products", headers=f"Expect: {secret}\r\n")
    unknown, malformed, refused = lines(events)
    assert ("other", "unmatched", 404) == (unknown["method"], unknown["route"], unknown["status"])
    assert ("unmatched", 400) == (malformed["route"], malformed["status"])
    assert 417 == refused["status"]
    assert all(len(line["request_id"]) == 16 for line in (unknown, malformed, refused))
    assert secret not in str(lines(events))


async def test_a_line_names_the_callers_trace(tmp_path: Path) -> None:
    """So that it is found from the caller's side."""
    trace_id = "4bf92f3577b34da6a3ce929d0e0e4736"
    _, (line, other) = await answered(
        tmp_path, ("GET", "/products", f"traceparent: 00-{trace_id}-00f067aa0ba902b7-01\r\n"), ("GET", "/products", "")
    )
    assert (trace_id, None) == (line["trace_id"], other.get("trace_id"))


async def test_a_client_behind_a_trusted_proxy_is_named(tmp_path: Path) -> None:
    """By the address that the proxy appended; what a client claims by itself counts for nothing."""
    claim = "X-Forwarded-For: 203.0.113.7\r\n"
    _, (line,) = await answered(tmp_path, ("GET", "/products", claim), trusted_proxies="127.0.0.0/8")
    _, (other,) = await answered(tmp_path, ("GET", "/products", claim))
    assert ("203.0.113.7", "127.0.0.1") == (line["client"], other["client"])


async def test_without_the_setting_there_is_none(tmp_path: Path) -> None:
    """Off is the default."""
    _, written = await answered(tmp_path, ("GET", "/products", ""), access_log="off")
    assert [] == written


def test_a_keys_hash_is_the_same_in_every_process() -> None:
    """It is a name to search for, here, in traces and in another process's log."""
    assert "a3ad853fafe9" == short_hash("products?sort=-price")
