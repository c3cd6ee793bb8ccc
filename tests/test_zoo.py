"""The shipped models: their cards are whole, their weights are what the cards say, they work."""

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from ccta_core.corpus.demo import read_demo
from ccta_core.corpus.flores import read_flores
from ccta_core.corpus.nli import LABELS, LabelledPair, read_mnli_pieces, read_xnli, unique
from ccta_core.errors import CctaError, DamagedFileError
from ccta_core.models import embedded
from ccta_core.models.catalog import SHIPPED, catalog, check_files, find
from ccta_core.models.load import load_backbone, load_model
from ccta_core.zoo import tables
from ccta_core.zoo.batches import PairBatches
from ccta_core.zoo.evaluate import XNLI_LANGUAGES, clustered_interval, predictions, xnli_accuracy
from ccta_core.zoo.recipe import Recipe
from ccta_core.zoo.retrieval import accuracy_at_1, sentence_vectors
from ccta_core.zoo.train import classifier, train

MODEL = "e5-small/nli-en"


def test_the_card_is_whole():
    card = find(MODEL).card
    assert set(card["scores"]) == set(XNLI_LANGUAGES)
    for score in card["scores"].values():
        assert score["low"] <= score["accuracy"] <= score["high"]
        assert score["n"] == 2490
    nine = [
        card["scores"][lang]["accuracy"]
        for lang in ["en", "fr", "es", "de", "ru", "zh", "hi", "sw", "ur"]
    ]
    assert np.mean(nine) >= 0.62
    assert find(MODEL).align_layer == int(
        np.argmin(np.mean(list(card["aer_by_layer"].values()), axis=0))
    )


def test_the_files_are_what_the_card_says():
    check_files(find(MODEL))
    assert find(MODEL).bytes < 6e6


def test_the_scores_are_the_models(model, shared_data):
    """The first 300 rows of XNLI dev stay near the card's full-set figure."""
    for lang in ("en", "es", "zh"):
        found = xnli_accuracy(model, shared_data, lang, limit=300)["accuracy"]
        assert abs(found - model.info.card["scores"][lang]["accuracy"]) < 0.08


def test_it_reads_the_demo_above_chance(model):
    for lang in ("en", "es", "zh"):
        pairs = [
            LabelledPair(*item.sentences[lang].segments, item.label) for item in read_demo("nli")
        ]
        gold = np.array([LABELS.index(pair.label) for pair in pairs])
        assert (predictions(model, pairs) == gold).mean() > 0.5


def test_the_page_of_figures_is_made_from_the_cards():
    written = (Path(tables.__file__).parents[2] / "docs" / "model.md").read_text("utf-8")
    assert written == tables.page()


def test_retrieval_by_the_backbone(shared_data):
    backbone, tokenizer = load_backbone()
    texts = {
        lang: read_flores(shared_data / "flores200", lang)[:250] for lang in ("en", "es", "zh")
    }
    vectors = {lang: sentence_vectors(backbone, tokenizer, own) for lang, own in texts.items()}
    for lang in ("es", "zh"):
        assert accuracy_at_1(vectors[lang], vectors["en"]) > 0.9


@pytest.fixture
def own_models(tmp_path, monkeypatch):
    """A cache folder with a copy of the shipped adapter under another name."""
    monkeypatch.setenv("CCTA_CACHE", str(tmp_path))
    folder = tmp_path / "models" / "mine" / "nli"
    shutil.copytree(SHIPPED / MODEL, folder)
    return folder


def test_an_adapter_is_found_by_dropping_its_folder_in(own_models):
    assert "mine/nli" in catalog()
    assert load_model("mine/nli").labels == LABELS


def test_changed_weights_are_noticed(own_models):
    weights = own_models / "adapter_model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    with pytest.raises(DamagedFileError, match="adapter_model"):
        load_model("mine/nli")


def test_missing_weights_are_noticed(own_models):
    (own_models / "adapter_model.safetensors").unlink()
    with pytest.raises(DamagedFileError, match="can't be read"):
        load_model("mine/nli")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"task": "nli"}'])
def test_a_broken_card_is_left_out(own_models, text):
    (own_models / "card.json").write_text(text)
    assert "mine/nli" not in catalog()


def test_a_local_transformers_folder_is_loaded(tmp_path):
    """What comes from a hub comes as such a folder; tested on a tiny random BERT."""
    from transformers import BertConfig, BertForSequenceClassification

    config = BertConfig(
        vocab_size=250_037, hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=32, num_labels=3, id2label=dict(enumerate(LABELS)), pad_token_id=1,
    )  # fmt: skip
    torch.manual_seed(0)
    BertForSequenceClassification(config).save_pretrained(tmp_path / "tiny")
    embedded.load_tokenizer(embedded.locate()).save_pretrained(tmp_path / "tiny")
    import ccta_core as ccta

    model = load_model(str(tmp_path / "tiny"))
    assert model.info.task == "nli"
    result = ccta.compare(
        model,
        ccta.Sentence("A ferry left.", "en", "It stayed."),
        ccta.Sentence("Un ferry salió.", "es", "Se quedó."),
        ccta.Config(shuffles=3, unrelated=0),
    )
    assert -1 <= result.ems <= 1
    assert any("No language mean" in notice for notice in result.notices)
    assert result.space == "none"


def test_a_folder_without_a_head_is_refused(tmp_path):
    from transformers import BertConfig, BertModel

    config = BertConfig(vocab_size=50, hidden_size=8, num_hidden_layers=1, num_attention_heads=1)
    BertModel(config).save_pretrained(tmp_path / "bare")
    with pytest.raises(CctaError, match="no sequence classification head"):
        load_model(str(tmp_path / "bare"))


def tiny_batches(tokenizer, count=32):
    pairs = [
        LabelledPair(
            f"There are {n} cats.", f"There are {n if n % 2 else n + 1} cats.", LABELS[(n % 2) * 2]
        )
        for n in range(count)
    ]
    return PairBatches(tokenizer, pairs, 32)


def test_training_lowers_the_loss_and_a_killed_run_goes_on_where_it_was(tmp_path):
    path = embedded.locate()
    batches = tiny_batches(embedded.load_tokenizer(path), 16)
    recipe = Recipe(epochs=2, batch_size=4, checkpoint_every=4, bfloat16=False, dropout=0.0)
    whole = classifier(path, recipe)
    before = loss_of(whole, batches)
    train(whole, batches, recipe, checkpoint=tmp_path / "whole.pt")
    assert loss_of(whole, batches) < before

    class Killed(Exception):
        pass

    class Dying(PairBatches):
        def __init__(self, other):
            self.__dict__.update(other.__dict__)
            self.calls = 0

        def tensors(self, indices):
            self.calls += 1
            if self.calls == 6:
                raise Killed
            return super().tensors(indices)

    half = classifier(path, recipe)
    with pytest.raises(Killed):
        train(half, Dying(batches), recipe, checkpoint=tmp_path / "half.pt")
    again = classifier(path, recipe)
    train(again, batches, recipe, checkpoint=tmp_path / "half.pt")
    for name, weight in again.named_parameters():
        if weight.requires_grad:
            torch.testing.assert_close(weight, dict(whole.named_parameters())[name])


def test_a_checkpoint_of_another_recipe_is_refused(tmp_path):
    path = embedded.locate()
    batches = tiny_batches(embedded.load_tokenizer(path), 8)
    recipe = Recipe(epochs=1, batch_size=4, checkpoint_every=1)
    model = classifier(path, recipe)
    train(model, batches, recipe, checkpoint=tmp_path / "x.pt")
    other = dataclasses.replace(recipe, seed=2)
    with pytest.raises(ValueError, match="another recipe"):
        train(model, batches, other, checkpoint=tmp_path / "x.pt")


def loss_of(model, batches):
    model.eval()
    with torch.inference_mode():
        return float(model(**batches.tensors(np.arange(len(batches)))).loss)


def test_batches_hold_every_pair_once_and_follow_the_seed():
    batches = tiny_batches(embedded.load_tokenizer(embedded.locate()), 30)
    for order in (batches.shuffled(8, seed=3), batches.by_length(8)):
        assert sorted(np.concatenate(order).tolist()) == list(range(30))
    same = [np.concatenate(batches.shuffled(8, seed=3)).tolist() for _ in range(2)]
    assert same[0] == same[1]


def test_the_interval_respects_groups():
    """Whole groups agree, so 100 rows of 10 groups are as uncertain as 10 rows."""
    right = np.repeat([1.0, 0.0], 50)
    by_group = clustered_interval(right, [f"g{row // 10}" for row in range(100)])
    by_row = clustered_interval(right, [f"g{row}" for row in range(100)])
    assert by_group[1] - by_group[0] > 2 * (by_row[1] - by_row[0])


def test_readers_of_nli_files(shared_data, tmp_path):
    assert len(read_xnli(shared_data / "xnli", "dev", "sw")) == 2490
    pieces = read_mnli_pieces(shared_data / "mnli_subset")
    assert len(pieces) == len(unique(pieces)) > 16_000
    (tmp_path / "dev-en.tsv").write_text("a\tb\tneutral\na\tb\n")
    with pytest.raises(CctaError, match=r"dev-en\.tsv:2"):
        read_xnli(tmp_path, "dev", "en")
    (tmp_path / "dev-en.tsv").write_text("a\tb\tmaybe\n")
    with pytest.raises(CctaError, match="unknown label 'maybe'"):
        read_xnli(tmp_path, "dev", "en")


def test_no_xnli_premise_is_in_the_training_data(shared_data):
    from ccta_core.zoo.train_nli import training_pairs

    trained = {
        pair.premise.strip().rstrip(".!?").casefold()
        for pair in training_pairs(shared_data, seed=1)
    }
    held_out = {
        pair.premise.strip().rstrip(".!?").casefold()
        for pair in read_xnli(shared_data / "xnli", "dev", "en")
    }
    assert not trained & held_out
    assert (
        json.loads((SHIPPED / MODEL / "card.json").read_text("utf-8"))["training"]["pairs"] > 20_000
    )
