"""Studies' rows: those of single comparisons; differences of attribution by hand."""

import json
from dataclasses import replace

import numpy as np
import pytest

import ccta_core as ccta
from ccta_core.config import Config
from ccta_core.corpus.demo import read_demo
from ccta_core.models.frequency import log_frequencies, piece_scores
from ccta_core.study.linked_words import SideWords, differences, pair_unlinked
from ccta_core.study.measure import measure, other_class
from ccta_core.study.storage.schema import NAMES

MODEL = "e5-small/nli-en"
LANGS = ("en", "zh")
CONFIG = Config(shuffles=4, unrelated=1)


@pytest.fixture(scope="module")
def examples():
    return read_demo("nli")[:4]


@pytest.fixture(scope="module")
def rows(model, examples):
    return measure(model, examples, LANGS, [8, 11], CONFIG)


def test_there_is_a_row_for_every_item_pair_and_layer(rows, examples):
    keys = {(r["item"], r["source_lang"], r["target_lang"], r["layer"]) for r in rows}
    assert len(keys) == len(rows) == len(examples) * 2
    assert all(set(row) == set(NAMES) for row in rows)


def test_a_row_is_what_one_comparison_says(model, rows, examples):
    """EMS and the controls without chance; shuffles have a seed of their own in a study."""
    for row in rows[::3]:
        sides = next(e for e in examples if e.id == row["item"]).sentences
        found = ccta.compare(
            model,
            sides[row["source_lang"]],
            sides[row["target_lang"]],
            Config(layer=row["layer"], shuffles=0, unrelated=0, target_class=row["gold"]),
        )
        assert row["ems"] == pytest.approx(found.ems, abs=2e-3)
        assert row["ems_uniform"] == pytest.approx(found.controls.ems_uniform, abs=1e-6)
        assert row["link_spearman"] == pytest.approx(found.controls.link_spearman, abs=0.05)
        assert row["source_predicted"] == found.source.predicted
        assert row["target_probability"] == pytest.approx(
            found.target.prediction[row["gold"]], abs=1e-5
        )


@pytest.mark.parametrize("langs", [("es", "en", "zh"), ("zh", "es")])
def test_without_a_gold_label_all_languages_explain_one_class(model, examples, langs):
    """What is predicted in English, else in the first language, as a pair from there explains."""
    other = examples[0]
    home = "en" if "en" in langs else langs[0]
    # The other side is of another item: without the rule it would explain its own prediction.
    mixed = [
        replace(each, label=None, sentences=other.sentences | {home: each.sentences[home]})
        for each in examples
    ]
    rows = measure(model, mixed, langs, [11], replace(CONFIG, unrelated=0))
    differ = 0
    for row in rows:
        source, target = row["source_lang"], row["target_lang"]
        if home not in (source, target):
            continue
        ends = ("source", "target") if source == home else ("target", "source")
        assert row["target_class"] == row[f"{ends[0]}_predicted"]
        differ += row["source_predicted"] != row["target_predicted"]
        item = next(each for each in mixed if each.id == row["item"])
        found = ccta.compare(
            model, item.sentences[home], item.sentences[target if source == home else source],
            Config(layer=11, shuffles=0, unrelated=0),
        )  # fmt: skip
        assert row["ems"] == pytest.approx(found.ems, abs=2e-3)
    assert differ
    assert {row["gold"] for row in rows} == {None}


def test_chance_comes_from_other_groups_with_the_label(model, examples):
    """By hand: the nearest in length of the chunk's items with the label and another premise."""
    own, other = examples[0], examples[3]
    assert own.label == other.label
    assert own.group != other.group
    (row,) = measure(model, [own, other], ("en", "es"), [11], CONFIG)[:1]
    crossed = replace(own, sentences={"en": own.sentences["en"], "es": other.sentences["es"]})
    (direct,) = measure(model, [crossed], ("en", "es"), [11], replace(CONFIG, unrelated=0))
    assert row["ems_unrelated"] == pytest.approx(direct["ems"], abs=2e-3)
    assert direct["ems_unrelated"] is None


def test_a_chunk_without_strangers_has_no_chance_level(model, examples):
    found = measure(model, examples[:2], ("en", "es"), [11], CONFIG)
    assert {row["ems_unrelated"] for row in found} == {None}


def test_differences_scale_with_the_units(rows):
    """n m is 1 for an average word: differences lie near 1, linked ones below re-paired ones."""
    linked = np.mean([row["linked_difference"] for row in rows])
    apart = np.mean([row["unlinked_difference"] for row in rows])
    assert 0 < linked < apart < 2


def words(texts, frequency=None, mass=None):
    texts = tuple(texts.split())
    mass = np.full(len(texts), 1 / len(texts)) if mass is None else np.array(mass)
    return SideWords(mass, texts, None if frequency is None else np.array(frequency))


def repaired(source, target, links, seed=0):
    found = pair_unlinked(source, target, links, np.random.default_rng(seed))
    return found.tolist()


def test_the_other_word_is_the_nearest_in_frequency():
    """By hand: the two common words change places, and so do the two rare ones."""
    source = words("a b c d")
    target = words("e f g h", [-3.0, -9.0, -3.5, -9.2])
    links = [(at, at) for at in range(4)]
    assert repaired(source, target, links) == [2, 3, 0, 1]
    assert repaired(source, target, links, seed=7) == [2, 3, 0, 1]
    crossed = [(0, 3), (1, 2), (3, 1)]  # e is not linked: it is nobody's partner
    assert sorted(repaired(source, target, crossed)) == [1, 2, 3]


def test_a_word_never_keeps_its_own_partner():
    draw = np.random.default_rng(0)
    for count in range(2, 30):
        common = np.round(draw.normal(-8, 3, count))  # with ties
        target = words(" ".join(f"t{at}" for at in range(count)), common)
        source = words(" ".join(f"s{at}" for at in range(count)))
        columns = draw.permutation(count)
        found = repaired(source, target, list(enumerate(columns)))
        assert sorted(found) == list(range(count))
        assert (found != columns).all()


def test_a_word_of_the_same_form_is_no_unlinked_word():
    """Both "la" translate both "the": the one of the other link would be linked words again."""
    links = [(0, 0), (1, 1), (2, 2), (3, 3)]
    target = words("la casa la puerta", [-3.0, -9.0, -3.0, -9.1])
    found = repaired(words("the house the door"), target, links)
    assert [target.texts[at] == "la" for at in found] == [False, True, False, True]
    two = words("la la", [-3.0, -3.0])
    assert repaired(words("the the"), two, links[:2]) == [1, 0]  # nothing else is left


def test_without_frequencies_words_are_paired_at_random():
    source, target = words("a b c d"), words("e f g h")
    links = [(at, at) for at in range(4)]
    turns = {tuple(repaired(source, target, links, seed)) for seed in range(20)}
    assert turns == {(1, 2, 3, 0), (2, 3, 0, 1), (3, 0, 1, 2)}


def test_differences_by_hand():
    source = words("a b c", mass=[0.5, 0.3, 0.2])
    target = words("d e f", [-2.0, -3.0, -9.0], mass=[0.6, 0.2, 0.2])
    found = differences(source, target, [(0, 0), (1, 1)], np.random.default_rng(0))
    assert found["linked_difference"] == pytest.approx(3 * (0.1 + 0.1) / 2)
    assert found["unlinked_difference"] == pytest.approx(3 * (0.3 + 0.3) / 2)
    alone = differences(source, target, [(0, 0)], np.random.default_rng(0))
    assert set(alone.values()) == {None}


def test_a_words_frequency_is_that_of_its_pieces(model):
    sentence = read_demo("nli")[0].sentences["en"]
    encoded, scores = model.encode(sentence), piece_scores(model)
    found = log_frequencies(model, encoded)
    groups = [group for part in encoded.maps for group in part.members]
    assert len(found) == len(groups)
    pieces = [model.tokenizer.convert_ids_to_tokens(int(encoded.ids[at])) for at in groups[-1]]
    known = dict(json.loads(model.tokenizer.backend_tokenizer.to_str())["model"]["vocab"])
    assert found[-1] == pytest.approx(sum(known[piece] for piece in pieces))
    assert piece_scores(model) is scores  # read once
    assert scores[model.tokenizer.unk_token_id] == scores.min()


def test_a_tokenizer_without_scores_has_no_frequencies(tmp_path):
    from ccta_core.models.load import load_model
    from tests.families import build

    for family in ("bert", "roberta"):
        tiny = load_model(str(build(tmp_path / family, family, "classification")))
        encoded = tiny.encode(read_demo("nli")[0].sentences["en"])
        assert log_frequencies(tiny, encoded) is None
    unigram = load_model(str(build(tmp_path / "xlm-r", "xlm-r", "classification")))
    assert len(piece_scores(unigram)) > 10


def test_the_chance_level_of_the_gain_by_hand(model, examples):
    """Both ways round, of the nearest item with the label and another premise."""
    own, other = examples[0], examples[3]
    many = replace(CONFIG, shuffles=200)
    (row,) = measure(model, [own, other], ("en", "es"), [11], many)[:1]
    gains = []
    for left, right in ((own, other), (other, own)):
        crossed = replace(own, sentences={"en": left.sentences["en"], "es": right.sentences["es"]})
        (direct,) = measure(model, [crossed], ("en", "es"), [11], replace(many, unrelated=0))
        gains.append(direct["gain"])
        assert direct["gain_unrelated"] is None
    assert row["gain_unrelated"] == pytest.approx(np.mean(gains), abs=0.02)


def test_one_item_in_four_is_explained_for_another_class(model, monkeypatch):
    items = read_demo("nli")
    chosen = [item for item in items if other_class(model, item)]
    assert 0.1 * len(items) < len(chosen) < 0.45 * len(items)
    assert all(other_class(model, item) in set(model.labels) - {item.label} for item in chosen)
    asked = [chosen[0], next(item for item in items if item not in chosen)]
    first, second = measure(model, asked, ("en", "es"), [8], replace(CONFIG, shuffles=100))
    assert first["gain_other_class"] is not None
    assert second["gain_other_class"] is None
    # Of the same class it is the gain itself, but for the draws.
    monkeypatch.setattr("ccta_core.study.measure.other_class", lambda _, example: example.label)
    same, _ = measure(model, asked, ("en", "es"), [8], replace(CONFIG, shuffles=100))
    assert same["ems"] == pytest.approx(first["ems"], abs=1e-6)
    assert same["gain_other_class"] == pytest.approx(same["gain"], abs=0.02)
    assert first["gain_other_class"] != pytest.approx(same["gain_other_class"], abs=1e-4)


def test_masses_are_shuffled_within_each_text():
    """Equal masses within a text: nothing can move, so shuffled words differ as linked ones do."""
    texts = ("a", "b", "c", "d")
    left = SideWords(np.array([0.1, 0.1, 0.4, 0.4]), texts, None, np.array([0, 0, 1, 1]))
    right = SideWords(np.array([0.2, 0.2, 0.3, 0.3]), texts, None, np.array([0, 0, 1, 1]))
    links = [(place, place) for place in range(4)]
    found = differences(left, right, links, np.random.default_rng(0))
    assert found["shuffled_difference"] == pytest.approx(found["linked_difference"])
    across = replace(left, segments=None), replace(right, segments=None)
    moved = differences(*across, links, np.random.default_rng(0))
    assert moved["shuffled_difference"] > found["shuffled_difference"] + 0.05
