"""Every family with every head: loaded from disk, and its attributions against independent ones.

Two references, neither of which knows how this project injects activations: Captum, where one
module's output is the layer (`MODULES`), and plain autograd through the whole model with a forward
hook that replaces one call's output, for every family (ALBERT calls one module for every layer, XLM
has no module for a layer and masks in place, DeBERTa's layers return tuples).
"""

import itertools
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from captum.attr import LayerIntegratedGradients
from torch.utils.flop_counter import FlopCounterMode

from ccta_core.attribution.integrated_gradients import layer_integrated_gradients
from ccta_core.attribution.protocol import Request
from ccta_core.attribution.readings import read
from ccta_core.config import Config, Quadrature
from ccta_core.errors import CctaError
from ccta_core.models.heads import Target, head_logits
from ccta_core.models.load import load_model
from ccta_core.types import Sentence
from tests.families import FAMILIES, HEADS, TAGS, build

POINTS = 12
PAIR = Sentence("The ferry was cancelled.", "en", "Ahmed baked bread.")
ROWS = (PAIR, Sentence("渡轮取消了。", "zh", "艾哈迈德烤面包。"), Sentence("Паром 🙂 ушёл.", "ru"))
TARGETS = {
    "classification": Target(((0, 2),)),
    "qa": Target(((2, 0), (4, 1)), rivals="positions"),
    "ner": Target(((1, 1), (3, 4))),
}
# The module whose output is hidden_states[0], and the list of layers (None: no such list).
MODULES = {
    "bert": ("bert.embeddings", "bert.encoder.layer"),
    "roberta": ("roberta.embeddings", "roberta.encoder.layer"),
    "xlm-r": ("roberta.embeddings", "roberta.encoder.layer"),
    "distilbert": ("distilbert.embeddings", "distilbert.transformer.layer"),
    "electra": ("electra.embeddings", "electra.encoder.layer"),
    "electra-narrow": ("electra.embeddings_project", "electra.encoder.layer"),
    "deberta-v3": ("deberta.embeddings", "deberta.encoder.layer"),
    "deberta-v2-conv": ("deberta.embeddings", "deberta.encoder.layer"),
    "modernbert": ("model.embeddings", "model.layers"),
    "modernbert-mean": ("model.embeddings", "model.layers"),
    "albert": ("albert.encoder.embedding_hidden_mapping_in", None),
    "albert-groups": ("albert.embeddings", None),
    "xlm": ("transformer.layer_norm_emb", "transformer.layer_norm2"),
}
EVERY = list(itertools.product(FAMILIES, HEADS))
CAPTUM = [
    (family, head, layer)
    for family, head in EVERY
    for layer in range(3)
    if MODULES[family][1] and family != "xlm" and not family.startswith("deberta")
]


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """The models are tiny: more threads only wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder, found = tmp_path_factory.mktemp("families"), {}

    def get(family, head):
        if (family, head) not in found:
            found[family, head] = load_model(str(build(folder / f"{family}-{head}", family, head)))
        return found[family, head]

    return get


def scores(model, sentences, head, layer):
    """Ours, at fixed points. One (tokens,) array a sentence."""
    encoded = [model.encode(sentence) for sentence in sentences]
    readings = read(model, encoded, [layer])
    requests = [
        Request(one, reading.states[layer], TARGETS[head])
        for one, reading in zip(encoded, readings, strict=True)
    ]
    config = Config(layer=layer, quadrature=Quadrature(rule="gauss", points=POINTS))
    return [found.scores for found in layer_integrated_gradients(model, requests, config)]


def objective(output, head):
    logits = head_logits(output)
    return sum(logits[:, place, column] for place, column in TARGETS[head].places)


def ends(model, sentence):
    """The inputs of one sentence and of its PAD baseline; mask, positions, types are the same."""
    encoded = model.encode(sentence)
    inputs = model.inputs([encoded])
    blank = torch.where(encoded.special, encoded.ids, model.tokenizer.pad_token_id)[None]
    return inputs, {**inputs, "input_ids": blank}


def module_at(model, family, layer):
    """The module, and which of its calls, whose output is hidden_states[layer]."""
    first, stack = MODULES[family]
    if layer == 0:
        return model.hf_model.get_submodule(first), 0
    if family == "deberta-v2-conv" and layer == 1:
        return model.hf_model.get_submodule("deberta.encoder.conv"), 0
    if family == "albert":
        return model.hf_model.get_submodule("albert.encoder.albert_layer_groups.0"), layer - 1
    if family == "albert-groups":  # three groups of two layers, each group called once
        group, inner = divmod(layer - 1, 2)
        name = f"albert.encoder.albert_layer_groups.{group}.albert_layers.{inner}"
        return model.hf_model.get_submodule(name), 0
    return model.hf_model.get_submodule(stack)[layer - 1], 0


def hooked(model, family, layer, inputs, replacement=None):
    """The whole model's output, and what its layer's call returned (or was made to return)."""
    module, wanted = module_at(model, family, layer)
    calls, seen = itertools.count(), []

    def hook(_module, _given, output):
        if next(calls) != wanted:
            return None
        state = output[0] if isinstance(output, tuple) else output
        seen.append(state.detach().clone())
        if replacement is None:
            return None
        new = replacement.clone()  # XLM masks in place
        return (new, *output[1:]) if isinstance(output, tuple) else new

    handle = module.register_forward_hook(hook)
    try:
        return model.hf_model(**inputs), seen[0]
    finally:
        handle.remove()


def reference(model, family, head, layer, sentence):
    """Integrated gradients through the whole model, point by point."""
    real, blank = ends(model, sentence)
    start, end = (hooked(model, family, layer, inputs)[1] for inputs in (blank, real))
    nodes, weights = np.polynomial.legendre.leggauss(POINTS)
    total = torch.zeros_like(end)
    for node, weight in zip((nodes + 1) / 2, weights / 2, strict=True):
        state = (start + node * (end - start)).float().requires_grad_()
        output, _ = hooked(model, family, layer, real, state)
        (slope,) = torch.autograd.grad(objective(output, head).sum(), state)
        total += weight * slope
    return (total * (end - start)).sum(-1)[0].numpy()


def by_captum(model, family, head, layer, sentence):
    real, blank = ends(model, sentence)
    others = {name: tensor for name, tensor in real.items() if name != "input_ids"}

    def forward(ids):
        rows = {name: tensor.expand(len(ids), -1) for name, tensor in others.items()}
        return objective(model.hf_model(input_ids=ids, **rows), head)

    lig = LayerIntegratedGradients(forward, module_at(model, family, layer)[0])
    found = lig.attribute(
        real["input_ids"],
        baselines=blank["input_ids"],
        n_steps=POINTS,
        method="gausslegendre",
    )
    found = found[0] if isinstance(found, tuple) else found
    return found.sum(-1)[0].detach().numpy()


@pytest.mark.parametrize(("family", "head"), EVERY)
def test_the_layers_above_give_the_whole_models_logits(models, family, head):
    """At every layer, in a batch with padding; and every layer passed is a layer less to run."""
    model = models(family, head)
    rows = [model.encode(sentence) for sentence in ROWS]
    inputs = model.inputs(rows)
    with torch.no_grad():
        full = model.hf_model(**inputs, output_hidden_states=True)
        expected, work = head_logits(full), []
        for layer, states in enumerate(full.hidden_states):
            with FlopCounterMode(display=False) as counter:
                found = model.layer_suffix(layer)(states, inputs)
            work.append(counter.get_total_flops())
            for row, one in enumerate(rows):
                kept = slice(0, one.length)
                torch.testing.assert_close(
                    found[row, kept], expected[row, kept], atol=1e-5, rtol=1e-5
                )
    assert len(work) == model.depth + 1 >= 4
    steps = -np.diff(work)
    assert (steps > 0).all()
    assert work[-1] < steps.min()  # at the last layer nothing but the head is left


@pytest.mark.parametrize(("family", "head"), EVERY)
def test_scores_equal_autograd_through_the_whole_model(models, family, head):
    model = models(family, head)
    for layer in model.info.layers:
        ours = scores(model, [PAIR], head, layer)[0]
        theirs = reference(model, family, head, layer, PAIR)
        np.testing.assert_allclose(ours, theirs, atol=1e-4 * np.abs(theirs).max())
        assert np.abs(theirs).max() > 1e-4


@pytest.mark.parametrize(("family", "head", "layer"), CAPTUM)
def test_scores_equal_captums(models, family, head, layer):
    model = models(family, head)
    ours = scores(model, [PAIR], head, layer)[0]
    theirs = by_captum(model, family, head, layer, PAIR)
    np.testing.assert_allclose(ours, theirs, atol=1e-4 * np.abs(theirs).max())


@pytest.mark.parametrize(("family", "head"), EVERY)
def test_a_batch_equals_its_singles(models, family, head):
    """Whatever the padding: rows of very different lengths, in one batch and each alone."""
    model = models(family, head)
    for layer in (0, model.info.layers[-1]):
        together = scores(model, ROWS, head, layer)
        for sentence, found in zip(ROWS, together, strict=True):
            alone = scores(model, [sentence], head, layer)[0]
            np.testing.assert_allclose(found, alone, atol=1e-5 * max(1, np.abs(alone).max()))


@pytest.mark.parametrize("family", ["bert", "albert", "albert-groups", "xlm", "deberta-v2-conv"])
def test_threads_share_a_view(models, family):
    """Layers, rows and threads mixed: what one run injects, another never sees."""
    model = models(family, "ner")
    jobs = []
    for sentence, layer in itertools.product(ROWS, range(model.depth + 1)):
        inputs = model.inputs([model.encode(sentence)])
        with torch.no_grad():
            full = model.hf_model(**inputs, output_hidden_states=True)
        jobs.append((layer, full.hidden_states[layer], inputs, head_logits(full)))

    def slope(job):
        layer, states, inputs, _ = job
        states = states.clone().requires_grad_()
        logits = model.layer_suffix(layer)(states, inputs)
        return logits.detach(), torch.autograd.grad(logits.sum(), states)[0]

    expected = [slope(job) for job in jobs]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(slope, jobs * 4))
    for at, (logits, slopes) in enumerate(found):
        torch.testing.assert_close(logits, jobs[at % len(jobs)][3], atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(slopes, expected[at % len(jobs)][1], atol=1e-5, rtol=1e-5)


def test_the_last_layer_is_offered_where_words_reach_the_head(models):
    """One token reaches a classifier; a mean, spans and tags read them all."""
    assert models("bert", "classification").info.layers == (0, 1, 2)
    assert models("albert-groups", "classification").info.layers == tuple(range(6))
    assert models("modernbert-mean", "classification").info.layers == (0, 1, 2, 3)
    assert (
        models("distilbert", "qa").info.layers == models("xlm", "ner").info.layers == (0, 1, 2, 3)
    )
    with pytest.raises(CctaError, match="layer 3 is the last one"):
        models("modernbert", "classification").check_layer(3)
    models("modernbert-mean", "classification").check_layer(3)


def test_the_last_hidden_state_is_the_one_before_a_final_norm(models):
    model = models("modernbert", "ner")
    one = model.encode(PAIR)
    state = read(model, [one], [3])[0].states[3]
    with torch.no_grad():
        after = model.hf_model.model(**model.inputs([one])).last_hidden_state[0]
        torch.testing.assert_close(model.hf_model.model.final_norm(state), after)
        assert not torch.allclose(state, after, atol=1e-2)


@pytest.mark.parametrize(("family", "first"), [("roberta", 2), ("xlm-r", 2), ("bert", None)])
def test_a_pad_in_the_text_moves_no_position(models, family, first):
    """RoBERTa counts positions from the ids: the real input's are given, and so is the limit."""
    model = models(family, "ner")
    inputs = model.inputs([model.encode(PAIR)])
    assert model.max_tokens == 66 - (first or 0)
    if first is None:
        assert "position_ids" not in inputs
    else:
        length = inputs["input_ids"].shape[1]
        assert inputs["position_ids"].tolist() == [list(range(first, first + length))]


def test_token_types_are_given_where_they_mean_something(models):
    given = {family for family in FAMILIES if _types(models(family, "ner")) is not None}
    assert given == {"bert", "electra", "electra-narrow", "albert", "albert-groups"}
    assert set(_types(models("albert", "ner")).flatten().tolist()) == {0, 1}


def _types(model):
    return model.inputs([model.encode(PAIR)]).get("token_type_ids")


def test_xlm_that_averages_over_padding_reads_rows_of_one_length(tmp_path):
    """Its mean takes the padding in: such a batch would give other logits, so it is refused."""
    folder = build(tmp_path / "mean", "xlm", "classification", summary_type="mean")
    model = load_model(str(folder))
    rows = [model.encode(sentence) for sentence in ROWS]
    assert model.even_only
    assert model.info.layers == (0, 1, 2, 3)
    model.inputs([rows[0], rows[0]])
    with pytest.raises(AssertionError, match="one length"):
        model.inputs(rows)


@pytest.mark.parametrize("family", ["bert", "roberta", "xlm-r", "modernbert", "deberta-v3", "xlm"])
def test_units_are_whole_in_every_tokenizer(models, family):
    """Spaced words and Chinese graphemes, also where a character is several tokens of bytes."""
    model = models(family, "ner")
    spaced = model.encode(Sentence("Ahmed 🙂 wasn’t  ferry‑bound: пёк.", "en"))
    assert [unit.text for unit in spaced.maps[0].units] == [
        "Ahmed", "🙂", "wasn’t", "ferry‑bound:", "пёк.",
    ]  # fmt: skip
    text = "渡轮👩‍👩‍👧取消了。ก็"
    unspaced = model.encode(Sentence(text, "zh"))
    assert "".join(unit.text for unit in unspaced.maps[0].units) == text
    assert any("👩‍👩‍👧" in unit.text for unit in unspaced.maps[0].units)
    members = [token for group in unspaced.maps[0].members for token in group]
    assert sorted(members) == (~unspaced.special).nonzero().flatten().tolist()


@pytest.mark.parametrize("family", FAMILIES)
def test_what_is_too_long_is_cut_to_what_the_model_holds(models, family):
    model = models(family, "ner")
    long = model.encode(Sentence("The ferry left. " * 60, "en", "Ahmed baked bread. " * 60))
    assert long.truncated
    assert long.length == model.max_tokens
    with torch.no_grad():
        assert model.hf_model(**model.inputs([long])).logits.isfinite().all()


def test_tags_keep_their_case(models):
    assert models("bert", "ner").labels == TAGS
    assert models("bert", "ner").info.task == "ner"
    assert models("bert", "qa").labels == ("start", "end")
    assert models("bert", "classification").info.task == "nli"
