"""Tiny random models of every family and head, with a real tokenizer of the family's kind.

`build(folder, family, head)` saves one as people find it on disk; nothing is downloaded.
"""

import json
from functools import cache
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import (
    AlbertConfig,
    AlbertTokenizer,
    AutoModelForQuestionAnswering,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    BertConfig,
    BertTokenizer,
    DebertaV2Config,
    DebertaV2Tokenizer,
    DistilBertConfig,
    ElectraConfig,
    ModernBertConfig,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaTokenizer,
    XLMConfig,
    XLMRobertaConfig,
    XLMRobertaTokenizer,
)

LABELS = ("entailment", "neutral", "contradiction")
TAGS = ("O", "B-LOC", "I-LOC", "B-PER", "I-PER")
HEADS = {
    "classification": (AutoModelForSequenceClassification, LABELS),
    "qa": (AutoModelForQuestionAnswering, None),
    "ner": (AutoModelForTokenClassification, TAGS),
}
TEXTS = (
    "The ferry was cancelled because of the storm. Ahmed baked bread in the village on Sundays.",
    "El ferry fue cancelado por la tormenta. Ahmed horneaba pan en el pueblo los domingos.",
    "渡轮因暴风雨取消了。艾哈迈德每逢星期天在村里烤面包。",
    "Паром отменили из-за шторма. Ахмед пёк хлеб в деревне по воскресеньям.",
    "The ferry left on time. Nobody had tasted better bread than the loaves Ahmed baked.",
)
_SIZES = {
    "hidden_size": 16,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "max_position_embeddings": 66,
    "initializer_range": 0.4,  # so that a random model's outputs differ visibly
}
_RELATIVE = {
    "relative_attention": True,
    "position_buckets": 8,
    "pos_att_type": ["p2c", "c2p"],
    "norm_rel_ebd": "layer_norm",
    "share_att_key": True,
    "type_vocab_size": 0,
}
_DISTIL = {
    "dim": 16, "n_layers": 3, "n_heads": 2, "hidden_dim": 24, "max_position_embeddings": 66,
    "initializer_range": 0.4,
}  # fmt: skip
_XLM = {
    "emb_dim": 16, "n_layers": 3, "n_heads": 2, "max_position_embeddings": 66,
    "init_std": 0.3, "embed_init_std": 0.3,
}  # fmt: skip
_MODERN = {"local_attention": 8, "global_attn_every_n_layers": 2}

FAMILIES = {
    "bert": (BertConfig, "wordpiece", _SIZES),
    "roberta": (RobertaConfig, "bytes", {**_SIZES, "type_vocab_size": 1}),
    "xlm-r": (XLMRobertaConfig, "xlm-r", {**_SIZES, "type_vocab_size": 1}),
    "distilbert": (DistilBertConfig, "wordpiece", _DISTIL),
    "electra": (ElectraConfig, "wordpiece", {**_SIZES, "embedding_size": 16}),
    "electra-narrow": (ElectraConfig, "wordpiece", {**_SIZES, "embedding_size": 8}),
    "deberta-v3": (
        DebertaV2Config,
        "deberta",
        {**_SIZES, **_RELATIVE, "position_biased_input": False},
    ),
    "deberta-v2-conv": (
        DebertaV2Config,
        "deberta",
        {**_SIZES, **_RELATIVE, "conv_kernel_size": 3, "conv_act": "gelu"},
    ),
    "modernbert": (ModernBertConfig, "bytes-modern", {**_SIZES, **_MODERN}),
    "modernbert-mean": (
        ModernBertConfig,
        "bytes-modern",
        {**_SIZES, **_MODERN, "classifier_pooling": "mean"},
    ),
    "albert": (AlbertConfig, "albert", {**_SIZES, "embedding_size": 8}),
    "albert-groups": (
        AlbertConfig,
        "albert",
        {**_SIZES, "embedding_size": 16, "num_hidden_groups": 3, "inner_group_num": 2},
    ),
    "xlm": (XLMConfig, "xlm", _XLM),
}


def build(folder: Path, family: str, head: str, **settings: object) -> Path:
    """Saves a random model of `family` with `head` and its tokenizer under `folder`."""
    kind, tokenizer_kind, sizes = FAMILIES[family]
    auto, labels = HEADS[head]
    tokenizer = tokenizer_of(tokenizer_kind)
    names = {} if labels is None else {"id2label": dict(enumerate(labels))}
    names |= {} if labels is None else {"label2id": {name: n for n, name in enumerate(labels)}}
    special = {
        f"{name}_token_id": getattr(tokenizer, f"{name}_token_id")
        for name in ("pad", "bos", "eos", "cls", "sep")
    }
    rows = {"vocab_size": len(tokenizer)}
    config = kind(**{**rows, **sizes, **special, **names, **settings})
    torch.manual_seed(7)
    model = auto.from_config(config)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if name.endswith("bias"):
                weight.normal_(0, 0.2)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@cache
def tokenizer_of(kind: str) -> PreTrainedTokenizerFast:
    """A tokenizer of the given kind, made from `TEXTS`, the same in every process."""
    return _KINDS[kind]()


def _words() -> list[str]:
    return sorted({word.strip(".") for text in TEXTS for word in text.split()})


def _letters() -> list[str]:
    return sorted({letter for text in TEXTS for letter in text if not letter.isspace()})


def _wordpiece() -> PreTrainedTokenizerFast:
    """Letters, and the beginnings of words with what follows them."""
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    heads = [word[:4] for word in _words()]
    tails = [f"##{word[4:]}" for word in _words() if len(word) > 4]
    pieces = special + _letters() + [f"##{letter}" for letter in _letters()] + heads + tails
    vocabulary = {piece: number for number, piece in enumerate(dict.fromkeys(pieces))}
    return BertTokenizer(vocab=vocabulary, do_lower_case=False)


def _byte_merges(special: list[str]) -> tuple[dict[str, int], list[tuple[str, str]]]:
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    core.train_from_iterator(
        TEXTS,
        trainers.BpeTrainer(vocab_size=320, special_tokens=special, initial_alphabet=alphabet),
    )
    found = json.loads(core.to_str())["model"]
    return found["vocab"], [tuple(pair) for pair in found["merges"]]


def _bytes() -> PreTrainedTokenizerFast:
    vocab, merges = _byte_merges(["<s>", "<pad>", "</s>", "<unk>", "<mask>"])
    return RobertaTokenizer(vocab=vocab, merges=merges)


def _bytes_modern() -> PreTrainedTokenizerFast:
    """Byte-level BPE whose offsets hold the leading space, without token types."""
    vocab, merges = _byte_merges(["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"])
    core = Tokenizer(models.BPE(vocab=vocab, merges=merges))
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    core.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B [SEP]",
        special_tokens=[(mark, vocab[mark]) for mark in ("[CLS]", "[SEP]")],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=core, unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]",
        pad_token="[PAD]", mask_token="[MASK]", model_input_names=["input_ids", "attention_mask"],
    )  # fmt: skip


def _unigram(special: list[str], last: tuple[str, ...] = ()) -> list[tuple[str, float]]:
    """Letters and the beginnings of words, longer ones likelier than their letters."""
    heads = [f"▁{word[:4]}" for word in _words()]
    pieces = dict.fromkeys(["▁", *_letters(), *heads])
    scored = [(piece, -6.0 - 1.0 / len(piece)) for piece in pieces]
    return [(mark, 0.0) for mark in special] + scored + [(mark, 0.0) for mark in last]


def _xlm_r() -> PreTrainedTokenizerFast:
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    return XLMRobertaTokenizer(vocab=_unigram(special, ("<mask>",)))


def _albert() -> PreTrainedTokenizerFast:
    special = ["<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]"]
    return AlbertTokenizer(vocab=_unigram(special), do_lower_case=False)


def _deberta() -> PreTrainedTokenizerFast:
    special = ["[PAD]", "[CLS]", "[SEP]", "[UNK]"]
    return DebertaV2Tokenizer(vocab=_unigram(special, ("[MASK]",)), unk_id=3)


def _xlm() -> PreTrainedTokenizerFast:
    """XLM has no fast tokenizer in transformers: its BPE with </w>, saved as tokenizer.json."""
    special = ["<s>", "</s>", "<pad>", "<unk>", "<special1>"]
    pieces, merges = [*special, *_letters(), *(f"{letter}</w>" for letter in _letters())], []
    for word in _words():
        parts = [*word[:-1], f"{word[-1]}</w>"]
        for end in range(1, len(parts)):
            merges.append(("".join(parts[:end]), parts[end]))
            pieces.append("".join(parts[: end + 1]))
    core = Tokenizer(
        models.BPE(
            vocab={piece: number for number, piece in enumerate(dict.fromkeys(pieces))},
            merges=list(dict.fromkeys(merges)),
            unk_token="<unk>",
            end_of_word_suffix="</w>",
        )
    )
    core.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    core.decoder = decoders.BPEDecoder()
    core.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 1)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=core, bos_token="<s>", cls_token="</s>", sep_token="</s>",
        pad_token="<pad>", unk_token="<unk>", mask_token="<special1>",
    )  # fmt: skip


_KINDS = {
    "wordpiece": _wordpiece,
    "bytes": _bytes,
    "bytes-modern": _bytes_modern,
    "xlm-r": _xlm_r,
    "albert": _albert,
    "deberta": _deberta,
    "xlm": _xlm,
}
