"""What every task is asked: what the model predicts, and which of its logits are explained."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import torch

from ccta_core.models.heads import Target
from ccta_core.models.model import Model
from ccta_core.models.windows import Window
from ccta_core.types import Sentence, Span

ANY = ("auto", "each")
"""Classes that are found in the prediction instead of being named."""


@dataclass(frozen=True, slots=True, eq=False)
class ModelOutput:
    """A sentence and what the model's head said of each of its windows.

    Shape: `logits` one (positions, columns) a window, see `models.heads.head_logits`.
    """

    sentence: Sentence
    windows: tuple[Window, ...]
    logits: tuple[torch.Tensor, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Explained:
    """What is explained of a sentence: in which window, which logits, under which name.

    `prediction` is label -> probability; of a head that gives scores it is empty, and `head_scores`
    is name -> score.
    `focus` are the spans of the sentence's last segment that it is about, if it is about any;
    `unpredicted` says that the model predicts the label nowhere in the sentence.
    """

    label: str
    target: Target
    prediction: Mapping[str, float]
    head_scores: Mapping[str, float] = field(default_factory=dict)
    window: int = 0
    focus: tuple[Span, ...] = ()
    unpredicted: bool = False


class Task(Protocol):
    """A kind of head: classes of a sentence, spans of a context, tags of words."""

    def check(self, model: Model, sentence: Sentence, asked: str) -> None:
        """Raises CctaError where the sentence or the class is not one for this head."""
        ...

    def windows(self, model: Model, sentence: Sentence) -> tuple[Window, ...]:
        """The sentence as the model reads it, in one part or several."""
        ...

    def label(self, model: Model, output: ModelOutput, asked: str) -> str:
        """The class to explain: the one asked for, or with "auto" and "each" the predicted one."""
        ...

    def explain(self, model: Model, output: ModelOutput, label: str) -> Explained:
        """The logits of `label` (of this sentence or of its translation) in this sentence."""
        ...
