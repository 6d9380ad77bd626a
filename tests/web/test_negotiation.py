"""`Accept-Encoding` (RFC 9110 section 12.5.3): which coding an answer gets, and that its bytes are the same page."""

import gzip
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import brotli
import pytest
import zstandard
from aiohttp import web

from farmlokal.web import keys
from farmlokal.web.answers.representation import CODED_FROM_BYTES, coding_for
from tests.support.cache import peeked
from tests.support.kept_connection import ask_kept
from tests.support.products import catalogue
from tests.support.raw_requests import problem
from tests.support.service import Service, serving, settings_for

BIG = CODED_FROM_BYTES
DECODERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.decompress,
    "br": brotli.decompress,
    "zstd": lambda body: zstandard.ZstdDecompressor().decompress(body, max_output_size=10**6),
}


@pytest.fixture(params=["on", "off"], ids=["hot path", "full path"])
async def service(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Service]:
    """A service without Redis, over the small catalogue."""
    async with serving(settings_for(await catalogue(tmp_path), hot_path=request.param)) as running:
        yield running


@pytest.mark.parametrize(
    ("accepted", "expected"),
    [
        (None, None),
        ("", None),
        ("identity", None),
        ("gzip", "gzip"),
        ("x-gzip", "gzip"),
        ("GZip", "gzip"),
        ("br", "br"),
        ("zstd", "zstd"),
        ("gzip, deflate, br, zstd", "zstd"),
        ("gzip, deflate, br", "br"),
        ("deflate", None),
        ("compress, deflate", None),
        ("*", "zstd"),
        ("*;q=0.1", "zstd"),
        ("gzip;q=1.0, br;q=0.5", "gzip"),
        ("gzip;q=0.5, br;q=0.50, zstd;q=0.499", "br"),
        ("gzip;q=0", None),
        ("gzip;q=0, *", "zstd"),
        ("zstd;q=0, *", "br"),
        ("zstd;q=0.0, br;q=0.000, *;q=0.2", "gzip"),
        ("gzip;q=0.5, identity", None),
        ("gzip;q=0.5, identity;q=0.5", "gzip"),
        ("gzip;q=0.5, identity;q=0.6", None),
        ("identity;q=0, gzip;q=0.1", "gzip"),
        ("identity;q=0.5, *;q=0", None),
        ("gzip ; q=0.5 , br ;Q=0.7", "br"),
        ("gzip;q=1.5", None),
        ("gzip;q=0.5555", None),
        ("gzip;q=", None),
        ("gzip;level=9", None),
        ("gzip;;q=1, br", "br"),
        (", ,gzip,", "gzip"),
        ("gzip, gzip;q=0", None),
        ("ﬁ, br", "br"),
        ("br " + "," * 400, "br"),
    ],
)
def test_the_coding_is_the_one_that_the_client_wants_most(accepted: str | None, expected: str | None) -> None:
    """By weight, then by what costs us least; what is not well-formed counts as not sent."""
    assert expected == coding_for(accepted, BIG)


@pytest.mark.parametrize("accepted", ["identity;q=0", "*;q=0", "gzip;q=0, *;q=0", "deflate, identity;q=0"])
def test_nothing_acceptable_is_an_error(accepted: str) -> None:
    """A client that excludes even the body as it is gets no body at all."""
    with pytest.raises(web.HTTPNotAcceptable):
        coding_for(accepted, BIG)


def test_small_bodies_are_not_coded() -> None:
    """Below the bound the body goes as it is, unless the client insists on a coding."""
    assert coding_for("gzip, br", CODED_FROM_BYTES - 1) is None
    assert "gzip" == coding_for("gzip, identity;q=0", CODED_FROM_BYTES - 1)


@pytest.mark.parametrize("coding", list(DECODERS))
async def test_every_coding_carries_the_same_page(service: Service, coding: str) -> None:
    """Decoded, the bytes are those of the plain answer; each coding has a validator of its own and says `Vary`."""
    plain = await ask_kept(service.port, "/products?limit=30")
    for _ in range(2):
        coded = await ask_kept(service.port, "/products?limit=30", headers=f"Accept-Encoding: {coding}\r\n")
        assert coding == coded.headers["Content-Encoding"]
        assert plain.body == DECODERS[coding](coded.body)
        assert len(coded.body) < len(plain.body) / 3
        assert str(len(coded.body)) == coded.headers["Content-Length"]
        assert f'{plain.headers["ETag"][:-1]}-{coding}"' == coded.headers["ETag"]
        assert "Accept-Encoding" == coded.headers["Vary"]
    assert "Content-Encoding" not in plain.headers


async def test_two_header_lines_are_one_list(service: Service) -> None:
    """The weights of a second line count as if they stood in the first."""
    sent = "Accept-Encoding: gzip;q=0.1\r\nAccept-Encoding: br\r\n"
    assert "br" == (await ask_kept(service.port, "/products", headers=sent)).headers["Content-Encoding"]


async def test_an_unacceptable_answer_is_a_406_problem(service: Service) -> None:
    """The problem says which codings there are."""
    answer = await ask_kept(service.port, "/products", headers="Accept-Encoding: identity;q=0, compress\r\n")
    assert "identity, gzip, br or zstd" in problem(answer, 406, "not-acceptable")["detail"]


@pytest.mark.parametrize("target", ["/categories", "/products/1"])
async def test_other_cached_answers_are_negotiated_too(service: Service, target: str) -> None:
    """What the cache holds of other routes comes coded where it is worth it, and says `Vary` where it is not."""
    answer = await ask_kept(service.port, target, headers="Accept-Encoding: gzip\r\n")
    worth = len((await ask_kept(service.port, target)).body) >= CODED_FROM_BYTES
    assert worth == ("Content-Encoding" in answer.headers)
    assert "Accept-Encoding" == answer.headers["Vary"]


async def test_a_variant_is_made_once_and_weighed(service: Service) -> None:
    """A coding is made when it is first asked for, kept with its entry, and counted in the memory that it takes."""
    memory = service.app[keys.CACHE]._memory
    await ask_kept(service.port, "/categories")  # or it is counted, and cached, meanwhile
    await ask_kept(service.port, "/products?limit=40")
    before = memory.bytes_held
    answers = [await ask_kept(service.port, "/products?limit=40", headers="Accept-Encoding: br\r\n") for _ in range(2)]
    lookup = peeked(service.app[keys.CACHE], "products?limit=40")
    assert lookup is not None
    # What the hot path keeps ready beside the body is counted too.
    assert before + len(answers[0].body) + 2048 * len(lookup.value.prepared) == memory.bytes_held
    assert ["br"] == list(lookup.value.variants)
