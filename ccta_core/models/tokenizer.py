"""The embedded model's tokenizer, rebuilt from the vocabulary in the model file itself."""

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from ccta_core.models.charsmap import precompile
from ccta_core.models.q4 import Vocabulary

_SPECIAL = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")


def build_tokenizer(vocabulary: Vocabulary, *, max_length: int) -> PreTrainedTokenizerFast:
    """XLM-R's unigram tokenizer (Kudo, 2018) with character offsets, from pieces and scores."""
    core = Tokenizer(models.Unigram(list(vocabulary.pieces), vocabulary.unk, byte_fallback=False))
    core.normalizer = normalizers.Sequence(
        [
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


class _Handed:
    """Hands a tokenizer over where a deep copy is asked for: that would write and read its JSON."""

    def __init__(self, core: Tokenizer) -> None:
        self.core = core

    def __deepcopy__(self, _memo: dict) -> Tokenizer:
        return self.core
