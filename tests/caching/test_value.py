"""A value's codings, which several threads may make at once: the scripts of a page are asked for together."""

import random
from concurrent.futures import ThreadPoolExecutor

import pytest
import zstandard

from farmlokal.caching.value import ENCODERS, Value


@pytest.mark.parametrize("coding", ENCODERS)
def test_threads_may_code_at_once(coding: str) -> None:
    """Each gets the bytes that it would get alone. One compressor for all of them would bring the process down."""
    draw = random.Random(5)
    values = [Value(" ".join(str(draw.randrange(1000)) for _ in range(20_000)).encode()) for _ in range(8)]
    expected = [ENCODERS[coding](value.body) for value in values]
    with ThreadPoolExecutor(len(values)) as threads:
        assert expected == list(threads.map(lambda value: value.coded(coding), values))
    if coding == "zstd":
        assert values[0].body == zstandard.decompress(expected[0])
