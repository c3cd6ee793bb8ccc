"""Words of a sentence as the model reads them: each encoded by itself, pooled from its subwords."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import regex
import torch
from peft.helpers import disable_input_dtype_casting

from ccta_core.errors import CctaError
from ccta_core.languages import language
from ccta_core.models.products import matrix_precision
from ccta_core.units import segment_units

_BOUNDARY = regex.compile(r"(?V1w)\b")
"""UAX #29's default word boundaries."""
_MULTIPLE = 8
"""Rows are padded to a multiple of this: kernels keep something for every shape they meet."""
_BATCH_TOKENS = 4096
_UNKNOWN = 0.1
"""Share of unknown tokens above which the tokenizer does not know a language."""


@dataclass(frozen=True, slots=True)
class Words:
    """A sentence as words: the text and the token ids of each."""

    texts: tuple[str, ...]
    ids: tuple[tuple[int, ...], ...]

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def tokens(self) -> int:
        """Tokens of all words, without specials."""
        return sum(map(len, self.ids))


def split_words(text: str) -> list[str]:
    """Returns the words of a text by UAX #29, punctuation a word of its own, white space left out.

    For languages that write spaces; others have no word boundaries that a rule could find.
    """
    return [word for word in _BOUNDARY.split(text) if word.strip()]


class WordReader:
    """Reads sentences as words of token ids with one tokenizer."""

    def __init__(self, tokenizer: Any) -> None:
        """Not for a tokenizer that another thread is using."""
        self.tokenizer = tokenizer
        self.pad = int(tokenizer.pad_token_id or 0)
        self._unknown = tokenizer.unk_token_id
        self._specials = set(tokenizer.all_special_ids)
        self._ids: dict[str, tuple[int, ...]] = {}
        probe = tokenizer("a", return_special_tokens_mask=True)
        first = probe["special_tokens_mask"].index(0)
        last = len(probe["input_ids"]) - probe["special_tokens_mask"][::-1].index(0)
        self.start: tuple[int, ...] = tuple(probe["input_ids"][:first])
        """The special tokens before a sentence."""
        self.end: tuple[int, ...] = tuple(probe["input_ids"][last:])
        """The special tokens after it."""
        spaced = tokenizer.convert_ids_to_tokens(self._token_ids([" a"])[0])
        # A byte-level vocabulary writes a word after a space with another first piece.
        self._lead = " " if spaced[0].startswith("Ġ") else ""

    def read(self, texts: Sequence[str], lang: str) -> list[Words]:
        """Returns the words of each text. A word that the tokenizer leaves nothing of is left out.

        Where a language writes no spaces, words are the tokenizer's pieces of the whole text,
        merged so that no grapheme is cut. Raises CctaError where the tokenizer does not know the
        language: over a tenth of the tokens are unknown.
        """
        if language(lang).spaced:
            read = self.read_tokens([split_words(text) for text in texts])
        else:
            read = self._pieces(texts, lang)
        tokens = sum(words.tokens for words in read)
        unknown = sum(
            token == self._unknown for words in read for word in words.ids for token in word
        )
        if unknown > _UNKNOWN * tokens:
            raise CctaError(
                f"the tokenizer does not know {language(lang).name}: {unknown / tokens:.0%} of "
                "the tokens of this text are unknown; choose another model or language"
            )
        return read

    def read_tokens(self, rows: Sequence[Sequence[str]]) -> list[Words]:
        """Sentences that come as words, each word encoded by itself.

        A word that the tokenizer leaves nothing of is left out.
        """
        new = sorted({word for words in rows for word in words} - self._ids.keys())
        if new:
            encoded = self._token_ids([self._lead + word for word in new])
            self._ids.update(zip(new, map(tuple, encoded), strict=True))
        return [
            Words(tuple(word for word in words if self._ids[word]),
                  tuple(self._ids[word] for word in words if self._ids[word]))
            for words in rows
        ]  # fmt: skip

    def row(self, words: Words) -> list[int]:
        """Returns the token ids of a sentence with its special tokens."""
        return [*self.start, *(token for word in words.ids for token in word), *self.end]

    def _token_ids(self, texts: list[str]) -> list[list[int]]:
        ids: list[list[int]] = self.tokenizer(texts, add_special_tokens=False, verbose=False)[
            "input_ids"
        ]
        # A "<s>" that stands in the text is text, not the model's own mark.
        return [
            [self._unknown if i in self._specials and self._unknown is not None else i for i in row]
            for row in ids
        ]

    def _pieces(self, texts: Sequence[str], lang: str) -> list[Words]:
        encoded = self.tokenizer(
            list(texts), add_special_tokens=False, return_offsets_mapping=True, verbose=False
        )
        read = []
        for text, row, offsets in zip(
            texts, self._token_ids(list(texts)), encoded["offset_mapping"], strict=True
        ):
            units = segment_units(text, list(enumerate(map(tuple, offsets))), spaced=False)
            texts_of = tuple(unit.text for unit in units.units)
            ids = tuple(tuple(row[token] for token in member) for member in units.members)
            read.append(Words(texts_of, ids))
        return read


@dataclass(frozen=True, slots=True, eq=False)
class SideBatch:
    """One side of a batch: padded token ids, and what makes word vectors of their states.

    Shape: `ids` and `mask` (rows, tokens); `pool` (rows, words + 2, tokens): the means over the
    tokens of the special tokens before the sentence, of every word, and of those after it.
    """

    ids: torch.Tensor
    mask: torch.Tensor
    pool: torch.Tensor

    def vectors(self, states: torch.Tensor) -> torch.Tensor:
        """Returns word vectors, the first and the last of each row being its special tokens'.

        One product for the whole batch. Shape: (rows, tokens, width) -> (rows, words + 2, width).
        """
        return torch.bmm(self.pool, states.float())

    def to(self, device: torch.device | str) -> "SideBatch":
        """Returns the same on a device."""
        return SideBatch(self.ids.to(device), self.mask.to(device), self.pool.to(device))


def collate(reader: WordReader, sentences: Sequence[Words]) -> SideBatch:
    """Sentences as one padded batch."""
    rows = [reader.row(words) for words in sentences]
    width = -(-max(map(len, rows)) // _MULTIPLE) * _MULTIPLE
    ids = torch.full((len(rows), width), reader.pad)
    mask = torch.zeros((len(rows), width), dtype=torch.long)
    pool = torch.zeros((len(rows), max(map(len, sentences)) + 2, width))
    for number, (row, words) in enumerate(zip(rows, sentences, strict=True)):
        ids[number, : len(row)] = torch.tensor(row)
        mask[number, : len(row)] = 1
        token = 0
        for place, member in enumerate((reader.start, *words.ids, reader.end)):
            if member:
                pool[number, place, token : token + len(member)] = 1 / len(member)
            token += len(member)
    return SideBatch(ids, mask, pool)


def layer_states(encoder: Any, side: SideBatch, layers: Sequence[int]) -> list[torch.Tensor]:
    """Returns the encoder's states at some layers, the last one after any final norm.

    Layer 0 is the embedding output. Shape of each: (rows, tokens, width).
    """
    depth = encoder.config.num_hidden_layers
    inner = any(layer != depth for layer in layers)
    output = encoder(
        input_ids=side.ids,
        attention_mask=side.mask,
        **({"output_hidden_states": True} if inner else {}),
    )
    return [
        output.last_hidden_state if layer == depth else output.hidden_states[layer]
        for layer in layers
    ]


def batches_by_length(lengths: Sequence[int]) -> Iterator[np.ndarray]:
    """Indices in order of length, in batches of bounded size, padding included."""
    order = np.argsort(lengths, kind="stable")
    start = 0
    while start < len(order):
        stop = start + 1
        while stop < len(order) and (stop + 1 - start) * lengths[order[stop]] <= _BATCH_TOKENS:
            stop += 1
        yield order[start:stop]
        start = stop


def word_states(
    encoder: Any,
    reader: WordReader,
    sentences: Sequence[Words],
    layer: int,
    *,
    bfloat16: bool = False,
) -> list[np.ndarray]:
    """Returns the states of every sentence's words at one layer. Shape of each: (words, width),
    float32.
    """
    vectors: list[np.ndarray] = [np.empty((0, 0), np.float32)] * len(sentences)
    device = next(encoder.parameters()).device
    for batch in batches_by_length([words.tokens for words in sentences]):
        side = collate(reader, [sentences[index] for index in batch]).to(device)
        with torch.inference_mode(), forward_precision(encoder, bfloat16):
            (states,) = layer_states(encoder, side, [layer])
        pooled = side.vectors(states).cpu().numpy()
        for row, index in enumerate(batch):
            vectors[index] = pooled[row, 1 : 1 + len(sentences[index])]
    return vectors


@contextmanager
def forward_precision(encoder: Any, bfloat16: bool) -> Iterator[None]:
    """Products of an encoder's forward pass in bfloat16, or everything in float32."""
    device = next(encoder.parameters()).device.type
    # Autocast casts for itself; PEFT's cast of every input to float32 would only be undone.
    with (
        matrix_precision(device, bfloat16=bfloat16),
        disable_input_dtype_casting(encoder),
    ):
        yield
