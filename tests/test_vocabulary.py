"""A tokenizer that belongs to other weights is told when a model is loaded, with both numbers."""

import json
import shutil

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import (
    AutoTokenizer,
    BertConfig,
    BertForSequenceClassification,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaForSequenceClassification,
)

import ccta_core as ccta
from ccta_core.cli import main
from ccta_core.errors import CctaError
from ccta_core.evaluation.predict import classes
from ccta_core.models.added import added
from ccta_core.models.load import load_model
from ccta_core.types import Sentence
from tests.families import FAMILIES, build, tokenizer_of

PAIR = Sentence("The ferry was cancelled.", "en", "Ahmed baked bread.")
QUICK = ccta.Config(layer=1, shuffles=2, unrelated=0)
SIZES = {
    "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24,
    "num_labels": 3, "initializer_range": 0.4,
}  # fmt: skip


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return build(tmp_path_factory.mktemp("vocabulary") / "bert", "bert", "classification")


@pytest.fixture
def folder(whole, tmp_path):
    return shutil.copytree(whole, tmp_path / "mine")


def settings(folder, name="config.json", **changes):
    path = folder / name
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), **changes}), "utf-8")


def refused(folder, match):
    with pytest.raises(CctaError, match=match) as caught:
        load_model(str(folder))
    assert "\n" not in str(caught.value)


def with_tokens(folder, *tokens, special=False):
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.add_tokens(list(tokens), special_tokens=special)
    tokenizer.save_pretrained(folder)
    return tokenizer


@pytest.mark.parametrize("special", [False, True])
def test_added_tokens_without_a_row_are_told_at_once(folder, special):
    """`vocab_size` leaves them out: the largest id is looked at."""
    rows = json.loads((folder / "config.json").read_text("utf-8"))["vocab_size"]
    tokenizer = with_tokens(folder, "ferry", "storm", special=special)
    assert tokenizer.vocab_size == rows
    refused(folder, rf"ids up to {rows + 1} \('storm'\), its embedding matrix has {rows} rows")


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_fits_and_one_row_less_does_not(tmp_path, family):
    kind = FAMILIES[family][1]
    rows = len(tokenizer_of(kind))
    folder = build(tmp_path / "fits", family, "classification")
    assert load_model(str(folder)).hf_model.get_input_embeddings().weight.shape[0] == rows
    spoiled = build(tmp_path / "less", family, "classification", vocab_size=rows - 1)
    refused(spoiled, f"ids up to {rows - 1} .*embedding matrix has {rows - 1} rows")


def test_more_rows_than_ids_are_fine(tmp_path):
    rows = len(tokenizer_of("wordpiece"))
    folder = build(tmp_path / "more", "bert", "classification", vocab_size=rows + 50)
    assert load_model(str(folder)).encode(PAIR).length > 4


def test_a_gap_in_the_vocabulary_does_not_hide_the_largest_id(folder):
    path = folder / "tokenizer.json"
    found = json.loads(path.read_text("utf-8"))
    vocabulary = found["model"]["vocab"]
    last = max(vocabulary, key=vocabulary.get)
    vocabulary[last] += 500
    path.write_text(json.dumps(found), "utf-8")
    refused(folder, "ids up to .*embedding matrix has")


def test_it_is_told_when_a_model_is_added(folder, capsys):
    with_tokens(folder, "ferry")
    assert main(["models", "add", str(folder)]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "its tokenizer gives ids up to" in err
    assert added() == {}


def test_a_token_type_without_a_row_is_told(folder):
    path = folder / "tokenizer.json"
    found = json.loads(path.read_text("utf-8"))
    for piece in found["post_processor"]["pair"]:
        piece[next(iter(piece))]["type_id"] *= 2
    path.write_text(json.dumps(found), "utf-8")
    settings(folder, "tokenizer_config.json", tokenizer_class="PreTrainedTokenizerFast")
    refused(folder, "token types up to 2, the model has 2 .0 to 1.")


# PAD, UNK and the longest input


def saved(folder, tokenizer, config, kind):
    torch.manual_seed(7)
    kind(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def words(*special, pad="<pad>", unk="<unk>", **more):
    """A tokenizer of whole words and signs, <s> and </s> around a text."""
    found = ["<s>", "</s>", *(mark for mark in (pad, unk) if mark), "The", "ferry", "was", "late"]
    found += ["bread", ".", "<", ">", "/", "s", *special]
    vocabulary = {word: number for number, word in enumerate(found)}
    core = Tokenizer(
        models.WordLevel(vocabulary, unk_token=unk) if unk else models.BPE(vocabulary, [])
    )
    core.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Whitespace(), pre_tokenizers.Punctuation()]
    )
    if not unk:  # merges of nothing: letters only
        core = Tokenizer(models.BPE(_letters(vocabulary), []))
        core.pre_tokenizer = pre_tokenizers.Whitespace()
        vocabulary = core.get_vocab()
    core.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> $B </s>",
        special_tokens=[(mark, vocabulary[mark]) for mark in ("<s>", "</s>")],
    )  # fmt: skip
    return PreTrainedTokenizerFast(
        tokenizer_object=core, bos_token="<s>", cls_token="<s>", eos_token="</s>",
        sep_token="</s>", pad_token=pad, unk_token=unk, model_max_length=32, **more,
    )  # fmt: skip


def _letters(vocabulary):
    letters = sorted({letter for word in vocabulary for letter in word})
    return {mark: n for n, mark in enumerate(["<s>", "</s>", "<pad>", *letters])}


def bert(tokenizer, **more):
    return BertConfig(
        vocab_size=len(tokenizer), max_position_embeddings=40,
        **{**SIZES, "pad_token_id": tokenizer.pad_token_id, **more},
    )  # fmt: skip


TEXT = Sentence("The ferry was late.", "en", "The bread was late.")


def test_a_tokenizer_without_pad_takes_another_baseline(tmp_path):
    """No token stands in for PAD: id 0 is a word's, or a mark's."""
    tokenizer = words(pad=None)
    folder = saved(tmp_path / "padless", tokenizer, bert(tokenizer), BertForSequenceClassification)
    model = load_model(str(folder))
    with pytest.raises(CctaError, match="has no PAD token; use another baseline"):
        ccta.attribute(model, [TEXT], QUICK)
    longer = Sentence("The ferry was late. The bread was late.", "en", "The bread was late.")
    zero = ccta.Config(layer=1, baseline="zero")
    alone = [ccta.attribute(model, [text], zero)[0].prediction for text in (TEXT, longer)]
    together = ccta.attribute(model, [TEXT, longer], zero)
    for one, other in zip(alone, together, strict=True):
        assert other.prediction == pytest.approx(one, abs=1e-5)
    from tests.test_head_kinds import items

    assert len(classes(model, items("LABEL_0", "LABEL_1"))) == 2


def test_a_pad_without_a_row_is_told(folder):
    settings(folder, pad_token_id=9000)
    for pad in (9000, -1):
        settings(folder, pad_token_id=pad)
        refused(folder, f"pad_token_id in config.json is {pad}, its embedding matrix has 223 rows")


def test_another_pad_in_the_configuration_is_told(folder):
    """Where nothing depends on it the tokenizer's counts, and the result says so."""
    before = ccta.attribute(load_model(str(folder)), [PAIR], QUICK)[0]
    settings(folder, pad_token_id=5)
    model = load_model(str(folder))
    assert model.notices == (
        f"The PAD of {folder}'s tokenizer is 0, config.json says 5: 0 is used.",
    )
    after = ccta.attribute(model, [PAIR], QUICK)[0]
    assert after.prediction == pytest.approx(before.prediction, abs=1e-6)
    assert after.f_baseline == pytest.approx(before.f_baseline, abs=1e-5)


def test_another_pad_where_positions_are_counted_by_it_is_refused(tmp_path):
    """RoBERTa numbers positions from its own PAD on: <s>, taken for PAD, would have another."""
    tokenizer = words()
    config = RobertaConfig(
        vocab_size=len(tokenizer), max_position_embeddings=40, type_vocab_size=1,
        **{**SIZES, "pad_token_id": 0},
    )  # fmt: skip
    folder = saved(tmp_path / "roberta", tokenizer, config, RobertaForSequenceClassification)
    refused(folder, "tokenizer's PAD is 2, config.json says 0, and the model counts positions")
    settings(folder, pad_token_id=2)
    model = load_model(str(folder))
    row = model.encode(TEXT)
    with torch.no_grad():
        own = model.hf_model(**model.inputs([row])).logits
        theirs = model.hf_model(input_ids=row.ids[None]).logits
    torch.testing.assert_close(own, theirs)


def test_a_mark_that_a_person_types_is_text_without_an_unknown_token_too(tmp_path):
    tokenizer = words(unk=None)
    folder = saved(tmp_path / "bpe", tokenizer, bert(tokenizer), BertForSequenceClassification)
    model = load_model(str(folder))
    assert model.tokenizer.unk_token_id is None
    ids = model.encode(Sentence("The </s> ferry", "en")).ids.tolist()
    end = model.tokenizer.eos_token_id
    assert (ids.count(end), ids[-1]) == (1, end)
    assert model.tokenizer.convert_ids_to_tokens(ids[4:8]) == ["<", "/", "s", ">"]
    known = words()
    folder = saved(tmp_path / "words", known, bert(known), BertForSequenceClassification)
    model = load_model(str(folder))
    ids = model.encode(Sentence("The </s> ferry", "en")).ids.tolist()
    assert (ids.count(known.eos_token_id), ids.count(known.unk_token_id)) == (1, 1)


@pytest.mark.parametrize(("family", "room"), [("bert", 66), ("roberta", 64), ("xlm-r", 64)])
@pytest.mark.parametrize("said", [1000, None, 20])
def test_the_table_of_positions_is_never_left(tmp_path, family, room, said):
    """Whatever the tokenizer says of the longest text: it may say nothing, or too much."""
    folder = build(tmp_path / family, family, "classification")
    settings(folder, "tokenizer_config.json", model_max_length=said)
    model = load_model(str(folder))
    assert model.max_tokens == min(room, said or room)
    long = Sentence("The ferry was cancelled. " * 40, "en", "Ahmed baked bread. " * 40)
    found = ccta.attribute(model, [long], QUICK)[0]
    assert found.truncated
    assert len(found.subwords) == model.max_tokens


def test_a_longest_text_without_room_is_one_line(folder):
    settings(folder, "tokenizer_config.json", model_max_length=3)
    refused(folder, "reads at most 3 tokens, and 3 of them are its own marks")


def test_another_case_setting_is_the_authors_choice(folder):
    before = load_model(str(folder))
    settings(folder, "tokenizer_config.json", do_lower_case=True)
    model = load_model(str(folder))
    assert model.notices == ()
    assert model.revision != before.revision
    assert ccta.attribute(model, [PAIR], QUICK)[0].units[0].text == "The"
