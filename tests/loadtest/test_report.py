"""The page that a load test leaves behind."""

import re
from collections import Counter

from loadtest.measured import Measured
from loadtest.report import machine, report
from loadtest.targets import Targets
from loadtest.verdict import Run

FAST = Measured(300, 0, Counter({2: 290, 15: 10}))
SLOW = Measured(100, 0, Counter({40: 100}))
FACTS = [("service", "http://<host>"), *machine()]


def page(**measured: Measured) -> str:
    """The report of ten seconds in which routes of the listing had these outcomes."""
    run = Run({f"/products [{outcome.replace('_', ' ')}]": one for outcome, one in measured.items()}, 10, 5)
    return report(run, Targets({"/products [hit]": {"p95_ms": 20}}), FACTS, '<html>\'"charts"</html>')


def test_the_verdict_stands_first() -> None:
    """It is the last line of the table in the terminal, and says what was missed."""
    assert '<p class="verdict good">load test passed</p>' in page(hit_memory=FAST)
    failed = page(hit_memory=SLOW)
    assert '<p class="verdict bad">load test FAILED: /products [hit memory]: p95 40 &gt; 20 ms</p>' in failed
    assert failed.index("FAILED") < failed.index("100 requests in 10 s") < failed.index("targets")


def test_each_bound_is_a_bar_beside_what_was_measured() -> None:
    """Within its target a bar is good, beyond it bad; what has no target has none."""
    shown = page(hit_memory=FAST, hit_redis=SLOW, miss=SLOW)
    bars = re.findall(r'<div class="bar (\w*)"><div>(.*?)<small>', shown)
    assert [("good", "/products [hit memory]"), ("bad", "/products [hit redis]")] == [bar for bar in bars if bar[0]]


def test_shares_are_of_the_answers_that_say_where_they_came_from() -> None:
    """Three in five from memory, one from Redis, one loaded; answers without a word of a cache do not count."""
    shown = page(hit_memory=FAST, hit_redis=SLOW, miss_collapsed=SLOW, status_503=SLOW)
    shares = shown.split("Where answers came from", 1)[1].split("Loaded and measured on", 1)[0]
    assert ["60.00", "20.00", "0.00", "20.00"] == re.findall(r"width:([\d.]+)%", shares)
    assert "80% without a load" in shares


def test_the_page_needs_nothing_besides_itself() -> None:
    """Locust's report is inside it, as a document of its own; what comes from outside is text."""
    shown = page(hit_memory=FAST)
    assert 'srcdoc="&lt;html&gt;&#x27;&quot;charts&quot;&lt;/html&gt;"' in shown
    assert "http://&lt;host&gt;" in shown
    assert [] == re.findall(r"<script|<link|src=|href=|url\(", shown)


def test_a_run_without_requests_has_a_page() -> None:
    """It failed, and there is nothing to draw."""
    shown = page()
    assert "FAILED: no request was made" in shown
    assert "Where answers came from" not in shown
