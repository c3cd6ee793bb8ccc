"""Writes SentencePiece's precompiled normalisation map, so that `tokenizers` applies ours natively.

The format is a double-array trie (darts-clone) over UTF-8 keys, then the NUL-terminated outputs.
"""

import struct
import unicodedata
from weakref import WeakKeyDictionary

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from ccta_core.models.quantized_weights import Vocabulary


def precompile(table: dict[str, str]) -> bytes:
    """Writes `table` (character -> its normal form) as SentencePiece's `precompiled_charsmap`.

    Single characters are enough where the text is in NFC already (tokenizer.py): SentencePiece's
    own map nmt_nfkc lists sequences of letters and marks too, so that it composes by itself, but
    `tokenizers` does not read it so. It looks up a grapheme as a whole only where that has fewer
    than six bytes of UTF-8 (a Hangul syllable in letters has nine), takes the *shortest* key that
    the grapheme begins with ("e" + U+0323 of "e" + U+0323 + U+0302), and drops the rest.
    """
    outputs, places = bytearray(), {}
    for text in sorted(set(table.values())):
        places[text] = len(outputs)
        outputs += text.encode() + b"\0"
    trie = _double_array({key.encode(): places[value] for key, value in table.items()})
    packed = struct.pack(f"<{len(trie)}I", *trie)
    return struct.pack("<I", len(packed)) + packed + bytes(outputs)


_LEAF = 1 << 8
_VALUE = 1 << 31
_FAR = 1 << 21


def _double_array(values: dict[bytes, int]) -> list[int]:
    """Builds a darts-clone trie: child of node n by byte c at base(n) ^ c, base = n ^ offset.

    No two nodes share a base (it only grows): a byte's label then tells whose child a unit is.
    """
    units = {0: 0}
    queue = [(0, _tree(values))]
    base = 0
    while queue:
        node, children = queue.pop()
        base += 1
        while any(base ^ label in units for label in children):
            base += 1
        if base ^ node >= _FAR:
            raise ValueError(f"a trie of {len(units)} units is too large for 21-bit offsets")
        units[node] |= (base ^ node) << 10
        for label, child in children.items():
            units[base ^ label] = child | _VALUE if isinstance(child, int) else label
            if isinstance(child, int):
                units[node] |= _LEAF
            else:
                queue.append((base ^ label, child))
    return [units.get(place, 0) for place in range((max(units) | 0xFF) + 1)]


def _tree(values: dict[bytes, int]) -> dict:
    """Returns nested dicts by byte; the byte 0 holds the value of the string that ends there."""
    root: dict = {}
    for key, value in values.items():
        node = root
        for byte in key:
            node = node.setdefault(byte, {})
        node[0] = value
    return root


_SPECIAL = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")
_UNCOMPOSED: WeakKeyDictionary[PreTrainedTokenizerFast, Tokenizer] = WeakKeyDictionary()
"""The tokenizers that `compose_first` changed, and each as it came (the same vocabulary in memory,
without the marks that were added to it)."""


def build_tokenizer(vocabulary: Vocabulary, *, max_length: int) -> PreTrainedTokenizerFast:
    """Builds XLM-R's unigram tokenizer (Kudo, 2018) with character offsets, from pieces and scores.

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
    """Returns whether `compose_first` changed the tokens of a text.

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
