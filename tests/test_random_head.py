"""A randomly initialised head: the encoder stays, the head does not, and nothing is mixed up."""

import pytest
import torch

import ccta_core as ccta
from ccta_core.cli import main
from ccta_core.corpus.spec import read_corpus
from ccta_core.errors import CctaError
from ccta_core.models.catalog import (
    Randomised,
    catalog,
    find,
    split_twin,
    twin_info,
    twin_revision,
)
from ccta_core.models.load import load_model
from ccta_core.models.randomisation import head_modules, initialise
from ccta_core.study.manifest import folder_of, read_manifest, with_twin
from ccta_core.study.run import local
from ccta_core.types import Sentence
from tests.families import FAMILIES, HEADS, build
from tests.heads import tiny
from tests.made_study import manifest_of

RANDOM_HEAD = Randomised().suffix

MODEL = "e5-small/nli-en"
TWIN = MODEL + RANDOM_HEAD


def weights(model):
    return {name: tensor.clone() for name, tensor in model.hf_model.state_dict().items()}


def changed(before, after):
    return {name for name, tensor in before.items() if not torch.equal(tensor, after[name])}


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("head", HEADS)
def test_the_head_changes_and_the_encoder_stays(tmp_path, family, head):
    """Of a folder on disk, of every family with every head; what changed is all of the head."""
    folder = str(build(tmp_path / family, family, head))
    trained, twin = load_model(folder), load_model(folder + RANDOM_HEAD)
    inside = {
        name
        for name, _ in trained.hf_model.named_parameters()
        if name.startswith(trained.hf_model.base_model_prefix + ".") and ".pooler." not in name
    }
    moved = changed(weights(trained), weights(twin))
    assert moved
    assert not moved & inside
    drawn = {
        name
        for name, tensor in trained.hf_model.named_parameters()
        if name not in inside and tensor.ndim > 1
    }
    assert drawn <= moved
    assert twin.id == folder + RANDOM_HEAD
    assert twin.revision != trained.revision


def test_the_seed_is_fixed_and_the_callers_draws_go_on():
    one, other = tiny("paraphrase"), tiny("paraphrase")
    torch.manual_seed(1)
    initialise(one.hf_model, Randomised())
    after = torch.rand(3)
    torch.manual_seed(2)
    initialise(other.hf_model, Randomised())
    assert not changed(weights(one), weights(other))
    torch.manual_seed(1)
    assert torch.equal(torch.rand(3), after)


def test_a_head_that_can_not_be_told_or_drawn_is_refused(monkeypatch):
    model = tiny("qa")
    monkeypatch.setattr(type(model.hf_model), "_init_weights", lambda self, module: None)
    with pytest.raises(CctaError, match="can't be made random"):
        initialise(model.hf_model, Randomised())
    assert list(head_modules(model.hf_model.base_model)) == []
    with pytest.raises(CctaError, match="can't be made random"):
        initialise(model.hf_model.base_model, Randomised())


def test_the_twin_is_found_but_not_listed(capsys):
    info = find(TWIN)
    assert TWIN not in catalog()
    assert (info.training_language, info.task) == (None, "nli")
    assert info.revision != find(MODEL).revision
    assert "scores" not in info.card
    assert info == twin_info(find(MODEL), Randomised())
    assert main(["models", "info", TWIN]) == 0
    assert "head initialised at random" in capsys.readouterr().out
    assert main(["models", "list"]) == 0
    assert RANDOM_HEAD not in capsys.readouterr().out
    for wrong in ("none" + RANDOM_HEAD, "e5-small" + RANDOM_HEAD, TWIN + RANDOM_HEAD):
        with pytest.raises(CctaError, match="unknown model"):
            find(wrong)


def test_the_embedded_models_twin_compares_and_says_what_it_is(model):
    twin = load_model(TWIN)
    assert twin.info == find(TWIN)
    moved = changed(weights(model), weights(twin))
    assert moved == {
        "bert.pooler.dense.weight", "bert.pooler.dense.bias", "classifier.weight", "classifier.bias"
    }  # fmt: skip
    sides = (
        Sentence("It rains.", "en", "It is wet."),
        Sentence("Llueve.", "es", "Está mojado."),
    )
    settings = ccta.Config(layer=11, shuffles=0, unrelated=0, target_class="entailment")
    own, random = (ccta.compare_cached(one, *sides, settings) for one in (model, twin))
    assert own.controls.ems_uniform == pytest.approx(random.controls.ems_uniform)
    assert own.ems != random.ems  # its cache is another
    assert any("random" in notice for notice in random.notices)


def test_items_the_encoder_has_seen_are_refused_for_the_twin_too():
    from dataclasses import replace

    corpus = replace(read_corpus("demo:nli", ["en", "es"]), source="xnli", split="test")
    info = find("e5-small/nli-xnli-es" + RANDOM_HEAD)
    with pytest.raises(CctaError, match="allow items that a model was trained on"):
        manifest_of("x", "xnli#test", corpus, [info], [8])


def test_a_study_has_one_twin():
    models = [find(MODEL), find("e5-small/nli-xnli-es")]
    assert [info.id for info in with_twin(models)] == [MODEL, "e5-small/nli-xnli-es", TWIN]
    assert with_twin(with_twin(models)) == with_twin(models)


def test_the_option_adds_the_twin_to_a_study(monkeypatch):
    monkeypatch.setattr(local, "run", lambda name, **settings: None)
    words = ["--model", MODEL, "--data", "demo:nli", "--langs", "en,es", "--limit", "3"]
    given = ["--layers", "11", "--random-head", "--workers", "1"]
    assert main(["study", "run", "--name", "twins", *words, *given]) == 0
    manifest = read_manifest(folder_of("twins"))
    assert [one["id"] for one in manifest.models] == [MODEL, TWIN]
    assert (manifest.models[1]["training_language"], manifest.models[1]["seed"]) == (None, None)


def test_a_study_with_a_twin_runs_from_python():
    study = ccta.run_study(
        "twins", "demo:nli", MODEL, layers=(11,), languages=("en", "es"), limit=3, random_head=True,
        shuffles=2, unrelated=0, report=lambda progress: None,
    )  # fmt: skip
    table = study.table()
    assert set(table.model) == {MODEL, TWIN}
    assert table[table.model == TWIN].training_language.isna().all()
    one, other = (
        table[table.model == name].set_index(["item", "source_lang"]) for name in (MODEL, TWIN)
    )
    assert (one.ems_uniform - other.ems_uniform).abs().max() < 1e-6
    assert (one.ems - other.ems).abs().max() > 1e-3
    with pytest.raises(CctaError, match="expected local or ray"):
        ccta.run_study("twins", "demo:nli", MODEL, engine="spark")


@pytest.mark.parametrize("drawn", [
    Randomised(), Randomised(3), Randomised(layer=9), Randomised(12, 1)
])  # fmt: skip
def test_an_id_says_what_is_random(drawn):
    assert split_twin("a/b" + drawn.suffix) == ("a/b", drawn)
    assert find(MODEL + drawn.suffix).revision == twin_revision(find(MODEL).revision, drawn)


@pytest.mark.parametrize("wrong", ["~random-head-0", "~random-from-0", "~random-from-x", "~random"])
def test_another_ending_is_no_twins(wrong):
    assert split_twin(MODEL + wrong) == (MODEL + wrong, None)
    with pytest.raises(CctaError, match="unknown model"):
        find(MODEL + wrong)


def test_layers_become_random_from_the_head_downwards(tmp_path):
    """The cascade leaves what lies below alone; its head is that of the twin with a random head."""
    folder = str(build(tmp_path / "bert", "bert", "classification"))
    trained, head, other = (
        load_model(folder + end) for end in ("", RANDOM_HEAD, RANDOM_HEAD + "-4")
    )
    depth = trained.depth
    cascade = load_model(f"{folder}~random-from-{depth}")
    moved = changed(weights(trained), weights(cascade))
    top = f".layer.{depth - 1}."
    assert {name for name in moved if ".layer." in name}
    assert all(top in name for name in moved if ".layer." in name)
    assert not any("embeddings" in name for name in moved)
    assert not {name for name in changed(weights(head), weights(cascade)) if top not in name}
    assert changed(weights(head), weights(other))
    with pytest.raises(CctaError, match=f"from layer {depth + 1} up: it has layers 1 to {depth}"):
        load_model(f"{folder}~random-from-{depth + 1}")
