"""Few items of each group, or items over the whole data: which, and that a study keeps to them."""

from collections import Counter
from itertools import pairwise

import pandas as pd
import pytest

import ccta_core as ccta
from ccta_core.cli.main import main
from ccta_core.corpus.spec import read_corpus
from ccta_core.errors import CctaError
from ccta_core.reports.study.facts import outline, provenance
from ccta_core.study.manifest import config_of
from ccta_core.study.request import StudyRequest
from ccta_core.study.run.local import create
from ccta_core.study.selection import first_items, first_of_each_group, select_items
from ccta_core.study.storage.texts import examples_of

SPEC, MODEL, LANGS = "demo:nli", "e5-small/nli-en", ("en", "es")


@pytest.mark.parametrize("most", [1, 2, 50])
def test_the_first_of_each_group_are_kept_in_order(most):
    corpus = read_corpus(SPEC, LANGS)
    frame = pd.DataFrame({"id": one.id, "group": one.group} for one in corpus.examples)
    expected = frame.groupby("group", sort=False).head(most)["id"]
    assert [one.id for one in first_of_each_group(corpus, most).examples] == list(expected)
    assert 20 == len(frame["group"].unique()) < len(frame)


def test_the_limit_counts_what_is_kept():
    whole = select_items(SPEC, LANGS, per_group=1)
    some = select_items(SPEC, LANGS, per_group=1, limit=7)
    assert some.examples == whole.examples[:7]
    assert len({one.group for one in some.examples}) == 7
    assert select_items(SPEC, LANGS, limit=7) == read_corpus(SPEC, LANGS, limit=7)


@pytest.mark.parametrize("limit", [1, 3, 7, 20, 50])
def test_spread_items_lie_over_the_whole_data(limit):
    """One of each group, the first item among them, labels in turn, no stretch left out; more
    items come after the same first ones.
    """
    corpus = read_corpus(SPEC, LANGS)
    spread = select_items(SPEC, LANGS, limit=limit, spread=True)
    groups = list(dict.fromkeys(one.group for one in corpus.examples))
    places = [groups.index(one.group) for one in spread.examples]
    assert len(set(places)) == len(places) == min(limit, len(groups))
    assert places[0] == 0
    gaps = [after - before for before, after in pairwise([*sorted(places), len(groups)])]
    assert max(gaps) <= 2 * len(groups) / len(places) + 1
    more = select_items(SPEC, LANGS, limit=limit + 3, spread=True)
    assert more.examples[: len(places)] == spread.examples
    labels = Counter(one.label for one in spread.examples)
    if limit >= 3:
        assert max(labels.values()) - min(labels.values()) <= 1


def test_a_spread_study_reads_its_items_again(tmp_path, monkeypatch):
    monkeypatch.setenv("CCTA_CACHE", str(tmp_path))
    asked = {"languages": LANGS, "layers": (11,), "limit": 6, "shuffles": 2, "unrelated": 0}
    study = ccta.run_study("even", SPEC, MODEL, **asked, spread=True)
    assert study.manifest.part_of_data == "all, items spread evenly, one of a group"
    assert provenance(study)["spread"] is True
    kept = examples_of(study)
    (study.folder / "items.arrow").unlink()
    assert examples_of(study) == kept
    with pytest.raises(CctaError, match="spread: true here, false asked for"):
        ccta.run_study("even", SPEC, MODEL, **asked)


def test_contexts_are_cut_of_what_is_kept():
    found = select_items("demo:qa", LANGS, per_group=1, crop=24)
    ids = [one.id for one in select_items("demo:qa", LANGS, per_group=1).examples]
    assert [one.id for one in found.examples] == ids


@pytest.mark.parametrize("wrong", [{"per_group": 0}, {"per_group": 1, "limit": 0}, {"limit": 0}])
def test_nothing_is_no_selection(wrong):
    with pytest.raises(CctaError, match="expected 1 or more"):
        select_items(SPEC, LANGS, **wrong)
    with pytest.raises(CctaError, match="give a limit"):
        select_items(SPEC, LANGS, spread=True)
    with pytest.raises(CctaError):
        first_items(read_corpus(SPEC, LANGS), -1)


def test_a_study_keeps_to_it_and_grows_by_it(tmp_path, monkeypatch):
    monkeypatch.setenv("CCTA_CACHE", str(tmp_path))
    asked = {"languages": LANGS, "layers": (11,), "limit": 18, "shuffles": 2, "unrelated": 0}
    study = ccta.run_study("few", SPEC, MODEL, **asked, per_group=1)
    assert study.manifest.per_group == provenance(study)["per_group"] == 1
    assert study.manifest.part_of_data == "all, 1 of each group at most"
    assert "1 of each group at most" in outline(study.manifest)
    table = study.table()
    assert table["item"].nunique() == table["group"].nunique() == 18
    kept = examples_of(study)
    (study.folder / "items.arrow").unlink()
    assert examples_of(study) == kept
    with pytest.raises(CctaError, match="per_group: 1 here, null asked for"):
        ccta.run_study("few", SPEC, MODEL, **asked)
    wanted = StudyRequest(
        name="few",
        data=SPEC,
        models=[MODEL],
        layers=(11,),
        languages=LANGS,
        config=config_of(study.manifest),
        per_group=1,
    )
    assert create(wanted, extend=True).items == 20


def test_the_command_says_what_it_takes(capsys):
    words = ["--data", SPEC, "--model", MODEL, "--langs", "en,es", "--layers", "11", "--dry-run"]
    assert main(["study", "run", "--name", "few", *words, "--per-group", "1"]) == 0
    assert "few: 20 items (0 left out)" in capsys.readouterr().out
    assert main(["study", "run", "--name", "few", *words, "--per-group", "0"]) == 2
    assert "0 items of a group measure nothing" in capsys.readouterr().err
