"""What the cache holds: counted, cleared kind by kind, and nothing else touched."""

import os
import time

import pytest

from ccta_core.config import cache_root
from ccta_core.errors import CctaError
from ccta_core.store import usage as store
from ccta_core.store.usage import KINDS, MARK, clear, usage


def put(path, size=100, age=0.0):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)
    os.utime(path, (time.time() - age,) * 2)
    return path


@pytest.fixture
def filled(monkeypatch, tmp_path):
    """One thing of every kind, 100 bytes each, and things beside them."""
    root = cache_root()
    monkeypatch.setattr(store, "SHIPPED_PAIRS", tmp_path / "product" / "pairs")
    put(tmp_path / "product" / "pairs" / "ab" / "1.json.gz")
    put(root / "results" / "ab" / "1.json.gz")
    put(root / "lessons" / "ab" / "1.json.gz")
    put(root / "tables" / "1.parquet")
    put(root / "planes" / "ab" / "1.json.gz")
    put(root / "retrieval" / "r1" / "scores.json")
    put(root / "studies" / "mine" / "parts" / "m" / "0.parquet")
    put(root / "data" / "mine-123456789abc.csv")
    put(root / "people" / "0a1b" / "notes.sqlite")
    put(root / "training" / "own" / "checkpoint.pt", age=3600)
    put(root / "models" / "own" / "nli" / "card.json")
    put(root / "README.md")
    put(tmp_path / "beside" / "precious.txt")
    return tmp_path


def sizes():
    return {use.kind.name: (use.count, use.bytes) for use in usage()}


def test_an_empty_cache_takes_nothing(monkeypatch, tmp_path):
    monkeypatch.setattr(store, "SHIPPED_PAIRS", tmp_path / "none")
    assert set(sizes().values()) == {(0, 0)}


def test_every_kind_is_counted(filled):
    assert sizes() == {kind.name: (1, 100) for kind in KINDS}


@pytest.mark.parametrize("name", [kind.name for kind in KINDS if kind.clearable])
def test_clearing_a_kind_leaves_the_others(filled, name):
    assert clear(name) == 100
    left = sizes()
    assert left.pop(name) == (0, 0)
    assert set(left.values()) == {(1, 100)}
    assert (filled / "beside" / "precious.txt").exists()
    assert (cache_root() / "README.md").exists()
    assert clear(name) == 0


@pytest.mark.parametrize("name", ["pairs", "models", "nothing", "", "../beside"])
def test_what_is_not_cleared_says_what_is(filled, name):
    with pytest.raises(CctaError, match="expected one of: results, tables") as caught:
        clear(name)
    assert "\n" not in str(caught.value)
    assert set(sizes().values()) == {(1, 100)}


def test_shipped_and_spared_studies_stay(filled):
    studies = cache_root() / "studies"
    put(studies / "came-along" / "manifest.json")
    put(studies / "came-along" / MARK, size=0)
    put(studies / "at-work" / "manifest.json")
    assert sizes()["studies"] == (2, 200)
    assert clear("studies", spare=["at-work"]) == 100
    assert sorted(path.name for path in studies.iterdir()) == ["at-work", "came-along"]


def test_a_training_that_may_be_going_on_stays(filled):
    put(cache_root() / "training" / "now" / "checkpoint.pt")
    with pytest.raises(CctaError, match="now was written in the last 10 minutes"):
        clear("training")
    assert (cache_root() / "training" / "now" / "checkpoint.pt").exists()


def test_a_folder_that_leads_out_of_the_cache_is_refused(filled):
    results = cache_root() / "results"
    clear("results")
    results.rmdir()
    results.symlink_to(filled / "beside")
    with pytest.raises(CctaError, match="leads out of the cache"):
        clear("results")
    assert (filled / "beside" / "precious.txt").exists()


def test_links_are_taken_away_and_not_followed(filled):
    (cache_root() / "results" / "link").symlink_to(filled / "beside")
    (cache_root() / "results" / "ab" / "deep").symlink_to(filled / "beside")
    clear("results")
    assert not any((cache_root() / "results").iterdir())
    assert (filled / "beside" / "precious.txt").exists()


def test_a_cache_that_is_itself_a_link_can_be_cleared(filled, monkeypatch):
    other = filled / "elsewhere"
    other.symlink_to(cache_root())
    monkeypatch.setenv("CCTA_CACHE", str(other))
    assert clear("results") == 100


def test_what_cant_be_deleted_is_said(filled, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(store.shutil, "rmtree", refuse)
    with pytest.raises(CctaError, match=r"can't be deleted \(Permission denied\)"):
        clear("results")
