"""What a process makes of invalidations: which entries are still current, and what of Redis it believes."""

import pytest

from farmlokal.caching import tag_history
from farmlokal.caching.entry import Entry
from farmlokal.caching.tag_history import Standing, TagHistory
from farmlokal.caching.value import Value

NOW = 1000.0


def entry(history: TagHistory, *tags: str, loaded_at: float = NOW) -> Entry:
    """An entry whose load begins now."""
    return Entry(Value(b""), loaded_at, loaded_at + 30, loaded_at + 330, tags=tags, epoch=history.epoch)


def test_an_entry_is_current_until_one_of_its_tags_is_invalidated() -> None:
    """A notice of other tags leaves it as it is; one of its own makes it stale, and what is loaded after is current."""
    history = TagHistory()
    old = entry(history, "a", "b")
    history.invalidated_elsewhere(["c"])
    assert Standing.VALID is history.standing(old)
    history.invalidated_elsewhere(["b"])
    assert Standing.STALE is history.standing(old)
    assert Standing.VALID is history.standing(entry(history, "a", "b"))


def test_our_own_writes_bypass_what_was_loaded_before() -> None:
    """The writing process's readers get neither the old value nor a stale one, and the new value stays."""
    history = TagHistory()
    old = entry(history, "a")
    history.invalidated_here(["a"], NOW + 1, to_share=True)
    new = entry(history, "a", loaded_at=NOW + 2)
    assert (Standing.OWN_WRITE, Standing.VALID) == (history.standing(old), history.standing(new))
    history.invalidated_shared(["a"])
    assert (Standing.OWN_WRITE, Standing.VALID) == (history.standing(old), history.standing(new))
    history.invalidated_elsewhere(["a"])
    assert (Standing.OWN_WRITE, Standing.STALE) == (history.standing(old), history.standing(new))


def test_a_burst_of_our_own_writes_turns_nothing_off() -> None:
    """Past ten writes to one tag within the window, later ones make entries stale; after it they bypass again."""
    history = TagHistory()
    for _ in range(10):
        history.invalidated_here(["a"], NOW, to_share=False)
    read_in_the_burst = entry(history, "a", loaded_at=NOW + 0.01)
    history.invalidated_here(["a"], NOW + 0.02, to_share=False)
    assert Standing.STALE is history.standing(read_in_the_burst)
    history.invalidated_here(["a"], NOW + 1, to_share=False)
    assert Standing.OWN_WRITE is history.standing(read_in_the_burst)


def test_redis_is_believed_only_when_it_can_know() -> None:
    """What it said before our own write reached it, or was asked before a notice came, is not believed."""
    history = TagHistory()
    before = history.epoch
    assert history.trusts(["a", "b"], before)
    history.invalidated_here(["a"], NOW, to_share=True)
    unshared = history.epoch
    assert not history.trusts(["a", "b"], unshared)
    assert history.trusts(["b"], before)
    history.invalidated_shared(["a"])
    assert not history.trusts(["a"], unshared)
    assert history.trusts(["a"], history.epoch)
    asked_at = history.epoch
    history.invalidated_elsewhere(["a"])
    assert not history.trusts(["a"], asked_at)
    assert history.trusts(["a"], history.epoch)


def test_a_notice_does_not_make_an_unshared_write_believed() -> None:
    """Another process's notice of the same tag says nothing of ours."""
    history = TagHistory()
    history.invalidated_here(["a"], NOW, to_share=True)
    history.invalidated_elsewhere(["a"])
    assert not history.trusts(["a"], history.epoch)
    assert repr(history).endswith("unshared=1>")


def test_after_missed_notices_nothing_older_is_known() -> None:
    """Redis has to be asked, except of what is known to be old."""
    history = TagHistory()
    one, other = entry(history, "a"), entry(history, "b")
    history.invalidated_elsewhere(["b"])
    history.notices_missed()
    assert (Standing.UNKNOWN, Standing.STALE) == (history.standing(one), history.standing(other))
    assert Standing.VALID is history.standing(entry(history, "a"))


def test_what_was_never_current_is_stale() -> None:
    """An entry that Redis itself calls old has no epoch."""
    history = TagHistory()
    history.notices_missed()
    assert Standing.STALE is history.standing(Entry(Value(b""), NOW, NOW, NOW, tags=("a",)))


def test_what_is_forgotten_makes_nothing_fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """With more tags than are remembered, entries older than the forgotten ones are stale, and so is Redis's word."""
    monkeypatch.setattr(tag_history, "_TAGS_MAX", 3)
    history = TagHistory()
    old = entry(history, "first")
    asked_at = history.epoch
    history.invalidated_elsewhere(["first"])
    history.invalidated_elsewhere(["x", "y"])
    assert Standing.STALE is history.standing(old)
    history.invalidated_elsewhere(["z"])
    assert "<TagHistory epoch=3 tags=3 unshared=0>" == repr(history)
    assert Standing.STALE is history.standing(old)
    assert not history.trusts(["first"], asked_at)
    assert Standing.VALID is history.standing(entry(history, "first"))
