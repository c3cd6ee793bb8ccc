"""Adapters in PEFT's format: the logits are PEFT's own, or one line says why there are none."""

import json
import shutil
import warnings

import pytest
import torch
from peft import IA3Config, LoraConfig, PeftModel, PrefixTuningConfig, PromptTuningConfig
from peft import get_peft_model as with_adapter
from safetensors.torch import load_file, save_file
from transformers import (
    AutoModel,
    AutoModelForQuestionAnswering,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    BertForSequenceClassification,
)

import ccta_core as ccta
from ccta_core.errors import CctaError, DamagedFileError, ModelUnavailableError
from ccta_core.models.embedded import backbone_parts
from ccta_core.models.load import load_model
from ccta_core.types import Sentence
from tests.families import LABELS, build, tokenizer_of

PAIR = Sentence("The ferry was cancelled.", "en", "Ahmed baked bread.")
CLASSES = AutoModelForSequenceClassification
TARGETS = {
    "bert": ["query", "value"], "xlm-r": ["query", "value"], "distilbert": ["q_lin", "v_lin"],
    "electra": ["query"], "deberta-v3": ["query_proj"], "modernbert": ["Wqkv"], "albert": ["query"],
}  # fmt: skip


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return build(tmp_path_factory.mktemp("bases") / "bert", "bert", "classification")


def adapt(base, folder, config=None, *, kind=CLASSES, named=None, spread=0.3, **settings):
    """Saves an adapter far from zero under `folder`, its base named `named`."""
    torch.manual_seed(3)
    config = config or LoraConfig(
        **{"task_type": "SEQ_CLS", "r": 4, "lora_alpha": 16, "target_modules": TARGETS["bert"]}
        | settings
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = with_adapter(kind.from_pretrained(base), config)
        with torch.no_grad():
            for weight in model.parameters():
                if weight.requires_grad:
                    weight.normal_(0, spread)
        model.save_pretrained(folder)
    change(folder, base_model_name_or_path=str(named or base))
    return folder


def change(folder, **settings):
    path = folder / "adapter_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), **settings}), "utf-8")


def by_peft(base, folder, *, kind=CLASSES, **settings):
    """The model as PEFT puts it together, not merged.

    PEFT's outer class for answers leaves token types out; the model inside it takes them.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        plain = kind.from_pretrained(base, **settings)
        return PeftModel.from_pretrained(plain, str(folder)).eval().get_base_model()


def logits(model, hf_model, text=PAIR):
    with torch.no_grad():
        output = hf_model(**model.inputs([model.encode(text)]))
    return output.start_logits if hasattr(output, "start_logits") else output.logits


def check_same(folder, expected, text=PAIR):
    model = load_model(str(folder))
    wanted = logits(model, expected, text)
    torch.testing.assert_close(logits(model, model.hf_model, text), wanted, rtol=0, atol=1e-5)
    return model


def refused(folder, match, kind=CctaError):
    with pytest.raises(kind, match=match) as caught:
        load_model(str(folder))
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("family", TARGETS)
def test_an_adapter_alone_gives_pefts_logits_in_every_family(tmp_path, family):
    base = build(tmp_path / "base", family, "classification")
    folder = adapt(base, tmp_path / "adapter", target_modules=TARGETS[family])
    plain = load_model(str(base))
    model = check_same(folder, by_peft(base, folder))
    assert model.labels == plain.labels == LABELS
    assert not torch.allclose(logits(model, model.hf_model), logits(plain, plain.hf_model))
    assert model.info.task == "nli"
    assert "named as in its base" in model.notices[0]


@pytest.mark.parametrize(
    "settings",
    [
        {"use_dora": True},
        {"use_rslora": True},
        {"bias": "all"},
        {"alpha_pattern": {"query": 3}, "rank_pattern": {"value": 2}},
        {"modules_to_save": ["classifier", "pooler"]},
        {"task_type": None, "modules_to_save": ["classifier"]},
        {"task_type": None},
        {"init_lora_weights": "olora"},
        {"trainable_token_indices": [7, 9]},
    ],
)
def test_the_relatives_of_lora_are_merged_as_peft_does(base, tmp_path, settings):
    folder = adapt(base, tmp_path / "adapter", **settings)
    check_same(folder, by_peft(base, folder))


def test_another_kind_of_adapter_that_changes_weights(base, tmp_path):
    config = IA3Config(
        task_type="SEQ_CLS", target_modules=["key", "value"], feedforward_modules=[],
    )  # fmt: skip
    folder = adapt(base, tmp_path / "adapter", config)
    check_same(folder, by_peft(base, folder))


@pytest.mark.parametrize(
    ("head", "kind", "task", "text"),
    [
        ("qa", AutoModelForQuestionAnswering, "QUESTION_ANS", PAIR),
        ("ner", AutoModelForTokenClassification, "TOKEN_CLS", Sentence("Ahmed baked bread.", "en")),
    ],
)
def test_answers_and_tags(tmp_path, head, kind, task, text):
    base = build(tmp_path / "base", "bert", head)
    folder = adapt(base, tmp_path / "adapter", kind=kind, task_type=task)
    model = check_same(folder, by_peft(base, folder, kind=kind), text)
    assert model.info.task == head


# Beside a whole model


@pytest.mark.parametrize("named", [".", "itself"])
def test_an_adapter_in_the_folder_of_its_base(base, tmp_path, named):
    folder = shutil.copytree(base, tmp_path / "beside")
    adapt(base, folder, named=folder if named == "itself" else named)
    model = check_same(folder, by_peft(base, folder))
    assert model.notices == ()
    found = ccta.attribute(model, [PAIR])[0].prediction
    expected = logits(model, by_peft(base, folder)).softmax(-1)[0].tolist()
    assert list(found.values()) == pytest.approx(expected, abs=1e-4)


def test_a_pickled_base_beside_its_adapter_is_not_read_without_it(base, tmp_path):
    folder = shutil.copytree(base, tmp_path / "beside")
    adapt(base, folder, named=".")
    state = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    torch.save(state, folder / "pytorch_model.bin")
    assert "weights_only" in check_same(folder, by_peft(base, folder)).notices[0]


def test_a_base_in_parts_beside_its_adapter(base, tmp_path):
    folder = shutil.copytree(base, tmp_path / "beside")
    adapt(base, folder, named=".")
    state = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    names, table = sorted(state), {}
    for at in (0, 1):
        part = f"model-0000{at + 1}-of-00002.safetensors"
        save_file({name: state[name] for name in names[at::2]}, folder / part)
        table |= dict.fromkeys(names[at::2], part)
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": table, "metadata": {}}), "utf-8")
    check_same(folder, by_peft(base, folder))


def test_an_adapter_beside_a_model_that_is_not_its_base_is_refused(base, tmp_path):
    folder = shutil.copytree(base, tmp_path / "beside")
    adapt(base, folder)
    refused(folder, "a whole model and beside it an adapter for another one.*set base_model_name")
    change(folder, base_model_name_or_path="owner/elsewhere")
    refused(folder, "is an adapter for the model 'owner/elsewhere', which is neither a folder")
    change(folder, base_model_name_or_path="e5-small")
    refused(folder, "a whole model and beside it an adapter for another one, 'e5-small'")


def test_a_left_over_adapter_config_is_told(base, tmp_path):
    folder = shutil.copytree(base, tmp_path / "beside")
    adapt(base, folder, named=".")
    (folder / "adapter_model.safetensors").unlink()
    refused(folder, "has adapter_config.json and no adapter_model.safetensors")


# The base


def test_the_base_is_found_beside_the_adapter_and_from_here(base, tmp_path, monkeypatch):
    shutil.copytree(base, tmp_path / "bert")
    folder = adapt(base, tmp_path / "adapter", named="../bert")
    check_same(folder, by_peft(base, folder))
    change(folder, base_model_name_or_path="bert")
    monkeypatch.chdir(tmp_path)
    check_same(folder, by_peft(base, folder))
    monkeypatch.chdir(folder)
    refused(folder, "for the model 'bert', which is neither", ModelUnavailableError)


def test_a_base_that_is_nowhere_is_named(base, tmp_path):
    folder = adapt(base, tmp_path / "adapter", named="owner/some-base")
    refused(folder, "adapter for the model 'owner/some-base'.*bring it here", ModelUnavailableError)
    change(folder, base_model_name_or_path="intfloat/multilingual-e5-small")
    refused(folder, "embedded e5-small is a 4-bit copy of it", ModelUnavailableError)
    for nothing in (None, "", 3):
        change(folder, base_model_name_or_path=nothing)
        refused(folder, "does not say which model it belongs to")


def test_an_adapter_over_an_adapter_is_refused(base, tmp_path):
    first = adapt(base, tmp_path / "first")
    second = adapt(base, tmp_path / "second", named=first)
    refused(second, "which is an adapter itself; merge that one")


def test_a_base_without_a_head_takes_the_adapters(base, tmp_path):
    """Also one whose own head has another size; the labels are then nobody's."""
    bare = tmp_path / "bare"
    AutoModel.from_pretrained(base).save_pretrained(bare)
    tokenizer_of("wordpiece").save_pretrained(bare)
    settings = json.loads((bare / "config.json").read_text("utf-8"))
    for name in ("id2label", "label2id"):
        settings.pop(name, None)
    (bare / "config.json").write_text(json.dumps(settings), "utf-8")
    folder = adapt(base, tmp_path / "adapter", named=bare)
    model = check_same(folder, by_peft(bare, folder, num_labels=3))
    assert model.labels == ("LABEL_0", "LABEL_1", "LABEL_2")
    two = build(
        tmp_path / "two", "bert", "classification",
        id2label={0: "no", 1: "yes"}, label2id={"no": 0, "yes": 1},
    )  # fmt: skip
    change(folder, base_model_name_or_path=str(two))
    wanted = by_peft(two, folder, num_labels=3, ignore_mismatched_sizes=True)
    assert check_same(folder, wanted).labels == ("LABEL_0", "LABEL_1", "LABEL_2")


def test_labels_beside_the_adapter_count_before_the_bases(base, tmp_path):
    folder = adapt(base, tmp_path / "adapter")
    own = {"id2label": {"0": "bad", "1": "fair", "2": "good"}, "model_type": "bert"}
    (folder / "config.json").write_text(json.dumps(own), "utf-8")
    model = load_model(str(folder))
    assert (model.labels, model.notices) == (("bad", "fair", "good"), ())
    own["id2label"].pop("2")
    (folder / "config.json").write_text(json.dumps(own), "utf-8")
    refused(folder, "config.json names 2 labels, the adapter's head has 3 columns")


def test_a_head_that_nobody_brings_is_refused(base, tmp_path):
    """Neither a base without a head nor an adapter that did not save its own."""
    bare = tmp_path / "bare"
    AutoModel.from_pretrained(base).save_pretrained(bare)
    tokenizer_of("wordpiece").save_pretrained(bare)
    folder = adapt(base, tmp_path / "adapter", task_type=None, named=bare)
    refused(folder, "does not name its task .task_type in adapter_config.json., and its base can")
    change(folder, task_type="SEQ_CLS")
    refused(folder, "neither the adapter nor its base .* has weights for classifier.bias, .*random")


def test_an_adapter_whose_head_was_not_saved_is_told(base, tmp_path):
    folder = adapt(base, tmp_path / "adapter")
    path = folder / "adapter_model.safetensors"
    state = {name: value for name, value in load_file(path).items() if "classifier" not in name}
    save_file(state, path)
    refused(folder, "the adapter's weights lack .*classifier.*among the modules that it saves")


def test_an_adapter_on_the_embedded_backbone(tmp_path):
    """By the id e5-small, without a card of ours."""
    config, state, tokenizer = backbone_parts()
    config.num_labels = 3
    torch.manual_seed(5)
    whole = BertForSequenceClassification(config)
    whole.bert.load_state_dict(state, strict=False)
    start = tmp_path / "start"
    whole.save_pretrained(start)
    tokenizer.save_pretrained(start)
    settings = {"modules_to_save": ["classifier", "pooler"], "target_modules": ["query"]}
    folder = adapt(start, tmp_path / "adapter", named="e5-small", spread=0.02, **settings)
    expected = by_peft(start, folder)
    shutil.rmtree(start)
    model = check_same(folder, expected)
    assert model.labels == ("LABEL_0", "LABEL_1", "LABEL_2")
    assert model.tokenizer.pad_token == "<pad>"
    for name in ("classifier.weight", "bert.pooler.dense.weight"):
        rest = load_file(folder / "adapter_model.safetensors")
        rest.pop(f"base_model.model.{name}")
        spoiled = shutil.copytree(folder, tmp_path / name)
        save_file(rest, spoiled / "adapter_model.safetensors")
        refused(spoiled, f"neither the adapter nor its base e5-small has weights for .*{name}")


# What can't be merged


@pytest.mark.parametrize("kind", [PromptTuningConfig, PrefixTuningConfig])
def test_prompts_are_refused(base, tmp_path, kind):
    folder = adapt(base, tmp_path / "adapter", kind(task_type="SEQ_CLS", num_virtual_tokens=2))
    refused(folder, "puts tokens of its own before the text")


def test_a_quantised_base_is_refused(base, tmp_path):
    whole = shutil.copytree(base, tmp_path / "quantised")
    settings = json.loads((whole / "config.json").read_text("utf-8"))
    settings["quantization_config"] = {"quant_method": "bitsandbytes", "load_in_4bit": True}
    (whole / "config.json").write_text(json.dumps(settings), "utf-8")
    refused(whole, "its weights are quantised")
    refused(adapt(base, tmp_path / "adapter", named=whole), "quantised: its weights are quantised")


@pytest.mark.parametrize(
    ("settings", "match", "kind"),
    [
        ({"peft_type": "NOSUCH"}, "knows no adapter of type 'NOSUCH'", CctaError),
        ({"peft_type": None}, "knows no adapter of type None", CctaError),
        ({"use_of_tomorrow": True}, "sets use_of_tomorrow, which PEFT .* does not know", CctaError),
        ({"task_type": "CAUSAL_LM"}, "adapter for the task CAUSAL_LM; expected one of", CctaError),
        ({"target_modules": ["nosuch"]}, "can't be merged into its base", CctaError),
        ({"r": 5}, "can't be merged into its base.*size mismatch", CctaError),
        ({"target_modules": ["query"]}, "has .*value.*which its base has not", CctaError),
        ({"target_modules": ["query", "value", "key"]}, "lacks .*key", CctaError),
        ({"r": "four"}, "adapter", CctaError),
    ],
)
def test_a_spoiled_adapter_is_one_line(base, tmp_path, settings, match, kind):
    folder = adapt(base, tmp_path / "adapter")
    change(folder, **settings)
    refused(folder, match, kind)


def test_a_number_that_another_version_of_peft_added_is_no_reason_to_refuse(base, tmp_path):
    folder = adapt(base, tmp_path / "adapter")
    change(folder, size_of_tomorrow=16, switch_of_tomorrow=False, table_of_tomorrow={})
    check_same(folder, by_peft(base, folder))


def test_damaged_files_of_an_adapter(base, tmp_path):
    folder = adapt(base, tmp_path / "adapter")
    weights = folder / "adapter_model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:100])
    refused(folder, "the adapter's weights can't be read", DamagedFileError)
    weights.write_bytes(whole)
    for text in ("{", "[]"):
        (folder / "adapter_config.json").write_text(text, "utf-8")
        refused(folder, "adapter_config.json", DamagedFileError)


def test_pickled_adapters_hold_tensors_or_are_refused(base, tmp_path):
    folder = adapt(base, tmp_path / "adapter")
    expected = by_peft(base, folder)
    state = load_file(folder / "adapter_model.safetensors")
    (folder / "adapter_model.safetensors").unlink()
    torch.save(state, folder / "adapter_model.bin")
    check_same(folder, expected)
    torch.save({**state, "more": shutil.copytree}, folder / "adapter_model.bin")
    refused(folder, "the adapter's weights can't be read", DamagedFileError)


def test_a_tokenizer_saved_with_the_adapter_counts(base, tmp_path):
    folder = adapt(base, tmp_path / "adapter")
    tokenizer_of("wordpiece").save_pretrained(folder)
    path = folder / "tokenizer_config.json"
    settings = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps({**settings, "do_lower_case": True}), "utf-8")
    upper, lower = PAIR, Sentence("the ferry was cancelled.", "en", "ahmed baked bread.")
    model = load_model(str(folder))
    assert torch.equal(logits(model, model.hf_model, upper), logits(model, model.hf_model, lower))
