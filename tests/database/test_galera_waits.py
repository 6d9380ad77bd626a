"""What a Galera node says of the time that its reads may wait."""

import pytest

from farmlokal.database.galera_waits import causal_read_timeout_s


@pytest.mark.parametrize(
    ("options", "expected_s"),
    [
        ("pc.weight = 1; repl.causal_read_timeout = PT30S; repl.commit_order = 3; ", 30),
        ("repl.causal_read_timeout = PT1M30S; ", 90),
        ("repl.causal_read_timeout = PT0.5S; ", 0.5),
        ("repl.causal_read_timeout = PT1H; ", 3600),
        ("pc.weight = 1; ", 0),
        ("", 0),
    ],
)
def test_the_timeout_is_read(options: str, expected_s: float) -> None:
    """From the one text that has all options of the provider."""
    assert expected_s == causal_read_timeout_s(options)
