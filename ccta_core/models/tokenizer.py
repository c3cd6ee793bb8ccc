"""Tokenizers that read canonically equivalent texts alike; the embedded model's, rebuilt.

"é" may be typed as one character or as a letter and an accent: no person sees the difference, so
no model may. Whatever is typed is read in Unicode's composed form (NFC), which `tokenizers` makes
itself, with offsets into the text as typed.
"""

import unicodedata
from weakref import WeakKeyDictionary

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from ccta_core.models.charsmap import precompile
from ccta_core.models.q4 import Vocabulary

_SPECIAL = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")
_UNCOMPOSED: WeakKeyDictionary[PreTrainedTokenizerFast, Tokenizer] = WeakKeyDictionary()
"""The tokenizers that `compose_first` changed, and each as it came (the same vocabulary in memory,
without the marks that were added to it)."""


def build_tokenizer(vocabulary: Vocabulary, *, max_length: int) -> PreTrainedTokenizerFast:
    """XLM-R's unigram tokenizer (Kudo, 2018) with character offsets, from pieces and scores.

    SentencePiece composes what it reads (nmt_nfkc); that is done before the map of the file, which
    holds single characters. A text in NFC is read as the model's own tokenizer.json reads it.
    """
    core = Tokenizer(models.Unigram(list(vocabulary.pieces), vocabulary.unk, byte_fallback=False))
    core.normalizer = normalizers.Sequence(
        [
            normalizers.NFC(),
            normalizers.Precompiled(precompile(vocabulary.normalisation)),
            normalizers.Replace(Regex(" {2,}"), " "),
        ]
    )
    core.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    core.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always")
    core.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> </s> $B </s>",
        special_tokens=[("<s>", vocabulary.bos), ("</s>", vocabulary.eos)],
    )
    core.add_special_tokens(list(_SPECIAL))
    return PreTrainedTokenizerFast(
        tokenizer_object=_Handed(core),
        bos_token="<s>",
        cls_token="<s>",
        eos_token="</s>",
        sep_token="</s>",
        unk_token="<unk>",
        pad_token="<pad>",
        mask_token="<mask>",
        model_max_length=max_length,
    )


def compose_first(tokenizer: PreTrainedTokenizerFast) -> None:
    """Makes a tokenizer compose (NFC) what it is given before it does anything else.

    Its offsets still count the text as typed, where a composed character stands for the first one
    it was typed with (see `units.whole_offsets`). A text in NFC is read as before.
    """
    core = getattr(tokenizer, "backend_tokenizer", None)
    if core is None:
        return
    normalizer = core.normalizer
    first = normalizer
    if isinstance(normalizer, normalizers.Sequence) and len(normalizer):
        first = normalizer[0]
    if isinstance(first, normalizers.NFC):
        return
    as_it_came = Tokenizer(core.model)
    if normalizer is not None:
        as_it_came.normalizer = normalizer
    if core.pre_tokenizer is not None:
        as_it_came.pre_tokenizer = core.pre_tokenizer
    _UNCOMPOSED[tokenizer] = as_it_came
    steps = [] if normalizer is None else [normalizer]
    core.normalizer = normalizers.Sequence([normalizers.NFC(), *steps])


def is_read_composed(tokenizer: PreTrainedTokenizerFast, text: str) -> bool:
    """Whether `compose_first` changed the tokens of a text.

    False where the tokenizer composes by itself, or makes one text of both forms (by taking accents
    off, say).
    """
    if tokenizer not in _UNCOMPOSED or unicodedata.is_normalized("NFC", text):
        return False
    as_it_came, composed = _UNCOMPOSED[tokenizer], unicodedata.normalize("NFC", text)
    return bool(as_it_came.encode(text).ids != as_it_came.encode(composed).ids)


class _Handed:
    """Hands a tokenizer over where a deep copy is asked for: that would write and read its JSON."""

    def __init__(self, core: Tokenizer) -> None:
        self.core = core

    def __deepcopy__(self, _memo: dict) -> Tokenizer:
        return self.core
