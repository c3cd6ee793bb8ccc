"""A loaded model: weights, tokenizer and what the engine asks of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from ccta_core.errors import CctaError
from ccta_core.languages import language
from ccta_core.models.catalog import ModelInfo
from ccta_core.models.tail import tail
from ccta_core.types import Sentence
from ccta_core.units import UnitMap, segment_units


@dataclass(frozen=True, slots=True, eq=False)
class Encoded:
    """One sentence as the model reads it.

    `ids` and `special` have one entry a token; `maps` one UnitMap a segment (token positions count
    from the start of the whole input).
    """

    sentence: Sentence
    ids: torch.Tensor
    type_ids: torch.Tensor
    special: torch.Tensor
    tokens: tuple[str, ...]
    maps: tuple[UnitMap, ...]
    truncated: bool

    @property
    def length(self) -> int:
        """The number of tokens, specials included."""
        return len(self.ids)


class Model:
    """A model with a task head in evaluation mode, shared by threads (nothing in it changes)."""

    def __init__(
        self, info: ModelInfo, hf_model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast
    ) -> None:
        self.info = info
        self.hf_model = hf_model.eval().requires_grad_(False)
        self.tokenizer = tokenizer
        self.device = next(hf_model.parameters()).device
        self._tails: dict[int, PreTrainedModel] = {}
        self._lock = Lock()

    @property
    def id(self) -> str:
        """The name it was loaded by."""
        return self.info.id

    @property
    def revision(self) -> str:
        """What identifies its weights."""
        return self.info.revision

    @property
    def labels(self) -> tuple[str, ...]:
        """The classes in the order of the logits."""
        return self.info.labels

    @property
    def max_tokens(self) -> int:
        """The longest input, specials included."""
        return min(self.tokenizer.model_max_length, self.hf_model.config.max_position_embeddings)

    def above(self, layer: int) -> PreTrainedModel:
        """The part of the model above `layer` (0 = embedding output), sharing the weights."""
        with self._lock:
            if layer not in self._tails:
                self._tails[layer] = tail(self.hf_model, layer)
            return self._tails[layer]

    def encode(self, sentence: Sentence, *, spaced: bool | None = None) -> Encoded:
        """Tokens, specials and units of one sentence; what is too long is cut and said so.

        `spaced` overrides the language's own way of writing, for text that comes as spaced words.

        Raises CctaError where nothing of the text is left as a token.
        """
        read = self.tokenizer(
            *sentence.segments,
            truncation="longest_first",
            max_length=self.max_tokens,
            return_offsets_mapping=True,
            return_special_tokens_mask=True,
            return_token_type_ids=True,
        )
        encoding = read.encodings[0]
        maps = tuple(
            segment_units(
                text,
                [
                    (token, span)
                    for token, (span, home) in enumerate(
                        zip(encoding.offsets, encoding.sequence_ids, strict=True)
                    )
                    if home == segment
                ],
                spaced=language(sentence.lang).spaced if spaced is None else spaced,
                segment=segment,
            )
            for segment, text in enumerate(sentence.segments)
        )
        for number, (found, text) in enumerate(zip(maps, sentence.segments, strict=True), 1):
            if not found.units:
                raise CctaError(f"text {number} ({text[:20]!r}) has no token the model knows")
        special = torch.tensor([home is None for home in encoding.sequence_ids])
        return Encoded(
            sentence=sentence,
            ids=self._without_typed_specials(torch.tensor(read["input_ids"]), special),
            type_ids=torch.tensor(read["token_type_ids"]),
            special=special,
            tokens=tuple(encoding.tokens),
            maps=maps,
            truncated=bool(encoding.overflowing),
        )

    def _without_typed_specials(self, ids: torch.Tensor, special: torch.Tensor) -> torch.Tensor:
        """A "<s>" that a person typed is text, not the model's own mark: it is read as UNK."""
        unknown = self.tokenizer.unk_token_id
        if unknown is None:
            return ids
        typed = torch.isin(ids, torch.tensor(self.tokenizer.all_special_ids)) & ~special
        return torch.where(typed, unknown, ids)

    def class_index(self, label: str) -> int:
        """The position of `label` among the logits.

        Raises CctaError, listing the labels, where it is none of them.
        """
        if label not in self.labels:
            raise CctaError(
                f"unknown target class {label!r}; {self.id} knows: {', '.join(self.labels)}"
            )
        return self.labels.index(label)

    def check_layer(self, layer: int) -> None:
        """Raises CctaError where `layer` is not offered for attribution."""
        layers = self.info.layers
        depth = self.hf_model.config.num_hidden_layers
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
