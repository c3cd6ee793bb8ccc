"""Training: every task learns, a killed run gives the same weights, bad input gets one line."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from ccta_core.corpus.demo import read_demo
from ccta_core.corpus.items import Item
from ccta_core.errors import CctaError
from ccta_core.evaluation.predict import answers, classes, tags
from ccta_core.models.catalog import find
from ccta_core.models.load import load_model
from ccta_core.training.finish import keeps_items, make_loadable, score_card
from ccta_core.training.fit import Data, fit, labels_of
from ccta_core.training.learner import learner
from ccta_core.training.recipe import Recipe, recipe_for
from ccta_core.training.rows import encode, token_span

PLACES = ("Lisbon", "Cairo", "Quito", "Oslo", "Hanoi", "Accra")
PEOPLE = ("Marta", "Ahmed", "Yuki", "Omar", "Lena", "Priya")


def items_of(task, count=24):
    """Easy items of a task, made up on the spot."""
    made = []
    for at in range(count):
        person, place = PEOPLE[at % 6], PLACES[at // 2 % 6]
        text = f"{person} lives in {place}."
        if task == "qa":
            start = text.index(place)
            question = f"Where does {person} live?"
            made.append(
                Item(f"i{at}", f"g{at}", "en", question, text, None, ((start, start + len(place)),))
            )
        elif task == "ner":
            words = [person, "lives", "in", place]
            line, spans, start = " ".join(words), [], 0
            for word in words:
                spans.append((start, start + len(word)))
                start += len(word) + 1
            made.append(
                Item(
                    f"i{at}",
                    f"g{at}",
                    "en",
                    line,
                    words=tuple(spans),
                    tags=("B-PER", "O", "O", "B-LOC"),
                )
            )
        elif task == "nli":
            label = ("entailment", "contradiction")[at % 2]
            made.append(
                Item(
                    f"i{at}",
                    f"g{at}",
                    "en",
                    text,
                    f"{person} {('lives', 'never lived')[at % 2]} in {place}.",
                    label,
                )
            )
        else:
            label = ("paraphrase", "different")[at % 2]
            made.append(
                Item(
                    f"i{at}",
                    f"g{at}",
                    "en",
                    text,
                    text if at % 2 == 0 else f"{place} lives in {person}.",
                    label,
                )
            )
    return tuple(made)


def quick(task, **changes):
    settings = {"epochs": 4, "batch_size": 8, "checkpoint_every": 3, "learning_rate": 2e-3}
    return recipe_for(task, **{**settings, **changes})


@pytest.mark.parametrize("task", ["nli", "paraphrase", "qa", "ner"])
def test_the_loss_falls_and_the_folder_loads(task, tmp_path):
    items, lines = items_of(task), []
    facts = fit(Data(items, spec=("made:up",)), quick(task), tmp_path, report=lines.append)
    losses = [loss for _, loss in facts["losses"]]
    assert losses[-1] < 0.8 * losses[0]
    assert "min left" in lines[-1]
    model = make_loadable(tmp_path, facts, {"en": ["A ferry left."], "es": ["Un barco salió."]})
    assert model.info.task == task
    assert model.id == str(tmp_path)
    card = score_card(tmp_path, model, {"en": items}, report=lines.append)
    metric = card["metric"]
    assert (
        card["scores"]["en"]["low"] <= card["scores"]["en"][metric] <= card["scores"]["en"]["high"]
    )
    assert card["scores"]["en"][metric] > 0.5  # it has seen these very items
    assert keeps_items(tmp_path, "en", items)
    assert keeps_items(tmp_path, "es", items) is None
    # As many items under the same ids that say something else are scored anew.
    others = [replace(item, text=item.text + " Today.") for item in items]
    assert keeps_items(tmp_path, "en", others) is False
    score_card(tmp_path, model, {"en": others}, report=lines.append)
    assert keeps_items(tmp_path, "en", others)


def test_a_killed_run_gives_the_same_weights(tmp_path, monkeypatch):
    items, recipe = items_of("nli"), quick("nli", epochs=2)
    fit(Data(items), recipe, tmp_path / "whole", report=lambda line: None)

    class Killed(BaseException):
        pass

    def killer(line):
        if line.startswith("step 3/"):
            raise Killed

    with pytest.raises(Killed):
        fit(Data(items), recipe, tmp_path / "killed", report=killer)
    fit(Data(items), recipe, tmp_path / "killed", report=lambda line: None)
    whole, killed = (
        load_file(tmp_path / name / "adapter_model.safetensors") for name in ("whole", "killed")
    )
    assert whole.keys() == killed.keys()
    for name in whole:
        assert torch.equal(whole[name], killed[name]), name


def test_early_stopping_keeps_the_best_epoch(tmp_path):
    """Items whose labels contradict the training labels: the dev loss only rises."""
    items = items_of("nli")
    other = {"entailment": "contradiction", "contradiction": "entailment"}
    wrong = tuple(replace(item, label=other[item.label]) for item in items)
    recipe = quick("nli", epochs=6, patience=2)
    facts = fit(Data(items, dev=wrong), recipe, tmp_path, report=lambda line: None)
    best = int(np.argmin(facts["dev_losses"]))
    assert facts["stopped_early"]
    assert len(facts["dev_losses"]) == best + 3
    assert facts["steps"] == len(facts["dev_losses"]) * 3


def test_full_fine_tuning_writes_a_model_that_loads(tmp_path):
    recipe = quick("nli", rank=0, epochs=3, checkpoint_every=1)
    assert recipe.learning_rate == 2e-3
    assert recipe_for("nli", rank=0).learning_rate == 5e-5
    items = items_of("nli", 8)
    facts = fit(
        Data(items), replace(recipe, learning_rate=5e-4), tmp_path, report=lambda line: None
    )
    assert facts["losses"][-1][1] < facts["losses"][0][1]
    (tmp_path / "checkpoint.pt").unlink()
    model = load_model(str(tmp_path))
    assert set(classes(model, items)) <= set(model.labels)


def test_an_adapter_is_the_start_of_another_task():
    start = find("e5-small/nli-en").folder
    model, _ = learner(quick("paraphrase"), ("different", "paraphrase"), start=start)
    fresh, _ = learner(quick("paraphrase"), ("different", "paraphrase"))
    found, shipped = dict(model.named_parameters()), load_file(start / "adapter_model.safetensors")
    name = "base_model.model.bert.encoder.layer.3.output.dense.lora_B"
    assert torch.equal(found[f"{name}.default.weight"].float(), shipped[f"{name}.weight"].float())
    head = "base_model.model.classifier.modules_to_save.default.weight"
    assert torch.equal(found[head], dict(fresh.named_parameters())[head])
    with pytest.raises(CctaError, match="another shape"):
        learner(quick("paraphrase", rank=4), ("different", "paraphrase"), start=start)


def test_rows_hold_the_answers_tokens():
    _, tokenizer = learner(quick("qa"), ("start", "end"))
    items = items_of("qa")
    rows = encode(tokenizer, items, ("start", "end"), quick("qa"))
    for item, ids, (first, last) in zip(items, rows.ids, rows.targets, strict=True):
        start, end = item.answers[0]
        assert tokenizer.decode(ids[first : last + 1]).strip(" .") == item.text2[start:end]
    assert rows.lost == 0


def test_answers_outside_every_window_are_counted():
    _, tokenizer = learner(quick("qa"), ("start", "end"))
    text = "word " * 60
    long = Item("long", "g", "en", "What?", text.strip(), answers=((0, 290),))
    rows = encode(
        tokenizer, [*items_of("qa", 2), long], ("start", "end"), quick("qa", max_tokens=32)
    )
    assert rows.lost == 1
    with pytest.raises(CctaError, match="raise max_tokens"):
        encode(tokenizer, [long], ("start", "end"), quick("qa", max_tokens=32))


def test_token_spans():
    spans = [None, (0, 3), (3, 7), (8, 10), None]
    assert token_span(spans, (0, 3)) == (1, 1)
    assert token_span(spans, (2, 9)) == (1, 3)
    assert token_span(spans, (9, 12)) is None
    assert token_span(spans, (20, 22)) is None


def test_a_batch_is_padded_and_ordered():
    _, tokenizer = learner(quick("ner"), ("O", "B-LOC", "B-PER"))
    rows = encode(tokenizer, items_of("ner"), ("O", "B-LOC", "B-PER"), quick("ner"))
    batch = rows.tensors(np.array([0, 1, 2]))
    assert batch["input_ids"].shape == batch["attention_mask"].shape == batch["labels"].shape
    assert (batch["labels"][batch["attention_mask"] == 0] == -100).all()
    assert sorted(np.concatenate(rows.shuffled(5, seed=1))) == list(range(len(rows)))
    assert [b.tolist() for b in rows.shuffled(5, seed=1)] == [
        b.tolist() for b in rows.shuffled(5, seed=1)
    ]


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"task": "poetry"}, "unknown task"),
        ({"epochs": 0}, "epochs is 0"),
        ({"learning_rate": -1.0}, "learning_rate"),
        ({"rank": 999}, "rank is 999"),
        ({"max_tokens": 4}, "max_tokens"),
    ],
)
def test_a_recipe_that_cannot_be_trained_is_refused(changes, line):
    with pytest.raises(CctaError, match=line):
        Recipe(**changes)


@pytest.mark.parametrize(
    ("task", "item", "line"),
    [
        ("nli", Item("a", "a", "en", "One text."), "two texts and a label"),
        ("nli", Item("a", "a", "en", "One.", "Two.", "maybe"), "found label 'maybe'"),
        ("qa", Item("a", "a", "en", "Where?", "Here."), "no answer marked"),
        ("ner", Item("a", "a", "en", "Oslo."), "found no words"),
    ],
)
def test_items_without_gold_are_refused(task, item, line):
    _, tokenizer = learner(quick(task), ("entailment", "contradiction"))
    with pytest.raises(CctaError, match=line):
        encode(tokenizer, [item], ("entailment", "contradiction"), quick(task))


def test_labels_are_the_tasks_own_or_the_datas():
    assert labels_of("nli", items_of("nli")) == ("entailment", "neutral", "contradiction")
    assert labels_of("ner", items_of("ner")) == ("O", "B-LOC", "B-PER")
    with pytest.raises(CctaError, match="expected at least 2"):
        labels_of("ner", items_of("nli"))


def test_a_checkpoint_of_another_recipe_is_refused(tmp_path):
    items = items_of("nli")
    fit(Data(items), quick("nli", epochs=1), tmp_path, report=lambda line: None)
    with pytest.raises(CctaError, match="another recipe"):
        fit(Data(items), quick("nli", epochs=2), tmp_path, report=lambda line: None)
    (tmp_path / "checkpoint.pt").write_bytes(b"torn")
    with pytest.raises(CctaError, match="can't be read"):
        fit(Data(items), quick("nli", epochs=1), tmp_path, report=lambda line: None)


def flipped(items):
    other = {"entailment": "contradiction", "contradiction": "entailment"}
    return tuple(replace(item, label=other[item.label]) for item in items)


def test_a_checkpoint_of_other_data_or_another_start_is_refused(tmp_path):
    """Labels that were corrected are other data, though texts, ids and steps are the same."""
    items, recipe = items_of("nli", 8), quick("nli", epochs=1)
    fit(Data(items), recipe, tmp_path / "made", report=lambda line: None)
    kept = (tmp_path / "made" / "adapter_model.safetensors").read_bytes()
    for data in (Data(flipped(items)), Data(items, dev=items)):
        with pytest.raises(CctaError, match=r"other data .*different: (rows|dev)\)"):
            fit(data, recipe, tmp_path / "made", report=lambda line: None)
    start = find("e5-small/nli-xnli-es")
    with pytest.raises(CctaError, match=r"another start \(different: start\)"):
        fit(Data(items), recipe, tmp_path / "made", start=start, report=lambda line: None)
    assert (tmp_path / "made" / "adapter_model.safetensors").read_bytes() == kept
    fit(Data(items), recipe, tmp_path / "made", report=lambda line: None)  # its own: goes on


def test_a_folder_that_is_a_file_is_one_line(tmp_path):
    (tmp_path / "file").write_text("", "utf-8")
    with pytest.raises(CctaError, match="can't be a model's folder"):
        fit(Data(items_of("nli", 8)), quick("nli"), tmp_path / "file", report=lambda line: None)


def test_predictions_of_a_list_are_those_of_single_items(model):
    items = [
        Item(one.id, one.group, lang, *one.sentences[lang].segments, one.label)
        for one in read_demo("nli")[:6]
        for lang in ("en", "zh")
    ]
    assert classes(model, items) == [classes(model, [item])[0] for item in items]


def test_tags_and_answers_of_a_list_are_those_of_single_items(tmp_path):
    for task, predict in (("qa", answers), ("ner", tags)):
        items, folder = items_of(task, 8), tmp_path / task
        facts = fit(Data(items), quick(task, epochs=1), folder, report=lambda line: None)
        model = make_loadable(folder, facts, {"en": ["A ferry left."]})
        assert predict(model, items) == [predict(model, [item])[0] for item in items]
        assert json.loads((folder / "card.json").read_text())["metric"] == "f1"
