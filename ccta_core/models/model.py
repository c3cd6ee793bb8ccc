"""Holds a loaded model, its weights and tokenizer, and what the engine asks of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from weakref import WeakSet

import torch
from tokenizers import Encoding
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from ccta_core.errors import CctaError
from ccta_core.languages import language
from ccta_core.models.attention import use_explicit_attention
from ccta_core.models.catalog import ModelInfo
from ccta_core.models.layer_suffix import LayerSuffix, layer_suffix
from ccta_core.models.products import use_quick_products
from ccta_core.models.tokenizer import compose_first, is_read_composed
from ccta_core.models.trace import Trace, accepts, trace_forward
from ccta_core.types import Sentence
from ccta_core.units import UnitMap, segment_units

_NO_LIMIT = 512
_TOKENIZING = Lock()
"""Held while a tokenizer runs: how much it cuts is a setting of the one that models share."""
_LARGE_TABLE = 1 << 24
"""Word embeddings of at least so many numbers (64 MiB in float32) are held once where models have
the same: most of a multilingual model's memory, and equal in every adapter over one backbone."""
_with_tables: WeakSet["Model"] = WeakSet()
_SHARING = Lock()


@dataclass(frozen=True, slots=True, eq=False)
class Encoded:
    """One sentence as the model reads it.

    `ids` and `special` have one entry a token; `maps` one UnitMap a segment (token positions count
    from the start of the whole input). `composed`: the text was put into NFC first, and the
    tokenizer would have read it as another text without.
    """

    sentence: Sentence
    ids: torch.Tensor
    type_ids: torch.Tensor
    special: torch.Tensor
    tokens: tuple[str, ...]
    maps: tuple[UnitMap, ...]
    truncated: bool
    composed: bool = False

    @property
    def length(self) -> int:
        """The number of tokens, specials included."""
        return len(self.ids)


class Model:
    """A model with a task head in evaluation mode, shared by threads (nothing in it changes)."""

    def __init__(
        self,
        info: ModelInfo,
        hf_model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerFast,
        *,
        trace: Trace | None = None,
        notices: tuple[str, ...] = (),
    ) -> None:
        """`trace` is that of `hf_model`; without it a forward pass is traced now.

        The tokenizer is made to compose (NFC) what it reads, wherever it is used from then on.
        Raises CctaError, naming the class, where the model can't be attributed.
        """
        self.info = info
        self.hf_model = hf_model.eval().requires_grad_(False)
        use_explicit_attention(self.hf_model)
        use_quick_products(self.hf_model)
        compose_first(tokenizer)
        self.tokenizer = tokenizer
        self.notices = notices
        """What every result of this model should say beside its numbers, a sentence each."""
        self.device = next(hf_model.parameters()).device
        _share_word_embeddings(self)
        self._trace = trace or trace_forward(self.hf_model)
        # XLM takes token types and has no table of them.
        types = getattr(hf_model.config, "type_vocab_size", 0) or 0
        self._has_types = accepts(hf_model, "token_type_ids") and types > 1
        self._suffixes: dict[int, LayerSuffix] = {}
        self._lock = Lock()

    @property
    def id(self) -> str:
        """The name it was loaded by."""
        return self.info.id

    @property
    def revision(self) -> str:
        """A hash over the files that decide what it predicts (`models.identity`)."""
        return self.info.revision

    @property
    def labels(self) -> tuple[str, ...]:
        """The classes in the order of the logits."""
        return self.info.labels

    @property
    def depth(self) -> int:
        """The number of the last layer."""
        return self._trace.depth

    @property
    def even_only(self) -> bool:
        """Whether a batch may only hold rows of one length: padding would change the logits."""
        return self._trace.even_only

    @property
    def max_tokens(self) -> int:
        """The longest input, specials included.

        A table of positions that starts late (RoBERTa: after PAD's) holds that many fewer; a model
        that names no limit is given 512.
        """
        rows = getattr(self.hf_model.config, "max_position_embeddings", None) or _NO_LIMIT
        room = rows - (self._trace.first_position or 0)
        return min(int(self.tokenizer.model_max_length), room)

    def layer_suffix(self, layer: int) -> LayerSuffix:
        """Returns the part of the model above `layer` (0 = embedding output), sharing the
        weights.
        """
        with self._lock:
            if layer not in self._suffixes:
                self._suffixes[layer] = layer_suffix(self._trace, layer)
            return self._suffixes[layer]

    def inputs(self, rows: Sequence[Encoded]) -> dict[str, torch.Tensor]:
        """Returns the padded inputs of a batch, on the model's device: what its forward takes, no
        more.

        Positions are given where the model would count them from the ids, and a PAD among the words
        of a baseline would shift them; token types where it has a table of them.
        """
        if self.even_only and len({row.length for row in rows}) > 1:
            raise AssertionError(f"{self.id} reads its padding: one batch, one length")
        inputs = {
            "input_ids": pad_batch([row.ids for row in rows], self.tokenizer.pad_token_id or 0),
            "attention_mask": pad_batch([torch.ones_like(row.ids) for row in rows], 0),
        }
        first = self._trace.first_position
        if first is not None:
            runs = [torch.arange(first, first + row.length) for row in rows]
            inputs["position_ids"] = pad_batch(runs, max(first - 1, 0))
        if self._has_types:
            inputs["token_type_ids"] = pad_batch([row.type_ids for row in rows], 0)
        return {name: tensor.to(self.device) for name, tensor in inputs.items()}

    def tokenize(self, *segments: str, whole: bool = False) -> Encoding:
        """Returns the tokens of one or two texts with their offsets, specials added, cut to the
        model.

        `whole`: of a text of any length, without specials. Threads take turns: what is cut, and
        where, is state of the tokenizer they share.
        """
        with _TOKENIZING:
            if whole:
                read = self.tokenizer(*segments, add_special_tokens=False, verbose=False)
            else:
                read = self.tokenizer(
                    *segments, truncation="longest_first", max_length=self.max_tokens
                )
        encoding: Encoding = read.encodings[0]
        return encoding

    def encode(self, sentence: Sentence, *, spaced: bool | None = None) -> Encoded:
        """Returns the tokens, specials and units of one sentence; a text that is too long is cut.

        `spaced` overrides the language's own way of writing, for text that comes as spaced words.

        Raises CctaError where nothing of the text is left as a token.
        """
        encoding = self.tokenize(*sentence.segments)
        maps = tuple(
            segment_units(
                text,
                [
                    (token, span)
                    for token, (span, segment_of_token) in enumerate(
                        zip(encoding.offsets, encoding.sequence_ids, strict=True)
                    )
                    if segment_of_token == segment
                ],
                spaced=language(sentence.lang).spaced if spaced is None else spaced,
                segment=segment,
            )
            for segment, text in enumerate(sentence.segments)
        )
        for number, (unit_map, text) in enumerate(zip(maps, sentence.segments, strict=True), 1):
            if not unit_map.units:
                raise CctaError(f"text {number} ({text[:20]!r}) has no token the model knows")
        special = torch.tensor(
            [segment_of_token is None for segment_of_token in encoding.sequence_ids]
        )
        return Encoded(
            sentence=sentence,
            ids=self._without_typed_specials(torch.tensor(encoding.ids), special),
            type_ids=torch.tensor(encoding.type_ids),
            special=special,
            tokens=tuple(encoding.tokens),
            maps=maps,
            truncated=bool(encoding.overflowing),
            composed=any(is_read_composed(self.tokenizer, text) for text in sentence.segments),
        )

    def _without_typed_specials(self, ids: torch.Tensor, special: torch.Tensor) -> torch.Tensor:
        """Replaces a typed "<s>" by UNK: it is text, not the model's own mark."""
        unknown = self.tokenizer.unk_token_id
        if unknown is None:
            return ids
        typed = torch.isin(ids, torch.tensor(self.tokenizer.all_special_ids)) & ~special
        return torch.where(typed, unknown, ids)

    def class_index(self, label: str) -> int:
        """Returns the position of `label` among the logits.

        Raises CctaError, listing the labels, where it is none of them.
        """
        if label not in self.labels:
            raise CctaError(
                f"unknown target class {label!r}; {self.id} knows: {', '.join(self.labels)}"
            )
        return self.labels.index(label)

    def check_layer(self, layer: int) -> None:
        """Raises CctaError where `layer` is not offered for attribution."""
        layers, depth = self.info.layers, self.depth
        if layer == depth and depth not in layers:
            raise CctaError(
                f"layer {layer} is the last one: its classification token alone reaches the head "
                f"and nothing is left for words; expected {layers[0]} to {layers[-1]}"
            )
        if layer not in layers:
            raise CctaError(
                f"layer {layer} is out of range for {self.id}; expected {layers[0]} to {layers[-1]}"
            )


def pad_batch(rows: Sequence[torch.Tensor], value: float) -> torch.Tensor:
    """Stacks rows of unequal length, filled up with `value` at the end."""
    return torch.nn.utils.rnn.pad_sequence(list(rows), batch_first=True, padding_value=value)


def _share_word_embeddings(model: Model) -> None:
    """Lets `model` use the word embeddings of another loaded model where they are equal bit by bit.

    Weights of a `Model` never change, so that neither can notice.
    """
    table = _word_embeddings(model)
    if table is None:
        return
    with _SHARING:
        for other in _with_tables:
            kept = _word_embeddings(other)
            if kept is not None and _same_form(kept, table) and torch.equal(kept, table):
                table.data = kept.data
                break
        _with_tables.add(model)


def _same_form(one: torch.Tensor, other: torch.Tensor) -> bool:
    return (one.shape, one.dtype, one.device) == (other.shape, other.dtype, other.device)


def _word_embeddings(model: Model) -> torch.Tensor | None:
    """The model's table of word embeddings where it is large; None of a family without one."""
    try:
        table: object = getattr(model.hf_model.get_input_embeddings(), "weight", None)
    except NotImplementedError:
        return None
    large = isinstance(table, torch.Tensor) and table.numel() >= _LARGE_TABLE
    return table if isinstance(table, torch.Tensor) and large else None
