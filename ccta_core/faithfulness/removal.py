"""What a model says of a text when some of its units are replaced by PAD or MASK."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import torch

from ccta_core.attribution.objective import finite, rivals
from ccta_core.attribution.protocol import Stop, never
from ccta_core.attribution.readings import blank_of, read
from ccta_core.errors import CctaError
from ccta_core.faithfulness.bounds import Extremes, search_orders
from ccta_core.faithfulness.settings import Search
from ccta_core.models.catalog import LABELS, SCORES
from ccta_core.models.heads import Target
from ccta_core.models.model import Encoded, Model
from ccta_core.pipeline.sentences import Input

Place = tuple[int, int]
"""(sentence, set of removed units)."""


class Removals:
    """Sentences with any of their units replaced; each (sentence, removed set) is read once.

    All subwords of a removed unit become PAD or MASK; special tokens, the attention mask,
    positions and token types stay. `probability`, `margin` and `kept` are sentence -> removed set
    -> value: the softmax of the explained logits along their rivals' axis (geometric mean where
    there are several: start and end of an answer, the words of a tag), their log odds (mean), and
    whether every one of them is the highest on its axis. Raises CctaError where a head gives
    scores, which have no probability, and where the tokenizer has no such token.
    """

    def __init__(
        self, model: Model, inputs: Sequence[Input], kind: str, precision: str = "fp32"
    ) -> None:
        if model.info.outputs == SCORES:
            raise CctaError(
                f"{model.id} gives scores, which have no probability to fall when words go; "
                "expected a head of classes, labels, answers or tags"
            )
        self._model = model
        self._inputs = inputs
        self._precision = precision
        self._blanks = [blank_of(model, item.encoded, kind).ids for item in inputs]
        self._members = [
            [list(group) for segment in item.encoded.maps for group in segment.members]
            for item in inputs
        ]
        self.probability: list[dict[int, float]] = [{} for _ in inputs]
        self.margin: list[dict[int, float]] = [{} for _ in inputs]
        self.kept: list[dict[int, bool]] = [{} for _ in inputs]

    @property
    def units(self) -> list[int]:
        """The number of units of every sentence."""
        return [len(members) for members in self._members]

    def read(self, wanted: Iterable[Place], stop: Stop = never) -> None:
        """Reads what has not been read yet, batched over all sentences, packed by length.

        Raises StoppedError within one batch of `stop` turning true.
        """
        new = [place for place in dict.fromkeys(wanted) if place[1] not in self.kept[place[0]]]
        if not new:
            return
        texts = [self._without(*place) for place in new]
        readings = read(self._model, texts, [], stop=stop, precision=self._precision)
        rows: dict[int, list[int]] = {}
        for row, (sentence, _) in enumerate(new):
            rows.setdefault(sentence, []).append(row)
        for sentence, of_sentence in rows.items():
            logits = torch.stack([readings[row].logits for row in of_sentence])
            target = self._inputs[sentence].explained.target
            self._keep(sentence, [new[row][1] for row in of_sentence], logits, target)

    def extremes(self, search: Search, stop: Stop = never) -> list[Extremes]:
        """The best and the worst order of every sentence, all searched side by side."""
        searches = [search_orders(n, search) for n in self.units]
        wanted = {number: next(steps) for number, steps in enumerate(searches)}
        results: dict[int, Extremes] = {}
        while wanted:
            self.read(((number, s) for number, sets in wanted.items() for s in sets), stop)
            for number in list(wanted):
                try:
                    wanted[number] = searches[number].send(self.probability[number])
                except StopIteration as end:
                    results[number] = end.value
                    del wanted[number]
        return [results[number] for number in range(len(searches))]

    def _without(self, sentence: int, removed: int) -> Encoded:
        encoded = self._inputs[sentence].encoded
        gone = [
            position
            for unit, members in enumerate(self._members[sentence])
            if removed >> unit & 1
            for position in members
        ]
        ids = encoded.ids.clone()
        ids[gone] = self._blanks[sentence][gone]
        return replace(encoded, ids=ids)

    def _keep(
        self, sentence: int, sets: Sequence[int], logits: torch.Tensor, target: Target
    ) -> None:
        """Keeps what the logits of one sentence say. Shape: `logits` (sets, positions, columns)."""
        logits = logits.double()
        position, column = np.array(target.places).T
        chosen = logits[:, position, column]
        if self._model.info.outputs == LABELS:  # a label holds or not: its only rival is 0
            others = torch.zeros_like(chosen)[..., None]
        else:
            mask = torch.ones(logits.shape[:2], device=logits.device)
            others = rivals(logits, [target] * len(sets), mask).view(*chosen.shape, -1)
        odds = chosen - others.logsumexp(-1)
        wins = chosen > others.amax(-1)
        shares = torch.nn.functional.logsigmoid(odds).mean(1).exp()
        self.probability[sentence] |= zip(sets, finite(shares), strict=True)
        self.margin[sentence] |= zip(sets, finite(odds.mean(1)), strict=True)
        self.kept[sentence] |= zip(sets, wins.all(1).tolist(), strict=True)
