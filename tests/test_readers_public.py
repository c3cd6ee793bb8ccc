"""The public data sets have the counts that their README says; all else is left out aloud."""

import os
import re
from collections import Counter

import pytest

from ccta_core.corpus.spec import read_corpus, read_items, scan
from ccta_core.types import Sentence

XNLI = ("ar", "bg", "de", "el", "en", "es", "fr", "hi", "ru", "sw", "th", "tr", "ur", "vi", "zh")


@pytest.fixture
def named(shared_data, tmp_path, monkeypatch):
    """A name without a folder is looked for in ../shared/data."""
    (tmp_path / "shared").mkdir()
    (tmp_path / "root").mkdir()
    os.symlink(shared_data.resolve(), tmp_path / "shared" / "data")
    monkeypatch.chdir(tmp_path / "root")
    return shared_data


@pytest.mark.parametrize(
    ("spec", "langs", "each"),
    [
        ("xnli#dev", None, dict.fromkeys(XNLI, 2490)),
        ("xnli#dev", ["ko"], {"ko": 2490}),
        ("xnli#test", ["en", "el", "ur"], {"en": 5010, "el": 5010, "ur": 5010}),
        ("mnli", None, {"en": 20_000}),
        ("mnli#train", None, {"en": 10_000}),
        ("taxinli", None, {"en": 10_071}),
        ("cad", None, {"en": 8330}),
        ("sick", None, {"en": 9927}),
        ("med", None, {"en": 5382}),
        ("nyu", None, {"en": 15_103}),
        ("mrpc#train", None, {"en": 4076}),
        ("mrpc#test", None, {"en": 1725}),
        ("squad#outside-xquad", None, {"en": 9380}),
        ("xquad", ["en", "tr", "zh"], {"en": 1190, "tr": 1190, "zh": 1190}),
        (
            "mlqa",
            None,
            {"ar": 517, "de": 512, "en": 1148, "es": 500, "hi": 507, "vi": 511, "zh": 504},
        ),
        ("mlqa#question-es", None, {"en": 500, "es": 500}),
        ("panx#train", ["hi"], {"hi": 5000}),
        ("panx#dev", ["sw", "zh"], {"sw": 1000, "zh": 10_000}),
        ("flores", ["en", "th"], {"en": 1012, "th": 1012}),
        ("tatoeba", ["en", "ka"], {"en": 746, "ka": 746}),
        ("pud", ["en", "ko"], {"en": 1000, "ko": 1000}),
    ],
)
def test_counts_are_the_readmes(named, spec, langs, each):
    found = read_items(spec, langs)
    assert Counter(item.lang for item in found.items) == each
    assert found.left_out == ()


@pytest.mark.parametrize(("split", "left_out"), [("dev", 187), ("test", 155)])
def test_pawsx_has_2000_pairs_with_those_that_were_not_translated(named, split, left_out):
    found = read_items(f"pawsx#{split}")
    counts = Counter(item.lang for item in found.items)
    counts.update(row.place[len(split) + 1 :][:2] for row in found.left_out)
    assert set(counts.values()) == {2000}
    assert len(found.left_out) == left_out
    assert not [
        row for row in read_corpus(f"pawsx#{split}").left_out if row.reason.startswith("labels")
    ]


def test_pawsx_parts_for_training_share_no_sentence(named):
    def sentences(split):
        items = read_items(f"pawsx#{split}", ["en"]).items
        return {item.id for item in items}, {
            " ".join(sorted(re.findall(r"\w+", text.casefold())))
            for item in items
            for text in (item.text, item.text2)
        }

    (train, learned), (heldout, asked) = sentences("train"), sentences("heldout")
    assert not learned & asked
    assert not train & heldout
    assert {id_.partition("-")[0] for id_ in heldout} == {"dev"}
    assert min(len(train), len(heldout)) > 500


def test_xnli_has_three_rows_a_premise_in_every_language(named):
    corpus = read_corpus("xnli#dev")
    assert len(corpus.examples) == 2490
    assert set(Counter(item.group for item in corpus.examples).values()) == {3}
    assert len(corpus.repaired) == 7
    for item in corpus.examples:
        for sentence in item.sentences.values():
            assert isinstance(sentence, Sentence)


def test_nothing_that_is_trained_on_is_in_xquad_or_its_heldout_part(named):
    heldout = {item.id for item in read_corpus("xquad#heldout", ["en", "es"]).examples}
    train = {item.id for item in read_corpus("xquad#train", ["en", "es"]).examples}
    assert (len(heldout), len(train), heldout & train) == (285, 905, set())
    outside = {item.id for item in read_items("squad").items}
    assert not outside & (heldout | train)


def test_the_english_sets_share_no_pair_and_no_premise_with_xnli(named):
    found = read_items("nli_en")
    assert len(found.items) + len(found.left_out) == 20_000 + 10_071 + 8330 + 9927 + 5382 + 15_103
    assert {row.reason for row in found.left_out} == {"the same pair stands in it already"}


def test_wikiann_repairs_are_counted_and_answers_are_whole(named):
    assert len(scan("panx#dev", ["zh"]).repaired) == 476
    hindi = scan("mlqa", ["hi"])
    assert [row.reason for row in hindi.repaired] == ["an answer was widened to whole characters"]
    for item in scan("xquad", ["hi"]).reading.items:
        Sentence(item.text, item.lang, item.text2, focus=item.answers)
