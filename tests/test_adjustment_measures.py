"""Measures of an adjustment against brute force, scipy and the definitions."""

from dataclasses import fields

import numpy as np
import pytest
from pyarrow.parquet import read_table
from scipy.stats import mannwhitneyu

from ccta_core.adjustment.links import LinkedPair
from ccta_core.adjustment.measures import (
    TABLES,
    anisotropy,
    auc_difference,
    link_distances,
    measures_folder,
    read_links,
    summarise,
    word_retrieval,
)
from ccta_core.adjustment.probe import Distances
from ccta_core.adjustment.run import run
from ccta_core.adjustment.words import Words
from ccta_core.cli import main
from ccta_core.errors import CctaError
from ccta_core.evaluation.retrieval import accuracy_at_1, mexa, sentence_means
from tests.test_adjustment import quiet, settings_of, tiny, write_pairs  # noqa: F401 - fixtures


def made_pairs(draw, count=12, width=6):
    """Linked pairs with states in which links are near each other."""
    linked, foreign, english = [], [], []
    for _ in range(count):
        words = int(draw.integers(3, 7))
        texts = tuple(f"w{n}" for n in range(words))
        ids = tuple((n,) for n in range(words))
        order = draw.permutation(words)
        links = tuple((int(i), int(order[i])) for i in range(words - 1))
        linked.append(LinkedPair(Words(texts, ids), Words(texts, ids), links))
        left = draw.normal(size=(words, width))
        right = np.empty_like(left)
        right[order] = left + draw.normal(size=left.shape)
        foreign.append(left)
        english.append(right)
    return linked, foreign, english


@pytest.fixture
def made():
    return made_pairs(np.random.default_rng(5))


def test_auc_is_mann_whitneys_u(made):
    for values in link_distances(*made).values():
        found = summarise(values, draws=200)
        u = mannwhitneyu(values.unrelated, values.related).statistic
        assert found["auc"] == pytest.approx(u / len(values.related) ** 2)
        assert found["auc_low"] <= found["auc"] <= found["auc_high"]
        gap = values.unrelated - values.related
        assert found["below_zero"] == pytest.approx(np.mean(gap < 0))
        assert found["gap"] == pytest.approx(found["unrelated"] - found["related"])
        assert found["links"] == sum(found["histogram_related"]) == sum(found["histogram_gap"])


def test_overlap_is_one_for_equal_distances_and_zero_for_apart():
    sentence = np.repeat(np.arange(20), 5)
    values = np.random.default_rng(1).random(100)
    equal = summarise(Distances(values, values, sentence, words_of(sentence)), draws=100)
    apart = summarise(Distances(values, values + 5, sentence, words_of(sentence)), draws=100)
    assert equal["overlap"] == pytest.approx(1)
    assert equal["auc"] == pytest.approx(0.5)
    assert apart["overlap"] == 0
    assert apart["auc"] == 1
    assert apart["below_zero"] == 0


def test_the_interval_draws_whole_sentences():
    """Links of a sentence that are all alike say no more than one of them does."""
    draw = np.random.default_rng(2)
    related, unrelated = draw.normal(0, 1, 30), draw.normal(0.7, 1, 30)
    once = np.arange(30)
    alone = summarise(Distances(related, unrelated, once, words_of(once)), draws=2000)
    copies = [np.repeat(values, 6) for values in (related, unrelated, once)]
    repeated = summarise(Distances(*copies, words=words_of(copies[2])), draws=2000)
    assert repeated["auc"] == pytest.approx(alone["auc"])
    widths = [row["auc_high"] - row["auc_low"] for row in (alone, repeated)]
    assert widths[1] == pytest.approx(widths[0], rel=0.1)


def test_forgetting_is_the_difference_of_two_aucs_on_the_same_links(made):
    linked, foreign, english = made
    before = link_distances(linked, foreign, english)["cosine"]
    noise = np.random.default_rng(3)
    moved = [states + noise.normal(scale=2, size=states.shape) for states in english]
    after = link_distances(linked, foreign, moved)["cosine"]
    found = auc_difference(before, after, draws=400)
    expected = summarise(before, draws=10)["auc"] - summarise(after, draws=10)["auc"]
    assert found["difference"] == pytest.approx(expected)
    assert found["low"] <= found["difference"] <= found["high"]
    nothing = auc_difference(before, before, draws=100)
    assert nothing["difference"] == 0


def test_links_that_only_one_model_has_are_left_out(made):
    """Rounding turns a link on another processor; another text is refused."""
    linked, foreign, english = made
    before = link_distances(linked, foreign, english)["cosine"]
    after = link_distances(linked, english, foreign)["cosine"]
    count = len(before.sentence)
    without = np.delete(np.arange(count), count // 2)
    found = auc_difference(before, part_of(after, without), draws=100)
    shared = [summarise(part_of(each, without), draws=10)["auc"] for each in (before, after)]
    assert found["difference"] == pytest.approx(shared[0] - shared[1])
    assert found["links"] == count - 1
    half = part_of(before, np.arange(count // 2))
    with pytest.raises(CctaError, match=f"only {count // 2} of {count} and {count // 2} links"):
        auc_difference(before, half)


def part_of(values, kept):
    return Distances(*(getattr(values, field.name)[kept] for field in fields(Distances)))


def words_of(sentence):
    """A link a word, in order."""
    return np.column_stack([np.arange(len(sentence))] * 2)


def test_csls_is_brute_force_over_linked_words(made):
    linked, foreign, english = made
    left = np.concatenate([foreign[n][[i for i, _ in p.links]] for n, p in enumerate(linked)])
    right = np.concatenate([english[n][[j for _, j in p.links]] for n, p in enumerate(linked)])
    unit = [side / np.linalg.norm(side, axis=1, keepdims=True) for side in (left, right)]
    hits = [0, 0]
    cosine = unit[0] @ unit[1].T
    r_left, r_right = np.sort(cosine, 1)[:, -10:].mean(1), np.sort(cosine, 0)[-10:].mean(0)
    for i in range(len(left)):
        for side, matrix in enumerate((cosine, cosine.T)):
            near = (r_right, r_left)[side]
            hits[side] += np.argmax(2 * matrix[i] - near) == i
    found = word_retrieval(linked, foreign, english)
    assert found["pool"] == len(left)
    assert found["csls_to_english"] == pytest.approx(hits[0] / len(left))
    assert found["csls_from_english"] == pytest.approx(hits[1] / len(left))
    # Vectors of any length: each is divided by its own norm.
    longer = [states * (1 + np.arange(len(states)))[:, None] for states in foreign]
    assert word_retrieval(linked, longer, english) == found


def test_anisotropy_is_the_mean_cosine_of_two_rows():
    vectors = np.random.default_rng(4).normal(1, 1, (9, 5))
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    every = [units[a] @ units[b] for a in range(9) for b in range(9) if a != b]
    assert anisotropy(vectors) == pytest.approx(np.mean(every))
    assert anisotropy(np.ones((4, 3))) == pytest.approx(1)
    assert np.isnan(anisotropy(np.ones((1, 3))))


def test_a_model_is_measured_into_four_tables(tiny, tmp_path, capsys):  # noqa: F811
    spec = write_pairs(tmp_path)
    words = ["adjust", "measure", "--model", str(tiny), "--lang", "es", "--parallel", spec]
    assert main([*words, "--sentences", spec]) == 0
    assert "AUC" in capsys.readouterr().err
    folder = measures_folder(str(tiny), "es")
    tables = {name: read_table(folder / f"{name}.parquet").to_pylist() for name in TABLES}
    assert {row["layer"] for row in tables["distances"]} == {0, 1, 2, 3}
    assert {row["distance"] for row in tables["distances"]} == {"cosine", "l2"}
    last = next(r for r in tables["distances"] if r["layer"] == 3 and r["distance"] == "cosine")
    links = read_links(str(tiny), "es", 3, "cosine")
    assert summarise(links)["auc"] == pytest.approx(last["auc"], abs=1e-6)
    assert {row["specials"] for row in tables["sentences"]} == {True, False}
    assert min(row["mexa"] for row in tables["sentences"]) >= 0
    with pytest.raises(CctaError, match="was not measured in hi"):
        read_links(str(tiny), "hi", 3, "cosine")


def test_pairs_that_were_learnt_are_not_measured_on(tiny, tmp_path, capsys):  # noqa: F811
    """A run that held out fewer pairs learnt from some that others hold out."""
    spec = write_pairs(tmp_path)
    run(settings_of(tiny, spec, held=4), report=quiet)
    words = ["adjust", "measure", "--model", "adjusted/made", "--lang", "es", "--parallel", spec]
    capsys.readouterr()
    assert main(words) == 2
    error = capsys.readouterr().err.strip().split("\n")[-1]
    assert "made learnt from" in error
    assert "--held 4" in error
    assert main([*words, "--held", "4"]) == 0
    assert main([*words, "--eval", "demo:nli"]) == 2
    assert "give both or neither" in capsys.readouterr().err


def test_sentence_rows_agree_with_the_definitions(tiny):  # noqa: F811
    from ccta_core.models.load import load_backbone

    encoder, tokenizer = load_backbone(str(tiny))
    texts = ["The ferry left.", "Ahmed baked bread in the village.", "storm"]
    means = sentence_means(encoder, tokenizer, texts)
    for row, text in enumerate(texts):
        encoded = tokenizer(text, return_tensors="pt", return_special_tokens_mask=True)
        inner = ~encoded.pop("special_tokens_mask")[0].bool()
        states = encoder(**encoded, output_hidden_states=True).hidden_states
        for layer, state in enumerate(states):
            state = state[0].detach().numpy()
            np.testing.assert_allclose(means.with_specials[layer, row], state.mean(0), atol=1e-5)
            plain = state[inner.numpy()].mean(0)
            np.testing.assert_allclose(means.without_specials[layer, row], plain, atol=1e-5)
    vectors = np.random.default_rng(6).normal(size=(2, 7, 4))
    unit = vectors / np.linalg.norm(vectors, axis=2, keepdims=True)
    cosine = unit[0] @ unit[1].T
    beats = [
        all(cosine[i, i] > cosine[i, j] and cosine[i, i] > cosine[j, i]
            for j in range(7) if j != i)
        for i in range(7)
    ]  # fmt: skip
    assert mexa(*vectors) == pytest.approx(np.mean(beats))
    assert accuracy_at_1(*vectors) == pytest.approx(np.mean(cosine.argmax(1) == np.arange(7)))
