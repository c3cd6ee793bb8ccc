"""Folders as people have them: what loads, and one clear line for each thing that can be wrong."""

import json
import os
import pickle
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import (
    BertConfig,
    BertForMaskedLM,
    BertModel,
    GPT2Config,
    GPT2ForSequenceClassification,
    GPT2LMHeadModel,
    T5Config,
    T5ForConditionalGeneration,
    XLMConfig,
    XLMForQuestionAnswering,
)

from ccta_core.errors import CctaError, DamagedFileError, ModelUnavailableError
from ccta_core.models import embedded
from ccta_core.models.adapter import merge
from ccta_core.models.catalog import find
from ccta_core.models.load import load_model
from ccta_core.types import Sentence
from tests.families import build, tokenizer_of

PAIR = Sentence("The ferry was cancelled.", "en", "Ahmed baked bread.")
TINY = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1, "intermediate_size": 8}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return build(tmp_path_factory.mktemp("load") / "bert", "bert", "classification")


@pytest.fixture
def folder(whole, tmp_path):
    """A copy to spoil."""
    return shutil.copytree(whole, tmp_path / "copy")


def settings(folder, **changes):
    path = folder / "config.json"
    found = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps({**found, **changes}), "utf-8")


def refused(folder, match, kind=CctaError):
    with pytest.raises(kind, match=match) as caught:
        load_model(str(folder))
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


def logits(model):
    with torch.no_grad():
        return model.hf_model(**model.inputs([model.encode(PAIR)])).logits


def same(one, other):
    torch.testing.assert_close(logits(one), logits(other))
    state = other.hf_model.state_dict()
    assert all(torch.equal(t, state[name]) for name, t in one.hf_model.state_dict().items())


def pickled(folder):
    """The folder with its weights in a pytorch_model.bin."""
    state = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    torch.save(state, folder / "pytorch_model.bin")
    return state


def test_older_weights_load_with_a_notice(whole, folder, caplog):
    pickled(folder)
    model = load_model(str(folder))
    same(model, load_model(str(whole)))
    assert len(model.notices) == 1
    assert "weights_only" in model.notices[0]
    assert [record.getMessage() for record in caplog.records] == list(model.notices)
    assert load_model(str(whole)).notices == ()


def test_older_weights_in_parts(whole, folder):
    state = pickled(folder)
    (folder / "pytorch_model.bin").unlink()
    names = sorted(state)
    parts = {"a.bin": names[::2], "b.bin": names[1::2]}
    for part, chosen in parts.items():
        torch.save({name: state[name] for name in chosen}, folder / part)
    table = {name: part for part, chosen in parts.items() for name in chosen}
    index = folder / "pytorch_model.bin.index.json"
    index.write_text(json.dumps({"weight_map": table}), "utf-8")
    same(load_model(str(folder)), load_model(str(whole)))
    (folder / "b.bin").unlink()
    refused(folder, "names b.bin, which is not there", DamagedFileError)
    index.write_text("[]", "utf-8")
    refused(folder, "is not an index", DamagedFileError)


class Malicious:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (os.system, (f"touch {self.path}",))


@pytest.mark.parametrize("by", ["torch", "pickle"])
def test_a_pickle_with_code_is_not_run(folder, tmp_path, by):
    state, victim = pickled(folder), tmp_path / "victim"
    bad = {**state, "bert.extra": Malicious(victim)}
    if by == "torch":
        torch.save(bad, folder / "pytorch_model.bin")
    else:
        (folder / "pytorch_model.bin").write_bytes(pickle.dumps(bad, protocol=2))
    refused(folder, "more than tensors and was not run")
    assert not victim.exists()
    pickle.loads(pickle.dumps(Malicious(victim)))
    assert victim.exists()  # it would have


def test_a_pickle_of_something_else(folder):
    pickled(folder)
    torch.save([torch.zeros(2)], folder / "pytorch_model.bin")
    refused(folder, "is not a table of named tensors")
    (folder / "pytorch_model.bin").write_bytes(b"")
    refused(folder, "is not a whole PyTorch checkpoint", DamagedFileError)


def test_code_in_the_configuration_is_never_run(folder, tmp_path):
    settings(folder, auto_map={"AutoConfig": "evil.Config", "AutoModel": "evil.Model"})
    (folder / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')", "utf-8")
    refused(folder, "Python code of its own")
    assert not (tmp_path / "ran").exists()


def save(model, folder, tokenizer="wordpiece"):
    model.save_pretrained(folder)
    tokenizer_of(tokenizer).save_pretrained(folder)
    return folder


GPT2 = {"vocab_size": 200, "n_embd": 8, "n_layer": 1, "n_head": 1}
T5 = {"vocab_size": 200, "d_model": 8, "d_kv": 8, "d_ff": 8, "num_layers": 1, "num_heads": 1}


@pytest.mark.parametrize(
    ("model", "match"),
    [
        (lambda: GPT2LMHeadModel(GPT2Config(**GPT2)), "generative model .GPT2LMHeadModel"),
        (lambda: GPT2ForSequenceClassification(GPT2Config(**GPT2)), "decoder or a generative"),
        (lambda: T5ForConditionalGeneration(T5Config(**T5)), "generative model .T5For"),
        (lambda: BertForMaskedLM(BertConfig(vocab_size=200, **TINY)), "no sequence classification"),
        (lambda: BertModel(BertConfig(vocab_size=200, **TINY)), "no sequence .* .BertModel"),
        (
            lambda: XLMForQuestionAnswering(
                XLMConfig(vocab_size=300, emb_dim=8, n_layers=1, n_heads=1)
            ),
            "by beam.*XLMForQuestionAnsweringSimple works",
        ),
    ],
)
def test_a_model_of_another_kind_is_named(tmp_path, model, match):
    refused(save(model(), tmp_path / "other"), match)


def test_a_head_that_is_not_in_the_checkpoint_is_not_made_up(folder):
    """A configuration that names a head, the weights of another: no random numbers."""
    settings(folder, architectures=["BertForTokenClassification"])
    state = load_file(folder / "model.safetensors")
    kept = {name: value for name, value in state.items() if "classifier" not in name}
    save_file(kept, folder / "model.safetensors", metadata={"format": "pt"})
    refused(folder, "lacks classifier.bias, classifier.weight.*random numbers")


def test_weights_of_another_size(folder):
    settings(folder, hidden_size=32)
    refused(folder, "do not fit config.json", DamagedFileError)


@pytest.mark.parametrize("size", [0, 5, 3000])
def test_damaged_safetensors(folder, size):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:size])
    refused(folder, "model.safetensors is not whole", DamagedFileError)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("{", "config.json is not JSON"),
        ("[]", "holds no settings"),
        ("{}", "describes no model"),
        ('{"model_type": "nosuch"}', "describes no model"),
        ('{"model_type": "bert"}', "config.json names no architecture"),
    ],
)
def test_a_broken_configuration(folder, text, match):
    (folder / "config.json").write_text(text, "utf-8")
    refused(folder, match)


def test_a_setting_of_another_type_is_one_line(folder):
    settings(folder, initializer_range=24)
    refused(folder, "config.json describes no model.*initializer_range")


def test_what_is_missing_from_a_folder_is_named(folder, tmp_path):
    (folder / "tokenizer.json").write_text("{", "utf-8")
    refused(folder, "tokenizer can't be loaded.*tokenizer.json")
    (folder / "tokenizer.json").write_text("{}", "utf-8")
    refused(folder, "tokenizer can't be loaded.*tokenizer.json")
    (folder / "model.safetensors").unlink()
    tokenizer_of("wordpiece").save_pretrained(folder)
    refused(folder, "no weights that can be read; expected model.safetensors")
    (folder / "config.json").unlink()
    refused(folder, "neither a whole local folder", ModelUnavailableError)
    with pytest.raises(ModelUnavailableError, match="check the name and the network"):
        load_model("nobody/no-such-model")


def test_xlm_needs_a_tokenizer_with_offsets(tmp_path):
    """transformers' own XLM tokenizer gives none; a saved tokenizer.json does."""
    folder = build(tmp_path / "xlm", "xlm", "classification")
    assert load_model(str(folder)).encode(PAIR).maps[0].units[1].text == "ferry"
    vocabulary = tokenizer_of("xlm").get_vocab()
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).unlink()
    (folder / "vocab.json").write_text(json.dumps(vocabulary), "utf-8")
    (folder / "merges.txt").write_text("#version: 0.2\n", "utf-8")
    refused(folder, "tokenizer.json .PreTrainedTokenizerFast. saved beside the weights works")


def test_labels_nobody_named_stay_generic(folder):
    settings(folder, id2label={str(n): f"LABEL_{n}" for n in range(3)})
    model = load_model(str(folder))
    assert model.labels == ("LABEL_0", "LABEL_1", "LABEL_2")
    assert model.info.task == "classification"


def test_a_half_precision_checkpoint_is_read_as_float32(whole, folder):
    state = load_file(folder / "model.safetensors")
    save_file(
        {name: value.half() for name, value in state.items()},
        folder / "model.safetensors",
        metadata={"format": "pt"},
    )
    settings(folder, dtype="float16")
    model = load_model(str(folder))
    assert {p.dtype for p in model.hf_model.parameters()} == {torch.float32}
    torch.testing.assert_close(logits(model), logits(load_model(str(whole))), atol=0.02, rtol=0.02)


def adapter(folder, **changes):
    """A LoRA adapter of rank 2 on one weight, with a head."""
    folder.mkdir(exist_ok=True)
    torch.manual_seed(1)
    stem = "base_model.model."
    tensors = {
        f"{stem}inner.lora_A.weight": torch.randn(2, 4),
        f"{stem}inner.lora_B.weight": torch.randn(3, 2),
        f"{stem}head.weight": torch.randn(2, 3),
    }
    save_file(tensors, folder / "adapter_model.safetensors")
    config = {"peft_type": "LORA", "r": 2, "lora_alpha": 16, "bias": "none", **changes}
    (folder / "adapter_config.json").write_text(json.dumps(config), "utf-8")
    return folder, {name.removeprefix(stem): value for name, value in tensors.items()}


@pytest.mark.parametrize(("rslora", "scale"), [(False, 8.0), (True, 16 / 2**0.5)])
def test_an_adapter_is_merged_by_its_definition(tmp_path, rslora, scale):
    path, tensors = adapter(tmp_path / "adapter", use_rslora=rslora)
    weight = torch.randn(3, 4)
    before = weight.clone()
    merged = merge({"inner.weight": weight, "other": torch.ones(1)}, path)
    product = tensors["inner.lora_B.weight"] @ tensors["inner.lora_A.weight"]
    torch.testing.assert_close(merged["inner.weight"], before + scale * product)
    assert torch.equal(weight, before)
    assert set(merged) == {"inner.weight", "other", "head.weight"}


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"use_dora": True}, "use_dora"),
        ({"peft_type": "IA3"}, "found IA3"),
        ({"bias": "all"}, "bias 'all'"),
        ({"rank_pattern": {"inner": 4}}, "rank_pattern"),
        ({"r": None}, "can't be read"),
    ],
)
def test_an_adapter_merged_otherwise_is_refused(tmp_path, changes, match):
    path, _ = adapter(tmp_path / "adapter", **changes)
    with pytest.raises(CctaError, match=match):
        merge({"inner.weight": torch.zeros(3, 4)}, path)


def test_an_adapter_of_other_weights_is_refused(tmp_path):
    path, _ = adapter(tmp_path / "adapter")
    for state in ({}, {"inner.weight": torch.zeros(4, 4)}):
        with pytest.raises(DamagedFileError, match="fits no weight"):
            merge(state, path)


def test_the_shipped_adapter_is_merged_as_peft_merges_it(model):
    """Bit for bit, every weight of the embedded model."""
    from peft import PeftModel
    from transformers import BertForSequenceClassification

    path = embedded.locate()
    config = embedded.configuration(path)
    config.num_labels = 3
    base = BertForSequenceClassification(config)
    base.bert.load_state_dict(embedded.state_dict(path), strict=False)
    folder = find(model.id).folder
    expected = PeftModel.from_pretrained(base, str(folder), torch_device="cpu").merge_and_unload()
    state = expected.float().state_dict()
    found = model.hf_model.state_dict()
    assert found.keys() == state.keys()
    assert all(torch.equal(found[name], value) for name, value in state.items())
    assert all(not tensor.is_meta for tensor in model.hf_model.buffers())
    assert torch.equal(model.hf_model.bert.embeddings.position_ids[0], torch.arange(512))


@pytest.mark.parametrize("equal", [True, False])
def test_equal_word_embeddings_are_held_once(whole, tmp_path, monkeypatch, equal):
    """Two folders with another head each: one table where the encoders are equal, else two."""
    monkeypatch.setattr("ccta_core.models.model._LARGE_TABLE", 1)
    copy = shutil.copytree(whole, tmp_path / "copy")
    weights = load_file(copy / "model.safetensors")
    head = next(name for name in weights if name.startswith("classifier."))
    weights[head] = weights[head] + 1.0
    if not equal:
        table = next(name for name in weights if name.endswith("word_embeddings.weight"))
        weights[table][5, 0] += 1e-3
    save_file(weights, copy / "model.safetensors", {"format": "pt"})
    first, second = load_model(str(whole)), load_model(str(copy))
    tables = [each.hf_model.get_input_embeddings().weight for each in (first, second)]
    assert (tables[0].data_ptr() == tables[1].data_ptr()) is equal
    assert not torch.equal(logits(first), logits(second))
    expected = logits(second)
    del first, tables
    assert torch.equal(logits(second), expected)
