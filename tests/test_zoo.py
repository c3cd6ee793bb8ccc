"""The shipped models: their cards are whole, their weights are what the cards say, they work."""

import json
import shlex
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from statsmodels.formula.api import ols
from statsmodels.stats.anova import anova_lm

from ccta_core.cli.main import _parser
from ccta_core.corpus.demo import DEMO_PARTS, read_demo
from ccta_core.corpus.formats.flores import read_flores
from ccta_core.corpus.items import Item
from ccta_core.corpus.spec import read_items
from ccta_core.errors import CctaError, DamagedFileError
from ccta_core.evaluation.predict import classes
from ccta_core.evaluation.retrieval import accuracy_at_1, layer_vectors
from ccta_core.evaluation.score import score
from ccta_core.models import embedded
from ccta_core.models.catalog import BACKBONE, SHIPPED, catalog, check_files, find
from ccta_core.models.load import load_backbone, load_model
from ccta_core.training.recipe import recipe_for
from research.documents import model as model_page
from research.documents import zoo as zoo_page
from research.zoo.plan import SERIES, XNLI, plan
from research.zoo.predictions import FILE, demo_sentences, faults, read_predictions, shipped

MODEL = "e5-small/nli-en"
LABELS = ("entailment", "neutral", "contradiction")
ALL = [info.id for info in shipped()]


@pytest.mark.parametrize("model_id", ALL)
def test_every_card_is_whole(model_id):
    info = find(model_id)
    card, metric = info.card, info.card.get("metric", "accuracy")
    assert {"data", "licence", "evaluation", "weaknesses", "training", "sha256"} <= set(card)
    assert card["scores"]
    for found in card["scores"].values():
        assert 0 <= found["low"] <= found[metric] <= found["high"] <= 1
        assert found["n"] > 0
    assert set(card["sha256"]) >= {"adapter_model.safetensors", "language_means.safetensors"}


@pytest.mark.parametrize("model_id", ALL)
def test_every_model_loads_and_says_what_is_stored(model_id):
    """Eight demo items in three languages; all of them: make zoo-check."""
    assert list(faults(find(model_id), items=8, langs=["en", "es", "zh"])) == []


@pytest.mark.parametrize("model_id", ALL)
def test_the_stored_predictions_are_of_the_whole_demo(model_id):
    info = find(model_id)
    stored = read_predictions(info.folder)
    assert {lang: list(items) for lang, items in demo_sentences(info.task).items()} == {
        lang: list(items) for lang, items in stored.items()
    }
    if info.task in ("nli", "paraphrase"):
        said = {label for items in stored.values() for one in items.values() for label in one}
        assert said <= set(info.labels)


def test_the_zoo_is_small():
    assert sum(find(model_id).bytes for model_id in ALL) < 60e6
    assert {find(model_id).task for model_id in ALL} <= set(DEMO_PARTS)


def test_the_plan_has_the_series_with_their_seeds():
    names = [entry.name for entry in plan()]
    assert len(names) == len(set(names))
    for lang in XNLI:
        assert f"nli-xnli-{lang}" in names
    for lang in SERIES:
        assert {f"nli-xnli-{lang}-seed2", f"nli-xnli-{lang}-seed3"} <= set(names)


@pytest.mark.parametrize("entry", plan(), ids=lambda entry: entry.name)
def test_every_documented_command_is_one(entry):
    options = _parser().parse_args(shlex.split(entry.command)[1:])
    assert (options.task, options.seed) == (entry.recipe.task, entry.recipe.seed)
    assert tuple(options.train) == entry.train
    said = recipe_for(
        options.task, seed=options.seed, epochs=options.epochs, rank=options.rank,
        learning_rate=options.learning_rate,
    )  # fmt: skip
    assert said == entry.recipe


@pytest.mark.parametrize("model_id", [name for name in ALL if "nli-xnli" in name])
def test_the_series_was_trained_on_the_same_items(model_id):
    training = find(model_id).card["training"]
    assert training["items"] == 5010
    assert training["items_sha256"] == find(ALL_SERIES[0]).card["training"]["items_sha256"]
    assert training["recipe"] == find(ALL_SERIES[0]).card["training"]["recipe"]


ALL_SERIES = [name for name in ALL if "nli-xnli" in name]


def test_the_strong_english_model():
    card = find(MODEL).card
    assert set(card["scores"]) == set(XNLI)
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


@pytest.mark.parametrize(
    ("model_id", "spec"),
    [
        (MODEL, "xnli#dev"),
        (f"{BACKBONE}/nli-xnli-es", "xnli#dev"),
        (f"{BACKBONE}/paraphrase-en", "pawsx#heldout"),
        (f"{BACKBONE}/qa-en", "xquad#all"),
        (f"{BACKBONE}/ner-en", "panx#dev"),
    ],
)
def test_the_scores_are_the_models(model_id, spec, shared_data):
    """The first items stay near the card's figure for the whole set."""
    if model_id not in catalog():
        pytest.skip(f"{model_id} is not trained yet")
    model, name = load_model(model_id), spec.partition("#")[0]
    metric = model.info.card.get("metric", "accuracy")
    for lang in ("en", "zh"):
        items = read_items(spec.replace(name, f"{name}:{shared_data / name}"), [lang], limit=150)
        found = score(model, items.items)[metric]
        assert abs(found - model.info.card["scores"][lang][metric]) < 0.12


def test_it_reads_the_demo_above_chance(model):
    for lang in ("en", "es", "zh"):
        items = [
            Item(item.id, item.group, lang, *item.sentences[lang].segments, item.label)
            for item in read_demo("nli")
        ]
        said = classes(model, items)
        assert np.mean([one == item.label for one, item in zip(said, items, strict=True)]) > 0.5


def test_the_pages_of_figures_are_made_from_the_cards():
    docs = Path(model_page.__file__).parents[2] / "docs"
    assert (docs / "model.md").read_text("utf-8") == model_page.page()
    assert (docs / "zoo.md").read_text("utf-8") == zoo_page.page()


@pytest.mark.parametrize(("shift", "said"), [(2.0, "differ by more"), (0.0, "are not shown")])
def test_language_is_told_from_run_by_analysis_of_variance(shift, said):
    draw = np.random.default_rng(4)
    means = [list(60 + shift * at + draw.normal(0, 0.5, 3 - at % 2)) for at in range(4)]
    rows = pd.DataFrame([(at, value) for at, own in enumerate(means) for value in own])
    rows.columns = ["language", "mean"]
    fit = ols("mean ~ C(language)", rows).fit()
    table = anova_lm(fit)
    found = zoo_page.language_or_run(means)
    assert f"languages {said}" in found
    assert f"F(3, 6) = {table['F'].iloc[0]:.2f}, p = {table['PR(>F)'].iloc[0]:.2g}" in found
    assert f"{np.sqrt(fit.mse_resid):.2f} points (SD)" in found


def test_a_card_says_what_its_model_did_not_learn():
    """Not above the majority, or one answer to both questions of most contexts."""
    (_, named) = zoo_page.same_answers(shipped())
    for info in shipped():
        scores = info.card["scores"].values()
        majority = np.mean([score.get("majority", 0) for score in scores])
        failed = zoo_page.mean_of(info.card) <= majority or info.id in named
        assert ("did not learn its task" in info.card["weaknesses"]) == failed, info.id


def test_a_model_that_answers_all_questions_alike_is_named(tmp_path):
    """Half of the contexts answered alike is told from none, and from each with its own answer."""
    infos, items = [], read_demo(DEMO_PARTS["qa"])
    for name, share in (("reads", 0.0), ("half", 0.5), ("blind", 1.0)):
        folder = tmp_path / name
        folder.mkdir()
        groups = list(dict.fromkeys(item.group for item in items))
        alike = set(groups[: round(share * len(groups))])
        said = {item.id: {item.group if item.group in alike else item.id: 0.5} for item in items}
        (folder / FILE).write_text(json.dumps({"en": said, "de": said}), encoding="utf-8")
        infos.append(replace(find("e5-small/qa-en"), id=f"a/{name}", folder=folder))
    shares, named = zoo_page.same_answers(infos)
    assert "reads 0%, half 50%, blind 100%" in shares
    assert "question: a/half, a/blind." in named
    assert list(zoo_page.same_answers(infos[:1]))[1:] == []


def test_retrieval_by_the_backbone(shared_data):
    backbone, tokenizer = load_backbone()
    texts = {
        lang: read_flores(shared_data / "flores200", lang)[:250] for lang in ("en", "es", "zh")
    }
    vectors = {
        lang: layer_vectors(backbone, tokenizer, own, prefix=embedded.RETRIEVAL_PREFIX)[-1]
        for lang, own in texts.items()
    }
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


def test_other_predictions_than_stored_are_noticed(own_models):
    info = catalog()["mine/nli"]
    assert list(faults(info, items=2, langs=["en"])) == []
    stored = (own_models / FILE).read_text("utf-8")
    (own_models / FILE).write_text(stored.replace("contradiction", "entailment"), "utf-8")
    assert any("other predictions" in line for line in faults(info, items=8, langs=["en"]))
    (own_models / FILE).unlink()
    assert any("can't be read" in line for line in faults(info))


def test_no_xnli_premise_is_in_the_training_data(shared_data):
    """Of the strong English model: MultiNLI pieces and TaxiNLI."""

    def premises(spec):
        name = spec.partition("#")[0]
        folder = {"mnli": "mnli_subset", "taxinli": "nli_en/taxinli"}.get(name, name)
        found = read_items(spec.replace(name, f"{name}:{shared_data / folder}"), ["en"])
        return {item.text.strip().rstrip(".!?").casefold() for item in found.items}

    assert not (premises("mnli") | premises("taxinli")) & premises("xnli#dev")
